//! `/api/v1/admin/apps/{app}/collections/{collection}/documents`: the documents of an app, as people see and change
//! them.
//!
//! What is changed here goes the way of a script's commit, so that a run that has read the document meets a conflict.

pub(crate) mod change;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod read;
mod table;
mod write;

use std::{convert::Infallible, str::FromStr};

use axum::{Json, response::IntoResponse};
use picloud_shared::{
    id::AppId,
    services::{
        Answer as Answered, Question,
        docs::{
            Collection, CollectionName, DocsAnswer, DocsAsk, DocsFound, DocsQuestion, Document,
            is_document_id,
        },
    },
    time::Timestamp,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    etag::etag,
    extract::{Named, named_by},
    kv,
    problem::{Answer, internal, not_found},
};
use crate::Manager;

/// A document.
#[derive(Serialize, ToSchema)]
#[schema(as = Document)]
pub(crate) struct DocumentBody {
    #[schema(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    id: String,
    #[schema(value_type = Object, example = json!({ "name": "Ada", "age": 36 }))]
    document: Value,
    /// Names this writing of it; every other has another. It is the `ETag` of the document, for a later `If-Match`.
    #[schema(example = "4611686018427387904")]
    version: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Document> for DocumentBody {
    fn from(document: Document) -> Self {
        Self {
            id: document.id,
            // What was written is JSON.
            document: serde_json::from_str(&document.document).unwrap_or_default(),
            version: document.version.to_string(),
            created_at: Timestamp::from_micros(document.created_at),
            updated_at: Timestamp::from_micros(document.updated_at),
        }
    }
}

/// The document with its version as `ETag`, for a later `If-Match`.
fn with_etag(document: Document) -> impl IntoResponse {
    let body = DocumentBody::from(document);
    (etag(&body.version), Json(body))
}

/// The id of a document in a path.
pub(crate) struct DocumentId(String);

impl FromStr for DocumentId {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(named_by(text).to_owned()))
    }
}

impl Named for DocumentId {
    const NAME: &str = "document";
}

impl Named for CollectionName {
    const NAME: &str = "collection";
}

/// Asks about a collection that has to be there.
async fn ask(
    manager: &Manager,
    app: AppId,
    name: &CollectionName,
    ask: DocsAsk,
) -> Answer<(Collection, DocsFound)> {
    let question = Question::Docs(DocsQuestion {
        collection: name.as_str().to_owned(),
        ask,
    });
    let Answered::Docs(DocsAnswer { collection, found }) = kv::ask(manager, app, question).await? else {
        return Err(internal());
    };
    let collection = collection.ok_or_else(|| not_found("collection"))?;
    Ok((collection, found))
}

/// A collection, and one of its documents if that is there.
async fn look_up(
    manager: &Manager,
    app: AppId,
    name: &CollectionName,
    id: &str,
) -> Answer<(Collection, Option<Document>)> {
    let ids = if is_document_id(id) {
        vec![id.to_owned()]
    } else {
        Vec::new()
    };
    match ask(manager, app, name, DocsAsk::Get { ids }).await? {
        (collection, DocsFound::Documents { mut documents }) => Ok((collection, documents.pop())),
        _ => Err(internal()),
    }
}
