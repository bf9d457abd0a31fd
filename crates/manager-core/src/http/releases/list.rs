//! `GET /api/v1/admin/apps/{app}/releases`.

use axum::{Json, extract::State};

use super::ReleaseBody;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, QueryParams},
        list::{List, ListQuery},
        problem::{Answer, problems},
    },
};

problems!(ListReleasesProblems: NotFound);

/// List an app's releases
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/releases",
    tag = "releases",
    params(ListQuery),
    responses((status = 200, description = "A page of releases", body = List<ReleaseBody>), ListReleasesProblems),
)]
pub(crate) async fn list_releases(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<ListQuery>,
) -> Answer<Json<List<ReleaseBody>>> {
    let (limit, before) = query.numbered()?;
    let releases = manager
        .repository()
        .list_releases(app.id, limit + 1, before)
        .await?;
    Ok(Json(List::of_numbered(
        releases,
        limit,
        |release| release.number,
        ReleaseBody::from,
    )))
}
