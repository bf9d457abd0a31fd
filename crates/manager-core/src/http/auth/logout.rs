//! `POST /api/v1/admin/auth/logout`.

use axum::{
    Extension,
    extract::State,
    response::{AppendHeaders, IntoResponse},
};
use http::{StatusCode, header};
use picloud_shared::seam::Origin;

use super::cookie;
use crate::{
    Manager,
    http::{access::Caller, problem::Answer},
};

/// Sign out
///
/// Ends this session at once, and clears the cookie.
#[utoipa::path(
    post,
    path = "/api/v1/admin/auth/logout",
    tag = "accounts",
    responses((status = 204, description = "Signed out")),
)]
pub(crate) async fn log_out(
    State(manager): State<Manager>,
    Extension(origin): Extension<Origin>,
    caller: Caller,
) -> Answer<impl IntoResponse> {
    let change = caller.change(&manager, None);
    manager
        .repository()
        .log_out(caller.user.id, caller.session()?.id, &change)
        .await?;
    let cookie = cookie::clear(origin.scheme).map(|cookie| (header::SET_COOKIE, cookie));
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cookie)))
}
