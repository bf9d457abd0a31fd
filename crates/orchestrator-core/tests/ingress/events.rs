//! What is due runs on the serving threads, and each lease ends as its run did.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::StatusCode;
use picloud_shared::{
    events::{Counts, DeadReason, Event, Leased, Lineage, Next, Origin, QueueId, RetryPolicy},
    execution::ExecutionStatus,
    id::{DeliveryId, EventId, ScriptId, SubscriptionId},
    invocation::Trigger,
    seam::{EventTable as _, ScriptResolver as _},
    time::Timestamp,
};
use tokio::{runtime::Builder, time::sleep};
use uuid::Uuid;

use crate::support::{APP, FROM_ELSEWHERE, TestServer, script_id};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn leased(script: ScriptId, counts: Counts) -> Leased {
    let event = Event {
        id: EventId::new(NOW),
        topic: "orders.placed".parse().ok(),
        source: "/test".to_owned(),
        subject: None,
        time: NOW,
        extensions: BTreeMap::new(),
        content_type: "application/json".to_owned(),
        data: Bytes::from_static(b"{\"order\":7}"),
        key: None,
        request: None,
        lineage: Lineage {
            root: Uuid::from_u128(7),
            cause: None,
            depth: 2,
        },
    };
    Leased {
        delivery: DeliveryId::new(NOW),
        app_id: APP,
        script_id: script,
        token: 3,
        until: NOW.plus(Duration::from_secs(30)),
        counts,
        batch: None,
        ran_only_in_batch: false,
        event: Arc::new(event),
        origin: Origin::Invoke,
        ordered: false,
        retry: RetryPolicy::default(),
        on_success: None,
        on_failure: None,
        since: NOW,
    }
}

/// A server that runs what is due for the script of that name.
fn with_due(name: &str, counts: Counts) -> (TestServer, Leased) {
    let server = TestServer::start();
    let leased = leased(script_id(name), counts);
    server.events.make_due(leased.clone());
    (server, leased)
}

#[test]
fn a_run_that_succeeds_ends_its_delivery() {
    let (server, leased) = with_due("echo", Counts::default());
    let _pump = server.pump();
    let (acknowledged, record) = server.ended();
    let ack = &acknowledged.acks[0];
    assert_eq!((ack.delivery, ack.token), (leased.delivery, leased.token));
    let result = ack.result.as_ref().expect("a result");
    assert_eq!(result.status, StatusCode::OK.as_u16());
    let body = String::from_utf8_lossy(&result.body);
    assert!(
        body.contains("POST / ") && body.contains("body={\"order\":7}"),
        "{body}"
    );
    assert_eq!(record.trigger, Trigger::Async);
    let run = record.delivery.expect("it says of which delivery it was a run");
    assert_eq!(
        (run.id, run.attempt, run.root),
        (leased.delivery, 1, Uuid::from_u128(7))
    );
    let seen = server.events.seen();
    assert_eq!((seen.failures.len(), seen.released.len()), (0, 0));
}

#[test]
fn a_run_that_fails_is_tried_again_and_at_last_set_aside() {
    let delays_s = [10, 60, 300, 1_800];
    // Faults of before change nothing of that.
    for (attempts, faults) in (0..=6).flat_map(|attempts| [(attempts, 0), (attempts, 9)]) {
        let counts = Counts {
            attempts,
            faults,
            ..Counts::default()
        };
        let (server, leased) = with_due("fail", counts);
        let _pump = server.pump();
        let seen = server.events.wait_until(|seen| seen.failures.len() == 1);
        let (held, failure) = &seen.failures[0];
        assert_eq!(*held, leased.held());
        assert_eq!(failure.error, "a secret of the script (line 3)");
        assert!(!failure.is_fault && failure.execution.is_some());
        let delay_ms = delays_s.get(attempts as usize).map(|seconds| seconds * 1_000);
        match (failure.next, delay_ms) {
            (Next::RetryAt(due), Some(delay_ms)) => {
                let after_ms = (due.as_micros() - NOW.as_micros()) / 1_000;
                // A fifth more or less by chance; the clock goes on by next to nothing.
                let expected = delay_ms * 4 / 5..=delay_ms * 6 / 5;
                assert!(expected.contains(&after_ms), "{counts:?}: {after_ms} ms");
            }
            (Next::Dead(reason), None) => assert_eq!(reason, DeadReason::Exhausted),
            (next, _) => panic!("{counts:?}: {next:?}"),
        }
        drop(seen);
        let record = server.records().remove(0);
        assert_eq!(record.delivery.map(|run| run.attempt), Some(attempts + 1));
    }
}

#[test]
fn what_cannot_run_is_set_aside_without_a_run() {
    let poison = Counts {
        aborts: 3,
        ..Counts::default()
    };
    let gone = ScriptId(Uuid::from_u128(1));
    for (script, counts, expected) in [
        (script_id("hello"), poison, DeadReason::Poison),
        (gone, Counts::default(), DeadReason::ScriptGone),
    ] {
        let server = TestServer::start();
        server.events.make_due(leased(script, counts));
        let _pump = server.pump();
        let seen = server.events.wait_until(|seen| seen.failures.len() == 1);
        let failure = &seen.failures[0].1;
        assert_eq!((failure.next, failure.execution), (Next::Dead(expected), None));
        drop(seen);
        assert!(server.records().is_empty());
    }
}

#[test]
fn a_script_that_another_node_has_released_is_read_and_runs() {
    let server = TestServer::start();
    server.repository.is_released_elsewhere();
    let due = [(); 3].map(|()| leased(FROM_ELSEWHERE, Counts::default()));
    for leased in &due {
        server.events.make_due(leased.clone());
    }
    let _pump = server.pump();
    for _ in &due {
        server.ended();
    }
    assert!(server.events.seen().failures.is_empty());
    assert_eq!(server.repository.reads(), 1, "it is read once for all of them");
    assert!(server.live.resolve(FROM_ELSEWHERE).is_some());
}

#[test]
fn an_app_is_not_read_again_for_a_script_that_is_gone() {
    let server = TestServer::start();
    for _ in 0..3 {
        let gone = ScriptId(Uuid::from_u128(1));
        server.events.make_due(leased(gone, Counts::default()));
    }
    let _pump = server.pump();
    let seen = server.events.wait_until(|seen| seen.failures.len() == 3);
    for (_, failure) in &seen.failures {
        assert_eq!(failure.next, Next::Dead(DeadReason::ScriptGone));
    }
    assert_eq!(server.repository.reads(), 0);
}

#[test]
fn whether_a_script_is_gone_is_asked_again_if_storage_is_away() {
    let server = TestServer::start();
    server.repository.fail_once();
    let gone = ScriptId(Uuid::from_u128(1));
    server.events.make_due(leased(gone, Counts::default()));
    let _pump = server.pump();
    let seen = server.events.wait_until(|seen| seen.failures.len() == 1);
    let failure = &seen.failures[0].1;
    assert!(matches!(failure.next, Next::RetryAt(_)), "{failure:?}");
    assert!(failure.is_fault, "that is no attempt: {failure:?}");
}

#[test]
fn what_has_failed_only_with_others_runs_alone_at_any_age() {
    for ran_only_in_batch in [true, false] {
        let counts = Counts {
            attempts: 1,
            ..Counts::default()
        };
        let old = Leased {
            since: Timestamp::from_micros(0),
            ran_only_in_batch,
            ..leased(script_id("echo"), counts)
        };
        let server = TestServer::start();
        server.events.make_due(old.clone());
        let _pump = server.pump();
        if ran_only_in_batch {
            let (acknowledged, _) = server.ended();
            assert_eq!(acknowledged.acks[0].delivery, old.delivery);
            continue;
        }
        let seen = server.events.wait_until(|seen| seen.failures.len() == 1);
        let failure = &seen.failures[0].1;
        assert_eq!(
            (failure.next, failure.execution),
            (Next::Dead(DeadReason::Expired), None)
        );
    }
}

#[test]
fn of_what_was_cut_off_before_it_is_kept_that_it_begins() {
    for aborts in [0, 1] {
        let counts = Counts {
            aborts,
            ..Counts::default()
        };
        let (server, leased) = with_due("echo", counts);
        let _pump = server.pump();
        let (acknowledged, _) = server.ended();
        assert_eq!(acknowledged.acks[0].delivery, leased.delivery);
        let begun = server.events.seen().begun.clone();
        let expected = if aborts == 0 { vec![] } else { vec![leased.held()] };
        assert_eq!(begun, expected);
    }
}

#[test]
fn a_server_that_stops_gives_back_what_it_does_not_end() {
    let (server, leased) = with_due("wait", Counts::default());
    let pump = server.pump();
    let waiting = server.runtime.block_on(server.gate.waiting.acquire());
    waiting.expect("never closed").forget();
    pump.stop_claiming();
    server.runtime.block_on(server.running.stop(Duration::ZERO));
    server.runtime.block_on(pump.stop(Duration::from_mins(1)));
    let seen = server.events.seen();
    assert_eq!(seen.released, [leased.held()]);
    assert!(seen.failures.is_empty());
}

#[test]
fn a_run_that_is_cancelled_ends_at_once() {
    let (server, leased) = with_due("wait", Counts::default());
    let _pump = server.pump();
    let waiting = server.runtime.block_on(server.gate.waiting.acquire());
    waiting.expect("never closed").forget();
    server.published.lose(leased.delivery);
    let begun = Instant::now();
    let record = loop {
        if let Some(record) = server.records().pop() {
            break record;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "it has not ended");
    };
    assert_eq!(record.status, ExecutionStatus::Cancelled);
    let seen = server.events.seen();
    assert!(seen.failures.is_empty() && seen.released.is_empty());
}

/// Deliveries of a subscription that one run is for.
fn batch(name: &str, count: usize) -> Vec<Leased> {
    let origin = Origin::Subscription(SubscriptionId(Uuid::from_u128(8)));
    let mut batch: Vec<_> = (0..count)
        .map(|_| Leased {
            origin: origin.clone(),
            ..leased(script_id(name), Counts::default())
        })
        .collect();
    let first = batch[0].delivery;
    for leased in &mut batch {
        leased.batch = Some(first);
    }
    batch
}

#[test]
fn a_run_for_several_ends_all_of_them() {
    let server = TestServer::start();
    let batch = batch("echo", 3);
    for leased in &batch {
        server.events.make_due(leased.clone());
    }
    // Another batch is another run.
    let alone = leased(script_id("hello"), Counts::default());
    server.events.make_due(alone.clone());
    let _pump = server.pump();
    let mut ends = [server.ended(), server.ended()];
    ends.sort_by_key(|(acknowledged, _)| acknowledged.acks.len());
    let [(single, _), (several, record)] = ends;
    assert_eq!(single.acks[0].delivery, alone.delivery);
    let ended: Vec<_> = several.acks.iter().map(|ack| (ack.delivery, ack.token)).collect();
    let expected: Vec<_> = batch
        .iter()
        .map(|leased| (leased.delivery, leased.token))
        .collect();
    assert_eq!(ended, expected);
    assert!(
        several
            .acks
            .iter()
            .all(|ack| ack.execution == record.id && ack.result.is_none())
    );
    let run = record.delivery.expect("it says of which deliveries it was a run");
    assert_eq!((run.id, run.attempt, run.events), (batch[0].delivery, 1, 3));
    assert_eq!((record.trigger, record.request.body_bytes), (Trigger::Event, 0));
}

#[test]
fn of_a_run_for_several_that_fails_each_runs_again() {
    let server = TestServer::start();
    for mut leased in batch("fail", 3) {
        leased.retry.attempts_max = 1;
        server.events.make_due(leased);
    }
    let _pump = server.pump();
    let seen = server.events.wait_until(|seen| seen.failures.len() == 3);
    let runs: Vec<_> = seen
        .failures
        .iter()
        .map(|(_, failure)| failure.execution)
        .collect();
    assert!(
        runs[0].is_some() && runs.iter().all(|run| *run == runs[0]),
        "{runs:?}"
    );
    for (_, failure) in &seen.failures {
        assert!(matches!(failure.next, Next::RetryAt(due) if due > NOW) && !failure.is_fault);
        assert!(failure.emits.is_empty());
    }
}

#[test]
fn of_a_run_for_several_that_loses_one_the_others_are_given_back() {
    let server = TestServer::start();
    let batch = batch("wait", 3);
    for leased in &batch {
        server.events.make_due(leased.clone());
    }
    let _pump = server.pump();
    let waiting = server.runtime.block_on(server.gate.waiting.acquire());
    waiting.expect("never closed").forget();
    server.published.lose(batch[1].delivery);
    let seen = server.events.wait_until(|seen| !seen.released.is_empty());
    let all: Vec<_> = batch.iter().map(Leased::held).collect();
    assert_eq!(seen.released, all, "storage knows which of them is lost");
    assert!(seen.failures.is_empty());
}

#[test]
fn a_claim_says_what_is_held() {
    let server = TestServer::start();
    let batch = batch("wait", 3);
    let queue = batch[0].queue();
    for leased in batch {
        server.events.make_due(leased);
    }
    server
        .events
        .make_due(leased(script_id("wait"), Counts::default()));
    let _pump = server.pump();
    for _ in 0..2 {
        let waiting = server.runtime.block_on(server.gate.waiting.acquire());
        waiting.expect("never closed").forget();
    }
    let claims = server.events.seen().claims;
    server.published.wake();
    let seen = server.events.wait_until(|seen| seen.claims > claims);
    let claim = seen.claim.clone().expect("the last one");
    assert_eq!(claim.held, HashMap::from([(APP, 2)]));
    let script = QueueId(script_id("wait").0);
    assert_eq!(claim.held_in_queues, HashMap::from([(queue, 1), (script, 1)]));
    assert!(claim.full.is_empty() && claim.queues.is_empty());
}

#[test]
fn nothing_is_looked_for_before_something_happens() {
    let server = TestServer::start();
    let _pump = server.pump();
    drop(server.events.wait_until(|seen| seen.claims == 1));
    let leased = leased(script_id("hello"), Counts::default());
    // Nobody claims it before somebody says that it is there.
    server.events.make_due(leased.clone());
    assert_eq!(server.get("/hello").status, 200);
    assert_eq!(server.events.seen().claims, 1);
    server.published.wake();
    let seen = server.events.wait_until(|seen| seen.claims == 2);
    assert_eq!(seen.recovered, ["test-node"]);
}

#[test]
fn what_waits_behind_much_that_cannot_be_read_runs_at_once() {
    let (server, leased) = with_due("hello", Counts::default());
    server.events.cannot_be_read(3);
    let _pump = server.pump();
    let (acknowledged, _) = server.ended();
    assert_eq!(acknowledged.acks[0].delivery, leased.delivery);
}

#[test]
fn what_a_claim_has_leased_whose_answer_was_lost_is_given_back() {
    let (server, leased) = with_due("wait", Counts::default());
    let unknown = self::leased(script_id("hello"), Counts::default());
    // The one that runs is leased as well, by the claim after that.
    server.events.loses_an_answer(vec![unknown.held(), leased.held()]);
    let _pump = server.pump();
    let seen = server.events.wait_until(|seen| !seen.released.is_empty());
    assert_eq!(seen.released, [unknown.held()]);
    drop(seen);
    // One that failed, one that did not, and one for what is due again.
    drop(server.events.wait_until(|seen| seen.claims >= 3));
}

#[test]
fn a_clock_that_is_set_is_looked_at_at_once() {
    let server = TestServer::start();
    // The first one is due in a day, by the clock of before.
    server.events.is_next_due(NOW.plus(Duration::from_hours(24)));
    let _pump = server.pump();
    drop(server.events.wait_until(|seen| seen.claims == 1));
    server
        .events
        .make_due(leased(script_id("hello"), Counts::default()));
    server.published.clock_was_set();
    drop(server.events.wait_until(|seen| seen.claims >= 2));
    server.ended();
}

#[test]
fn what_is_too_old_is_deleted_while_nothing_happens() {
    let server = TestServer::start();
    // Something is too old by now each time; at last nothing is there.
    server.events.is_kept_until(vec![NOW, NOW]);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let _pump = server.pump_on(&runtime);
    runtime.block_on(async {
        for (minutes, purges) in [(59, 1), (2, 2), (58, 2), (2, 3), (48 * 60, 3)] {
            sleep(Duration::from_mins(minutes)).await;
            assert_eq!(
                server.events.seen().purges,
                purges,
                "after {minutes} minutes more"
            );
        }
    });
}

#[test]
fn a_request_for_which_nobody_waits_is_kept() {
    let server = TestServer::start();
    let script = script_id("echo");
    let answer = server.send(&format!(
        "POST /api/v1/execute/{script}?a=1 HTTP/1.1\r\nHost: localhost\r\nPrefer: respond-async\r\n\
         Idempotency-Key: order-7\r\nContent-Length: 2\r\n\r\nhi"
    ));
    assert_eq!(answer.status, 202);
    let seen = server.events.seen();
    let (event, key) = &seen.published[0];
    assert_eq!(event.data, "hi");
    let delivery = &event.deliveries[0];
    assert_eq!((delivery.script_id, &delivery.origin), (script, &Origin::Invoke));
    let path = format!("/api/v1/admin/apps/{APP}/deliveries/{}", delivery.id);
    assert_eq!(answer.header("location"), Some(path.as_str()));
    assert_eq!(answer.header("preference-applied"), Some("respond-async"));
    assert!(answer.body.contains(&delivery.id.to_string()), "{}", answer.body);
    let request = event.request.as_ref().expect("the request");
    assert_eq!(
        (request.method.as_str(), request.uri.as_str()),
        ("POST", format!("/api/v1/execute/{script}?a=1").as_str())
    );
    assert_eq!(key.as_ref().map(|key| key.key.as_str()), Some("order-7"));
    drop(seen);
    assert!(server.records().is_empty());
}

#[test]
fn what_is_kept_of_two_keys_does_not_tell_that_one_caller_has_both() {
    let server = TestServer::start();
    let script = script_id("echo");
    for key in ["order-7", "order-8", "order-7"] {
        let answer = server.send(&format!(
            "POST /api/v1/execute/{script}?async=true HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer one\r\nIdempotency-Key: {key}\r\nContent-Length: 0\r\n\r\n"
        ));
        assert_eq!(answer.status, 202);
    }
    let seen = server.events.seen();
    let keys = seen.published.iter().filter_map(|(_, key)| key.as_ref());
    let scopes: Vec<_> = keys.map(|key| key.scope.as_str()).collect();
    assert_ne!(scopes[0], scopes[1]);
    assert_eq!(scopes[0], scopes[2]);
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let server = TestServer::start();
    let script = script_id("echo");
    let send = |target: &str, headers: &str| {
        server.send(&format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: 0\r\n\r\n"
        ))
    };
    let unknown = format!("/api/v1/execute/{}?async=true", Uuid::from_u128(1));
    assert_eq!(send(&unknown, "").status, 404);
    let known = format!("/api/v1/execute/{script}?async=true");
    let long = format!("Idempotency-Key: {}\r\n", "a".repeat(257));
    assert_eq!(send(&known, &long).status, 422);
    let body = "a".repeat(256 * 1_024 + 1);
    let large = server.send(&format!(
        "POST {known} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(large.status, 413);
    assert!(server.events.seen().published.is_empty());
}
