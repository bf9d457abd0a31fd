//! Changing documents.

use axum::{extract::State, response::IntoResponse};
use http::{StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use picloud_shared::{
    id::ExecutionId,
    problem::Code,
    services::docs::{CollectionName, DOCUMENT_ID_BYTES_MAX, Document, is_document_id, merge},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{DocumentBody, DocumentId, with_etag, write::Place};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath, JsonBody, Precondition, text_for},
        problem::{Answer, not_found, problem, problems},
        validate::Violations,
    },
};

problems!(
    CreateDocumentProblems: NotFound, DocumentTaken, Conflict, QuotaExceeded, CommitUnknown, TooManyRequests,
    LoopDetected
);

/// A document to write.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateDocument {
    /// 1 to 128 bytes; a new one, greater than those before it, unless set.
    #[schema(example = "ada")]
    id: Option<String>,
    /// At most 262,144 bytes (256 KiB) as JSON.
    #[schema(value_type = Object, example = json!({ "name": "Ada", "age": 36 }))]
    document: Map<String, Value>,
}

/// Write a new document
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/collections/{collection}/documents",
    tag = "documents",
    request_body = CreateDocument,
    responses((status = 201, description = "Written", body = DocumentBody), CreateDocumentProblems),
)]
pub(crate) async fn create_document(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(name): InPath<CollectionName>,
    JsonBody(body): JsonBody<CreateDocument>,
) -> Answer<impl IntoResponse> {
    let id = body
        .id
        .unwrap_or_else(|| ExecutionId::new(manager.now()).to_string());
    let mut violations = Violations::default();
    violations.require(
        is_document_id(&id),
        "id",
        format!("must have 1 to {DOCUMENT_ID_BYTES_MAX} bytes"),
    );
    violations.finish()?;
    let place = Place {
        manager: &manager,
        caller: &caller,
        app: app.id,
        collection: &name,
        id: &id,
        only_if: Precondition::NONE,
    };
    let written = place.change("create_document", |before| match before {
        Some(_) => Err(problem(
            Code::DocumentTaken,
            format!("The collection has a document `{id}` already."),
        )),
        None => Ok(Some(Value::Object(body.document.clone()))),
    });
    let document = written.await?.ok_or_else(|| not_found("document"))?;
    let location = format!(
        "/api/v1/admin/apps/{}/collections/{name}/documents/{}",
        app.slug,
        utf8_percent_encode(&text_for(&id), NON_ALPHANUMERIC)
    );
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        with_etag(document),
    ))
}

problems!(
    ReplaceDocumentProblems: NotFound, DocumentTaken, Conflict, VersionMismatch, QuotaExceeded, CommitUnknown,
    TooManyRequests, LoopDetected
);

/// A document in the place of one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplaceDocument {
    /// At most 262,144 bytes (256 KiB) as JSON.
    #[schema(value_type = Object, example = json!({ "name": "Ada", "age": 37 }))]
    document: Map<String, Value>,
}

/// Replace a document
///
/// Send the `version` that you know as `If-Match` to be sure that nobody and no script changed it meanwhile.
#[utoipa::path(
    put,
    path = "/api/v1/admin/apps/{app}/collections/{collection}/documents/{document}",
    tag = "documents",
    params(("If-Match" = Option<String>, Header, description = "The version that must be there, in quotes")),
    request_body = ReplaceDocument,
    responses((status = 200, description = "Replaced", body = DocumentBody), ReplaceDocumentProblems),
)]
pub(crate) async fn replace_document(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(name): InPath<CollectionName>,
    InPath(id): InPath<DocumentId>,
    only_if: Precondition,
    JsonBody(body): JsonBody<ReplaceDocument>,
) -> Answer<impl IntoResponse> {
    let place = Place {
        manager: &manager,
        caller: &caller,
        app: app.id,
        collection: &name,
        id: &id.0,
        only_if,
    };
    remake(&place, "replace_document", |_| {
        Value::Object(body.document.clone())
    })
    .await
    .map(with_etag)
}

problems!(
    PatchDocumentProblems: NotFound, DocumentTaken, Conflict, VersionMismatch, QuotaExceeded, CommitUnknown,
    TooManyRequests, LoopDetected
);

/// Changes of a document.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchDocument {
    /// A JSON Merge Patch (RFC 7396): null takes a field away, an object is laid over what is there, all else takes its
    /// place.
    #[schema(value_type = Object, example = json!({ "age": 37, "address": null }))]
    document: Map<String, Value>,
}

/// Change parts of a document
///
/// Send the `version` that you know as `If-Match` to be sure that nobody and no script changed it meanwhile.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/apps/{app}/collections/{collection}/documents/{document}",
    tag = "documents",
    params(("If-Match" = Option<String>, Header, description = "The version that must be there, in quotes")),
    request_body = PatchDocument,
    responses((status = 200, description = "Changed", body = DocumentBody), PatchDocumentProblems),
)]
pub(crate) async fn patch_document(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(name): InPath<CollectionName>,
    InPath(id): InPath<DocumentId>,
    only_if: Precondition,
    JsonBody(body): JsonBody<PatchDocument>,
) -> Answer<impl IntoResponse> {
    let place = Place {
        manager: &manager,
        caller: &caller,
        app: app.id,
        collection: &name,
        id: &id.0,
        only_if,
    };
    remake(&place, "patch_document", |mut document| {
        merge(&mut document, Value::Object(body.document.clone()));
        document
    })
    .await
    .map(with_etag)
}

/// Makes of the document what `make` makes of what it is. Gives what was written.
async fn remake(place: &Place<'_>, action: &'static str, make: impl Fn(Value) -> Value) -> Answer<Document> {
    let remade = place.change(action, |before| match before {
        Some(document) => Ok(Some(make(document))),
        None => Err(not_found("document")),
    });
    remade.await?.ok_or_else(|| not_found("document"))
}

problems!(
    DeleteDocumentProblems: NotFound, Conflict, VersionMismatch, CommitUnknown, TooManyRequests, LoopDetected
);

/// Delete a document
///
/// Send the `version` that you know as `If-Match` to be sure that nobody and no script changed it meanwhile.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/collections/{collection}/documents/{document}",
    tag = "documents",
    params(("If-Match" = Option<String>, Header, description = "The version that must be there, in quotes")),
    responses((status = 204, description = "Deleted"), DeleteDocumentProblems),
)]
pub(crate) async fn delete_document(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(name): InPath<CollectionName>,
    InPath(id): InPath<DocumentId>,
    only_if: Precondition,
) -> Answer<StatusCode> {
    let place = Place {
        manager: &manager,
        caller: &caller,
        app: app.id,
        collection: &name,
        id: &id.0,
        only_if,
    };
    let deleted = place.change("delete_document", |before| match before {
        Some(_) => Ok(None),
        None => Err(not_found("document")),
    });
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}
