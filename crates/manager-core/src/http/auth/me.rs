//! `GET /api/v1/admin/auth/me`.

use axum::Json;

use super::UserBody;
use crate::http::access::Caller;

/// Who am I
#[utoipa::path(
    get,
    path = "/api/v1/admin/auth/me",
    tag = "accounts",
    responses((status = 200, description = "Whose session this is", body = UserBody)),
)]
pub(crate) async fn get_me(caller: Caller) -> Json<UserBody> {
    Json(caller.user.into())
}
