//! `POST /api/v1/admin/auth/login`.

use axum::{Extension, extract::State, response::IntoResponse};
use http::{HeaderMap, Uri};
use picloud_shared::seam::Origin;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{SignedInBody, signed_in};
use crate::{
    Manager, accounts,
    http::{
        access::cross_site,
        cross_site::is_cross_site,
        extract::JsonBody,
        problem::{Answer, problems},
    },
};

problems!(LogInProblems: InvalidCredentials, CrossSiteRequest, TooManyRequests, Overloaded);

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogIn {
    /// In any case.
    username: String,
    password: String,
}

/// Sign in
///
/// Begins a session with a token of its own. An unknown name, a wrong password and a deactivated account answer alike.
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
    uri: Uri,
    headers: HeaderMap,
    JsonBody(body): JsonBody<LogIn>,
) -> Answer<impl IntoResponse> {
    // Another site must not sign a visitor in as somebody else.
    if is_cross_site(&headers, &uri) {
        return Err(cross_site());
    }
    let user = accounts::verify(&manager, &body.username, body.password, origin.remote_addr).await?;
    let session = accounts::begin_session(&manager, user).await?;
    Ok(signed_in(&manager, &session, origin.scheme))
}
