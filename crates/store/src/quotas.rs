//! How much apps keep, and how much they may. What they keep is counted by triggers; see the migration.

use async_trait::async_trait;
use picloud_shared::{
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
    statements::statements,
    value::args,
};

statements! {
    APP_USAGE = "SELECT a.slug, CAST(COALESCE(SUM(u.kv_bytes), 0) AS BIGINT) AS kv_bytes, \
        CAST(COALESCE(SUM(u.kv_rows), 0) AS BIGINT) AS kv_rows, \
        CAST(COALESCE(SUM(u.docs_bytes), 0) AS BIGINT) AS docs_bytes, \
        CAST(COALESCE(SUM(u.docs_rows), 0) AS BIGINT) AS docs_rows, \
        MAX(q.data_bytes_max) AS data_bytes_max, MAX(q.data_rows_max) AS data_rows_max \
        FROM apps a LEFT JOIN app_usage u ON u.app_id = a.id LEFT JOIN app_quotas q ON q.app_id = a.id \
        WHERE a.id = $1 GROUP BY a.id, a.slug";
    SET_QUOTAS = "INSERT INTO app_quotas (app_id, data_bytes_max, data_rows_max) VALUES ($1, $2, $3) \
        ON CONFLICT (app_id) DO UPDATE SET data_bytes_max = excluded.data_bytes_max, \
        data_rows_max = excluded.data_rows_max";
}

#[derive(sqlx::FromRow)]
struct UsageRow {
    slug: String,
    kv_bytes: i64,
    kv_rows: i64,
    docs_bytes: i64,
    docs_rows: i64,
    data_bytes_max: Option<i64>,
    data_rows_max: Option<i64>,
}

#[async_trait]
impl QuotaRepository for Store {
    async fn app_usage(&self, app: AppId) -> Result<Option<(AppUsage, Quotas)>, StoreError> {
        let found: Option<UsageRow> = self.db.fetch_optional(APP_USAGE, args![app]).await?;
        Ok(found.map(|row| (row.usage(), quotas(row.data_bytes_max, row.data_rows_max))))
    }

    async fn update_quotas(
        &self,
        app: AppId,
        update: QuotaUpdate,
        change: &Change,
    ) -> Result<Option<Quotas>, StoreError> {
        let mut transaction = self.db.write_accounts().await?;
        let found: Option<UsageRow> = transaction.fetch_optional(APP_USAGE, args![app]).await?;
        let Some(row) = found else {
            return Ok(None);
        };
        confirm(&mut transaction, change, None).await?;
        let (bytes, rows) = (row.data_bytes_max, row.data_rows_max);
        let new_bytes = update.data_bytes_max.map_or(bytes, |max| max.map(stored));
        let new_rows = update.data_rows_max.map_or(rows, |max| max.map(stored));
        if (new_bytes, new_rows) != (bytes, rows) {
            transaction
                .execute(SET_QUOTAS, args![app, new_bytes, new_rows])
                .await?;
            let entry = Entry::new("update_quotas")
                .in_app(app)
                .about("app", app, &row.slug)
                .before(json!({ "data_bytes_max": bytes, "data_rows_max": rows }))
                .after(json!({ "data_bytes_max": new_bytes, "data_rows_max": new_rows }));
            append(&mut transaction, change, entry).await?;
            transaction.commit().await?;
        }
        Ok(Some(quotas(new_bytes, new_rows)))
    }
}

impl UsageRow {
    fn usage(&self) -> AppUsage {
        AppUsage {
            kv: kept(self.kv_bytes, self.kv_rows),
            docs: kept(self.docs_bytes, self.docs_rows),
        }
    }
}

/// The quotas of an app for which these are stored.
pub(crate) fn quotas(data_bytes_max: Option<i64>, data_rows_max: Option<i64>) -> Quotas {
    let default = Quotas::default();
    Quotas {
        data_bytes_max: data_bytes_max.map_or(default.data_bytes_max, counted),
        data_rows_max: data_rows_max.map_or(default.data_rows_max, counted),
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
