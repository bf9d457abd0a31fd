//! Deleting what is beyond the bounds, in steps small enough that nobody waits long for a lock.

use picloud_shared::{
    calls::{CALL_DAYS_KEPT, Day},
    execution::Retention,
    id::AppId,
    repository::StoreError,
    run_stats::{minute, minute_start},
    time::Timestamp,
};
use uuid::Uuid;

use crate::{calls, db::Db, statements::statements, value::args};

/// Rows that one transaction deletes.
const BATCH_ROWS: u64 = 500;

/// Reads from `present`: the apps that have records, each found by one descent in the index instead of a walk over all of
/// it, and at last none.
macro_rules! of_apps_with_records {
    ($select:literal) => {
        concat!(
            "WITH RECURSIVE present (app_id) AS ( \
             SELECT (SELECT app_id FROM executions ORDER BY app_id LIMIT 1) \
             UNION ALL \
             SELECT (SELECT e.app_id FROM executions e WHERE e.app_id > p.app_id ORDER BY e.app_id LIMIT 1) \
             FROM present p WHERE p.app_id IS NOT NULL) ",
            $select
        )
    };
}

statements! {
    APPS_WITH_RECORDS = of_apps_with_records!(
        "SELECT app_id, EXISTS (SELECT 1 FROM apps WHERE id = app_id) AS app_exists \
         FROM present WHERE app_id IS NOT NULL");
    OLDEST_RECORD = of_apps_with_records!(
        "SELECT MIN((SELECT e.started_at FROM executions e WHERE e.app_id = a.app_id \
         ORDER BY e.started_at LIMIT 1)) AS moment FROM present a WHERE a.app_id IS NOT NULL");
    OLDEST_COUNT = "SELECT MIN(minute) AS minute FROM run_counts";
    /// The newest record beyond a bound: too old, or after too many others, or after too many bytes.
    NEWEST_BEYOND = "SELECT started_at, id FROM ( \
        SELECT started_at, id, \
        ROW_NUMBER() OVER newest_first AS place, \
        SUM(bytes) OVER (newest_first ROWS UNBOUNDED PRECEDING) AS bytes_so_far \
        FROM executions WHERE app_id = $1 \
        WINDOW newest_first AS (ORDER BY started_at DESC, id DESC)) counted \
        WHERE started_at < $2 OR place > $3 OR bytes_so_far > $4 \
        ORDER BY started_at DESC, id DESC LIMIT 1";
    // The payloads go with them.
    DELETE_OLDEST = "DELETE FROM executions WHERE id IN ( \
        SELECT id FROM executions WHERE app_id = $1 AND (started_at, id) <= ($2, $3) \
        ORDER BY started_at, id LIMIT $4)";
    DELETE_COUNTS = "DELETE FROM run_counts WHERE (app_id, minute, script_id, status, band) IN ( \
        SELECT app_id, minute, script_id, status, band FROM run_counts \
        WHERE minute < $1 ORDER BY minute LIMIT $2)";
    DELETE_COUNTS_OF_APP = "DELETE FROM run_counts WHERE (app_id, minute, script_id, status, band) IN ( \
        SELECT app_id, minute, script_id, status, band FROM run_counts \
        WHERE app_id = $1 ORDER BY minute LIMIT $2)";
}

pub(super) async fn purge(db: &Db, retention: Retention, now: Timestamp) -> Result<u64, StoreError> {
    let oldest = now.minus(retention.age_max());
    let mut deleted = 0;
    let apps: Vec<(Uuid, bool)> = db.fetch_all(APPS_WITH_RECORDS, args![]).await?;
    for (app, app_exists) in apps {
        let app = AppId(app);
        if !app_exists {
            deleted += delete_all(db, app).await?;
            continue;
        }
        let bounds = args![
            app,
            oldest,
            retention.records_per_app_max,
            retention.bytes_per_app_max
        ];
        let beyond: Option<(i64, Uuid)> = db.fetch_optional(NEWEST_BEYOND, bounds).await?;
        if let Some(newest) = beyond {
            deleted += delete_until(db, app, newest).await?;
        }
    }
    while db
        .execute(DELETE_COUNTS, args![minute(oldest), BATCH_ROWS])
        .await?
        == BATCH_ROWS
    {}
    let first_kept = Day::of(now).first_kept();
    while db
        .execute(calls::DELETE_OLD, args![first_kept.0, BATCH_ROWS])
        .await?
        == BATCH_ROWS
    {}
    if let Db::Sqlite(sqlite) = db {
        sqlite.give_back_space().await?;
    }
    Ok(deleted)
}

pub(super) async fn kept_until(db: &Db, retention: Retention) -> Result<Option<Timestamp>, StoreError> {
    let (record,): (Option<i64>,) = db.fetch_one(OLDEST_RECORD, args![]).await?;
    let (count,): (Option<i64>,) = db.fetch_one(OLDEST_COUNT, args![]).await?;
    let (day,): (Option<i64>,) = db.fetch_one(calls::OLDEST, args![]).await?;
    // A minute and a day are kept as a whole.
    let oldest = [
        record.map(|moment| Timestamp::from_micros(moment).plus(retention.age_max())),
        count.map(|minute| minute_start(minute + 1).plus(retention.age_max())),
        day.map(|day| Day(day + CALL_DAYS_KEPT).start()),
    ];
    Ok(oldest.into_iter().flatten().min())
}

/// Deletes all records of an app, and before them what was counted of it: as long as there is a record, the app is found.
pub(crate) async fn delete_all(db: &Db, app: AppId) -> Result<u64, StoreError> {
    while db.execute(DELETE_COUNTS_OF_APP, args![app, BATCH_ROWS]).await? == BATCH_ROWS {}
    db.execute(calls::DELETE_OF_APP, args![app]).await?;
    delete_until(db, app, (i64::MAX, Uuid::max())).await
}

/// Deletes the record that began at this moment and has this id, and all older ones of the app.
async fn delete_until(db: &Db, app: AppId, (moment, id): (i64, Uuid)) -> Result<u64, StoreError> {
    let mut deleted = 0;
    loop {
        let batch = db
            .execute(DELETE_OLDEST, args![app, moment, id, BATCH_ROWS])
            .await?;
        deleted += batch;
        if batch < BATCH_ROWS {
            return Ok(deleted);
        }
    }
}
