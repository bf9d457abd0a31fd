//! What those need who hold connections to brokers: who signs in, whose connection it is, and the messages that wait.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use picloud_shared::{
    id::{AppId, BrokerId},
    mqtt::{Broker, Credentials, Qos, SignIn, Subscribed, WaitingMessage},
    repository::{BrokerConnections, BrokersHint, StoreError},
    time::Timestamp,
};
use zeroize::Zeroizing;

use super::settings::{BrokerRow, KIND, owner};
use crate::{
    Store,
    convert::{number, parse, to_json},
    db::Db,
    statements::statements,
    value::args,
};

statements! {
    /// A password is for the place that was set together with it: who still has other settings does not get it, nor does who
    /// has lost the lease.
    BROKER_OF_REVISION = "SELECT id, app_id, name, url, ca, version, client_id, username, sealed, keep_alive_s, filters, \
        is_paused, revision, subscribed, updated_at, author_name, CAST(0 AS BIGINT) AS waiting FROM brokers \
        WHERE id = $1 AND revision = $2 AND (holder IS NULL OR holder = $3)";
    SET_SUBSCRIBED = "UPDATE brokers SET subscribed = $2 WHERE id = $1";
    WAITING_MESSAGES = "SELECT number, topic, payload, qos, retain, content_type, depth, published_at \
        FROM broker_messages WHERE broker_id = $1 ORDER BY number LIMIT $2";
    DELETE_MESSAGE = "DELETE FROM broker_messages WHERE broker_id = $1 AND number = $2";
}

#[derive(sqlx::FromRow)]
struct MessageRow {
    number: i64,
    topic: String,
    payload: Vec<u8>,
    qos: i64,
    retain: bool,
    content_type: Option<String>,
    depth: i64,
    published_at: i64,
}

#[async_trait]
impl BrokerConnections for Store {
    async fn all_brokers(&self) -> Result<Vec<Broker>, StoreError> {
        self.every_broker().await
    }

    async fn broker_credentials(&self, broker: BrokerId, revision: u32) -> Result<SignIn, StoreError> {
        let holder = match &self.db {
            // Nobody holds anything there.
            Db::Sqlite(_) => "",
            Db::Postgres(postgres) => postgres.lease_holder(),
        };
        let row: Option<BrokerRow> = self
            .db
            .fetch_optional(BROKER_OF_REVISION, args![broker, revision, holder])
            .await?;
        let Some(mut row) = row else {
            return Ok(SignIn::Outdated);
        };
        let sealed = std::mem::take(&mut row.sealed);
        let settings = Broker::try_from(row)?.settings;
        let owner = owner(broker, &settings);
        let Some(username) = settings.username else {
            return Ok(SignIn::Nobody);
        };
        let password = if sealed.is_empty() {
            None
        } else {
            let plain = Zeroizing::new(self.sealer.open(KIND, &owner, &sealed)?);
            let text = std::str::from_utf8(&plain)
                .map_err(|_| StoreError::Corrupt("a password that is no text".to_owned()))?;
            Some(text.to_owned().into())
        };
        Ok(SignIn::As(Credentials { username, password }))
    }

    fn is_shared_by_nodes(&self) -> bool {
        matches!(self.db, Db::Postgres(_))
    }

    async fn lease_broker(&self, broker: BrokerId, lasts: Duration) -> Result<bool, StoreError> {
        match &self.db {
            Db::Sqlite(_) => Ok(true),
            Db::Postgres(postgres) => postgres.lease_broker(broker, lasts).await,
        }
    }

    async fn release_broker(&self, broker: BrokerId) -> Result<(), StoreError> {
        if let Db::Postgres(postgres) = &self.db {
            postgres.release_broker(broker).await?;
            self.tell_nodes_of_brokers();
        }
        Ok(())
    }

    async fn set_subscribed(&self, broker: BrokerId, subscribed: &[Subscribed]) -> Result<(), StoreError> {
        let mut transaction = self.db.write().await?;
        transaction
            .execute(SET_SUBSCRIBED, args![broker, to_json(subscribed)?])
            .await?;
        transaction.commit().await
    }

    async fn waiting_messages(
        &self,
        broker: BrokerId,
        limit: u32,
    ) -> Result<Vec<WaitingMessage>, StoreError> {
        let rows: Vec<MessageRow> = self.db.fetch_all(WAITING_MESSAGES, args![broker, limit]).await?;
        rows.into_iter().map(WaitingMessage::try_from).collect()
    }

    async fn delete_messages(&self, broker: BrokerId, numbers: &[i64]) -> Result<(), StoreError> {
        let mut transaction = self.db.write().await?;
        for number in numbers {
            transaction
                .execute(DELETE_MESSAGE, args![broker, *number])
                .await?;
        }
        transaction.commit().await
    }

    async fn brokers_hint(&self) -> BrokersHint {
        self.broker_hints.wait().await
    }
}

impl Store {
    /// Tells those who hold connections that messages may have come to wait for brokers of an app.
    pub(crate) fn tell_of_messages(&self, app: AppId) {
        let hint = BrokersHint::Messages(BTreeSet::from([app]));
        if let Db::Postgres(postgres) = &self.db {
            postgres.tell_of_brokers(hint.clone());
        }
        self.broker_hints.tell(hint);
    }

    /// Tells other nodes that something of brokers has changed.
    pub(crate) fn tell_nodes_of_brokers(&self) {
        if let Db::Postgres(postgres) = &self.db {
            postgres.tell_of_brokers(BrokersHint::Anything);
        }
    }
}

impl TryFrom<MessageRow> for WaitingMessage {
    type Error = StoreError;

    fn try_from(row: MessageRow) -> Result<Self, StoreError> {
        let qos: u8 = number("qos of a message", row.qos)?;
        Ok(Self {
            number: row.number,
            topic: parse("topic of a message", &row.topic)?,
            payload: row.payload.into(),
            qos: Qos::of(qos.into()).ok_or_else(|| StoreError::Corrupt(format!("qos {qos} of a message")))?,
            retain: row.retain,
            content_type: row.content_type,
            depth: number("depth of a message", row.depth)?,
            published_at: Timestamp::from_micros(row.published_at),
        })
    }
}
