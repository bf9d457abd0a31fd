//! What all runs of a server may hold together.

use std::{future::poll_fn, sync::Arc, task::Poll};

use picloud_executor_core::{Executor, ExecutorConfig};
use picloud_shared::{
    limits::Limits,
    memory::{MemoryBudget, Pressure},
    outcome::{Outcome, ScriptErrorKind},
    seam::ExecutorClient,
};
use tokio::task::{JoinHandle, spawn_local, yield_now};

use crate::support::{LIMITS, invocation, on_serving_thread, request};

const MEGABYTE: u64 = 1_024 * 1_024;

fn limited(megabytes: u64) -> (Executor, Arc<MemoryBudget>) {
    let memory = MemoryBudget::new(megabytes * MEGABYTE);
    let executor = Executor::new(ExecutorConfig {
        memory: Arc::clone(&memory),
        ..ExecutorConfig::default()
    });
    (executor, memory)
}

fn begin(executor: &Executor, source: &str) -> JoinHandle<Outcome> {
    let limits = Limits {
        memory_bytes_max: Limits::CAPS.memory_bytes_max,
        ..LIMITS
    };
    let (executor, invocation) = (executor.clone(), invocation(source, limits, request()));
    spawn_local(async move { executor.execute(invocation).await })
}

/// Begins a run that makes a blob of `bytes` and waits, and lets it come so far.
async fn hold(executor: &Executor, memory: &MemoryBudget, bytes: u64) -> JoinHandle<Outcome> {
    let run = begin(executor, &format!("let b = blob({bytes}); sleep(1); b.len()"));
    while memory.bytes_held() < bytes {
        yield_now().await;
    }
    run
}

#[track_caller]
fn assert_ended_by_the_server(outcome: &Outcome) {
    let error = outcome.result.as_ref().expect_err("too much");
    assert_eq!(error.kind, ScriptErrorKind::Memory, "{error:?}");
    assert!(error.message.contains("script_memory_bytes_max"), "{error:?}");
}

#[test]
fn a_run_that_would_break_the_budget_is_ended_and_the_others_are_not() {
    for growing in [
        "let b = blob(12_000_000); b.len()",
        "let a = []; loop { a.push(blob(10_000)); }",
        "let s = \"x\"; loop { s += s; }",
        "try { let a = []; loop { a.push(blob(10_000)); } } catch { \"escaped\" }",
    ] {
        on_serving_thread(|_| async move {
            let (executor, memory) = limited(16);
            let held = hold(&executor, &memory, 8_000_000).await;
            assert_ended_by_the_server(&begin(&executor, growing).await.expect("no panic"));
            let held = held.await.expect("no panic").result;
            assert_eq!(held.expect("it was there first").body, "8000000", "{growing}");
            drop(executor);
            assert_eq!(memory.bytes_held(), 0, "{growing}");
        });
    }
}

#[test]
fn small_runs_go_on_when_the_budget_is_exhausted() {
    on_serving_thread(|_| async move {
        let (executor, memory) = limited(16);
        let held = hold(&executor, &memory, 16_700_000).await;
        let small = "let a = []; for i in 0..1000 { a.push(\"0123456789\" + i); } sleep(0.1); a.len()";
        let small = [begin(&executor, small), begin(&executor, small)];
        for run in small.into_iter().chain([held]) {
            let outcome = run.await.expect("no panic");
            assert!(outcome.result.is_ok(), "{outcome:?}");
        }
        drop(executor);
        assert_eq!(memory.bytes_held(), 0);
    });
}

#[test]
fn many_small_runs_cannot_go_far_beyond_the_budget() {
    on_serving_thread(|_| async move {
        let (executor, memory) = limited(8);
        let small = "let a = []; for i in 0..50 { a.push(blob(10_000)); } sleep(0.5); 1";
        let runs: Vec<_> = (0..40).map(|_| begin(&executor, small)).collect();
        let mut ended = 0;
        for run in runs {
            let outcome = run.await.expect("no panic");
            if outcome.result.is_err() {
                assert_ended_by_the_server(&outcome);
                ended += 1;
            }
        }
        assert!((1..40).contains(&ended), "{ended} were ended");
        drop(executor);
        assert_eq!(memory.bytes_held(), 0);
    });
}

#[test]
fn runs_that_wait_count_and_give_back_what_they_hold_when_they_are_dropped() {
    on_serving_thread(|_| async move {
        let (executor, memory) = limited(16);
        let held = hold(&executor, &memory, 5_000_000).await;
        let mut sleepers = Vec::new();
        while memory.pressure() == Pressure::None {
            let mut sleeper = Box::pin(executor.execute(invocation("sleep(60)", LIMITS, request())));
            poll_fn(|context| {
                assert!(sleeper.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
            sleepers.push(sleeper);
            assert!(sleepers.len() < 10_000, "waiting runs count for nothing");
        }
        drop(sleepers);
        held.abort();
        assert!(held.await.expect_err("it was aborted").is_cancelled());
        drop(executor);
        assert_eq!(memory.bytes_held(), 0);
    });
}
