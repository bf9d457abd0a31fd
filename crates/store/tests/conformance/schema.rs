//! The statements and the schema themselves.

use std::{fs, path::Path};

use picloud_store::{Statement, all_statements};
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use crate::bed::{Bed, Raw, cases};

cases! {
    every_statement_can_be_prepared,
    hot_statements_use_their_index,
}

async fn every_statement_can_be_prepared(bed: Bed) {
    let mut raw = bed.raw().await;
    let statements = all_statements(if bed.is_sqlite() { "sqlite" } else { "postgres" });
    assert!(statements.len() > 60, "{}", statements.len());
    for Statement { file, name, sql } in statements {
        let error = match &mut raw {
            Raw::Sqlite(connection) => connection.prepare(sql.into_sql_str()).await.err(),
            Raw::Postgres(connection) => connection.prepare(sql.into_sql_str()).await.err(),
        };
        assert!(error.is_none(), "{file}: {name}: {error:?}");
    }
    bed.finish().await;
}

/// Statements that run often or over much, and what their plan must show on SQLite and PostgreSQL.
const HOT: [(&str, &str, &str); 28] = [
    ("LIST_OF_APP", "executions_by_app", "executions_by_app"),
    ("LIST_ENDED", "executions_by_app", "executions_by_app"),
    ("LIST_OF_STATUS", "executions_by_status", "executions_by_status"),
    ("LIST_OF_SCRIPT", "executions_by_script", "executions_by_script"),
    ("DELETE_OLDEST", "executions_by_app", "executions_by_app"),
    (
        "NEWEST_BEYOND",
        "COVERING INDEX executions_by_app",
        "executions_by_app",
    ),
    (
        "FIND_SESSION",
        "sqlite_autoindex_sessions",
        "sessions_token_hash_key",
    ),
    (
        "FIND_TOKEN",
        "sqlite_autoindex_api_tokens",
        "api_tokens_token_hash_key",
    ),
    ("LIVE_ROUTES", "routes_by_app", "routes_by_app"),
    ("LIVE_SCRIPTS", "app_id=?", "scripts_app_id"),
    (
        "COUNT_UNRECORDED",
        "PRIMARY KEY (app_id=? AND minute>?)",
        "run_counts_pkey",
    ),
    (
        "RUN_STATS",
        "PRIMARY KEY (app_id=? AND minute>? AND minute<?)",
        "run_counts_pkey",
    ),
    ("ACTIVITY", "executions_by_app", "run_counts_pkey"),
    (
        "LIST_OF_DELIVERY",
        "executions_by_delivery",
        "executions_by_delivery",
    ),
    ("LIST_OF_ROOT", "executions_by_root", "executions_by_root"),
    (
        "LIST_DELIVERIES",
        "PRIMARY KEY (app_id=? AND id<?)",
        "deliveries_pkey",
    ),
    (
        "LIST_DELIVERIES_WAITING",
        "deliveries_open (app_id=? AND id<?)",
        "deliveries_open",
    ),
    (
        "LIST_DELIVERIES_RUNNING",
        "deliveries_open (app_id=? AND id<?)",
        "deliveries_open",
    ),
    (
        "LIST_DELIVERIES_DEAD",
        "deliveries_dead (app_id=? AND id<?)",
        "deliveries_dead",
    ),
    (
        "LIST_DELIVERIES_CANCELLED",
        "deliveries_cancelled (app_id=? AND id<?)",
        "deliveries_cancelled",
    ),
    ("QUEUE_DEPTHS", "deliveries_open", "deliveries_open"),
    ("QUEUE_DEPTHS", "deliveries_dead", "deliveries_dead"),
    ("DELIVERIES_OF_CHAIN", "events_by_root", "events_by_root"),
    (
        "DELIVERIES_OF_CHAIN",
        "deliveries_by_event",
        "deliveries_by_event",
    ),
    ("RUNS_OF_CHAIN", "deliveries_by_event", "deliveries_by_event"),
    (
        "LAST_PLACE_IN_ORDER",
        "deliveries_in_order",
        "deliveries_in_order",
    ),
    ("LET_NEXT_RUN", "deliveries_in_order", "deliveries_in_order"),
    ("DELETE_COUNTS", "run_counts_by_minute", "run_counts_by_minute"),
];

/// Runs of 20 apps with 5 scripts each; one in a hundred failed.
const MANY_RUNS: &str = "INSERT INTO executions \
    SELECT gen_random_uuid(), md5('app' || n % 20)::uuid, md5('script' || n % 100)::uuid, 'hello', 1, 'http', \
    CASE WHEN n % 101 = 0 THEN 'error' ELSE 'success' END, n, 1, 1, 1, 1, 200, 'node', 100 \
    FROM generate_series(1, 20000) n; \
    INSERT INTO execution_payloads SELECT id, '{}', '[]', NULL, 'hello' FROM executions; ANALYZE executions, execution_payloads";

async fn hot_statements_use_their_index(bed: Bed) {
    let mut raw = bed.raw().await;
    let statements = all_statements(if bed.is_sqlite() { "sqlite" } else { "postgres" });
    // PostgreSQL plans by what it has counted; SQLite, as PiCloud runs it, by the shape of the indexes alone.
    if !bed.is_sqlite() {
        raw.run(MANY_RUNS).await;
    }
    for (hot, on_sqlite, on_postgres) in HOT {
        let sql = statements
            .iter()
            .find(|statement| statement.name == hot)
            .unwrap()
            .sql;
        let (plan, expected) = match &mut raw {
            Raw::Sqlite(connection) => (plan_of_sqlite(connection, sql).await, on_sqlite),
            Raw::Postgres(connection) => (plan_of_postgres(connection, sql).await, on_postgres),
        };
        assert!(plan.contains(expected), "{hot}: no {expected} in\n{plan}");
        assert!(!plan.contains("SCAN executions"), "{hot}:\n{plan}");
        // A chain of causes is short, as is what became of one delivery, and found in another order.
        if hot.starts_with("LIST_OF") && !["LIST_OF_ROOT", "LIST_OF_DELIVERY"].contains(&hot) {
            assert!(
                !plan.contains("TEMP B-TREE") && !plan.contains("Sort"),
                "{hot}:\n{plan}"
            );
        }
    }
    bed.finish().await;
}

pub(crate) async fn plan_of_sqlite(connection: &mut sqlx::SqliteConnection, sql: &str) -> String {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(connection).await.unwrap();
    rows.into_iter().map(|row| row.3).collect::<Vec<_>>().join("\n")
}

/// The plan for any values. On an empty table a walk over all of it is the cheapest, so that is forbidden.
pub(crate) async fn plan_of_postgres(connection: &mut sqlx::PgConnection, sql: &str) -> String {
    let parameters = (1..20)
        .take_while(|number| sql.contains(&format!("${number}")))
        .count();
    let nulls = vec!["NULL"; parameters].join(", ");
    let setup = format!(
        "SET enable_seqscan = off; SET enable_bitmapscan = off; SET plan_cache_mode = force_generic_plan; \
         DEALLOCATE ALL; PREPARE hot AS {sql}"
    );
    sqlx::raw_sql(AssertSqlSafe(setup))
        .execute(&mut *connection)
        .await
        .unwrap();
    let explain = format!(
        "EXPLAIN EXECUTE hot{}",
        if parameters == 0 {
            String::new()
        } else {
            format!("({nulls})")
        }
    );
    let rows: Vec<String> = {
        use sqlx::Row;
        let rows = sqlx::raw_sql(AssertSqlSafe(explain))
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    };
    rows.join("\n")
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let (sqlite, postgres) = (Bed::sqlite().await, Bed::postgres().await);
    let of_sqlite = sqlite
        .raw()
        .await
        .texts(
            "SELECT m.name || '.' || c.name || CASE WHEN c.\"notnull\" = 1 THEN '' ELSE '?' END \
             FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) c \
             WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' ORDER BY 1",
        )
        .await;
    let of_postgres = postgres
        .raw()
        .await
        .texts(
            "SELECT (table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN '' ELSE '?' END) \
             COLLATE \"C\" FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations' ORDER BY 1",
        )
        .await;
    assert!(of_sqlite.len() > 60, "{of_sqlite:?}");
    assert_eq!(of_sqlite, of_postgres);
    let indexes = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1";
    let of_sqlite = sqlite.raw().await.texts(indexes).await;
    let indexes = "SELECT indexname::text COLLATE \"C\" FROM pg_indexes WHERE schemaname = 'public' \
        AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key' ORDER BY 1";
    assert_eq!(of_sqlite, postgres.raw().await.texts(indexes).await);
    sqlite.finish().await;
    postgres.finish().await;
}

#[tokio::test]
async fn every_table_of_sqlite_is_strict() {
    let bed = Bed::sqlite().await;
    let lax = "SELECT name FROM pragma_table_list WHERE strict = 0 AND type = 'table' \
        AND schema = 'main' AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'";
    assert_eq!(bed.raw().await.texts(lax).await, [""; 0]);
    bed.finish().await;
}

#[test]
fn no_sql_stands_outside_of_the_statements() {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 20, "{files:?}");
    for (name, text) in &files {
        let outside = outside_of_statements(text);
        for word in [
            "SELECT ",
            "INSERT INTO",
            "UPDATE ",
            "DELETE FROM",
            "WITH RECURSIVE",
            "PRAGMA ",
        ] {
            let stray = outside
                .lines()
                .find(|line| !line.trim_start().starts_with("//") && line.contains(&format!("\"{word}")));
            assert!(stray.is_none(), "{name}: {stray:?} belongs into statements!");
        }
    }
    // The list of all statements misses no file that declares some.
    for (name, text) in &files {
        if text.contains("\nstatements! {") {
            let module = name.trim_end_matches(".rs");
            let listed = |database| {
                all_statements(database)
                    .iter()
                    .any(|statement| statement.file == module)
            };
            assert!(
                listed("sqlite") || listed("postgres"),
                "{name} is missing in `all_statements`"
            );
        }
    }
}

fn collect(dir: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
            let name = path.strip_prefix(root).unwrap().display().to_string();
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// What stands outside of `statements!` and of the macros that hold pieces of statements, without the tests.
fn outside_of_statements(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let mut is_inside = false;
    let mut outside = String::new();
    for line in code.lines() {
        is_inside |= line.starts_with("statements! {") || line.starts_with("macro_rules! ");
        if !is_inside {
            outside.push_str(line);
            outside.push('\n');
        }
        is_inside &= line != "}";
    }
    outside
}
