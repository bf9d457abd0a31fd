//! `/api/v1/admin/scripts/{script}/versions`.

use axum::{Json, extract::State};
use picloud_shared::{id::ScriptId, script::ScriptVersion, time::Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{InPath, QueryParams, VersionNumber},
        list::{List, ListQuery},
        problem::{Answer, not_found, problems},
    },
};

/// One version of a script. It never changes.
#[derive(Serialize, ToSchema)]
#[schema(as = ScriptVersion)]
pub(crate) struct VersionBody {
    /// Counts up from 1.
    number: u32,
    /// The username of who wrote it; null for what the first start made.
    #[schema(required)]
    author: Option<String>,
    /// Why.
    #[schema(required)]
    note: Option<String>,
    /// SHA-256 of the source, in hexadecimal.
    content_hash: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    source: String,
}

impl From<ScriptVersion> for VersionBody {
    fn from(version: ScriptVersion) -> Self {
        Self {
            number: version.version,
            author: version.author_name,
            note: version.note,
            content_hash: version.content_hash.to_string(),
            created_at: version.created_at,
            source: version.source.as_ref().to_owned(),
        }
    }
}

problems!(ListVersionsProblems: NotFound);

/// List the versions of a script
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/scripts/{script}/versions",
    tag = "scripts",
    params(ListQuery),
    responses((status = 200, description = "A page of versions", body = List<VersionBody>), ListVersionsProblems),
)]
pub(crate) async fn list_script_versions(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(script): InPath<ScriptId>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Answer<Json<List<VersionBody>>> {
    let (limit, before) = query.numbered()?;
    caller.script(&manager, script).await?;
    let versions = manager
        .repository()
        .list_versions(script, limit + 1, before)
        .await?;
    Ok(Json(List::of_numbered(
        versions,
        limit,
        |version| version.version,
        VersionBody::from,
    )))
}

problems!(GetVersionProblems: NotFound);

/// Get one version of a script
#[utoipa::path(
    get,
    path = "/api/v1/admin/scripts/{script}/versions/{version}",
    tag = "scripts",
    responses((status = 200, description = "The version", body = VersionBody), GetVersionProblems),
)]
pub(crate) async fn get_script_version(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(script): InPath<ScriptId>,
    InPath(VersionNumber(number)): InPath<VersionNumber>,
) -> Answer<Json<VersionBody>> {
    caller.script(&manager, script).await?;
    let version = manager.repository().find_version(script, number).await?;
    Ok(Json(version.ok_or_else(|| not_found("version"))?.into()))
}
