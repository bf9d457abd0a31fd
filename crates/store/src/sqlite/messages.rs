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
use rusqlite::{Connection, Error, OptionalExtension as _, params};

use super::kv::read::id;
use crate::statements::statements;

statements! {
    BROKER_OF_MESSAGES = "SELECT id FROM brokers WHERE app_id = ?1 AND name = ?2";
    WEIGH_MESSAGES = "SELECT count(*), CAST(COALESCE(sum(bytes), 0) AS BIGINT) FROM broker_messages \
        WHERE broker_id = ?1";
    /// What is older than a day is not sent any more, and takes no place from what is.
    DELETE_OLD_MESSAGES = "DELETE FROM broker_messages WHERE broker_id = ?1 AND published_at < ?2";
    INSERT_MESSAGE = "INSERT INTO broker_messages \
        (broker_id, topic, bytes, payload, qos, retain, content_type, depth, published_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
}

/// Has messages wait for their brokers, all or none.
pub(crate) fn insert(
    connection: &Connection,
    app: AppId,
    messages: &[NewMessage],
    now: Timestamp,
) -> Result<Result<(), ServiceError>, Error> {
    let mut by_broker: BTreeMap<_, Vec<&NewMessage>> = BTreeMap::new();
    for message in messages {
        by_broker.entry(&message.broker).or_default().push(message);
    }
    for (name, messages) in by_broker {
        let broker: Option<Vec<u8>> = connection
            .prepare_cached(BROKER_OF_MESSAGES)?
            .query_row(params![id(&app), name.as_str()], |row| row.get(0))
            .optional()?;
        let Some(broker) = broker else {
            return Ok(Err(ServiceError::NoBroker));
        };
        // Only one at a time writes here: what is counted stays true.
        if !has_room(connection, &broker, &messages)? {
            connection
                .prepare_cached(DELETE_OLD_MESSAGES)?
                .execute(params![broker, now.minus(MESSAGE_AGE_MAX).as_micros()])?;
            if !has_room(connection, &broker, &messages)? {
                return Ok(Err(ServiceError::MessagesFull));
            }
        }
        for message in messages {
            connection.prepare_cached(INSERT_MESSAGE)?.execute(params![
                broker,
                message.topic.as_str(),
                count(message.bytes()),
                &message.payload[..],
                message.qos.number(),
                message.retain,
                message.content_type,
                message.depth,
                now.as_micros(),
            ])?;
        }
    }
    Ok(Ok(()))
}

/// Whether messages may wait beside those that do.
fn has_room(connection: &Connection, broker: &[u8], messages: &[&NewMessage]) -> Result<bool, Error> {
    let (waiting, bytes): (i64, i64) = connection
        .prepare_cached(WEIGH_MESSAGES)?
        .query_row(params![broker], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let more: u64 = messages.iter().map(|message| message.bytes()).sum();
    let waiting = waiting.saturating_add(count(messages.len() as u64));
    let bytes = bytes.saturating_add(count(more));
    let is_few = waiting <= count(MESSAGES_WAITING_PER_BROKER_MAX);
    Ok(is_few && bytes <= count(MESSAGES_WAITING_BYTES_PER_BROKER_MAX))
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
