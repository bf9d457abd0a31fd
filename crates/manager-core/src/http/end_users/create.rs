//! `POST /api/v1/admin/apps/{app}/users`.

use axum::{extract::State, response::IntoResponse};
use http::{StatusCode, header};
use picloud_shared::{id::UserId, services::UserRecord};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{EndUserBody, check, kept, millis, records, with_etag};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, JsonBody},
        problem::{Answer, internal, problems},
        validate::Violations,
    },
};

problems!(
    CreateEndUserProblems: NotFound, UsernameTaken, Conflict, QuotaExceeded, Overloaded, CommitUnknown,
    TooManyRequests, LoopDetected
);

/// A user to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateEndUser {
    /// 1 to 64 characters; no two users of the app have one name, in whatever case.
    #[schema(example = "Ada")]
    name: String,
    /// 8 to 1,024 bytes.
    #[schema(example = "a bicycle for the mind")]
    password: String,
    /// Such as `name@example.com`; at most 254 bytes.
    #[serde(default)]
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// Anything that JSON can hold, of at most 65,536 bytes (64 KiB); an empty object unless set.
    #[serde(default)]
    data: Option<Value>,
    /// Whether they may sign in; they may unless set.
    #[serde(default)]
    is_active: Option<bool>,
}

/// Make a user of an app
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/users",
    tag = "users",
    request_body = CreateEndUser,
    responses((status = 201, description = "Made", body = EndUserBody), CreateEndUserProblems),
)]
pub(crate) async fn create_end_user(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<CreateEndUser>,
) -> Answer<impl IntoResponse> {
    let mut violations = Violations::default();
    check(
        &mut violations,
        Some(&body.name),
        body.email.as_deref(),
        Some(&body.password),
    );
    let data = kept(&mut violations, &body.data.unwrap_or_else(|| json!({})));
    let data = violations.finish_with(data)?;
    let now = millis(manager.now());
    let record = UserRecord {
        id: UserId::new(manager.now()).0,
        name: body.name,
        email: body.email,
        data,
        is_active: body.is_active.unwrap_or(true),
        password_hash: records::hash(&manager, app.id, body.password).await?,
        sessions: Vec::new(),
        created_at: now,
        updated_at: now,
        last_sign_in_at: None,
    };
    let make = |_: Option<&UserRecord>| Ok(Some(record.clone()));
    let user = records::change(&manager, &caller, app.id, "create_end_user", record.id, make).await?;
    let user = user.ok_or_else(internal)?;
    let location = format!("/api/v1/admin/apps/{}/users/{}", app.slug, user.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        with_etag(EndUserBody::at(user, manager.now())),
    ))
}
