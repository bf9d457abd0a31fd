//! `/api/v1/admin/apps/{app}/collections`: the collections of an app's documents, and how they are declared.

pub(crate) mod update;

use axum::{Json, extract::State, response::IntoResponse};
use http::{StatusCode, header};
use picloud_shared::{
    problem::Code,
    repository::{AppCollection, CreateCollectionError},
    services::docs::{CollectionName, Definition, DocPath, INDEXES_MAX, Index, Schema},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    access::Caller,
    extract::{AppPath, InPath, JsonBody, QueryParams},
    list::{List, ListQuery},
    problem::{Answer, not_found, problem, problems, sentence},
    validate::Violations,
};
use crate::Manager;

/// A collection of documents.
#[derive(Serialize, ToSchema)]
#[schema(as = Collection)]
pub(crate) struct CollectionBody {
    #[schema(example = "people")]
    name: String,
    indexes: Vec<IndexBody>,
    /// What documents have to be like, as JSON Schema; null if they may be anything.
    #[schema(value_type = Option<Object>, required, example = json!({ "required": ["name"] }))]
    schema: Option<Value>,
    /// Whether it is being changed: something is still to be done.
    changing: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// An index of a collection.
#[derive(Serialize, ToSchema)]
#[schema(as = Index)]
pub(crate) struct IndexBody {
    /// A path into the documents.
    #[schema(example = "address.city")]
    path: String,
    /// Whether no two documents may have the same text, number or truth value there.
    unique: bool,
    /// Whether it has all documents. It is not used before.
    ready: bool,
}

impl From<AppCollection> for CollectionBody {
    fn from(collection: AppCollection) -> Self {
        let definition = collection.definition;
        let is_ready = |id| definition.index(id).is_some_and(|index| index.is_ready);
        let indexes = definition.declared().iter().map(|index| IndexBody {
            path: index.path.clone().into(),
            unique: index.is_unique,
            ready: is_ready(index.id),
        });
        Self {
            name: collection.name,
            indexes: indexes.collect(),
            changing: definition.unfinished.is_some(),
            schema: definition.schema.map(Value::from),
            created_at: collection.created_at,
            updated_at: collection.updated_at,
        }
    }
}

problems!(ListCollectionsProblems: NotFound);

/// List an app's collections
///
/// Oldest first. Those that came into being with their first document are among them.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/collections",
    tag = "documents",
    params(ListQuery),
    responses(
        (status = 200, description = "A page of collections", body = List<CollectionBody>),
        ListCollectionsProblems,
    ),
)]
pub(crate) async fn list_collections(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<ListQuery>,
) -> Answer<Json<List<CollectionBody>>> {
    let collections = manager
        .repository()
        .list_collections(app.id, query.page()?)
        .await?;
    Ok(Json(List::of(collections, CollectionBody::from)))
}

problems!(GetCollectionProblems: NotFound);

/// Tell what a collection is
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/collections/{collection}",
    tag = "documents",
    responses((status = 200, description = "The collection", body = CollectionBody), GetCollectionProblems),
)]
pub(crate) async fn get_collection(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    InPath(name): InPath<CollectionName>,
) -> Answer<Json<CollectionBody>> {
    let found = manager
        .repository()
        .find_collection(app.id, name.as_str())
        .await?;
    Ok(Json(found.ok_or_else(|| not_found("collection"))?.into()))
}

problems!(CreateCollectionProblems: NotFound, CollectionTaken, QuotaExceeded);

/// A collection to declare.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateCollection {
    /// 1 to 64 letters, digits, `_` or `-`; begins with a letter.
    #[schema(example = "people")]
    name: String,
    /// At most 16.
    indexes: Option<Vec<NewIndex>>,
    /// What documents have to be like, as JSON Schema; `docs/documents.md` lists the words that are known.
    #[schema(value_type = Option<Object>, example = json!({ "required": ["name"] }))]
    schema: Option<Value>,
}

/// An index to declare.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewIndex {
    /// 1 to 16 names with dots between them, at most 256 bytes.
    #[schema(example = "address.city")]
    path: String,
    /// Whether no two documents may have the same text, number or truth value there.
    unique: Option<bool>,
}

/// Declare a collection
///
/// One that scripts write to without having been declared comes into being without indexes; it is changed then. An app has
/// 1,000 collections at most.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/collections",
    tag = "documents",
    request_body = CreateCollection,
    responses((status = 201, description = "Made", body = CollectionBody), CreateCollectionProblems),
)]
pub(crate) async fn create_collection(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<CreateCollection>,
) -> Answer<impl IntoResponse> {
    let (name, definition) = read(body)?;
    let change = caller.change(&manager, None);
    let made = manager
        .repository()
        .create_collection(app.id, &name, definition, &change)
        .await;
    let made = made.map_err(|error| match error {
        CreateCollectionError::Taken => problem(
            Code::CollectionTaken,
            format!("The app has a collection `{name}`. Change that one, or take another name."),
        ),
        CreateCollectionError::TooMany(exceeded) => problem(Code::QuotaExceeded, sentence(&exceeded)),
        CreateCollectionError::NoApp => not_found("app"),
        CreateCollectionError::Store(error) => error.into(),
    })?;
    let location = format!("/api/v1/admin/apps/{}/collections/{name}", app.slug);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(CollectionBody::from(made)),
    ))
}

fn read(body: CreateCollection) -> Answer<(CollectionName, Definition)> {
    let mut violations = Violations::default();
    let name = CollectionName::new(&body.name)
        .map_err(|error| violations.add("name", error))
        .ok();
    let indexes = read_indexes(body.indexes.unwrap_or_default(), &mut violations);
    let indexes = indexes
        .into_iter()
        .zip(0_i32..)
        .map(|((path, is_unique), id)| Index {
            id,
            path,
            is_unique,
            is_ready: true,
        });
    let indexes = indexes.collect();
    let schema = body.schema.map(Schema::read).transpose();
    let schema = schema.map_err(|error| violations.add("schema", error)).ok();
    violations.finish()?;
    let name = name.ok_or_else(|| not_found("collection"))?;
    Ok((
        name,
        Definition {
            indexes,
            schema: schema.flatten(),
            ..Definition::default()
        },
    ))
}

/// The paths of indexes, each once, and whether they are unique.
fn read_indexes(given: Vec<NewIndex>, violations: &mut Violations) -> Vec<(DocPath, bool)> {
    violations.require(
        given.len() <= INDEXES_MAX,
        "indexes",
        format!("may be {INDEXES_MAX} at most"),
    );
    let mut indexes: Vec<(DocPath, bool)> = Vec::new();
    for (number, index) in given.into_iter().enumerate() {
        let field = format!("indexes[{number}].path");
        match DocPath::new(&index.path) {
            Ok(path) if indexes.iter().any(|(before, _)| *before == path) => {
                violations.add(&field, "has an index already");
            }
            Ok(path) => indexes.push((path, index.unique.unwrap_or_default())),
            Err(error) => violations.add(&field, error),
        }
    }
    indexes
}

problems!(DeleteCollectionProblems: NotFound);

/// Delete a collection with its documents
///
/// Nothing brings them back.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/collections/{collection}",
    tag = "documents",
    responses((status = 204, description = "Deleted"), DeleteCollectionProblems),
)]
pub(crate) async fn delete_collection(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(name): InPath<CollectionName>,
) -> Answer<StatusCode> {
    let change = caller.change(&manager, None);
    let deleted = manager
        .repository()
        .delete_collection(app.id, name.as_str(), &change)
        .await?;
    if deleted {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_found("collection"))
    }
}
