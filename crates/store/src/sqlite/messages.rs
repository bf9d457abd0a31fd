//! Messages to brokers, written with the commit of a run.

use picloud_shared::{
    id::AppId,
    mqtt::{MESSAGES_WAITING_PER_BROKER_MAX, NewMessage},
    services::ServiceError,
    time::Timestamp,
};
use rusqlite::{Connection, Error, OptionalExtension as _, params};

use super::kv::read::id;
use crate::statements::statements;

statements! {
    BROKER_OF_MESSAGE = "SELECT id, (SELECT count(*) FROM broker_messages m WHERE m.broker_id = b.id) \
        FROM brokers b WHERE app_id = ?1 AND name = ?2";
    INSERT_MESSAGE = "INSERT INTO broker_messages \
        (broker_id, topic, payload, qos, retain, content_type, depth, published_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
}

/// Has messages wait for their brokers, all or none.
pub(crate) fn insert(
    connection: &Connection,
    app: AppId,
    messages: &[NewMessage],
    now: Timestamp,
) -> Result<Result<(), ServiceError>, Error> {
    for message in messages {
        // Only one at a time writes here: what is counted stays true.
        let broker: Option<(Vec<u8>, i64)> = connection
            .prepare_cached(BROKER_OF_MESSAGE)?
            .query_row(params![id(&app), message.broker.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((broker, waiting)) = broker else {
            return Ok(Err(ServiceError::NoBroker));
        };
        if u64::try_from(waiting).is_ok_and(|waiting| waiting >= MESSAGES_WAITING_PER_BROKER_MAX) {
            return Ok(Err(ServiceError::MessagesFull));
        }
        connection.prepare_cached(INSERT_MESSAGE)?.execute(params![
            broker,
            message.topic.as_str(),
            &message.payload[..],
            message.qos.number(),
            message.retain,
            message.content_type,
            message.depth,
            now.as_micros(),
        ])?;
    }
    Ok(Ok(()))
}
