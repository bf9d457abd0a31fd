//! `GET /api/v1/admin/auth/me`.

use axum::Json;

use super::UserBody;
use crate::http::caller::Owner;

/// Who am I
#[utoipa::path(
    get,
    path = "/api/v1/admin/auth/me",
    tag = "accounts",
    responses((status = 200, description = "Whose session this is", body = UserBody)),
)]
pub(crate) async fn get_me(owner: Owner) -> Json<UserBody> {
    Json(owner.user.into())
}
