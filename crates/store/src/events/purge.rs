//! Deleting what is beyond the bounds, in steps small enough that nobody waits long for a lock.

use std::time::Duration;

use picloud_shared::{events::EventRetention, id::AppId, repository::StoreError, time::Timestamp};
use uuid::Uuid;

use crate::{db::Db, schedules, statements::statements, value::args};

/// Rows that one transaction deletes.
const BATCH_ROWS: u64 = 500;

/// Of the deliveries of an app in some states, the newest that comes after too many others, or after too many bytes.
macro_rules! newest_beyond {
    ($states:literal) => {
        concat!(
            "SELECT id FROM (SELECT id, ROW_NUMBER() OVER newest_first AS place, \
             SUM(bytes) OVER (newest_first ROWS UNBOUNDED PRECEDING) AS bytes_so_far \
             FROM deliveries WHERE app_id = $1 AND ",
            $states,
            " WINDOW newest_first AS (ORDER BY id DESC)) counted \
             WHERE place > $2 OR bytes_so_far > $3 ORDER BY id DESC LIMIT 1"
        )
    };
}

/// Deletes deliveries of an app in some states, up to one, or that ended before a moment.
macro_rules! delete_old {
    ($states:literal) => {
        concat!(
            "DELETE FROM deliveries WHERE app_id = $1 AND ",
            $states,
            " AND id IN (SELECT id FROM deliveries WHERE app_id = $1 AND ",
            $states,
            " AND (id <= $2 OR ended_at < $3) ORDER BY id LIMIT $4)"
        )
    };
}

statements! {
    /// The apps that have deliveries, each found by one descent in the index.
    APPS_WITH_DELIVERIES = "WITH RECURSIVE present (app_id) AS ( \
        SELECT (SELECT app_id FROM deliveries ORDER BY app_id LIMIT 1) \
        UNION ALL \
        SELECT (SELECT d.app_id FROM deliveries d WHERE d.app_id > p.app_id ORDER BY d.app_id LIMIT 1) \
        FROM present p WHERE p.app_id IS NOT NULL) \
        SELECT app_id, EXISTS (SELECT 1 FROM apps WHERE id = app_id) AS app_exists \
        FROM present WHERE app_id IS NOT NULL";
    NEWEST_DONE_BEYOND = newest_beyond!("state IN ('done', 'cancelled')");
    NEWEST_DEAD_BEYOND = newest_beyond!("state = 'dead'");
    DELETE_OLD_DONE = delete_old!("state IN ('done', 'cancelled')");
    DELETE_OLD_DEAD = delete_old!("state = 'dead'");
    DELETE_OF_APP = "DELETE FROM deliveries WHERE app_id = $1 AND id IN ( \
        SELECT id FROM deliveries WHERE app_id = $1 ORDER BY id LIMIT $2)";
    /// When the first one ended of those that are done or cancelled, and of those that are dead.
    FIRST_ENDED = "SELECT MIN(CASE WHEN state <> 'dead' THEN ended_at END) AS done, \
        MIN(CASE WHEN state = 'dead' THEN ended_at END) AS dead \
        FROM deliveries WHERE state IN ('done', 'cancelled', 'dead')";
    NEXT_KEY = "SELECT MIN(expires_at) AS moment FROM event_keys";
    DELETE_KEYS = "DELETE FROM event_keys WHERE (app_id, scope, event_key) IN ( \
        SELECT app_id, scope, event_key FROM event_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
}

pub(super) async fn purge(db: &Db, retention: EventRetention, now: Timestamp) -> Result<u64, StoreError> {
    let mut deleted = 0;
    let apps: Vec<(Uuid, bool)> = db.fetch_all(APPS_WITH_DELIVERIES, args![]).await?;
    for (app, app_exists) in apps {
        let app = AppId(app);
        deleted += if app_exists {
            purge_app(db, app, retention, now).await?
        } else {
            delete_all(db, app).await?
        };
    }
    while db.execute(DELETE_KEYS, args![now, BATCH_ROWS]).await? == BATCH_ROWS {}
    let oldest_row = now.minus(schedules::ledger_age_max());
    while db
        .execute(schedules::DELETE_OLD, args![oldest_row, BATCH_ROWS])
        .await?
        == BATCH_ROWS
    {}
    if let Db::Sqlite(sqlite) = db {
        sqlite.give_back_space().await?;
    }
    Ok(deleted)
}

pub(super) async fn kept_until(db: &Db, retention: EventRetention) -> Result<Option<Timestamp>, StoreError> {
    let (done, dead): (Option<i64>, Option<i64>) = db.fetch_one(FIRST_ENDED, args![]).await?;
    let (key,): (Option<i64>,) = db.fetch_one(NEXT_KEY, args![]).await?;
    let (row,): (Option<i64>,) = db.fetch_one(schedules::OLDEST, args![]).await?;
    let until = |moment: Option<i64>, age_max| Some(Timestamp::from_micros(moment?).plus(age_max));
    let first = [
        until(done, retention.done_max()),
        until(dead, retention.dead_max()),
        until(key, Duration::ZERO),
        until(row, schedules::ledger_age_max()),
    ];
    Ok(first.into_iter().flatten().min())
}

async fn purge_app(
    db: &Db,
    app: AppId,
    retention: EventRetention,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let done = args![app, retention.done_per_app_max, retention.done_bytes_per_app_max];
    let dead = args![app, retention.dead_per_app_max, retention.dead_bytes_per_app_max];
    let oldest_done = now.minus(retention.done_max());
    let oldest_dead = now.minus(retention.dead_max());
    let mut deleted = 0;
    for (find, bounds, sql, oldest) in [
        (NEWEST_DONE_BEYOND, done, DELETE_OLD_DONE, oldest_done),
        (NEWEST_DEAD_BEYOND, dead, DELETE_OLD_DEAD, oldest_dead),
    ] {
        let beyond: Option<(Uuid,)> = db.fetch_optional(find, bounds).await?;
        let beyond = beyond.map_or(Uuid::nil(), |(id,)| id);
        loop {
            let batch = db.execute(sql, args![app, beyond, oldest, BATCH_ROWS]).await?;
            deleted += batch;
            if batch < BATCH_ROWS {
                break;
            }
        }
    }
    Ok(deleted)
}

/// Deletes all deliveries of an app that is gone.
pub(crate) async fn delete_all(db: &Db, app: AppId) -> Result<u64, StoreError> {
    let mut deleted = 0;
    loop {
        let batch = db.execute(DELETE_OF_APP, args![app, BATCH_ROWS]).await?;
        deleted += batch;
        if batch < BATCH_ROWS {
            return Ok(deleted);
        }
    }
}
