//! `POST /api/v1/admin/auth/password`.

use axum::{Extension, extract::State};
use http::StatusCode;
use picloud_shared::{problem::Code, seam::Origin};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    Manager,
    accounts::{self, SignInError},
    http::{
        access::Caller,
        extract::JsonBody,
        problem::{Answer, problem, problems},
        validate::Violations,
    },
};

problems!(ChangePasswordProblems: TooManyRequests, Overloaded);

/// An old and a new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePassword {
    /// The password until now.
    current_password: String,
    /// The password from now on: 8 to 1,024 bytes, not one of the commonest.
    new_password: String,
}

/// Change the own password
///
/// Ends all other sessions and all API tokens of the same person. A wrong `current_password` is a fault of that field; whoever sends it
/// stays signed in.
#[utoipa::path(
    post,
    path = "/api/v1/admin/auth/password",
    tag = "accounts",
    request_body = ChangePassword,
    responses((status = 204, description = "Changed"), ChangePasswordProblems),
)]
pub(crate) async fn change_password(
    State(manager): State<Manager>,
    Extension(origin): Extension<Origin>,
    caller: Caller,
    JsonBody(body): JsonBody<ChangePassword>,
) -> Answer<StatusCode> {
    let mut violations = Violations::default();
    let (session, password) = (caller.session()?.id, body.current_password);
    let verified =
        accounts::verify_password(&manager, session, &caller.user, password, origin.remote_addr).await;
    let is_wrong = match verified {
        Ok(()) => false,
        Err(SignInError::Invalid) => true,
        Err(error) => return Err(error.into()),
    };
    if is_wrong {
        violations.add("current_password", "is not your password");
    }
    if let Err(refused) = accounts::check_password(&body.new_password, &caller.user.username) {
        violations.add("new_password", refused);
    }
    violations.finish().map_err(|refusal| {
        if is_wrong {
            refusal.denied(Code::InvalidCredentials)
        } else {
            refusal
        }
    })?;

    let hash = manager.hasher().hash(body.new_password).await?;
    let change = caller.change(&manager, None);
    let changed = manager
        .repository()
        .set_password(caller.user.id, &hash, session, &change)
        .await?;
    if !changed {
        // Somebody reset the password or deactivated the account meanwhile; what they said stands.
        return Err(problem(
            Code::Unauthenticated,
            "Your session has ended. Sign in again, then change the password.",
        ));
    }
    tracing::info!(user.id = %caller.user.id, "password changed");
    Ok(StatusCode::NO_CONTENT)
}
