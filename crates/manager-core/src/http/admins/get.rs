//! `GET /api/v1/admin/admins/{user}`.

use axum::Json;

use crate::http::{auth::UserBody, extract::UserPath, problem::problems};

problems!(GetUserProblems: NotFound);

/// Get an account
#[utoipa::path(
    get,
    path = "/api/v1/admin/admins/{user}",
    tag = "people",
    responses((status = 200, description = "The account", body = UserBody), GetUserProblems),
)]
pub(crate) async fn get_user(UserPath(user): UserPath) -> Json<UserBody> {
    Json(user.into())
}
