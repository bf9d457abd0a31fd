//! What people set.

use async_trait::async_trait;
use picloud_shared::{
    change::Change,
    id::{AppId, BrokerId},
    mqtt::{BROKERS_PER_APP_MAX, Broker, BrokerName, BrokerSettings},
    repository::{BrokerRepository, PutBrokerError, StoreError},
    secret::SecretText,
    time::Timestamp,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Store,
    audit::{Entry, append},
    authority::confirm,
    convert::{from_json, number, parse, to_json},
    db::Transaction,
    statements::statements,
    value::args,
};

/// What is sealed here. Its owner is the broker with where the password goes.
pub(super) const KIND: &str = "app_broker";

macro_rules! brokers {
    ($rest:literal) => {
        concat!(
            "SELECT b.id, b.app_id, b.name, b.url, b.ca, b.version, b.client_id, b.username, b.sealed, \
             b.keep_alive_s, b.filters, b.is_paused, b.revision, b.subscribed, b.updated_at, b.author_name, \
             (SELECT count(*) FROM broker_messages m WHERE m.broker_id = b.id) AS waiting FROM brokers b ",
            $rest
        )
    };
}

statements! {
    LIST_BROKERS = brokers!("WHERE b.app_id = $1 ORDER BY b.name");
    FIND_BROKER = brokers!("WHERE b.app_id = $1 AND b.name = $2");
    ALL_BROKERS = brokers!("ORDER BY b.id");
    /// Makes those who change the brokers of an app wait for each other, and keeps it from being deleted meanwhile.
    HOLD_APP_OF_BROKERS = "UPDATE apps SET release = release WHERE id = $1 RETURNING id";
    COUNT_BROKERS = "SELECT count(*) AS brokers FROM brokers WHERE app_id = $1";
    PUT_BROKER = "INSERT INTO brokers (id, app_id, name, url, version, client_id, username, sealed, keep_alive_s, \
        filters, is_paused, revision, subscribed, held_until, updated_at, author_id, author_name, ca) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, 0, $13, $14, \
        (SELECT username FROM users WHERE id = $14), $15) \
        ON CONFLICT (app_id, name) DO UPDATE SET url = excluded.url, version = excluded.version, \
        client_id = excluded.client_id, username = excluded.username, sealed = excluded.sealed, \
        keep_alive_s = excluded.keep_alive_s, filters = excluded.filters, is_paused = excluded.is_paused, \
        revision = brokers.revision + 1, subscribed = excluded.subscribed, updated_at = excluded.updated_at, \
        author_id = excluded.author_id, author_name = excluded.author_name, ca = excluded.ca";
    DELETE_BROKER = "DELETE FROM brokers WHERE id = $1";
}

#[derive(sqlx::FromRow)]
pub(super) struct BrokerRow {
    id: Uuid,
    app_id: Uuid,
    name: String,
    url: String,
    ca: Option<String>,
    version: String,
    client_id: Option<String>,
    username: Option<String>,
    /// Empty if there is no password.
    pub(super) sealed: Vec<u8>,
    keep_alive_s: i64,
    filters: String,
    is_paused: bool,
    revision: i64,
    subscribed: String,
    updated_at: i64,
    author_name: Option<String>,
    waiting: i64,
}

#[async_trait]
impl BrokerRepository for Store {
    async fn list_brokers(&self, app: AppId) -> Result<Vec<Broker>, StoreError> {
        let rows: Vec<BrokerRow> = self.db.fetch_all(LIST_BROKERS, args![app]).await?;
        rows.into_iter().map(Broker::try_from).collect()
    }

    async fn find_broker(&self, app: AppId, name: &BrokerName) -> Result<Option<Broker>, StoreError> {
        let found: Option<BrokerRow> = self
            .db
            .fetch_optional(FIND_BROKER, args![app, name.as_str()])
            .await?;
        found.map(Broker::try_from).transpose()
    }

    async fn put_broker(
        &self,
        app: AppId,
        name: &BrokerName,
        settings: &BrokerSettings,
        password: Option<&SecretText>,
        change: &Change,
    ) -> Result<Broker, PutBrokerError> {
        let mut transaction = self.db.write().await?;
        if !hold(&mut transaction, app, change).await? {
            return Err(PutBrokerError::NoApp);
        }
        let row = find(&mut transaction, app, name).await?;
        let before_sealed = row.as_ref().map(|row| row.sealed.clone()).unwrap_or_default();
        let before = row.map(Broker::try_from).transpose()?;
        if before.is_none() {
            let counted: Option<(i64,)> = transaction.fetch_optional(COUNT_BROKERS, args![app]).await?;
            if counted.is_some_and(|(count,)| {
                usize::try_from(count).is_ok_and(|count| count >= BROKERS_PER_APP_MAX)
            }) {
                return Err(PutBrokerError::TooMany);
            }
        }
        let id = before
            .as_ref()
            .map_or_else(|| BrokerId::new(change.at), |before| before.id);
        let sealed = match (&settings.username, password) {
            (None, _) => Vec::new(),
            (Some(_), Some(password)) => {
                let (owner, plain) = (owner(id, settings), password.expose().as_bytes());
                self.sealer
                    .seal(&mut transaction, KIND, &owner, plain, change.at)
                    .await?
            }
            (Some(_), None) if before_sealed.is_empty() => Vec::new(),
            (Some(_), None) => {
                let stays = |before: &Broker| before.settings.is_same_place(settings);
                if !before.as_ref().is_some_and(stays) {
                    return Err(PutBrokerError::PasswordNeeded);
                }
                before_sealed
            }
        };
        // What another session had subscribed to says nothing of this one.
        let subscribed = before
            .as_ref()
            .filter(|before| before.settings.is_same_session(settings))
            .map_or(&[][..], |before| before.subscribed.as_slice());
        let new = args![
            id,
            app,
            name.as_str(),
            settings.url.to_string(),
            settings.version.as_str(),
            settings.client_id.as_deref(),
            settings.username.as_deref(),
            sealed.as_slice(),
            settings.keep_alive_s,
            to_json(&settings.filters)?,
            settings.is_paused,
            to_json(subscribed)?,
            change.at,
            change.author,
            settings.ca.as_deref()
        ];
        transaction.execute(PUT_BROKER, new).await?;
        let after = find(&mut transaction, app, name).await?;
        let after = after.map(Broker::try_from).transpose()?;
        let mut entry = Entry::new("put_broker")
            .in_app(app)
            .about("broker", id, name.as_str())
            .after(state(name, settings));
        if let Some(before) = &before {
            entry = entry.before(state(name, &before.settings));
        }
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        self.tell_nodes_of_brokers();
        after.ok_or(PutBrokerError::NoApp)
    }

    async fn delete_broker(
        &self,
        app: AppId,
        name: &BrokerName,
        change: &Change,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.db.write().await?;
        if !hold(&mut transaction, app, change).await? {
            return Ok(false);
        }
        let found = find(&mut transaction, app, name).await?;
        let Some(before) = found.map(Broker::try_from).transpose()? else {
            return Ok(false);
        };
        transaction.execute(DELETE_BROKER, args![before.id]).await?;
        let entry = Entry::new("delete_broker")
            .in_app(app)
            .about("broker", before.id, name.as_str())
            .before(state(name, &before.settings));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        self.tell_nodes_of_brokers();
        Ok(true)
    }
}

impl Store {
    /// All brokers of all apps.
    pub(super) async fn every_broker(&self) -> Result<Vec<Broker>, StoreError> {
        let rows: Vec<BrokerRow> = self.db.fetch_all(ALL_BROKERS, args![]).await?;
        let brokers = rows.into_iter().filter_map(|row| {
            let id = row.id;
            // One that cannot be read keeps no other from its connection.
            Broker::try_from(row)
                .inspect_err(|error| tracing::error!(broker.id = %id, %error, "a broker cannot be read"))
                .ok()
        });
        Ok(brokers.collect())
    }
}

async fn find(
    transaction: &mut Transaction,
    app: AppId,
    name: &BrokerName,
) -> Result<Option<BrokerRow>, StoreError> {
    transaction
        .fetch_optional(FIND_BROKER, args![app, name.as_str()])
        .await
}

/// Keeps the app's brokers as they are until `transaction` ends, if the author of `change` may change them; `false` if the
/// app is gone.
async fn hold(transaction: &mut Transaction, app: AppId, change: &Change) -> Result<bool, StoreError> {
    let held: Option<(Uuid,)> = transaction
        .fetch_optional(HOLD_APP_OF_BROKERS, args![app])
        .await?;
    if held.is_none() {
        return Ok(false);
    }
    confirm(transaction, change, Some(app)).await?;
    Ok(true)
}

/// Whom a password is sealed for: whoever writes another place into a row gets none that opens.
pub(super) fn owner(broker: BrokerId, settings: &BrokerSettings) -> Vec<u8> {
    let username = settings.username.as_deref().unwrap_or_default();
    let place = format!("{}\0{username}", settings.url);
    let place = match &settings.ca {
        None => place,
        Some(ca) => format!("{place}\0{ca}"),
    };
    [broker.0.as_bytes(), place.as_bytes()].concat()
}

/// What the audit log says of it: never the password, nor anything made from it.
fn state(name: &BrokerName, settings: &BrokerSettings) -> Value {
    json!({
        "name": name,
        "url": settings.url.to_string(),
        "ca": settings.ca,
        "version": settings.version.as_str(),
        "client_id": settings.client_id,
        "username": settings.username,
        "keep_alive_s": settings.keep_alive_s,
        "filters": settings.filters,
        "is_paused": settings.is_paused,
    })
}

impl TryFrom<BrokerRow> for Broker {
    type Error = StoreError;

    fn try_from(row: BrokerRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: BrokerId(row.id),
            app_id: AppId(row.app_id),
            name: parse("name of a broker", &row.name)?,
            settings: BrokerSettings {
                url: parse("URL of a broker", &row.url)?,
                ca: row.ca,
                version: parse("version of a broker", &row.version)?,
                client_id: row.client_id,
                username: row.username,
                keep_alive_s: number("seconds of a broker", row.keep_alive_s)?,
                filters: from_json("filters of a broker", &row.filters)?,
                is_paused: row.is_paused,
            },
            revision: number("revision of a broker", row.revision)?,
            subscribed: from_json("filters of a session", &row.subscribed)?,
            waiting: number("messages that wait", row.waiting)?,
            updated_at: Timestamp::from_micros(row.updated_at),
            updated_by: row.author_name,
        })
    }
}
