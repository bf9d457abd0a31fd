//! What is written.

use picloud_shared::{id::AppId, services::Write, time::Timestamp};
use rusqlite::{Connection, Error, params};

use super::read::id;
use crate::{
    kv::{bytes, kind, new_version},
    statements::statements,
};

statements! {
    PUT_KV = "INSERT INTO kv (app_id, key, kind, value, version, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
        ON CONFLICT (app_id, key) DO UPDATE SET kind = excluded.kind, value = excluded.value, \
        version = excluded.version, expires_at = excluded.expires_at";
    DELETE_KV = "DELETE FROM kv WHERE app_id = ?1 AND key = ?2";
}

/// Writes one key.
pub(super) fn write(connection: &Connection, app: AppId, write: &Write, now: Timestamp) -> Result<(), Error> {
    let key = write.key.as_bytes();
    match &write.value {
        Some(value) => connection.prepare_cached(PUT_KV)?.execute(params![
            id(&app),
            key,
            kind(value),
            bytes(value),
            new_version(),
            write.expiry.moment(now.as_micros()),
        ])?,
        None => connection
            .prepare_cached(DELETE_KV)?
            .execute(params![id(&app), key])?,
    };
    Ok(())
}
