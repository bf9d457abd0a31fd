//! `GET /api/v1/admin/apps/{app}/executions`.

use axum::{Json, extract::State};
use picloud_shared::{
    execution::{ExecutionFilter, ExecutionStatus},
    id::{DeliveryId, ScriptId},
    invocation::Trigger,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::ExecutionBody;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, QueryParams},
        list::{List, page},
        problem::{Answer, problems},
        validate::{Violations, some_id},
    },
};

/// Longest text to search for, in characters.
pub(crate) const SEARCH_CHARS_MAX: usize = 200;

problems!(ListExecutionsProblems: NotFound);

/// Which runs; each parameter that is given must fit.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListExecutionsQuery {
    /// Of this script.
    #[serde(default, deserialize_with = "some_id")]
    script: Option<Uuid>,
    /// `success`, `error`, `timeout`, `limit_exceeded` or `cancelled`.
    #[param(value_type = Option<String>)]
    status: Option<ExecutionStatus>,
    /// `http`, `execute`, `test`, `async`, `event` or `schedule`.
    #[param(value_type = Option<String>)]
    trigger: Option<Trigger>,
    /// With this text in path, script name, error or log, in any case.
    q: Option<String>,
    /// That began at or after this moment (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// That began before this moment (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// That were runs of this delivery.
    #[serde(default, deserialize_with = "some_id")]
    delivery: Option<Uuid>,
    /// That this began, by whatever chain of runs and events, or that run itself. A run for several events was begun by what
    /// began any of them.
    #[serde(default, deserialize_with = "some_id")]
    root: Option<Uuid>,
    /// Most items on a page.
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of records.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExecutionList {
    items: Vec<ExecutionBody>,
    /// For `?cursor=`, to get the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
    /// Successful runs of the app since `since` that were counted but have no record.
    unrecorded_runs: u64,
}

/// List an app's executions
///
/// Newest first, without their logs.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/executions",
    tag = "executions",
    params(ListExecutionsQuery),
    responses((status = 200, description = "A page of records", body = ExecutionList), ListExecutionsProblems),
)]
pub(crate) async fn list_executions(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<ListExecutionsQuery>,
) -> Answer<Json<ExecutionList>> {
    require_searchable(query.q.as_deref())?;
    let page = page(query.limit, query.cursor.as_deref())?;
    let filter = ExecutionFilter {
        script: query.script.map(ScriptId),
        status: query.status,
        trigger: query.trigger,
        text: query.q.filter(|text| !text.is_empty()),
        since: query.since,
        until: query.until,
        delivery: query.delivery.map(DeliveryId),
        root: query.root,
    };
    let executions = manager
        .repository()
        .list_executions(app.id, &filter, page)
        .await?;
    let since = query.since.unwrap_or(Timestamp::from_micros(0));
    let unrecorded_runs = manager.repository().count_unrecorded(app.id, since).await?;
    let List { items, next_cursor } = List::of(executions, ExecutionBody::summary);
    Ok(Json(ExecutionList {
        items,
        next_cursor,
        unrecorded_runs,
    }))
}

/// Refuses a text that is too long to be looked for.
pub(super) fn require_searchable(text: Option<&str>) -> Answer<()> {
    let mut violations = Violations::default();
    violations.require(
        text.map_or(0, |text| text.chars().count()) <= SEARCH_CHARS_MAX,
        "q",
        format!("must have at most {SEARCH_CHARS_MAX} characters"),
    );
    violations.finish()
}
