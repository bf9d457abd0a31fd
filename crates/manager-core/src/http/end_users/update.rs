//! `PATCH /api/v1/admin/apps/{app}/users/{end_user}`.

use axum::{extract::State, response::IntoResponse};
use picloud_shared::services::UserRecord;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{EndUserBody, EndUserId, check, kept, millis, records, version, with_etag};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath, JsonBody, Precondition},
        problem::{Answer, problems},
        validate::{Violations, present},
    },
};

problems!(
    UpdateEndUserProblems: NotFound, UsernameTaken, Conflict, VersionMismatch, QuotaExceeded, Overloaded,
    CommitUnknown, TooManyRequests, LoopDetected
);

/// What to change in a user; what is absent stays, and so does what is null, but for `email` and `data`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateEndUser {
    /// 1 to 64 characters.
    #[serde(default)]
    #[schema(example = "Ada")]
    name: Option<String>,
    /// Such as `name@example.com`; at most 254 bytes. Null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "ada@example.com")]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    email: Option<Option<String>>,
    /// 8 to 1,024 bytes.
    #[serde(default)]
    #[schema(example = "a bicycle for the mind")]
    password: Option<String>,
    /// Anything that JSON can hold, of at most 65,536 bytes (64 KiB).
    #[serde(default, deserialize_with = "present")]
    data: Option<Value>,
    /// Whether they may sign in.
    #[serde(default)]
    is_active: Option<bool>,
}

/// Change a user of an app
///
/// A new password and `is_active: false` end all sessions of the user. Send the `version` that you know as `If-Match` to
/// be sure that nobody and no script changed the user meanwhile.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/apps/{app}/users/{end_user}",
    tag = "users",
    params(("If-Match" = Option<String>, Header, description = "The version that must be there, in quotes")),
    request_body = UpdateEndUser,
    responses((status = 200, description = "Changed", body = EndUserBody), UpdateEndUserProblems),
)]
pub(crate) async fn update_end_user(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(user): InPath<EndUserId>,
    only_if: Precondition,
    JsonBody(body): JsonBody<UpdateEndUser>,
) -> Answer<impl IntoResponse> {
    let mut violations = Violations::default();
    let email = body.email.as_ref().and_then(Option::as_deref);
    check(
        &mut violations,
        body.name.as_deref(),
        email,
        body.password.as_deref(),
    );
    let data = body.data.as_ref().and_then(|data| kept(&mut violations, data));
    violations.finish()?;
    let password_hash = match body.password {
        Some(password) => Some(records::hash(&manager, app.id, password).await?),
        None => None,
    };
    let now = millis(manager.now());
    let change = |before: Option<&UserRecord>| {
        only_if.check(before.map(version).as_deref())?;
        let mut record = before.cloned().ok_or_else(records::nobody)?;
        record.name = body.name.clone().unwrap_or(record.name);
        record.email = body.email.clone().unwrap_or(record.email);
        record.data = data.clone().unwrap_or(record.data);
        record.is_active = body.is_active.unwrap_or(record.is_active);
        if password_hash.is_some() || !record.is_active {
            record.sessions.clear();
        }
        record.password_hash = password_hash.clone().unwrap_or(record.password_hash);
        record.updated_at = now;
        Ok(Some(record))
    };
    let changed = records::change(&manager, &caller, app.id, "update_end_user", user.0, change).await?;
    let changed = changed.ok_or_else(records::nobody)?;
    Ok(with_etag(EndUserBody::at(changed, manager.now())))
}
