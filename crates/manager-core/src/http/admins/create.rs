//! `POST /api/v1/admin/admins`.

use axum::{Json, extract::State, response::IntoResponse};
use http::{StatusCode, header};
use picloud_shared::{
    id::UserId,
    user::{Credentials, Email, InstanceRole, User, Username},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Touched, refusal, refuse_token};
use crate::{
    Manager, accounts,
    http::{
        access::Caller,
        auth::UserBody,
        extract::JsonBody,
        problem::{Answer, problems},
        validate::Violations,
    },
};

problems!(CreateUserProblems: UsernameTaken, Overloaded);

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUser {
    /// 1 to 64 letters, digits, or `.`, `_`, `-`, `@`, `+`; kept in lower case.
    #[schema(example = "grace")]
    username: String,
    /// Such as `name@example.com`; at most 254 bytes.
    #[serde(default)]
    #[schema(example = "grace@example.com")]
    email: Option<String>,
    /// 8 to 1,024 bytes, not one of the commonest.
    #[schema(example = "a bicycle for the mind")]
    password: String,
    /// `owner`, `admin` or `member`; not above your own.
    #[schema(value_type = String, example = "member")]
    instance_role: InstanceRole,
    /// Whether they may sign in; true if absent.
    #[serde(default)]
    is_active: Option<bool>,
}

/// Make an account
///
/// Nobody gives a role above their own. It is closed to API tokens, as it sets a password.
#[utoipa::path(
    post,
    path = "/api/v1/admin/admins",
    tag = "people",
    request_body = CreateUser,
    responses((status = 201, description = "Made", body = UserBody), CreateUserProblems),
)]
pub(crate) async fn create_user(
    State(manager): State<Manager>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateUser>,
) -> Answer<impl IntoResponse> {
    let touched = Touched {
        user: None,
        role: Some(body.instance_role),
        password: true,
    };
    refuse_token(&caller, &touched)?;
    let mut violations = Violations::default();
    let username: Option<Username> = violations.parse("username", &body.username);
    let email: Option<Email> = violations.parse_some("email", body.email.as_deref());
    if let Some(username) = &username
        && let Err(refused) = accounts::check_password(&body.password, username)
    {
        violations.add("password", refused);
    }
    let username = violations.finish_with(username)?;

    let password_hash = manager.hasher().hash(body.password).await?;
    let change = caller.change(&manager, None);
    let new = Credentials {
        user: User {
            id: UserId::new(change.at),
            username,
            email: email.map(String::from),
            instance_role: body.instance_role,
            is_active: body.is_active.unwrap_or(true),
            created_at: change.at,
        },
        password_hash,
    };
    manager
        .repository()
        .create_account(&new, &change)
        .await
        .map_err(|error| refusal(error, new.user.username.as_str()))?;
    let user = new.user;
    tracing::info!(user.id = %user.id, user.role = user.instance_role.as_str(), by = %caller.user.id, "account made");

    let location = format!("/api/v1/admin/admins/{}", user.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(UserBody::from(user)),
    ))
}
