//! The invocation as a transaction.

mod conflicts;
mod data;
mod ends;

use std::sync::Arc;

use picloud_executor_core::{Executor, ExecutorConfig};
use picloud_shared::{
    id::AppId,
    invocation::Invocation,
    limits::Limits,
    outcome::{Outcome, ScriptErrorKind},
    seam::ExecutorClient as _,
    services::{KvValue, Question},
};
use uuid::Uuid;

use crate::support::{LIMITS, invocation, memory::MemoryHost, on_serving_thread, request};

const APP: AppId = AppId(Uuid::from_u128(1));
const OTHER: AppId = AppId(Uuid::from_u128(2));

/// Runs `source` for `app` on `host`.
fn run_as(host: &Arc<MemoryHost>, app: AppId, source: &str, limits: Limits, keeps_writes: bool) -> Outcome {
    let mut invocation = invocation(source, limits, request());
    Arc::make_mut(&mut invocation.script).app_id = app;
    invocation.keeps_writes = keeps_writes;
    run_invocation(host, invocation)
}

pub(crate) fn run_invocation(host: &Arc<MemoryHost>, invocation: Invocation) -> Outcome {
    let services = host.services();
    on_serving_thread(|_| async move {
        let executor = Executor::new(ExecutorConfig {
            services: Some(services),
            ..ExecutorConfig::default()
        });
        executor.execute(invocation).await
    })
}

fn run(host: &Arc<MemoryHost>, source: &str) -> Outcome {
    run_as(host, APP, source, LIMITS, true)
}

#[track_caller]
fn says(outcome: Outcome, expected: &str) {
    let response = outcome.result.expect("an answer");
    assert_eq!(String::from_utf8_lossy(&response.body), expected);
}

fn kind(outcome: Outcome) -> Option<ScriptErrorKind> {
    outcome.result.err().map(|error| error.kind)
}

fn json(text: &str) -> KvValue {
    KvValue::Json(text.to_owned())
}

fn commits(host: &MemoryHost) -> usize {
    let asked = host.asked();
    asked
        .iter()
        .filter(|question| matches!(question, Question::Commit(_)))
        .count()
}
