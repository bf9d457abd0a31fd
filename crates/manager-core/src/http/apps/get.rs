//! `GET /api/v1/admin/apps/{app}`.

use axum::Json;

use super::AppBody;
use crate::http::{extract::AppPath, problem::problems};

problems!(GetAppProblems: NotFound);

/// Get an app
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}",
    tag = "apps",
    responses((status = 200, description = "The app", body = AppBody), GetAppProblems),
)]
pub(crate) async fn get_app(AppPath { app, role }: AppPath) -> Json<AppBody> {
    Json(AppBody::new(app, role))
}
