//! `GET /api/v1/admin/executions/{execution}`.

use axum::{Json, extract::State};
use picloud_shared::id::ExecutionId;

use super::ExecutionBody;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::InPath,
        problem::{Answer, problems},
    },
};

problems!(GetExecutionProblems: NotFound);

/// Get an execution
///
/// By the `x-request-id` of the answer that it gave. Every failure has a record; successes have one up to a rate per
/// app, and beyond it they are only counted.
#[utoipa::path(
    get,
    path = "/api/v1/admin/executions/{execution}",
    tag = "executions",
    responses((status = 200, description = "The record", body = ExecutionBody), GetExecutionProblems),
)]
pub(crate) async fn get_execution(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(execution): InPath<ExecutionId>,
) -> Answer<Json<ExecutionBody>> {
    Ok(Json(caller.execution(&manager, execution).await?.into()))
}
