//! Making, changing and removing users.

use picloud_shared::services::{Password, UserRecord, user_email_key, user_name_key};
use rhai::{Dynamic, Map};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    super::{password, session::Session},
    fields::{Given, shown},
    records,
};
use crate::api::{Fallible, fail, new_v7, now_ms};

/// Makes a user.
pub(super) fn create(session: &Session, given: Given) -> Fallible<Map> {
    const FUNCTION: &str = "users::create";
    let missing = |what: &str| fail(format!("{FUNCTION}: `{what}` is missing"));
    let name = given.name.ok_or_else(|| missing("name"))?;
    let password = given.password.ok_or_else(|| missing("password"))?;
    let email = given.email.flatten();
    check_free(session, None, Some(&name), email.as_deref())?;
    let now = now_ms();
    let record = UserRecord {
        id: new_v7()?,
        name,
        email,
        data: given.data.map_or_else(no_data, Ok)?,
        is_active: given.is_active.unwrap_or(true),
        password_hash: password::hash(session, password)?,
        sessions: Vec::new(),
        created_at: now,
        updated_at: now,
        last_sign_in_at: None,
    };
    records::write(session, None, Some(&record))?;
    shown(&record)
}

/// Changes what was given; `()` if there is no such user.
pub(super) fn update(session: &Session, id: Uuid, given: Given) -> Fallible<Dynamic> {
    let Some(before) = records::by_id(session, id)? else {
        return Ok(Dynamic::UNIT);
    };
    let mut after = before.clone();
    if let Some(name) = given.name {
        after.name = name;
    }
    if let Some(email) = given.email {
        after.email = email;
    }
    if let Some(data) = given.data {
        after.data = data;
    }
    if let Some(is_active) = given.is_active {
        after.is_active = is_active;
        if !is_active {
            after.sessions.clear();
        }
    }
    check_free(session, Some(id), Some(&after.name), after.email.as_deref())?;
    after.updated_at = now_ms();
    records::write(session, Some(&before), Some(&after))?;
    shown(&after).map(Dynamic::from_map)
}

/// Gives a user another password, and ends their sessions; false if there is no such user.
pub(super) fn set_password(session: &Session, id: Uuid, password: Password) -> Fallible<bool> {
    let hash = password::hash(session, password)?;
    changed(session, id, |record| {
        record.password_hash = hash;
        record.sessions.clear();
    })
}

/// Ends all sessions of a user; false if there is no such user.
pub(super) fn end_sessions(session: &Session, id: Uuid) -> Fallible<bool> {
    changed(session, id, |record| record.sessions.clear())
}

/// Removes a user; false if there was none.
pub(super) fn delete(session: &Session, id: Uuid) -> Fallible<bool> {
    let record = records::by_id(session, id)?;
    if let Some(record) = &record {
        records::write(session, Some(record), None)?;
    }
    Ok(record.is_some())
}

fn changed(session: &Session, id: Uuid, change: impl FnOnce(&mut UserRecord)) -> Fallible<bool> {
    let Some(before) = records::by_id(session, id)? else {
        return Ok(false);
    };
    let mut after = before.clone();
    change(&mut after);
    after.updated_at = now_ms();
    records::write(session, Some(&before), Some(&after))?;
    Ok(true)
}

/// Throws what answers 409 if somebody but `id` has the name or the address. As this reads who has them, of two runs that
/// take one at the same time, one runs again and finds it taken.
fn check_free(session: &Session, id: Option<Uuid>, name: Option<&str>, email: Option<&str>) -> Fallible<()> {
    let keys: Vec<_> = [name.map(user_name_key), email.map(user_email_key)]
        .into_iter()
        .flatten()
        .collect();
    let holders = records::holders(session, &keys)?;
    for (holder, message) in holders.iter().zip([
        "a user with this name is there already",
        "a user with this e-mail address is there already",
    ]) {
        if holder.is_some() && *holder != id {
            return Err(password::thrown(409, message, &[]));
        }
    }
    Ok(())
}

fn no_data() -> Fallible<Box<RawValue>> {
    RawValue::from_string("{}".to_owned()).map_err(|_| fail("no data"))
}
