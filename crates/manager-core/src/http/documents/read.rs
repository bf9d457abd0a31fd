//! Reading documents.

use axum::{Json, extract::State, response::IntoResponse};
use picloud_shared::services::docs::{
    CollectionName, DocsAsk, DocsFound, FILTER_BYTES_MAX, Find, PATH_BYTES_MAX, Selection,
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::{DocumentBody, DocumentId, ask, look_up, with_etag};
use crate::{
    Manager,
    http::{
        extract::{AppPath, InPath, QueryParams},
        list::{self, List},
        problem::{Answer, FieldError, internal, invalid, not_found, problems},
        validate::Violations,
    },
};

problems!(ListDocumentsProblems: NotFound);

/// Which documents.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListDocumentsQuery {
    /// What documents are like, as in `docs::find`: a JSON object. At most 65,536 bytes.
    #[param(example = json!("{\"age\":{\"gte\":18}}"))]
    filter: Option<String>,
    /// A path, or `_id`, with `-` before it for the other way round.
    #[param(example = "-_id", max_length = 257)]
    sort: Option<String>,
    /// Most items on a page. There may be fewer, if they are large.
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List the documents of a collection
///
/// In the order of their ids, or of the index that is used, unless `sort` says another. At most 10,000 documents are
/// looked at.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/collections/{collection}/documents",
    tag = "documents",
    params(ListDocumentsQuery),
    responses((status = 200, description = "A page of documents", body = List<DocumentBody>), ListDocumentsProblems),
)]
pub(crate) async fn list_documents(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
    InPath(name): InPath<CollectionName>,
    QueryParams(query): QueryParams<ListDocumentsQuery>,
) -> Answer<Json<List<DocumentBody>>> {
    let limit = list::limit(query.limit)?;
    let selection = selection(query.filter.as_deref(), query.sort)?;
    let stamp = selection.stamp();
    let after = query
        .cursor
        .as_deref()
        .map(|cursor| list::decode_in(stamp, cursor))
        .transpose()?;
    let find = Find {
        selection,
        after,
        limit,
        except: Vec::new(),
        only_count: false,
    };
    match ask(&manager, app.id, &name, DocsAsk::Find(find)).await? {
        (_, DocsFound::Page(page)) => Ok(Json(List {
            items: page.documents.into_iter().map(DocumentBody::from).collect(),
            next_cursor: page.until.map(|place| list::encode_in(stamp, &place)),
        })),
        (_, DocsFound::OtherOrder) => Err(invalid(&[FieldError {
            field: "cursor".to_owned(),
            message: "is one of another order: without `sort` it is that of the index that is used, and since that page \
                another one is; leave it out to begin with the first, or give a `sort`"
                .to_owned(),
        }])),
        (_, DocsFound::Refused { message }) => Err(invalid(&[FieldError {
            field: "filter".to_owned(),
            message,
        }])),
        _ => Err(internal()),
    }
}

fn selection(filter: Option<&str>, sort: Option<String>) -> Answer<Selection> {
    let mut violations = Violations::default();
    let filter = match filter {
        None => Some(json!({})),
        Some(text) if text.len() > FILTER_BYTES_MAX => {
            violations.add("filter", format!("must have at most {FILTER_BYTES_MAX} bytes"));
            None
        }
        Some(text) => {
            let read = serde_json::from_str::<Value>(text);
            read.map_err(|error| violations.add("filter", error)).ok()
        }
    };
    let fits = sort.as_ref().is_none_or(|sort| sort.len() <= PATH_BYTES_MAX + 1);
    violations.require(
        fits,
        "sort",
        format!("must have at most {} bytes", PATH_BYTES_MAX + 1),
    );
    let selection = filter.map(|filter| Selection { filter, sort });
    if let Some(Err(error)) = selection.as_ref().map(Selection::check) {
        violations.add("filter", error);
    }
    violations.finish_with(selection)
}

problems!(GetDocumentProblems: NotFound);

/// Tell what a document is
///
/// Its `version` is also the `ETag`.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/collections/{collection}/documents/{document}",
    tag = "documents",
    responses((status = 200, description = "The document", body = DocumentBody), GetDocumentProblems),
)]
pub(crate) async fn get_document(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
    InPath(name): InPath<CollectionName>,
    InPath(id): InPath<DocumentId>,
) -> Answer<impl IntoResponse> {
    let (_, document) = look_up(&manager, app.id, &name, &id.0).await?;
    Ok(with_etag(document.ok_or_else(|| not_found("document"))?))
}
