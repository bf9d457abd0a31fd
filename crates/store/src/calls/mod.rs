//! What apps use of the services: counted by day, with the recorder's batches, and bounded by a quota.

mod full;

use std::collections::{BTreeMap, BTreeSet};

use picloud_shared::{
    calls::{AppUse, CallDay, Day},
    id::AppId,
    quota::{Quota, QuotaExceeded},
    repository::StoreError,
    services::{Service, ServiceUse},
};
use uuid::Uuid;

pub(crate) use self::full::FullApps;
use crate::{
    convert::{number, variant},
    db::{Db, Transaction},
    executions::record::ROWS,
    statements::statements,
    value::{Value, args},
};

/// Writes what stands after it to `service_calls`.
macro_rules! add {
    ($rows:literal) => {
        concat!(
            "INSERT INTO service_calls (app_id, day, service, calls, bytes_read, bytes_written, duration_us) VALUES ",
            $rows,
            " ON CONFLICT (app_id, day, service) DO UPDATE \
             SET calls = service_calls.calls + excluded.calls, \
             bytes_read = service_calls.bytes_read + excluded.bytes_read, \
             bytes_written = service_calls.bytes_written + excluded.bytes_written, \
             duration_us = service_calls.duration_us + excluded.duration_us"
        )
    };
}

statements! {
    ADD_CALLS_OF_ONE = add!("($1, $2, $3, $4, $5, $6, $7)");
    // The same for as many as ROWS.
    ADD_CALLS = add!("($1, $2, $3, $4, $5, $6, $7), ($8, $9, $10, $11, $12, $13, $14), \
        ($15, $16, $17, $18, $19, $20, $21), ($22, $23, $24, $25, $26, $27, $28), \
        ($29, $30, $31, $32, $33, $34, $35), ($36, $37, $38, $39, $40, $41, $42), \
        ($43, $44, $45, $46, $47, $48, $49), ($50, $51, $52, $53, $54, $55, $56), \
        ($57, $58, $59, $60, $61, $62, $63), ($64, $65, $66, $67, $68, $69, $70), \
        ($71, $72, $73, $74, $75, $76, $77), ($78, $79, $80, $81, $82, $83, $84), \
        ($85, $86, $87, $88, $89, $90, $91), ($92, $93, $94, $95, $96, $97, $98), \
        ($99, $100, $101, $102, $103, $104, $105), ($106, $107, $108, $109, $110, $111, $112)");
    CALLS_SINCE = "SELECT day, service, calls, bytes_read, bytes_written, duration_us FROM service_calls \
        WHERE app_id = $1 AND day >= $2 ORDER BY day DESC, service";
    // Of as many apps as ROWS: those that have called as often as they may, or more often. PostgreSQL adds BIGINTs up
    // to a NUMERIC.
    APPS_FULL = "SELECT q.app_id, q.calls_per_day_max, CAST(COALESCE(SUM(c.calls), 0) AS BIGINT) AS calls \
        FROM app_quotas q LEFT JOIN service_calls c ON c.app_id = q.app_id AND c.day = $1 \
        WHERE q.app_id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
        AND q.calls_per_day_max IS NOT NULL GROUP BY q.app_id, q.calls_per_day_max \
        HAVING COALESCE(SUM(c.calls), 0) >= q.calls_per_day_max";
    DELETE_CALLS = "DELETE FROM service_calls WHERE (app_id, day, service) IN ( \
        SELECT app_id, day, service FROM service_calls WHERE day < $1 ORDER BY day LIMIT $2)";
    OLDEST_CALLS = "SELECT MIN(day) AS day FROM service_calls";
    DELETE_CALLS_OF_APP = "DELETE FROM service_calls WHERE app_id = $1";
}

/// Deletes as many as `$2` of what was counted before the day `$1`.
pub(crate) const DELETE_OLD: &str = DELETE_CALLS;

/// The first day of which anything is there.
pub(crate) const OLDEST: &str = OLDEST_CALLS;

/// Deletes what was counted of the app `$1`: few rows, as days are few.
pub(crate) const DELETE_OF_APP: &str = DELETE_CALLS_OF_APP;

#[derive(sqlx::FromRow)]
struct Row {
    day: i64,
    service: String,
    calls: i64,
    bytes_read: i64,
    bytes_written: i64,
    duration_us: i64,
}

/// Adds what was used on `day`, in one order, so that two nodes never wait for each other in a circle.
pub(crate) async fn add(
    transaction: &mut Transaction,
    used: impl Iterator<Item = &AppUse>,
    day: Day,
) -> Result<(), StoreError> {
    let mut sums: BTreeMap<(AppId, &'static str), ServiceUse> = BTreeMap::new();
    for AppUse { app_id, used } in used {
        let sum = sums.entry((*app_id, used.service.as_str()));
        sum.or_insert_with(|| ServiceUse::none(used.service)).add(used);
    }
    let rows: Vec<_> = sums.into_iter().collect();
    let row = |((app, service), used): &((AppId, &'static str), ServiceUse)| -> Vec<Value<'static>> {
        args![
            *app,
            day.0,
            *service,
            used.calls,
            used.bytes_read,
            used.bytes_written,
            used.duration_us
        ]
    };
    let mut chunks = rows.chunks_exact(ROWS);
    for chunk in &mut chunks {
        let args = chunk.iter().flat_map(row).collect();
        transaction.execute(ADD_CALLS, args).await?;
    }
    for one in chunks.remainder() {
        transaction.execute(ADD_CALLS_OF_ONE, row(one)).await?;
    }
    Ok(())
}

/// Those of the apps that may call nothing more on `day`.
pub(crate) async fn full(
    transaction: &mut Transaction,
    apps: BTreeSet<AppId>,
    day: Day,
) -> Result<Vec<(AppId, QuotaExceeded)>, StoreError> {
    let apps: Vec<AppId> = apps.into_iter().collect();
    let mut full = Vec::new();
    for apps in apps.chunks(ROWS) {
        // The last one stands in for those that are missing.
        let asked = (0..ROWS).map(|row| apps[row.min(apps.len() - 1)].into());
        let args = args![day.0].into_iter().chain(asked).collect();
        let found: Vec<(Uuid, i64, i64)> = transaction.fetch_all(APPS_FULL, args).await?;
        for (app, max, used) in found {
            let exceeded = QuotaExceeded {
                quota: Quota::CallsPerDay,
                used: number("number of calls", used)?,
                max: number("quota", max)?,
            };
            full.push((AppId(app), exceeded));
        }
    }
    Ok(full)
}

/// What an app used on each day from `since` on, the last day first.
pub(crate) async fn of_app(db: &Db, app: AppId, since: Day) -> Result<Vec<CallDay>, StoreError> {
    let rows: Vec<Row> = db.fetch_all(CALLS_SINCE, args![app, since.0]).await?;
    let mut days: Vec<CallDay> = Vec::new();
    for row in rows {
        let day = Day(row.day);
        let used = row.into_use()?;
        match days.last_mut().filter(|last| last.day == day) {
            Some(last) => last.services.push(used),
            None => days.push(CallDay {
                day,
                services: vec![used],
            }),
        }
    }
    Ok(days)
}

impl Row {
    fn into_use(self) -> Result<ServiceUse, StoreError> {
        Ok(ServiceUse {
            service: variant("service", &Service::ALL, Service::as_str, &self.service)?,
            calls: number("number of calls", self.calls)?,
            bytes_read: number("number of bytes", self.bytes_read)?,
            bytes_written: number("number of bytes", self.bytes_written)?,
            duration_us: number("duration", self.duration_us)?,
        })
    }
}
