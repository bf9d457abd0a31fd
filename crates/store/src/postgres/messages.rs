//! Messages to brokers, written with the commit of a run.

use std::collections::BTreeMap;

use picloud_shared::{
    id::AppId,
    mqtt::{
        MESSAGE_AGE_MAX, MESSAGES_WAITING_BYTES_PER_BROKER_MAX, MESSAGES_WAITING_PER_BROKER_MAX, NewMessage,
    },
    services::ServiceError,
    time::Timestamp,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::kv::count;
use crate::statements::statements;

statements! {
    /// Makes those who write messages for one broker wait for each other, so that what is counted stays true, and the order
    /// of their numbers is that of their commits.
    HOLD_BROKER = "SELECT id FROM brokers WHERE app_id = $1 AND name = $2 FOR NO KEY UPDATE";
    WEIGH_MESSAGES = "SELECT count(*), CAST(COALESCE(sum(bytes), 0) AS BIGINT) FROM broker_messages \
        WHERE broker_id = $1";
    /// What is older than a day is not sent any more, and takes no place from what is.
    DELETE_OLD_MESSAGES = "DELETE FROM broker_messages WHERE broker_id = $1 AND published_at < $2";
    INSERT_MESSAGE = "INSERT INTO broker_messages \
        (broker_id, topic, bytes, payload, qos, retain, content_type, depth, published_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
}

/// Has messages wait for their brokers, all or none; on an error nothing may be committed.
pub(super) async fn insert(
    connection: &mut PgConnection,
    app: AppId,
    messages: &[NewMessage],
    now: Timestamp,
) -> Result<Result<(), ServiceError>, sqlx::Error> {
    // In the order of their names, so that no two wait for each other.
    let mut by_broker: BTreeMap<_, Vec<&NewMessage>> = BTreeMap::new();
    for message in messages {
        by_broker.entry(&message.broker).or_default().push(message);
    }
    for (name, messages) in by_broker {
        let broker: Option<Uuid> = sqlx::query_scalar(HOLD_BROKER)
            .bind(app.0)
            .bind(name.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        let Some(broker) = broker else {
            return Ok(Err(ServiceError::NoBroker));
        };
        if !has_room(connection, broker, &messages).await? {
            sqlx::query(DELETE_OLD_MESSAGES)
                .bind(broker)
                .bind(now.minus(MESSAGE_AGE_MAX).as_micros())
                .execute(&mut *connection)
                .await?;
            if !has_room(connection, broker, &messages).await? {
                return Ok(Err(ServiceError::MessagesFull));
            }
        }
        for message in messages {
            sqlx::query(INSERT_MESSAGE)
                .bind(broker)
                .bind(message.topic.as_str())
                .bind(count(message.bytes()))
                .bind(&message.payload[..])
                .bind(i64::from(message.qos.number()))
                .bind(message.retain)
                .bind(message.content_type.as_deref())
                .bind(i64::from(message.depth))
                .bind(now.as_micros())
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(Ok(()))
}

/// Whether messages may wait beside those that do.
async fn has_room(
    connection: &mut PgConnection,
    broker: Uuid,
    messages: &[&NewMessage],
) -> Result<bool, sqlx::Error> {
    let (waiting, bytes): (i64, i64) = sqlx::query_as(WEIGH_MESSAGES)
        .bind(broker)
        .fetch_one(&mut *connection)
        .await?;
    let more: u64 = messages.iter().map(|message| message.bytes()).sum();
    let waiting = waiting.saturating_add(count(messages.len() as u64));
    let bytes = bytes.saturating_add(count(more));
    let is_few = waiting <= count(MESSAGES_WAITING_PER_BROKER_MAX);
    Ok(is_few && bytes <= count(MESSAGES_WAITING_BYTES_PER_BROKER_MAX))
}
