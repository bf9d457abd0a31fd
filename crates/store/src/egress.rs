//! What scripts of each app may do outside of the server.

use async_trait::async_trait;
use picloud_shared::{
    access::Capability,
    change::Change,
    egress::AllowList,
    id::AppId,
    repository::{EgressRepository, EgressSettings, StoreError},
    time::Timestamp,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Store,
    audit::{Entry, append},
    authority::{confirm, confirm_for},
    convert::parse,
    statements::statements,
    value::args,
};

statements! {
    FIND_EGRESS = "SELECT app_id, allow, updated_at FROM app_egress WHERE app_id = $1";
    LIST_EGRESS = "SELECT app_id, allow, updated_at FROM app_egress";
    /// Keeps the app, and what is set for it, as they are until the transaction ends.
    HOLD_APP = "UPDATE apps SET release = release WHERE id = $1 RETURNING slug";
    PUT_EGRESS = "INSERT INTO app_egress (app_id, allow, updated_at) VALUES ($1, $2, $3) \
        ON CONFLICT (app_id) DO UPDATE SET allow = excluded.allow, updated_at = excluded.updated_at";
}

#[derive(sqlx::FromRow)]
struct EgressRow {
    app_id: Uuid,
    /// The entries, one on each line.
    allow: Option<String>,
    updated_at: i64,
}

#[async_trait]
impl EgressRepository for Store {
    async fn find_egress(&self, app: AppId) -> Result<Option<EgressSettings>, StoreError> {
        let row: Option<EgressRow> = self.db.fetch_optional(FIND_EGRESS, args![app]).await?;
        row.map(EgressRow::settings).transpose()
    }

    async fn list_egress(&self) -> Result<Vec<(AppId, EgressSettings)>, StoreError> {
        let rows: Vec<EgressRow> = self.db.fetch_all(LIST_EGRESS, args![]).await?;
        let settings = rows
            .into_iter()
            .map(|row| Ok((AppId(row.app_id), row.settings()?)));
        settings.collect()
    }

    async fn put_egress(
        &self,
        app: AppId,
        allow: Option<AllowList>,
        change: &Change,
    ) -> Result<Option<EgressSettings>, StoreError> {
        let mut transaction = self.db.write().await?;
        let held: Option<(String,)> = transaction.fetch_optional(HOLD_APP, args![app]).await?;
        let Some((slug,)) = held else {
            return Ok(None);
        };
        confirm(&mut transaction, change, Some(app)).await?;
        let row: Option<EgressRow> = transaction.fetch_optional(FIND_EGRESS, args![app]).await?;
        let before = row
            .map(EgressRow::settings)
            .transpose()?
            .and_then(|before| before.allow);
        if allow
            .as_ref()
            .is_some_and(|allow| allow.opens_more_than(before.as_ref()))
        {
            confirm_for(&mut transaction, change, Capability::EgressOpen, None).await?;
        }
        let text = allow.as_ref().map(|allow| texts(allow).join("\n"));
        transaction
            .execute(PUT_EGRESS, args![app, text.as_deref(), change.at])
            .await?;
        let entry = Entry::new("put_egress")
            .in_app(app)
            .about("app", app, &slug)
            .before(state(before.as_ref()))
            .after(state(allow.as_ref()));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(Some(EgressSettings {
            allow,
            updated_at: change.at,
        }))
    }
}

impl EgressRow {
    fn settings(self) -> Result<EgressSettings, StoreError> {
        let entries = |text: String| -> Result<AllowList, StoreError> {
            let entries = text.lines().map(|entry| parse("entry of an allow-list", entry));
            Ok(AllowList::new(entries.collect::<Result<_, _>>()?))
        };
        Ok(EgressSettings {
            allow: self.allow.map(entries).transpose()?,
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }
}

fn texts(allow: &AllowList) -> Vec<String> {
    allow.entries().iter().map(ToString::to_string).collect()
}

/// What the audit log says of the settings.
fn state(allow: Option<&AllowList>) -> serde_json::Value {
    json!({ "allow": allow.map(texts) })
}
