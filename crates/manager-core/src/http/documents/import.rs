//! `POST /api/v1/admin/apps/{app}/collections/{collection}/documents:import`.

mod batch;
mod lines;

use axum::{Json, extract::State};
use picloud_shared::{
    audit,
    id::AppId,
    services::docs::{CollectionName, DocsAsk},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath, QueryParams, TextBody},
        file::{self, Format, Mode},
        import::Import,
        problem::{Answer, problems},
    },
};

problems!(
    ImportDocumentsProblems: NotFound, ValidationFailed, BodyTooLarge, DocumentTaken, Conflict, QuotaExceeded,
    CommitUnknown, TooManyRequests, LoopDetected
);

/// How the file is, and what becomes of what is there.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportDocumentsQuery {
    /// `json`, one object per line, or `csv`.
    #[serde(default)]
    #[param(inline, default = "json")]
    format: Format,
    /// `insert`: an id that is there already ends the import; `replace`: the document of the file takes the place of that
    /// one.
    #[serde(default)]
    #[param(inline, default = "insert")]
    mode: Mode,
}

/// What became of a file.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedDocuments)]
pub(crate) struct ImportedBody {
    /// How many documents were written.
    written: usize,
}

/// Import documents
///
/// From a file as `documents:export` writes it, of at most 4 MiB; a document without an id gets a new one. A CSV file has a
/// line of headings: the names of the fields, and `_id`. All of it is read before anything is written; then it is written in
/// steps of up to 250 documents, each of them whole. The first document that the collection refuses ends the import: the
/// problem says its line, and how many documents were written before.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/collections/{collection}/documents:import",
    tag = "documents",
    params(ImportDocumentsQuery),
    request_body(content((String = "application/x-ndjson"), (String = "text/csv"))),
    responses((status = 200, description = "Imported", body = ImportedBody), ImportDocumentsProblems),
)]
pub(crate) async fn import_documents(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(collection): InPath<CollectionName>,
    QueryParams(query): QueryParams<ImportDocumentsQuery>,
    TextBody(body): TextBody,
) -> Answer<Json<ImportedBody>> {
    let (found, _) = ask(&manager, app.id, &collection, DocsAsk::Get { ids: Vec::new() }).await?;
    let format = query.format;
    let rows = file::aside(move || lines::read(&body, format)).await?;
    let import = Import {
        manager: &manager,
        caller: &caller,
        app: app.id,
        action: "import_documents",
        target: audit::Target {
            kind: "collection".to_owned(),
            id: Some(found.id.to_string()),
            name: Some(collection.to_string()),
        },
    };
    let target = Target {
        manager: &manager,
        caller: &caller,
        app: app.id,
        collection: &collection,
        mode: query.mode,
    };
    let written = import.run(&target, batch::batches(rows)).await?;
    Ok(Json(ImportedBody { written }))
}

/// Where documents are imported.
struct Target<'t> {
    manager: &'t Manager,
    caller: &'t Caller,
    app: AppId,
    collection: &'t CollectionName,
    mode: Mode,
}
