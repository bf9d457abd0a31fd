//! Secrets of apps.
//!
//! A value goes in, sealed, and comes out for the app's scripts alone (`open`). What was opened is kept in memory
//! (`cache`), so that a run that needs a secret asks no database.

mod cache;
mod open;

use async_trait::async_trait;
use picloud_shared::{
    change::Change,
    id::AppId,
    repository::{SecretRepository, SetSecretError, StoreError},
    secret::{SECRETS_PER_APP_MAX, Secret, SecretText, SettingName},
    time::Timestamp,
};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use self::{cache::SecretCache, open::ALL as OPEN};
use crate::{
    Store,
    audit::{Entry, append},
    authority::confirm,
    convert::parse,
    db::Transaction,
    statements::statements,
    value::args,
};

/// What is sealed here. Its owner is the app with the name of the secret.
const KIND: &str = "app_secret";

statements! {
    LIST_SECRETS = "SELECT name, updated_at, author_name FROM secrets WHERE app_id = $1 ORDER BY name";
    /// Makes those who change the secrets of an app wait for each other, and keeps it from being deleted meanwhile.
    HOLD_APP_OF_SECRETS = "UPDATE apps SET release = release WHERE id = $1 RETURNING id";
    FIND_SECRET = "SELECT name, updated_at, author_name FROM secrets WHERE app_id = $1 AND name = $2";
    COUNT_SECRETS = "SELECT count(*) AS secrets FROM secrets WHERE app_id = $1";
    SET_SECRET = "INSERT INTO secrets (app_id, name, sealed, updated_at, author_id, author_name) \
        VALUES ($1, $2, $3, $4, $5, (SELECT username FROM users WHERE id = $5)) \
        ON CONFLICT (app_id, name) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at, \
        author_id = excluded.author_id, author_name = excluded.author_name";
    DELETE_SECRET = "DELETE FROM secrets WHERE app_id = $1 AND name = $2";
}

#[derive(sqlx::FromRow)]
struct SecretRow {
    name: String,
    updated_at: i64,
    author_name: Option<String>,
}

#[async_trait]
impl SecretRepository for Store {
    async fn list_secrets(&self, app: AppId) -> Result<Vec<Secret>, StoreError> {
        let rows: Vec<SecretRow> = self.db.fetch_all(LIST_SECRETS, args![app]).await?;
        rows.into_iter().map(Secret::try_from).collect()
    }

    async fn set_secret(
        &self,
        app: AppId,
        name: &SettingName,
        value: &SecretText,
        change: &Change,
    ) -> Result<(), SetSecretError> {
        let mut transaction = self.db.write().await?;
        if !hold(&mut transaction, app, change).await? {
            return Err(SetSecretError::NoApp);
        }
        let before = find(&mut transaction, app, name).await?;
        if before.is_none() {
            let counted: Option<(i64,)> = transaction.fetch_optional(COUNT_SECRETS, args![app]).await?;
            if counted.is_some_and(|(count,)| count >= i64::from(SECRETS_PER_APP_MAX)) {
                return Err(SetSecretError::TooMany);
            }
        }
        let sealed = self
            .sealer
            .seal(
                &mut transaction,
                KIND,
                &owner(app, name.as_str()),
                value.expose().as_bytes(),
                change.at,
            )
            .await?;
        let new = args![app, name.as_str(), sealed.as_slice(), change.at, change.author];
        transaction.execute(SET_SECRET, new).await?;
        let mut entry = about("set_secret", app, name).after(json!({ "updated_at": change.at }));
        if let Some(before) = &before {
            entry = entry.before(state(before));
        }
        self.changed(transaction, app, entry, change).await?;
        Ok(())
    }

    async fn delete_secret(
        &self,
        app: AppId,
        name: &SettingName,
        change: &Change,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.db.write().await?;
        if !hold(&mut transaction, app, change).await? {
            return Ok(false);
        }
        let Some(before) = find(&mut transaction, app, name).await? else {
            return Ok(false);
        };
        transaction
            .execute(DELETE_SECRET, args![app, name.as_str()])
            .await?;
        let entry = about("delete_secret", app, name).before(state(&before));
        self.changed(transaction, app, entry, change).await?;
        Ok(true)
    }
}

impl Store {
    /// Leaves a record of a change, commits, and forgets what was opened before it.
    async fn changed(
        &self,
        mut transaction: Transaction,
        app: AppId,
        entry: Entry,
        change: &Change,
    ) -> Result<(), StoreError> {
        append(&mut transaction, change, entry).await?;
        // Whatever comes of the commit: nobody may know whether it has happened.
        let _forgotten = self.secrets.forgotten_after(app);
        transaction.commit().await
    }
}

/// Keeps the app's secrets as they are until `transaction` ends, if the author of `change` may change them; `false` if
/// the app is gone.
async fn hold(transaction: &mut Transaction, app: AppId, change: &Change) -> Result<bool, StoreError> {
    let held: Option<(Uuid,)> = transaction
        .fetch_optional(HOLD_APP_OF_SECRETS, args![app])
        .await?;
    if held.is_none() {
        return Ok(false);
    }
    confirm(transaction, change, Some(app)).await?;
    Ok(true)
}

async fn find(
    transaction: &mut Transaction,
    app: AppId,
    name: &SettingName,
) -> Result<Option<Secret>, StoreError> {
    let row: Option<SecretRow> = transaction
        .fetch_optional(FIND_SECRET, args![app, name.as_str()])
        .await?;
    row.map(Secret::try_from).transpose()
}

fn about(action: &'static str, app: AppId, name: &SettingName) -> Entry {
    Entry::new(action).in_app(app).about("secret", name, name)
}

/// What the audit log says of a secret: never its value, nor anything made from it.
fn state(secret: &Secret) -> Value {
    json!({ "updated_at": secret.updated_at })
}

/// Whom a value is sealed for.
fn owner(app: AppId, name: &str) -> Vec<u8> {
    [app.0.as_bytes(), name.as_bytes()].concat()
}

impl TryFrom<SecretRow> for Secret {
    type Error = StoreError;

    fn try_from(row: SecretRow) -> Result<Self, StoreError> {
        Ok(Self {
            name: parse("name of a secret", &row.name)?,
            updated_at: Timestamp::from_micros(row.updated_at),
            updated_by: row.author_name,
        })
    }
}
