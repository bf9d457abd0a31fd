//! `PATCH /api/v1/admin/admins/{user}`.

use axum::{Json, extract::State};
use picloud_shared::{
    repository::AccountUpdate,
    user::{InstanceRole, User, Username},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Touched, refusal, refuse_token};
use crate::{
    Manager, accounts,
    http::{
        access::Caller,
        auth::UserBody,
        extract::{JsonBody, UserPath},
        problem::{Answer, not_found, problems},
        validate::{Violations, present},
    },
};

problems!(UpdateUserProblems: NotFound, UsernameTaken, LastOwner, Overloaded);

/// What to change in an account; what is absent stays, and so does what is null, but for `email`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateUser {
    /// 1 to 64 letters, digits, or `.`, `_`, `-`, `@`, `+`; kept in lower case.
    #[serde(default)]
    #[schema(example = "grace")]
    username: Option<String>,
    /// Such as `name@example.com`; at most 254 bytes. Null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "grace@example.com")]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    email: Option<Option<String>>,
    /// 8 to 1,024 bytes, not one of the commonest. Your own you change with `POST /api/v1/admin/auth/password`.
    #[serde(default)]
    #[schema(example = "a bicycle for the mind")]
    password: Option<String>,
    /// `owner`, `admin` or `member`; not above your own.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "admin")]
    instance_role: Option<InstanceRole>,
    /// Whether they may sign in.
    #[serde(default)]
    is_active: Option<bool>,
}

/// Change an account
///
/// A new password, a lower role and deactivation end all sessions of that person at once, your own too if it is you; a
/// new password and deactivation also end their API tokens. Nobody changes an account above their own, or gives a role
/// above it. The last active owner stays one. An API token changes members only, and not its own account; it gives no
/// other role and sets no password.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/admins/{user}",
    tag = "people",
    request_body = UpdateUser,
    responses((status = 200, description = "Changed", body = UserBody), UpdateUserProblems),
)]
pub(crate) async fn update_user(
    State(manager): State<Manager>,
    caller: Caller,
    UserPath(user): UserPath,
    JsonBody(body): JsonBody<UpdateUser>,
) -> Answer<Json<UserBody>> {
    let touched = Touched {
        user: Some(&user),
        role: body.instance_role,
        password: body.password.is_some(),
    };
    refuse_token(&caller, &touched)?;
    let is_own = user.id == caller.user.id;
    let update = update(&manager, &user, is_own, body).await?;
    let username = update.username.as_ref().unwrap_or(&user.username).clone();
    let updated = manager
        .repository()
        .update_account(user.id, &update, &caller.change(&manager, None))
        .await
        .map_err(|error| refusal(error, username.as_str()))?
        .ok_or_else(|| not_found("user"))?;
    tracing::info!(
        user.id = %updated.id,
        user.role = updated.instance_role.as_str(),
        user.active = updated.is_active,
        password = update.password_hash.is_some(),
        by = %caller.user.id,
        "account changed"
    );
    Ok(Json(updated.into()))
}

/// What is to change, with the new password's hash. The own password is not changed here, where nobody asks for the old
/// one: a stolen session must not become a way to take the account over.
async fn update(manager: &Manager, user: &User, is_own: bool, body: UpdateUser) -> Answer<AccountUpdate> {
    let mut violations = Violations::default();
    let username: Option<Username> = violations.parse_some("username", body.username.as_deref());
    let email = body
        .email
        .map(|email| violations.parse_some("email", email.as_deref()));
    if is_own && body.password.is_some() {
        let instead = "is your own; change it with POST /api/v1/admin/auth/password";
        violations.add("password", instead);
    } else if let Some(password) = &body.password
        && let Err(refused) = accounts::check_password(password, username.as_ref().unwrap_or(&user.username))
    {
        violations.add("password", refused);
    }
    violations.finish()?;
    let password_hash = match body.password {
        Some(password) => Some(manager.hasher().hash(password).await?),
        None => None,
    };
    Ok(AccountUpdate {
        username,
        email,
        password_hash,
        instance_role: body.instance_role,
        is_active: body.is_active,
    })
}
