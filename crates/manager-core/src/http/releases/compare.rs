//! `GET /api/v1/admin/apps/{app}/releases:compare`.

use axum::{Json, extract::State};
use picloud_shared::{
    app::App,
    release::{Changes, Manifest},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::changes::{ChangesBody, Made};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, QueryParams},
        problem::{Answer, not_found, problems},
        validate::{number_in_query, some_number_in_query},
    },
};

problems!(CompareReleasesProblems: NotFound);

/// Which releases to compare.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareQuery {
    /// The number of the earlier one; 0 is the app before its first release, when it had nothing.
    #[serde(deserialize_with = "number_in_query")]
    from: u32,
    /// The number of the later one; the live one if absent. It may also be earlier than `from`.
    #[serde(default, deserialize_with = "some_number_in_query")]
    to: Option<u32>,
}

/// The difference of two releases.
#[derive(Serialize, ToSchema)]
pub(crate) struct Comparison {
    from: u32,
    to: u32,
    changes: ChangesBody,
}

/// Compare two releases
///
/// Tells what leads from one to the other: scripts with their versions, content hashes and settings, routes, and
/// domains. The sources themselves are those of the versions.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/releases:compare",
    tag = "releases",
    params(CompareQuery),
    responses((status = 200, description = "The difference", body = Comparison), CompareReleasesProblems),
)]
pub(crate) async fn compare_releases(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<CompareQuery>,
) -> Answer<Json<Comparison>> {
    let to = query.to.unwrap_or(app.release);
    let before = manifest(&manager, &app, query.from).await?;
    let after = manifest(&manager, &app, to).await?;
    Ok(Json(Comparison {
        from: query.from,
        to,
        changes: ChangesBody::new(Changes::between(&before, &after), Made::Yes),
    }))
}

async fn manifest(manager: &Manager, app: &App, number: u32) -> Answer<Manifest> {
    if number == 0 {
        return Ok(Manifest::default());
    }
    let found = manager.repository().find_release(app.id, number).await?;
    let (_, manifest) = found.ok_or_else(|| not_found("release"))?;
    Ok(manifest)
}
