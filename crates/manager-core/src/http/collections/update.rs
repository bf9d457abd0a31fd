//! `PATCH /api/v1/admin/apps/{app}/collections/{collection}`.

use axum::{Json, extract::State};
use picloud_shared::{
    problem::Code,
    services::docs::{CollectionName, DefinitionChange, Schema},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{CollectionBody, NewIndex, read_indexes};
use crate::{
    Manager,
    collections::finish,
    http::{
        access::Caller,
        extract::{AppPath, InPath, JsonBody},
        problem::{Answer, not_found, problem, problems},
        validate::{Violations, present},
    },
};

problems!(
    UpdateCollectionProblems: NotFound, ValidationFailed, DocumentTaken, Conflict, QuotaExceeded, CommitUnknown
);

/// How often a change is tried while others change the collection.
const TRIES_MAX: usize = 10;

/// What to change in a collection; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateCollection {
    /// All indexes that it is to have, at most 16. One that is there already stays as it is.
    #[serde(default)]
    indexes: Option<Vec<NewIndex>>,
    /// What documents have to be like, as JSON Schema; null if they may be anything.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Object>, example = json!({ "required": ["name"] }))]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    schema: Option<Option<Value>>,
    /// What becomes of documents that are not as a new schema says: `check` refuses the change, `keep` leaves them as they
    /// are until somebody writes them.
    #[serde(default)]
    existing: Option<Existing>,
}

/// What becomes of documents that are not as a new schema says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Existing {
    /// The change is refused.
    Check,
    /// They stay.
    Keep,
}

/// Change a collection
///
/// Its documents stay, and scripts go on meanwhile. The answer comes when all of it is done: new indexes have all documents
/// and are used, and those that are no longer listed are gone. A change that cannot be is refused as a whole, with the
/// documents that stand against it: two with the same value at the path of a unique index, or some that are not as the new
/// schema says. Until then a new schema, and a new unique index, hold for what scripts write. A change that was cut off, by
/// the end of the server or its database, is gone on with at the next start, and by the next change.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/apps/{app}/collections/{collection}",
    tag = "documents",
    request_body = UpdateCollection,
    responses((status = 200, description = "Changed", body = CollectionBody), UpdateCollectionProblems),
)]
pub(crate) async fn update_collection(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(name): InPath<CollectionName>,
    JsonBody(body): JsonBody<UpdateCollection>,
) -> Answer<Json<CollectionBody>> {
    let wanted = read(body)?;
    let change = caller.change(&manager, None);
    manager.repository().confirm_data_change(app.id, &change).await?;
    for _ in 0..TRIES_MAX {
        let found = manager
            .repository()
            .find_collection(app.id, name.as_str())
            .await?;
        let id = found.ok_or_else(|| not_found("collection"))?.id;
        let _turn = manager.collections().wait(id).await;
        let found = manager
            .repository()
            .find_collection(app.id, name.as_str())
            .await?;
        let found = found.ok_or_else(|| not_found("collection"))?;
        if found.definition.unfinished.is_some() {
            // Whoever began it was told what became of it, or that it failed.
            drop(finish(&manager, app.id, &name, found.id).await);
            continue;
        }
        let definition = found.definition.begin(wanted.clone());
        if definition == found.definition {
            return Ok(Json(found.into()));
        }
        let begun = manager
            .repository()
            .change_collection(app.id, &found, definition, Some(&change), change.at)
            .await?;
        if begun.is_some() {
            let done = finish(&manager, app.id, &name, found.id).await?;
            // Another node may have gone on with it, and have been the one to find why it cannot be.
            if done.definition.is_as(wanted) {
                return Ok(Json(done.into()));
            }
            return Err(problem(
                Code::Conflict,
                "Others ended the change, or changed the collection again. Look what it is, and try again.",
            ));
        }
    }
    Err(problem(
        Code::Conflict,
        "Others change the collection at the same time. Nothing was changed. Try again in a moment.",
    ))
}

fn read(body: UpdateCollection) -> Answer<DefinitionChange> {
    let mut violations = Violations::default();
    let indexes = body.indexes.map(|given| read_indexes(given, &mut violations));
    let schema = body
        .schema
        .and_then(|schema| match schema.map(Schema::read).transpose() {
            Ok(schema) => Some(schema),
            Err(error) => {
                violations.add("schema", error);
                None
            }
        });
    violations.finish()?;
    Ok(DefinitionChange {
        indexes,
        schema,
        keeps_existing: body.existing == Some(Existing::Keep),
        checks_existing: body.existing == Some(Existing::Check),
    })
}
