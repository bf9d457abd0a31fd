//! Finding and writing records of users.

use std::rc::Rc;

use picloud_shared::services::{Expiry, KvValue, UserRecord, user_key, user_name_key, user_writes};
use uuid::Uuid;

use super::super::{kv, session::Session, transaction::Pending};
use crate::{
    api::{Fallible, fail},
    gate,
};

/// The user with this id.
pub(super) fn by_id(session: &Session, id: Uuid) -> Fallible<Option<UserRecord>> {
    let found = many(session, &[id])?;
    Ok(found.into_iter().next().flatten())
}

/// The users with these ids, in their order.
pub(super) fn many(session: &Session, ids: &[Uuid]) -> Fallible<Vec<Option<UserRecord>>> {
    let keys: Vec<String> = ids.iter().copied().map(user_key).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let known = kv::look_up(session, &keys)?;
    known
        .iter()
        .map(|known| known.value().map(|value| record(value)).transpose())
        .collect()
}

/// The user with this name.
pub(super) fn by_name(session: &Session, name: &str) -> Fallible<Option<UserRecord>> {
    match holders(session, &[user_name_key(name)])?.first() {
        Some(Some(id)) => by_id(session, *id),
        _ => Ok(None),
    }
}

/// Who has the names and addresses with these keys.
pub(super) fn holders(session: &Session, keys: &[String]) -> Fallible<Vec<Option<Uuid>>> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let known = kv::look_up(session, &keys)?;
    known
        .iter()
        .map(|known| known.value().map(|value| holder(value)).transpose())
        .collect()
}

/// The id in what is kept under a name.
pub(super) fn holder(value: &KvValue) -> Fallible<Uuid> {
    match value {
        KvValue::Json(text) => serde_json::from_str(text).map_err(|_| unreadable()),
        KvValue::Blob(_) => Err(unreadable()),
    }
}

/// Writes `after` in place of `before`, with its name and address; without one it removes the user.
pub(super) fn write(
    session: &Session,
    before: Option<&UserRecord>,
    after: Option<&UserRecord>,
) -> Fallible<()> {
    for (key, text) in user_writes(before, after).map_err(|_| unreadable())? {
        put(session, &key, text)?;
    }
    Ok(())
}

fn put(session: &Session, key: &str, text: Option<String>) -> Fallible<()> {
    let pending = Pending {
        value: text.map(|text| Rc::new(KvValue::Json(text))),
        expiry: Expiry::Never,
    };
    session.write(key, pending)
}

fn record(value: &KvValue) -> Fallible<UserRecord> {
    let KvValue::Json(text) = value else {
        return Err(unreadable());
    };
    gate::reserve(text.len() * 2)?;
    serde_json::from_str(text).map_err(|_| unreadable())
}

#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
fn unreadable() -> Box<rhai::EvalAltResult> {
    fail("the record of a user cannot be read")
}
