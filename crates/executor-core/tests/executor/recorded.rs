//! The record of a run, which its commit carries.

use std::sync::{Arc, Mutex};

use picloud_shared::{
    execution::{Execution, ExecutionStatus, RequestSummary},
    id::{AppId, ScriptId},
    invocation::{Invocation, Trigger},
    outcome::{Outcome, ScriptErrorKind},
    seam::AtCommit,
    services::{Commit, ServiceError},
    time::Timestamp,
};
use uuid::Uuid;

use crate::support::{LIMITS, invocation, memory::MemoryHost, request, run_invocation};

/// Makes a record of each outcome that it is asked for, and remembers it.
#[derive(Debug, Default)]
struct Recorder {
    asked: Mutex<Vec<Outcome>>,
    /// Gives none.
    refuses: bool,
}

impl AtCommit for Recorder {
    fn record(&self, outcome: &Outcome) -> Option<Box<Execution>> {
        self.asked.lock().expect("no holder panics").push(outcome.clone());
        (!self.refuses).then(|| {
            Box::new(Execution {
                id: invocation("", LIMITS, request()).id,
                app_id: AppId(Uuid::nil()),
                script_id: ScriptId(Uuid::nil()),
                script_name: "test".to_owned(),
                version: 1,
                trigger: Trigger::Http,
                status: ExecutionStatus::Success,
                started_at: Timestamp::from_micros(1),
                usage: outcome.usage,
                services: outcome.services.clone(),
                request: RequestSummary {
                    method: "GET".to_owned(),
                    host: String::new(),
                    path: outcome.request_path.clone().unwrap_or_default(),
                    body_bytes: 0,
                    remote_addr: String::new(),
                },
                response_status: 200,
                logs: outcome.logs.clone(),
                error: None,
                node: String::new(),
                delivery: None,
            })
        })
    }
}

impl Recorder {
    fn invocation(self: &Arc<Self>, source: &str) -> Invocation {
        Invocation {
            at_commit: Some(Arc::clone(self) as Arc<dyn AtCommit>),
            ..invocation(source, LIMITS, request())
        }
    }

    fn times_asked(&self) -> usize {
        self.asked.lock().expect("no holder panics").len()
    }
}

/// Runs a source; gives its outcome, its commits, and how often it was asked for its record.
fn run_on(host: &Arc<MemoryHost>, source: &str) -> (Outcome, Vec<Commit>, usize) {
    let recorder = Arc::<Recorder>::default();
    let outcome = run_invocation(host, recorder.invocation(source));
    (outcome, host.commits(), recorder.times_asked())
}

fn run(source: &str) -> (Outcome, Vec<Commit>, usize) {
    run_on(&Arc::default(), source)
}

#[test]
fn the_commit_of_a_run_carries_its_record() {
    let (outcome, commits, asked) =
        run("log::info(\"here\"); kv::set(\"a\", 1); docs::insert(\"c\", #{}); response(418, \"x\")");
    assert!(outcome.recorded);
    assert_eq!((commits.len(), asked), (1, 1));
    let record = commits[0].record.as_ref().expect("a record");
    assert_eq!(record.logs, outcome.logs);
    assert_eq!(record.logs[0].message, "here");
    assert_eq!(record.usage.operations, outcome.usage.operations);
    assert!(record.usage.duration_us > 0 && record.usage.duration_us <= outcome.usage.duration_us);
    let calls = |services: &[picloud_shared::services::ServiceUse]| -> Vec<_> {
        let calls = services.iter().map(|used| (used.service, used.calls));
        calls.collect()
    };
    assert_eq!(
        calls(&record.services),
        calls(&outcome.services),
        "both have a line for the commit"
    );
}

#[test]
fn only_the_last_commit_carries_it() {
    let (outcome, commits, asked) =
        run("kv::set(\"a\", 1); transaction::commit(); kv::set(\"b\", 1); \"done\"");
    assert!(outcome.recorded);
    let carry = commits.iter().map(|commit| commit.record.is_some());
    assert_eq!((carry.collect::<Vec<_>>(), asked), (vec![false, true], 1));
    // If nothing is left to write, there is nothing that could carry it.
    let (outcome, commits, asked) = run("kv::set(\"a\", 1); transaction::commit(); \"done\"");
    assert_eq!((outcome.recorded, commits.len(), asked), (false, 1, 0));
}

#[test]
fn a_run_that_writes_nothing_is_not_asked_for_it() {
    for (source, commits_expected) in [
        ("1", 0),
        ("kv::get(\"a\")", 0),
        // Compared, but nothing is written.
        ("kv::get(\"a\"); kv::get(\"b\")", 1),
        ("kv::set(\"a\", 1); throw \"no\"", 0),
        ("kv::set(\"a\", 1); throw #{status: 404}", 0),
    ] {
        let (outcome, commits, asked) = run(source);
        assert_eq!(
            (outcome.recorded, commits.len(), asked),
            (false, commits_expected, 0),
            "{source}"
        );
    }
    let recorder = Arc::<Recorder>::default();
    let tried = Invocation {
        keeps_writes: false,
        ..recorder.invocation("kv::set(\"a\", 1)")
    };
    assert!(!run_invocation(&Arc::default(), tried).recorded);
    assert_eq!(recorder.times_asked(), 0);
}

#[test]
fn each_try_carries_the_record_of_that_try() {
    let host = Arc::<MemoryHost>::default();
    host.disturb("n", 2);
    let (outcome, commits, asked) = run_on(&host, "log::info(`${kv::incr(\"n\")}`); \"done\"");
    assert!(outcome.recorded && outcome.result.is_ok());
    assert_eq!((commits.len(), asked), (3, 3));
    let logs = commits
        .iter()
        .map(|commit| commit.record.as_ref().map_or(0, |record| record.logs.len()));
    assert_eq!(logs.collect::<Vec<_>>(), [1, 1, 1]);
    let record = commits[2].record.as_ref().expect("a record");
    assert_eq!(record.logs, outcome.logs);
    assert_eq!(record.usage.operations, outcome.usage.operations);
}

#[test]
fn a_run_that_gives_up_has_none() {
    let host = Arc::<MemoryHost>::default();
    host.disturb("n", usize::MAX);
    let (outcome, _, _) = run_on(&host, "log::info(\"here\"); kv::incr(\"n\"); 1");
    assert!(!outcome.recorded);
    assert_eq!(outcome.logs[0].message, "here");
    let error = outcome.result.expect_err("it met the others each time");
    assert_eq!(error.kind, ScriptErrorKind::Conflict);

    let host = Arc::<MemoryHost>::default();
    host.refuse(ServiceError::Full);
    let (outcome, commits, _) = run_on(&host, "log::info(\"here\"); kv::set(\"a\", 1); 1");
    assert_eq!((outcome.recorded, commits.len()), (false, 1));
    assert_eq!(outcome.logs[0].message, "here");
    let error = outcome.result.expect_err("nothing was written");
    assert_eq!(error.kind, ScriptErrorKind::StorageFull);
}

#[test]
fn whoever_began_the_run_may_give_none() {
    let recorder = Arc::new(Recorder {
        refuses: true,
        ..Recorder::default()
    });
    let host = Arc::<MemoryHost>::default();
    let outcome = run_invocation(&host, recorder.invocation("kv::set(\"a\", 1); 1"));
    assert!(!outcome.recorded && outcome.result.is_ok());
    assert_eq!((host.commits().len(), recorder.times_asked()), (1, 1));
}

#[test]
fn no_secret_is_in_it() {
    let host = Arc::<MemoryHost>::default();
    host.set_secret("KEY", "canary-7");
    let (outcome, commits, _) = run_on(
        &host,
        "log::info(`it is ${secret::get(\"KEY\")}`); kv::set(\"a\", 1); 1",
    );
    assert!(outcome.recorded);
    let record = commits[0].record.as_ref().expect("a record");
    assert_eq!(record.logs[0].message, "it is [secret KEY]");
    assert_eq!(record.logs, outcome.logs);
    // An error that comes from the commit is looked through as well.
    let host = Arc::<MemoryHost>::default();
    host.set_secret("KEY", "canary-7");
    host.disturb("canary-7", usize::MAX);
    let (outcome, _, _) = run_on(&host, "kv::incr(secret::get(\"KEY\")); 1");
    let error = outcome.result.expect_err("it met the others each time");
    assert!(
        error.message.starts_with("`[secret KEY]` changed"),
        "{}",
        error.message
    );
}
