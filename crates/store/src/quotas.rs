//! How much apps keep, and how much they may keep and do. What they keep is counted by triggers; see the migration.

use std::collections::BTreeSet;

use async_trait::async_trait;
use picloud_shared::{
    calls::{CallDay, Day},
    change::Change,
    id::AppId,
    quota::{AppUsage, Kept, Quotas},
    repository::{QuotaRepository, QuotaUpdate, StoreError},
};
use serde_json::json;

use crate::{
    Store,
    audit::{Entry, append},
    authority::confirm,
    calls,
    statements::statements,
    value::args,
};

statements! {
    APP_USAGE = "SELECT a.slug, CAST(COALESCE(SUM(u.kv_bytes), 0) AS BIGINT) AS kv_bytes, \
        CAST(COALESCE(SUM(u.kv_rows), 0) AS BIGINT) AS kv_rows, \
        CAST(COALESCE(SUM(u.docs_bytes), 0) AS BIGINT) AS docs_bytes, \
        CAST(COALESCE(SUM(u.docs_rows), 0) AS BIGINT) AS docs_rows, \
        MAX(q.data_bytes_max) AS data_bytes_max, MAX(q.data_rows_max) AS data_rows_max, \
        MAX(q.calls_per_day_max) AS calls_per_day_max \
        FROM apps a LEFT JOIN app_usage u ON u.app_id = a.id LEFT JOIN app_quotas q ON q.app_id = a.id \
        WHERE a.id = $1 GROUP BY a.id, a.slug";
    SET_QUOTAS = "INSERT INTO app_quotas (app_id, data_bytes_max, data_rows_max, calls_per_day_max) \
        VALUES ($1, $2, $3, $4) ON CONFLICT (app_id) DO UPDATE SET data_bytes_max = excluded.data_bytes_max, \
        data_rows_max = excluded.data_rows_max, calls_per_day_max = excluded.calls_per_day_max";
}

#[derive(Clone, PartialEq, sqlx::FromRow)]
struct UsageRow {
    slug: String,
    kv_bytes: i64,
    kv_rows: i64,
    docs_bytes: i64,
    docs_rows: i64,
    data_bytes_max: Option<i64>,
    data_rows_max: Option<i64>,
    calls_per_day_max: Option<i64>,
}

#[async_trait]
impl QuotaRepository for Store {
    async fn app_usage(&self, app: AppId) -> Result<Option<(AppUsage, Quotas)>, StoreError> {
        let found: Option<UsageRow> = self.db.fetch_optional(APP_USAGE, args![app]).await?;
        Ok(found.map(|row| (row.usage(), row.quotas())))
    }

    async fn app_calls(&self, app: AppId, since: Day) -> Result<Vec<CallDay>, StoreError> {
        calls::of_app(&self.db, app, since).await
    }

    async fn update_quotas(
        &self,
        app: AppId,
        update: QuotaUpdate,
        change: &Change,
    ) -> Result<Option<Quotas>, StoreError> {
        let noting = self.full_apps.begin_to_note().await;
        let mut transaction = self.db.write_accounts().await?;
        let found: Option<UsageRow> = transaction.fetch_optional(APP_USAGE, args![app]).await?;
        let Some(before) = found else {
            return Ok(None);
        };
        confirm(&mut transaction, change, None).await?;
        let new = |max: Option<Option<u64>>, before| max.map_or(before, |max| max.map(stored));
        let after = UsageRow {
            data_bytes_max: new(update.data_bytes_max, before.data_bytes_max),
            data_rows_max: new(update.data_rows_max, before.data_rows_max),
            calls_per_day_max: new(update.calls_per_day_max, before.calls_per_day_max),
            ..before.clone()
        };
        if after != before {
            let row = args![
                app,
                after.data_bytes_max,
                after.data_rows_max,
                after.calls_per_day_max
            ];
            transaction.execute(SET_QUOTAS, row).await?;
            let entry = Entry::new("update_quotas")
                .in_app(app)
                .about("app", app, &before.slug)
                .before(before.audited())
                .after(after.audited());
            append(&mut transaction, change, entry).await?;
            let today = Day::of(change.at);
            let full = calls::full(&mut transaction, BTreeSet::from([app]), today).await?;
            transaction.commit().await?;
            let why = full.first().map(|(_, why)| *why);
            self.full_apps.note(app, why, today);
        }
        drop(noting);
        Ok(Some(after.quotas()))
    }
}

impl UsageRow {
    fn usage(&self) -> AppUsage {
        AppUsage {
            kv: kept(self.kv_bytes, self.kv_rows),
            docs: kept(self.docs_bytes, self.docs_rows),
        }
    }

    fn quotas(&self) -> Quotas {
        Quotas {
            calls_per_day_max: self.calls_per_day_max.map(counted),
            ..quotas(self.data_bytes_max, self.data_rows_max)
        }
    }

    /// What the audit log tells of it.
    fn audited(&self) -> serde_json::Value {
        json!({
            "data_bytes_max": self.data_bytes_max,
            "data_rows_max": self.data_rows_max,
            "calls_per_day_max": self.calls_per_day_max,
        })
    }
}

/// What an app may keep for which these are stored; what it may do is another question.
pub(crate) fn quotas(data_bytes_max: Option<i64>, data_rows_max: Option<i64>) -> Quotas {
    let default = Quotas::default();
    Quotas {
        data_bytes_max: data_bytes_max.map_or(default.data_bytes_max, counted),
        data_rows_max: data_rows_max.map_or(default.data_rows_max, counted),
        ..default
    }
}

/// What these numbers of the database say.
pub(crate) fn kept(bytes: i64, rows: i64) -> Kept {
    Kept {
        bytes: counted(bytes),
        rows: counted(rows),
    }
}

fn counted(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn stored(max: u64) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}
