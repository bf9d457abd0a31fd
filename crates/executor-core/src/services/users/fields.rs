//! What a script gives and gets of a user.

use picloud_shared::services::{
    PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN, Password, USER_DATA_BYTES_MAX, UserRecord, UserRefused,
    check_user_email, check_user_name,
};
use rhai::{Dynamic, Map};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::super::password;
use crate::{
    api::{Fallible, fail, type_name},
    json,
};

/// What a script gave.
#[derive(Default)]
pub(super) struct Given {
    pub(super) name: Option<String>,
    pub(super) password: Option<Password>,
    /// Given as `()`, there is none any more.
    #[expect(
        clippy::option_option,
        reason = "not given is another thing than given as nothing"
    )]
    pub(super) email: Option<Option<String>>,
    pub(super) data: Option<Box<RawValue>>,
    pub(super) is_active: Option<bool>,
}

impl Given {
    /// Reads a map with fields out of `known`.
    pub(super) fn read(function: &str, known: &[&str], fields: &Map) -> Fallible<Self> {
        let mut given = Self::default();
        let refuse = |refused: UserRefused| password::thrown(422, &refused.to_string(), &[]);
        for (name, value) in fields {
            let text = || {
                let text = value.as_immutable_string_ref().map(|text| text.to_string());
                text.map_err(|_| {
                    fail(format!(
                        "{function}: `{name}` is a text, not {}",
                        type_name(value)
                    ))
                })
            };
            match name.as_str() {
                field if !known.contains(&field) => {
                    return Err(fail(format!(
                        "{function}: a user has no field `{field}` to be given; there are {}",
                        known.join(", ")
                    )));
                }
                "name" => {
                    let name = text()?;
                    check_user_name(&name).map_err(refuse)?;
                    given.name = Some(name);
                }
                "password" => given.password = Some(new_password(function, &text()?)?),
                "email" if value.is_unit() => given.email = Some(None),
                "email" => {
                    let email = text()?;
                    check_user_email(&email).map_err(refuse)?;
                    given.email = Some(Some(email));
                }
                "data" => given.data = Some(data(function, value)?),
                _ => {
                    let truth = value.as_bool();
                    given.is_active =
                        Some(truth.map_err(|_| fail(format!("{function}: `{name}` is true or false")))?);
                }
            }
        }
        Ok(given)
    }
}

/// `text`, if it may be the password of a user.
pub(super) fn new_password(function: &str, text: &str) -> Fallible<Password> {
    if text.len() < PASSWORD_BYTES_MIN {
        let message = format!("the password is too short; use at least {PASSWORD_BYTES_MIN} bytes");
        return Err(password::thrown(422, &message, &[]));
    }
    if text.len() > PASSWORD_BYTES_MAX {
        let message = format!("the password is too long; use at most {PASSWORD_BYTES_MAX} bytes");
        return Err(password::thrown(422, &message, &[]));
    }
    password::valid(function, text)
}

fn data(function: &str, value: &Dynamic) -> Fallible<Box<RawValue>> {
    let mut out = Vec::new();
    json::write(value, &mut out, USER_DATA_BYTES_MAX).map_err(|error| match error {
        json::JsonError::TooLarge { .. } => fail(format!("{function}: {}", UserRefused::Data)),
        other => other.into(),
    })?;
    let text = String::from_utf8(out).ok();
    text.and_then(|text| RawValue::from_string(text).ok())
        .ok_or_else(|| fail(format!("{function}: the data cannot be written as JSON")))
}

/// An id, from text.
pub(super) fn id(function: &str, text: &str) -> Fallible<Uuid> {
    text.parse()
        .map_err(|_| fail(format!("{function}: `{text:.64}` is not the id of a user")))
}

/// The id of a user that is given as such or as a map.
pub(super) fn id_of(function: &str, user: &Dynamic) -> Fallible<Uuid> {
    if let Ok(map) = user.as_map_ref()
        && let Some(found) = map
            .get("id")
            .and_then(|id| id.as_immutable_string_ref().ok().map(|id| id.clone()))
    {
        return id(function, &found);
    }
    match user.as_immutable_string_ref() {
        Ok(text) => id(function, &text),
        Err(_) => Err(fail(format!(
            "{function} takes a user or the id of one, not {}",
            type_name(user)
        ))),
    }
}

/// A user as scripts see one. It holds neither the password's hash nor a session.
pub(super) fn shown(record: &UserRecord) -> Fallible<Map> {
    let email = record.email.as_deref().map_or(Dynamic::UNIT, Into::into);
    let last = record.last_sign_in_at.map_or(Dynamic::UNIT, Dynamic::from);
    Ok(Map::from([
        ("id".into(), record.id.to_string().into()),
        ("name".into(), record.name.as_str().into()),
        ("email".into(), email),
        ("data".into(), json::parse_text(record.data.get())?),
        ("is_active".into(), record.is_active.into()),
        ("created_at".into(), record.created_at.into()),
        ("updated_at".into(), record.updated_at.into()),
        ("last_sign_in_at".into(), last),
    ]))
}

/// The same, or `()` if there is none.
pub(super) fn shown_or_unit(record: Option<&UserRecord>) -> Fallible<Dynamic> {
    record.map_or(Ok(Dynamic::UNIT), |record| shown(record).map(Dynamic::from_map))
}
