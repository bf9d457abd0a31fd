//! Opening a database, and what happens when it is not there.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use picloud_shared::{
    execution::{ExecutionStatus, RunBatch},
    repository::{
        AppRepository, AppScope, ExecutionRepository, Health, ReleaseRepository, RunLog, ScriptRepository,
        StoreError,
    },
    run_stats::Slots,
};
use picloud_store::{OpenError, Store};

use crate::{
    bed::{Bed, cases, on_server, open_sqlite, url_of},
    fixtures::{NOBODY, app, change, execution, first, new_app, now, script},
};

cases! {
    health_is_told,
    an_older_program_refuses_a_newer_schema,
    a_database_that_is_away_is_unavailable,
    a_value_that_cannot_be_read_is_told,
    an_older_database_is_brought_forward,
}

/// Nothing is sealed in these databases.
const NO_KEY: &str = "/nowhere/secret.key";

async fn health_is_told(bed: Bed) {
    bed.store.ping().await.unwrap();
    assert_eq!(
        bed.store.database(),
        if bed.is_sqlite() { "sqlite" } else { "postgres" }
    );
    assert_eq!(bed.store.schema(), newest());
    bed.finish().await;
}

async fn an_older_program_refuses_a_newer_schema(bed: Bed) {
    let mut raw = bed.raw().await;
    let checksum = if bed.is_sqlite() { "x'00'" } else { "'\\x00'" };
    raw.run(&format!(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (1000, 'later', TRUE, {checksum}, 0)"
    ))
    .await;
    raw.close().await;
    bed.store.close().await;
    let error = bed.open_again().await.unwrap_err();
    assert!(
        matches!(error, OpenError::SchemaTooNew { database: 1_000, known } if known == newest()),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        format!(
            "the database has schema 1000, this picloud knows up to {}; use a newer picloud",
            newest()
        )
    );
    bed.finish().await;
}

async fn a_database_that_is_away_is_unavailable(bed: Bed) {
    app(&bed.store, "one").await;
    bed.drop_database().await;
    let unavailable = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
    let error = bed.store.ping().await.unwrap_err();
    assert!(unavailable(&error), "{error:?}");
    let error = bed
        .store
        .list_apps(AppScope::All, NOBODY, first(1))
        .await
        .unwrap_err();
    assert!(unavailable(&error), "{error:?}");
    let error = bed.store.live_releases().await.unwrap_err();
    assert!(unavailable(&error), "{error:?}");
    let error = bed.store.create_app(new_app("two"), &change()).await.unwrap_err();
    assert!(
        matches!(
            error,
            picloud_shared::repository::CreateAppError::Store(StoreError::Unavailable(_))
        ),
        "{error:?}"
    );
    bed.finish().await;
}

async fn a_value_that_cannot_be_read_is_told(bed: Bed) {
    app(&bed.store, "one").await;
    let mut raw = bed.raw().await;
    raw.run("UPDATE apps SET slug = 'Not a slug'").await;
    let error = bed
        .store
        .list_apps(AppScope::All, NOBODY, first(1))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StoreError::Corrupt(what) if what.contains("slug `Not a slug`")),
        "{error:?}"
    );
    bed.finish().await;
}

/// The migrations of a database, in their order.
fn migrations(database: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("migrations")
        .join(database);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect()
}

/// The number of the newest migration.
fn newest() -> i64 {
    i64::try_from(migrations("sqlite").len()).unwrap()
}

/// Takes a database back to the first schema: what later migrations made goes, the latest first.
async fn make_old(bed: &Bed) {
    let mut raw = bed.raw().await;
    let mut first = migrations(if bed.is_sqlite() { "sqlite" } else { "postgres" });
    let later = first.split_off(1).join("\n");
    for line in later.lines().rev() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let undo = match words[..] {
            ["CREATE", "TABLE", table, ..] => format!("DROP TABLE {table}"),
            ["ALTER", "TABLE", table, "ADD", "COLUMN", column, ..] => {
                format!("ALTER TABLE {table} DROP COLUMN {column}")
            }
            ["CREATE", "INDEX", index, ..] => format!("DROP INDEX IF EXISTS {index}"),
            ["CREATE", "FUNCTION", signature, ..]
            | ["CREATE", "OR", "REPLACE", "FUNCTION", signature, ..] => {
                let (name, _) = signature.split_once('(').unwrap_or((signature, ""));
                format!("DROP FUNCTION IF EXISTS {name} CASCADE")
            }
            ["DROP", "TABLE", table] => made_by(&first[0], table.trim_end_matches(';')),
            _ => continue,
        };
        raw.run(&undo).await;
    }
    raw.run("DELETE FROM _sqlx_migrations WHERE version > 1").await;
}

/// What makes a table and its indexes.
fn made_by(migration: &str, table: &str) -> String {
    let statements = migration.split_inclusive(';').filter(|statement| {
        let statement = format!("{} ", statement.replace('(', " ( "));
        statement.contains(&format!("CREATE TABLE {table} ")) || statement.contains(&format!(" ON {table} "))
    });
    statements.collect()
}

async fn an_older_database_is_brought_forward(mut bed: Bed) {
    let one = app(&bed.store, "one").await;
    let made = script(&bed.store, one.id, "hello").await;
    let run = execution(&made, now());
    let runs = std::slice::from_ref(&run);
    bed.store
        .record_executions(RunBatch::of_records(runs), now())
        .await
        .unwrap();
    make_old(&bed).await;
    let count =
        "INSERT INTO execution_counts SELECT app_id, started_at / 60000000, script_id, 41, 1 FROM executions";
    bed.raw().await.run(count).await;
    bed.reopen().await;
    let script = bed.store.find_script(made.id).await.unwrap();
    assert_eq!(script.as_ref(), Some(&made));
    // What was counted still is; how long those runs took was never known.
    let minute = Duration::from_mins(1);
    let slots = Slots::over(run.started_at.minus(minute), run.started_at.plus(minute), 1);
    let stats = bed.store.run_stats(one.id, None, slots).await.unwrap();
    assert_eq!(stats[0].count(ExecutionStatus::Success), 42);
    assert_eq!(stats[0].durations.percentile(50), None);
    let unrecorded = bed.store.count_unrecorded(one.id, run.started_at).await;
    assert_eq!(unrecorded.unwrap(), 41);
    assert_eq!(
        bed.raw()
            .await
            .number("SELECT count(*) FROM script_strikes")
            .await,
        0
    );
    bed.finish().await;
}

#[tokio::test]
async fn a_copy_is_made_before_the_schema_changes() {
    let mut bed = Bed::sqlite().await;
    app(&bed.store, "one").await;
    let copies = |bed: &Bed| {
        let mut names: Vec<String> = fs::read_dir(bed.dir())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("picloud.db.schema-"))
            .collect();
        names.sort();
        names
    };
    assert_eq!(copies(&bed), [""; 0], "a new database needs none");
    make_old(&bed).await;
    for older in ["-2", "-1", "0"] {
        fs::write(bed.dir().join(format!("picloud.db.schema-{older}")), "older").unwrap();
    }
    bed.reopen().await;
    assert_eq!(
        copies(&bed),
        [
            "picloud.db.schema--1",
            "picloud.db.schema-0",
            "picloud.db.schema-1"
        ],
        "the oldest is gone"
    );
    let copy = bed.dir().join("picloud.db.schema-1");
    assert_eq!(mode(&copy), 0o600);
    bed.reopen().await;
    bed.store.close().await;

    // It is the database as it was: put back, it is brought forward again.
    let old = tempfile::tempdir().unwrap();
    fs::copy(copy, old.path().join("picloud.db")).unwrap();
    let store = open_sqlite(old.path()).await.unwrap();
    let apps = store
        .list_apps(AppScope::All, NOBODY, first(10))
        .await
        .unwrap()
        .items;
    assert_eq!(
        apps.iter()
            .map(|listed| listed.app.slug.as_str())
            .collect::<Vec<_>>(),
        ["one"]
    );
    store.close().await;
}

#[tokio::test]
async fn without_a_copy_the_schema_does_not_change() {
    let bed = Bed::sqlite().await;
    app(&bed.store, "one").await;
    make_old(&bed).await;
    bed.store.close().await;
    fs::create_dir(bed.dir().join("picloud.db.schema-1.partial")).unwrap();
    let error = bed.open_again().await.unwrap_err();
    assert!(matches!(error, OpenError::Backup { .. }), "{error:?}");
    let applied = "SELECT max(version) FROM _sqlx_migrations";
    assert_eq!(bed.raw().await.number(applied).await, 1);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn files_belong_to_their_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("deep").join("data");
    let store = open_sqlite(&dir).await.unwrap();
    app(&store, "one").await;
    assert_eq!(mode(&dir), 0o700);
    for file in ["picloud.db", "picloud.db-wal", "picloud.db-shm", "picloud.lock"] {
        assert_eq!(mode(&dir.join(file)), 0o600, "{file}");
    }
    store.close().await;
    assert!(
        !dir.join("picloud.db-wal").exists(),
        "closing takes the log into the database"
    );
}

#[tokio::test]
async fn a_directory_serves_one_store_at_a_time() {
    let bed = Bed::sqlite().await;
    let error = bed.open_again().await.unwrap_err();
    assert!(
        matches!(&error, OpenError::Locked { process, .. } if *process == Some(std::process::id())),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.contains("another picloud") && text.contains(&bed.dir().display().to_string()),
        "{text}"
    );
    bed.store.close().await;
    bed.open_again().await.unwrap().close().await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("picloud.db");
    let content = "certainly not a database ".repeat(100);
    fs::write(&path, &content).unwrap();
    let error = open_sqlite(dir.path()).await.unwrap_err();
    assert!(matches!(error, OpenError::NotADatabase(_)), "{error:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), content);
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open_sqlite(&file.join("data")).await.unwrap_err();
    assert!(matches!(error, OpenError::CreateDir(..)), "{error:?}");
    let error = open_sqlite(&file).await.unwrap_err();
    assert!(
        matches!(error, OpenError::CreateDir(..) | OpenError::OpenFile(..)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_changed_migration_is_refused() {
    let bed = Bed::sqlite().await;
    let change = format!(
        "UPDATE _sqlx_migrations SET version = 0 WHERE version = {}",
        newest()
    );
    bed.raw().await.run(&change).await;
    bed.store.close().await;
    let error = bed.open_again().await.unwrap_err();
    assert!(
        matches!(error, OpenError::Migration { known, .. } if known == newest()),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named() {
    let error = Store::open_postgres("postgres://nobody@127.0.0.1:1/nowhere", Path::new(NO_KEY))
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn a_url_that_cannot_be_read_is_not_repeated() {
    let error = Store::open_postgres("postgres://user:secret@host:port/db", Path::new(NO_KEY))
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Url(_)), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn a_missing_database_is_told() {
    let error = Store::open_postgres(&url_of("picloud_nowhere"), Path::new(NO_KEY))
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("picloud_nowhere"), "{error}");
}

#[tokio::test]
async fn several_processes_may_start_at_once_on_a_new_postgres() {
    let name = format!("picloud_store_new_{}", std::process::id());
    on_server(&format!("CREATE DATABASE {name}")).await;
    let url = url_of(&name);
    let opened =
        futures_util::future::join_all((0..8).map(|_| Store::open_postgres(&url, Path::new(NO_KEY)))).await;
    for store in opened {
        let store = store.unwrap();
        assert!(store.live_releases().await.unwrap().is_empty());
        store.close().await;
    }
    on_server(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

#[tokio::test]
async fn another_encoding_is_refused() {
    let name = format!("picloud_store_latin_{}", std::process::id());
    on_server(&format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
    ))
    .await;
    let error = Store::open_postgres(&url_of(&name), Path::new(NO_KEY))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, OpenError::Encoding { found } if found == "LATIN1"),
        "{error:?}"
    );
    on_server(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

#[tokio::test]
async fn a_lock_that_is_held_does_not_hold_the_store() {
    let bed = Bed::postgres().await;
    bed.store.ping().await.unwrap();
    let mut raw = bed.raw().await;
    raw.run("BEGIN; LOCK TABLE apps IN ACCESS EXCLUSIVE MODE").await;
    let error = bed
        .store
        .list_apps(AppScope::All, NOBODY, first(1))
        .await
        .unwrap_err();
    // The server gave up on the lock, as every connection of the store asks it to: lock_not_available.
    assert!(
        matches!(&error, StoreError::Unavailable(cause) if format!("{cause:?}").contains("55P03")),
        "{error:?}"
    );
    raw.run("ROLLBACK").await;
    bed.store
        .list_apps(AppScope::All, NOBODY, first(1))
        .await
        .unwrap();
    bed.finish().await;
}

#[tokio::test]
async fn a_short_piece_of_work_needs_no_directory_of_its_own() {
    let bed = Bed::sqlite().await;
    app(&bed.store, "one").await;
    let beside = Store::open_sqlite_beside(&bed.dir(), &bed.secret_key())
        .await
        .unwrap();
    app(&beside, "two").await;
    beside.close().await;
    app(&bed.store, "three").await;
    bed.store.close().await;
    Store::open_sqlite_beside(&bed.dir(), &bed.secret_key())
        .await
        .unwrap()
        .close()
        .await;
}
