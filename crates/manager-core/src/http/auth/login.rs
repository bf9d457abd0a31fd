//! `POST /api/v1/admin/auth/login`.

use axum::{Extension, extract::State, response::IntoResponse};
use http::{HeaderMap, Uri};
use picloud_shared::{problem::Code, seam::Origin};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{SignedInBody, signed_in};
use crate::{
    Manager,
    accounts::{self, Claim, SignInError},
    http::{
        access::cross_site,
        cross_site::is_cross_site,
        extract::{FromDevice, JsonBody},
        problem::{Answer, Refusal, problems},
    },
};

problems!(
    LogInProblems: InvalidCredentials, SecondFactorRequired, InvalidSecondFactor, CrossSiteRequest,
    TooManyRequests, Overloaded,
);

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogIn {
    /// In any case.
    #[schema(example = "ada")]
    username: String,
    #[schema(example = "correct horse battery")]
    password: String,
    /// For an account with a second factor: six digits from the authenticator app, or a recovery code.
    #[serde(default)]
    #[schema(example = "287082")]
    code: Option<String>,
}

/// Sign in
///
/// Begins a session with a token of its own. An unknown name, a wrong password and a deactivated account answer alike;
/// that an account has a second factor shows only after the right password. No code of it is taken twice.
#[utoipa::path(
    post,
    path = "/api/v1/admin/auth/login",
    tag = "accounts",
    request_body = LogIn,
    responses((status = 200, description = "Signed in", body = SignedInBody), LogInProblems),
)]
pub(crate) async fn log_in(
    State(manager): State<Manager>,
    Extension(origin): Extension<Origin>,
    FromDevice(device): FromDevice,
    uri: Uri,
    headers: HeaderMap,
    JsonBody(body): JsonBody<LogIn>,
) -> Answer<impl IntoResponse> {
    // Another site must not sign a visitor in as somebody else.
    if is_cross_site(&headers, &uri) {
        return Err(cross_site());
    }
    let claim = Claim {
        username: &body.username,
        password: body.password,
        code: body.code.as_deref(),
    };
    let verified = accounts::verify(&manager, claim, origin.remote_addr)
        .await
        .map_err(|error| refusal(error, &body.username))?;
    let session = accounts::sign_in(&manager, verified, device, &origin).await?;
    Ok(signed_in(&session, origin.scheme))
}

/// Why somebody is not signed in. The audit log is told whose name they gave.
fn refusal(error: SignInError, username: &str) -> Refusal {
    let reason = match error {
        SignInError::Invalid => Code::InvalidCredentials,
        SignInError::SecondFactorRequired => Code::SecondFactorRequired,
        SignInError::InvalidSecondFactor => Code::InvalidSecondFactor,
        error => return error.into(),
    };
    Refusal::from(error).denied_to(reason, username.parse().ok())
}
