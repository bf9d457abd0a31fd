//! What a run from the editor leaves that keeps what it writes.

use std::sync::Arc;

use http::StatusCode;
use picloud_shared::{
    audit::{DataChange, Target},
    change::Change,
    execution::{Execution, ExecutionStatus, RequestSummary},
    id::ExecutionId,
    invocation::{Invocation, Trigger},
    outcome::Outcome,
    script::LiveScript,
    time::Timestamp,
};
use serde_json::json;

use crate::{Manager, http::problem::Answer};

/// A longer path is cut off in the record.
const RECORDED_PATH_BYTES_MAX: usize = 2_048;

/// A run that keeps what it writes: people are to find it, and who began it.
pub(super) struct Kept {
    id: ExecutionId,
    script: Arc<LiveScript>,
    started_at: Timestamp,
    request: RequestSummary,
}

impl Kept {
    /// One that begins now.
    pub(super) fn begin(manager: &Manager, invocation: &Invocation) -> Self {
        let request = &invocation.request;
        let path = request.uri.path();
        Self {
            id: invocation.id,
            script: Arc::clone(&invocation.script),
            started_at: manager.now(),
            request: RequestSummary {
                method: request.method.to_string(),
                host: request.host.to_string(),
                path: path[..path.floor_char_boundary(RECORDED_PATH_BYTES_MAX)].to_owned(),
                body_bytes: request.body.len() as u64,
                remote_addr: request.remote_addr.to_string(),
            },
        }
    }

    /// Leaves its records.
    pub(super) async fn record(self, manager: &Manager, outcome: &Outcome, change: &Change) -> Answer<()> {
        let script = &self.script;
        let error = outcome.result.as_ref().err();
        let status = ExecutionStatus::of(error);
        manager.runs().record(Execution {
            id: self.id,
            app_id: script.app_id,
            script_id: script.script_id,
            script_name: script.name.to_string(),
            version: script.version,
            trigger: Trigger::Test,
            status,
            started_at: self.started_at,
            usage: outcome.usage,
            services: outcome.services.clone(),
            request: self.request,
            response_status: match &outcome.result {
                Ok(response) => response.status.as_u16(),
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
            },
            logs: outcome.logs.clone(),
            error: error.cloned(),
            // The recorder knows it.
            node: String::new(),
        });
        let done = DataChange {
            action: "run_script",
            target: Target {
                kind: "script".to_owned(),
                id: Some(script.script_id.to_string()),
                name: Some(script.name.to_string()),
            },
            before: None,
            after: Some(json!({
                "version": script.version,
                "source_sha256": script.content_hash.to_string(),
                "status": status.as_str(),
            })),
        };
        manager
            .repository()
            .record_data_change(script.app_id, &done, change)
            .await?;
        Ok(())
    }
}
