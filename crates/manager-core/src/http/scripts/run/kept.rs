//! What a run from the editor leaves that keeps what it writes.

use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use picloud_shared::{
    audit::{DataChange, Target},
    change::Change,
    execution::{CommittedRun, Execution, ExecutionStatus, RequestSummary},
    id::ExecutionId,
    invocation::{Invocation, Trigger},
    outcome::Outcome,
    script::LiveScript,
    seam::AtCommit,
    time::Timestamp,
};
use serde_json::json;

use crate::{Manager, http::problem::Answer};

/// A longer path is cut off in the record.
const RECORDED_PATH_BYTES_MAX: usize = 2_048;

/// A run that keeps what it writes: people are to find it, and who began it.
#[derive(Debug)]
pub(super) struct Kept {
    id: ExecutionId,
    script: Arc<LiveScript>,
    started_at: Timestamp,
    request: RequestSummary,
    node: String,
    /// The record that its commit was given.
    committed: Mutex<Option<Box<Execution>>>,
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
            node: manager.runs().node().to_owned(),
            committed: Mutex::default(),
        }
    }

    /// Leaves its records.
    pub(super) async fn record(&self, manager: &Manager, outcome: &Outcome, change: &Change) -> Answer<()> {
        let script = &self.script;
        let committed = self
            .committed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match committed.filter(|_| outcome.recorded) {
            Some(record) => manager.runs().committed(CommittedRun {
                record: *record,
                duration_us: outcome.usage.duration_us,
            }),
            None => manager.runs().record(self.execution(outcome)),
        }
        let status = ExecutionStatus::of(outcome.result.as_ref().err());
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

    fn execution(&self, outcome: &Outcome) -> Execution {
        let script = &self.script;
        let error = outcome.result.as_ref().err();
        Execution {
            id: self.id,
            app_id: script.app_id,
            script_id: script.script_id,
            script_name: script.name.to_string(),
            version: script.version,
            trigger: Trigger::Test,
            status: ExecutionStatus::of(error),
            started_at: self.started_at,
            usage: outcome.usage,
            services: outcome.services.clone(),
            request: self.request.clone(),
            response_status: match &outcome.result {
                Ok(response) => response.status.as_u16(),
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
            },
            logs: outcome.logs.clone(),
            error: error.cloned(),
            node: self.node.clone(),
            delivery: None,
        }
    }
}

impl AtCommit for Kept {
    fn record(&self, outcome: &Outcome) -> Option<Box<Execution>> {
        let record = Box::new(self.execution(outcome));
        let mut committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        *committed = Some(record.clone());
        Some(record)
    }
}
