//! Asks a database without PiCloud for what `docs::find` finds: a table of the same documents with an index made by hand,
//! through a prepared statement, in a bare loop. `cargo xtask bench docs` runs this.
//!
//! `FILE copy` makes the table, in the database of PiCloud; `FILE MILLISECONDS GROUPS` asks for one group after the other,
//! by chance, and prints how many microseconds of the processor a query takes.

use std::{
    fs,
    time::{Duration, Instant},
};

use rusqlite::{Connection, params};

/// Those of all collections, as there is only one.
const COPY: &str = "
    DROP TABLE IF EXISTS direct;
    CREATE TABLE direct (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO direct SELECT CAST(id AS TEXT), document FROM documents ORDER BY id;
    CREATE INDEX direct_by_group ON direct (json_extract(document, '$.group'));
    PRAGMA wal_checkpoint(TRUNCATE);
";

const FIND: &str =
    "SELECT id, document FROM direct WHERE json_extract(document, '$.group') = ?1 ORDER BY id LIMIT 10";

/// Of each group there are so many documents.
const FOUND: usize = 10;

/// Between two looks at the clock there are so many queries.
const QUERIES_PER_LOOK: u32 = 100;

/// As much memory for pages as a connection of PiCloud has that reads.
const CACHE: &str = "PRAGMA cache_size = -500";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [file, act] if act == "copy" => Ok(Connection::open(file)?.execute_batch(COPY)?),
        [file, milliseconds, groups] => query(
            &Connection::open(file)?,
            Duration::from_millis(milliseconds.parse()?),
            groups.parse()?,
        ),
        _ => Err("usage: FILE copy | FILE MILLISECONDS GROUPS".into()),
    }
}

#[expect(clippy::print_stdout, reason = "the benchmark reads this line")]
fn query(connection: &Connection, time: Duration, groups: u32) -> Result<(), Box<dyn std::error::Error>> {
    connection.execute_batch(CACHE)?;
    let mut statement = connection.prepare(FIND)?;
    let (begun, before) = (Instant::now(), on_processor()?);
    let (mut queries, mut chance) = (0_u32, 1_u64);
    while begun.elapsed() < time {
        for _ in 0..QUERIES_PER_LOOK {
            // Knuth's constants; the upper bits are the ones that look like chance.
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let group = (chance >> 33) % u64::from(groups);
            let group = i64::try_from(group)?;
            let rows = statement.query_map(params![group], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
            })?;
            let found = rows.collect::<Result<Vec<_>, _>>()?;
            if found.len() != FOUND {
                return Err(format!("found {} documents of group {group}", found.len()).into());
            }
        }
        queries += QUERIES_PER_LOOK;
    }
    let used = on_processor()?.saturating_sub(before);
    println!("{:.3}", used.as_secs_f64() * 1e6 / f64::from(queries));
    Ok(())
}

/// Time that this process, which has one thread, was on the processor.
fn on_processor() -> Result<Duration, Box<dyn std::error::Error>> {
    let scheduled = fs::read_to_string("/proc/self/schedstat")?;
    let nanos = scheduled.split(' ').next().ok_or("an empty schedstat")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}
