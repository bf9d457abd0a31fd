//! The invocation as a transaction.

mod conflicts;
mod data;
mod ends;

use std::sync::Arc;

use picloud_shared::{
    id::AppId,
    limits::Limits,
    outcome::{Outcome, ScriptErrorKind},
    services::KvValue,
};
use uuid::Uuid;

use crate::support::{LIMITS, invocation, memory::MemoryHost, request, run_invocation};

const APP: AppId = AppId(Uuid::from_u128(1));
const OTHER: AppId = AppId(Uuid::from_u128(2));

/// Runs `source` for `app` on `host`.
fn run_as(host: &Arc<MemoryHost>, app: AppId, source: &str, limits: Limits, keeps_writes: bool) -> Outcome {
    let mut invocation = invocation(source, limits, request());
    Arc::make_mut(&mut invocation.script).app_id = app;
    invocation.keeps_writes = keeps_writes;
    run_invocation(host, invocation)
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
    host.commits().len()
}
