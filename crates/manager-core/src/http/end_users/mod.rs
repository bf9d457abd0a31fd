//! `/api/v1/admin/apps/{app}/users`: an app's own users, as people see and change them.
//!
//! They are keys of the app, and what is changed here goes the way of a script's commit: what was read is compared, so
//! nobody takes a name that somebody else takes at the same time. Neither passwords nor sessions are ever shown.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod end_sessions;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod list;
mod records;
pub(crate) mod update;

use std::str::FromStr;

use axum::{Json, response::IntoResponse};
use picloud_shared::{
    services::{
        PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN, USER_DATA_BYTES_MAX, UserRecord, UserRefused,
        check_user_email, check_user_name,
    },
    time::Timestamp,
};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    etag::{etag, version_of},
    extract::Named,
    validate::Violations,
};

/// A user of an app.
#[derive(Serialize, ToSchema)]
#[schema(as = EndUser)]
pub(crate) struct EndUserBody {
    id: Uuid,
    name: String,
    #[schema(required)]
    email: Option<String>,
    /// What the app keeps with them.
    data: Value,
    /// Whether they may sign in.
    is_active: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// When they last signed in.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_sign_in_at: Option<Timestamp>,
    /// At how many places they are signed in.
    sessions: usize,
    /// Changes with everything that a `PATCH` may change, and not when they sign in or out. It is the `ETag` of the user,
    /// for a later `If-Match`.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015")]
    version: String,
}

impl EndUserBody {
    /// What is shown of `record` at `now`.
    fn at(record: UserRecord, now: Timestamp) -> Self {
        let sessions = record.sessions_at(millis(now));
        let version = version(&record);
        Self {
            id: record.id,
            name: record.name,
            email: record.email,
            data: serde_json::from_str(record.data.get()).unwrap_or_default(),
            is_active: record.is_active,
            created_at: moment(record.created_at),
            updated_at: moment(record.updated_at),
            last_sign_in_at: record.last_sign_in_at.map(moment),
            sessions,
            version,
        }
    }
}

/// Names what people and scripts change of a user. Somebody who signs in meanwhile stands in nobody's way.
fn version(record: &UserRecord) -> String {
    let UserRecord {
        name,
        email,
        data,
        is_active,
        password_hash,
        ..
    } = record;
    let text = json!([name, email, data.get(), is_active, password_hash]).to_string();
    version_of(&[text.as_bytes()])
}

/// The user with their version as `ETag`, for a later `If-Match`.
fn with_etag(user: EndUserBody) -> impl IntoResponse {
    (etag(&user.version), Json(user))
}

/// The id of a user in a path.
pub(crate) struct EndUserId(Uuid);

impl FromStr for EndUserId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

impl Named for EndUserId {
    const NAME: &str = "end_user";
    const TITLE: &str = "user";
}

/// Milliseconds since 1970, as records count.
fn millis(moment: Timestamp) -> i64 {
    moment.as_micros() / 1_000
}

fn moment(millis: i64) -> Timestamp {
    Timestamp::from_micros(millis.saturating_mul(1_000))
}

/// Complains about what is wrong with the fields of a user.
fn check(violations: &mut Violations, name: Option<&str>, email: Option<&str>, password: Option<&str>) {
    if let Some(Err(refused)) = name.map(check_user_name) {
        violations.add("name", refused);
    }
    if let Some(Err(refused)) = email.map(check_user_email) {
        violations.add("email", refused);
    }
    violations.require(
        password.is_none_or(|password| (PASSWORD_BYTES_MIN..=PASSWORD_BYTES_MAX).contains(&password.len())),
        "password",
        format!("must have {PASSWORD_BYTES_MIN} to {PASSWORD_BYTES_MAX} bytes"),
    );
}

/// `data` as it is kept.
fn kept(violations: &mut Violations, data: &Value) -> Option<Box<RawValue>> {
    data_text(data)
        .map_err(|refused| violations.add("data", refused))
        .ok()
}

/// The text that is kept of `data`.
fn data_text(data: &Value) -> Result<Box<RawValue>, UserRefused> {
    let text = data.to_string();
    if text.len() > USER_DATA_BYTES_MAX {
        return Err(UserRefused::Data);
    }
    RawValue::from_string(text).map_err(|_| UserRefused::Data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> UserRecord {
        UserRecord {
            id: Uuid::nil(),
            name: "Ada".to_owned(),
            email: None,
            data: data_text(&json!({})).unwrap(),
            is_active: true,
            password_hash: "a".to_owned(),
            sessions: Vec::new(),
            created_at: 0,
            updated_at: 0,
            last_sign_in_at: None,
        }
    }

    #[test]
    fn a_version_changes_with_what_is_edited_and_not_with_a_sign_in() {
        let mut signed_in = ada();
        signed_in.begin_session("secret".to_owned(), 1);
        assert_eq!(version(&signed_in), version(&ada()));
        let changes: [fn(&mut UserRecord); 5] = [
            |user| user.name.push('!'),
            |user| user.email = Some("ada@example.com".to_owned()),
            |user| user.data = data_text(&json!({ "plan": "free" })).unwrap(),
            |user| user.is_active = false,
            |user| user.password_hash.push('!'),
        ];
        for (place, change) in changes.iter().enumerate() {
            let mut other = ada();
            change(&mut other);
            assert_ne!(version(&other), version(&ada()), "{place}");
        }
    }
}
