//! Scripts that call others.

mod handing_over;
mod limits;
mod transaction;

use std::sync::Arc;

use picloud_shared::{
    id::AppId,
    limits::Limits,
    outcome::{Outcome, ScriptError},
    seam::ExecutorClient as _,
};

use crate::support::{
    invocation_in, invocation_within, memory::MemoryHost, on_serving_thread, run_in, run_invocation,
};

/// Runs the first of `scripts`, and compares its answer.
#[track_caller]
fn check(scripts: &[(&str, &str)], expected: &str) {
    says(run_in(scripts), expected);
}

#[track_caller]
fn says(outcome: Outcome, expected: &str) {
    match outcome.result {
        Ok(response) => assert_eq!(String::from_utf8_lossy(&response.body), expected),
        Err(error) => panic!("{error:#?}"),
    }
}

#[track_caller]
fn error(scripts: &[(&str, &str)]) -> ScriptError {
    match run_in(scripts).result {
        Ok(response) => panic!("{scripts:#?}\n{response:#?}"),
        Err(error) => error,
    }
}

/// Runs the first of `scripts`, of which some have limits of their own.
fn run_within(scripts: &[(&str, &str)], limits: &[(&str, Limits)]) -> Outcome {
    on_serving_thread(|executor| async move { executor.execute(invocation_within(scripts, limits)).await })
}

/// Runs the first of `scripts` on `host`.
fn run_on(host: &Arc<MemoryHost>, scripts: &[(&str, &str)]) -> (AppId, Outcome) {
    let invocation = invocation_in(scripts);
    (invocation.script.app_id, run_invocation(host, invocation))
}
