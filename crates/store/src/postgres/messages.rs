//! Messages to brokers, written with the commit of a run.

use std::collections::BTreeMap;

use picloud_shared::{
    id::AppId,
    mqtt::{MESSAGES_WAITING_PER_BROKER_MAX, NewMessage},
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
    COUNT_MESSAGES = "SELECT count(*) FROM broker_messages WHERE broker_id = $1";
    INSERT_MESSAGE = "INSERT INTO broker_messages \
        (broker_id, topic, payload, qos, retain, content_type, depth, published_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
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
        let waiting: i64 = sqlx::query_scalar(COUNT_MESSAGES)
            .bind(broker)
            .fetch_one(&mut *connection)
            .await?;
        if waiting.saturating_add(count(messages.len() as u64)) > count(MESSAGES_WAITING_PER_BROKER_MAX) {
            return Ok(Err(ServiceError::MessagesFull));
        }
        for message in messages {
            sqlx::query(INSERT_MESSAGE)
                .bind(broker)
                .bind(message.topic.as_str())
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
