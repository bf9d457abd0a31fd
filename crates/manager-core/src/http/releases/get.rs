//! `GET /api/v1/admin/apps/{app}/releases/{release}`.

use axum::{Json, extract::State};

use super::ReleaseBody;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath, ReleaseNumber},
        problem::{Answer, not_found, problems},
    },
};

problems!(GetReleaseProblems: NotFound);

/// Get a release
///
/// With the scripts, routes and domains that the app had then.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/releases/{release}",
    tag = "releases",
    responses((status = 200, description = "The release", body = ReleaseBody), GetReleaseProblems),
)]
pub(crate) async fn get_release(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    InPath(ReleaseNumber(number)): InPath<ReleaseNumber>,
) -> Answer<Json<ReleaseBody>> {
    let found = manager.repository().find_release(app.id, number).await?;
    let (release, manifest) = found.ok_or_else(|| not_found("release"))?;
    Ok(Json(ReleaseBody {
        manifest: Some(manifest.into()),
        ..release.into()
    }))
}
