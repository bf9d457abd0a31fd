//! What is kept of runs.

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod stats;
pub(crate) mod tail;

use picloud_shared::{
    execution::{DeliveryRun, Execution, ExecutionStatus, RequestSummary},
    invocation::Trigger,
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::scripts::run::{LogLineBody, ScriptErrorBody, ServiceUseBody};

/// What is kept of one run.
#[derive(Serialize, ToSchema)]
#[schema(as = Execution)]
pub(crate) struct ExecutionBody {
    /// The `x-request-id` of the answer that it gave.
    id: Uuid,
    app_id: Uuid,
    script_id: Uuid,
    /// Its name at that time.
    script_name: String,
    version: u32,
    /// `http`, `execute`, `test`, `async`, `event` or `schedule`.
    #[schema(value_type = String, example = "http")]
    trigger: Trigger,
    /// `success`, `error`, `timeout`, `limit_exceeded` or `cancelled`.
    #[schema(value_type = String, example = "success")]
    status: ExecutionStatus,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// Time from start to end; to its commit, if the run has written something.
    duration_us: u64,
    /// Time on the processor.
    cpu_us: u64,
    /// Steps of the script.
    operations: u64,
    /// Most memory held at one time.
    memory_bytes_peak: u64,
    /// What it used of each service that it called.
    services: Vec<ServiceUseBody>,
    request: RequestSummaryBody,
    /// The status that was sent; 0 if there was nobody to send one to, or the server ended before it did.
    response_status: u16,
    /// What the script wrote; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<Vec<LogLineBody>>,
    /// Why it failed; null if it did not.
    #[schema(required)]
    error: Option<ScriptErrorBody>,
    /// The node that ran it.
    node: String,
    /// The delivery that it was a run of, or the first of several; null if it was for a request that somebody waited for.
    #[schema(required)]
    delivery: Option<DeliveryRunBody>,
}

/// Which run of which delivery it was.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryRun)]
struct DeliveryRunBody {
    /// The delivery.
    id: Uuid,
    /// The number of the run, from 1.
    attempt: u32,
    /// What began the chain of runs and events that led to it: the id of a run, or of an event from outside.
    root_id: Uuid,
    /// For how many deliveries it was: more than one if it was for a batch.
    events: u32,
}

/// A request in short: no headers, no query, no body.
#[derive(Serialize, ToSchema)]
#[schema(as = RequestSummary)]
struct RequestSummaryBody {
    method: String,
    host: String,
    path: String,
    /// Size of the body.
    body_bytes: u64,
    /// The client's address.
    remote_addr: String,
}

impl From<Execution> for ExecutionBody {
    fn from(execution: Execution) -> Self {
        Self {
            id: execution.id.0,
            app_id: execution.app_id.0,
            script_id: execution.script_id.0,
            script_name: execution.script_name,
            version: execution.version,
            trigger: execution.trigger,
            status: execution.status,
            started_at: execution.started_at,
            duration_us: execution.usage.duration_us,
            cpu_us: execution.usage.cpu_us,
            operations: execution.usage.operations,
            memory_bytes_peak: execution.usage.memory_bytes_peak,
            services: ServiceUseBody::all(execution.services),
            request: execution.request.into(),
            response_status: execution.response_status,
            logs: Some(execution.logs.into_iter().map(LogLineBody::from).collect()),
            error: execution.error.map(ScriptErrorBody::from),
            node: execution.node,
            delivery: execution.delivery.map(DeliveryRunBody::from),
        }
    }
}

impl ExecutionBody {
    /// Without the log, for lists.
    pub(super) fn summary(execution: Execution) -> Self {
        Self {
            logs: None,
            ..execution.into()
        }
    }
}

impl From<DeliveryRun> for DeliveryRunBody {
    fn from(run: DeliveryRun) -> Self {
        Self {
            id: run.id.0,
            attempt: run.attempt,
            root_id: run.root,
            events: run.events,
        }
    }
}

impl From<RequestSummary> for RequestSummaryBody {
    fn from(request: RequestSummary) -> Self {
        Self {
            method: request.method,
            host: request.host,
            path: request.path,
            body_bytes: request.body_bytes,
            remote_addr: request.remote_addr,
        }
    }
}
