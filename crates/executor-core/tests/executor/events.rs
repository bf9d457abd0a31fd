//! What a run emits, what it sees of its event, and what ends with it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use picloud_shared::{
    events::{Ack, DEPTH_MAX, Delivered, Event, Held, Lineage, NewEvent, Origin, Topic},
    execution::Execution,
    id::{AppId, DeliveryId, EventId, ExecutionId, ScheduleId},
    invocation::Invocation,
    outcome::{Outcome, RetryWish, ScriptErrorKind},
    seam::{Acknowledged, AtCommit},
    services::{Commit, Service},
    time::Timestamp,
};
use uuid::Uuid;

use crate::support::{LIMITS, invocation, memory::MemoryHost, request, run_invocation};

const NOW: Timestamp = Timestamp::from_micros(1_763_670_896_789_000);
const ROOT: Uuid = Uuid::from_u128(9);

/// The outcome of `source`, and what its commits emit.
fn run(source: &str) -> (Outcome, Vec<NewEvent>) {
    let host = Arc::<MemoryHost>::default();
    let outcome = run_invocation(&host, invocation(source, LIMITS, request()));
    let emits = host.commits().into_iter().flat_map(|commit| commit.emits);
    (outcome, emits.collect())
}

#[track_caller]
fn says(outcome: &Outcome, expected: &str) {
    let response = outcome.result.as_ref().expect("an answer");
    assert_eq!(String::from_utf8_lossy(&response.body), expected);
}

fn kind(outcome: &Outcome) -> Option<ScriptErrorKind> {
    outcome.result.as_ref().err().map(|error| error.kind)
}

#[test]
fn an_event_is_part_of_the_commit() {
    let (outcome, events) = run(
        "let id = event::emit(\"orders.placed\", #{order: 7}, #{key: \"c\", subject: \"s\", at: time::now() + time::DAY});
         kv::set(\"id\", id); id",
    );
    let [event] = &events[..] else {
        panic!("{events:?}")
    };
    says(&outcome, &event.id.to_string());
    assert_eq!(event.topic.as_ref().map(Topic::as_str), Some("orders.placed"));
    assert_eq!(event.source, "/scripts/test");
    assert_eq!(
        (event.key.as_deref(), event.subject.as_deref()),
        (Some("c"), Some("s"))
    );
    assert_eq!(
        (event.content_type.as_str(), &event.data[..]),
        ("application/json", &b"{\"order\":7}"[..])
    );
    let due = event
        .due_at
        .map(|due| (due.as_micros() - event.time.as_micros()) / 1_000_000);
    assert!(
        due.is_some_and(|seconds| (86_390..=86_400).contains(&seconds)),
        "{due:?}"
    );
    assert!(event.deliveries.is_empty(), "who gets it is not known here");
    let used = outcome
        .services
        .iter()
        .find(|used| used.service == Service::Event);
    assert!(used.is_some_and(|used| used.calls == 1 && used.bytes_written > 0));
}

#[test]
fn a_delay_begins_when_it_is_emitted() {
    let (_, events) = run("event::emit(\"a\", 1, #{delay: 1.5}); event::emit(\"a\", 1)");
    assert_eq!(
        events[0]
            .due_at
            .map(|due| due.as_micros() - events[0].time.as_micros()),
        Some(1_500_000)
    );
    assert_eq!(events[1].due_at, None);
}

#[test]
fn data_is_json_or_a_blob() {
    let (_, events) =
        run("event::emit(\"a\", \"text\"); event::emit(\"a\", ()); event::emit(\"a\", blob(2, 7))");
    let seen: Vec<_> = events
        .iter()
        .map(|event| (event.content_type.as_str(), event.data.to_vec()))
        .collect();
    let json = "application/json";
    assert_eq!(
        seen,
        [
            (json, b"\"text\"".to_vec()),
            (json, b"null".to_vec()),
            ("application/octet-stream", vec![7, 7]),
        ]
    );
}

#[test]
fn a_run_that_fails_or_throws_has_emitted_nothing() {
    for end in [
        "throw \"no\"",
        "throw #{status: 404}",
        "loop {}",
        "retry::never()",
    ] {
        let (outcome, events) = run(&format!("event::emit(\"a\", 1); {end}"));
        assert!(events.is_empty(), "{end}");
        assert!(end.contains("status") || outcome.result.is_err(), "{end}");
    }
    let (_, events) = run("event::emit(\"a\", 1); transaction::commit(); throw \"no\"");
    assert_eq!(events.len(), 1, "what was committed early stays");
}

#[test]
fn a_run_that_is_only_tried_emits_nothing() {
    let host = Arc::<MemoryHost>::default();
    let tried = Invocation {
        keeps_writes: false,
        ..invocation("event::emit(\"a\", 1); kv::set(\"a\", 1); 1", LIMITS, request())
    };
    let outcome = run_invocation(&host, tried);
    assert_eq!((outcome.writes_discarded, host.commits().len()), (2, 0));
}

#[test]
fn one_transaction_emits_so_many_and_no_more() {
    let (_, events) = run("for i in 0..100 { event::emit(\"a\", i) } 1");
    assert_eq!(events.len(), 100);
    let (outcome, events) = run("for i in 0..101 { event::emit(\"a\", i) } 1");
    assert_eq!(kind(&outcome), Some(ScriptErrorKind::Services));
    assert!(events.is_empty());
    let (_, events) =
        run("for i in 0..150 { event::emit(\"a\", i); if i == 80 { transaction::commit() } } 1");
    assert_eq!(events.len(), 150);
}

fn event(content_type: &str, data: &'static [u8]) -> Event {
    Event {
        id: EventId(Uuid::from_u128(1)),
        topic: "orders.placed".parse().ok(),
        source: "/test".to_owned(),
        subject: None,
        time: NOW,
        extensions: BTreeMap::from([("trace".to_owned(), "x".to_owned())]),
        content_type: content_type.to_owned(),
        data: Bytes::from_static(data),
        key: Some("c".to_owned()),
        request: None,
        lineage: Lineage {
            root: ROOT,
            cause: None,
            depth: 3,
        },
    }
}

fn delivered(event: Event, origin: Origin) -> Arc<Delivered> {
    Arc::new(Delivered {
        delivery: DeliveryId(Uuid::from_u128(2)),
        attempt: 4,
        origin,
        event: Arc::new(event),
        others: Vec::new(),
    })
}

fn run_for(event: Arc<Delivered>, source: &str) -> (Outcome, Vec<NewEvent>) {
    let host = Arc::<MemoryHost>::default();
    let depth = event.event.lineage.depth + 1;
    let invocation = Invocation {
        event: Some(event),
        depth,
        ..invocation(source, LIMITS, request())
    };
    let outcome = run_invocation(&host, invocation);
    let emits = host.commits().into_iter().flat_map(|commit| commit.emits);
    (outcome, emits.collect())
}

#[test]
fn a_script_sees_its_event() {
    let json = || delivered(event("application/json", b"{\"order\":[7]}"), Origin::Destination);
    for (source, expected) in [
        ("request.event.topic", "orders.placed"),
        ("request.event.data.order", "[7]"),
        ("`${request.event.attempt} ${request.event.depth}`", "4 3"),
        ("request.event.key", "c"),
        ("request.event.extensions.trace", "x"),
        ("`${request.event.time}`", "1763670896789"),
        ("`${request.event.schedule == ()}`", "true"),
        ("request.event.delivery", "00000000-0000-0000-0000-000000000002"),
    ] {
        says(&run_for(json(), source).0, expected);
    }
    let scheduled = Origin::Schedule {
        id: ScheduleId(Uuid::from_u128(3)),
        scheduled_at: NOW,
        catch_up: true,
    };
    let scheduled = delivered(event("text/plain", b"hi"), scheduled);
    says(
        &run_for(
            scheduled,
            "let e = request.event; `${e.data} ${e.scheduled_at} ${e.catch_up} ${e.schedule}`",
        )
        .0,
        "hi 1763670896789 true 00000000-0000-0000-0000-000000000003",
    );
    for (content_type, data) in [
        ("application/octet-stream", &b"\xFF"[..]),
        ("application/json", b"\xFF"),
    ] {
        let broken = delivered(event(content_type, data), Origin::Destination);
        says(&run_for(broken, "type_of(request.event.data)").0, "blob");
    }
    says(&run("`${request.event == ()}`").0, "true");
}

#[test]
fn a_script_sees_all_events_that_it_runs_for() {
    let order = |order: u8| Event {
        data: format!("{{\"order\":{order}}}").into(),
        ..event("application/json", b"")
    };
    let one = || delivered(order(1), Origin::Destination);
    let several = || {
        let others = [order(2), order(3)].map(|event| delivered(event, Origin::Destination));
        Arc::new(Delivered {
            others: others.iter().map(|other| Delivered::clone(other)).collect(),
            ..Delivered::clone(&one())
        })
    };
    let all = "let orders = request.events.map(|event| event.data.order); `${orders}`";
    says(&run_for(one(), all).0, "[1]");
    says(&run_for(several(), all).0, "[1, 2, 3]");
    says(&run(all).0, "[]");
    // A script that takes one event at a time does not take the first for all of them.
    says(&run_for(several(), "`${request.event == ()}`").0, "true");
    let (outcome, _) = run_for(several(), "request.event.data");
    assert_eq!(kind(&outcome), Some(ScriptErrorKind::Runtime));
}

#[test]
fn what_follows_from_an_event_says_so() {
    let (_, events) = run_for(
        delivered(event("text/plain", b""), Origin::Destination),
        "event::emit(\"a\", 1)",
    );
    let lineage = events[0].lineage;
    assert_eq!((lineage.root, lineage.depth), (ROOT, 4));
    assert!(lineage.cause.is_some());
    let (_, events) = run("event::emit(\"a\", 1)");
    let lineage = events[0].lineage;
    assert_eq!(
        (lineage.depth, lineage.cause.map(|cause| cause.0)),
        (0, Some(lineage.root))
    );
}

#[test]
fn a_chain_has_an_end() {
    let at = |depth: u8| {
        let mut last = event("text/plain", b"");
        last.lineage.depth = depth;
        let source = "try { event::emit(\"a\", 1) } catch { } 1";
        run_for(delivered(last, Origin::Destination), source)
    };
    let (outcome, events) = at(DEPTH_MAX - 2);
    assert!(outcome.result.is_ok() && events.len() == 1);
    let (outcome, events) = at(DEPTH_MAX - 1);
    assert_eq!(
        (kind(&outcome), events.len()),
        (Some(ScriptErrorKind::LoopDetected), 0)
    );
}

const HELD: Held = Held {
    app_id: AppId(Uuid::from_u128(1)),
    delivery: DeliveryId(Uuid::from_u128(2)),
    token: 5,
};

/// Something that ends with the run.
#[derive(Debug, Default)]
struct Ends(Mutex<Vec<u16>>);

impl AtCommit for Ends {
    fn record(&self, _: &Outcome) -> Option<Box<Execution>> {
        None
    }

    fn ends_something(&self) -> bool {
        true
    }

    fn held(&self) -> Vec<Held> {
        vec![HELD]
    }

    fn ended(&self, outcome: &Outcome) -> Option<Acknowledged> {
        let status = outcome
            .result
            .as_ref()
            .expect("it is asked if it succeeds")
            .status;
        self.0.lock().expect("no holder panics").push(status.as_u16());
        Some(Acknowledged {
            acks: vec![Ack {
                delivery: HELD.delivery,
                token: HELD.token,
                execution: ExecutionId(Uuid::from_u128(4)),
                result: None,
            }],
            emits: Vec::new(),
        })
    }
}

fn run_that_ends(source: &str) -> (Outcome, Vec<Commit>) {
    let host = Arc::<MemoryHost>::default();
    let invocation = Invocation {
        at_commit: Some(Arc::new(Ends::default())),
        ..invocation(source, LIMITS, request())
    };
    let outcome = run_invocation(&host, invocation);
    (outcome, host.commits())
}

#[test]
fn a_run_that_ends_something_commits_that_with_what_it_writes() {
    for source in [
        "1",
        "kv::get(\"a\")",
        "kv::set(\"a\", 1)",
        "response(500, \"x\")",
        "exit(1)",
    ] {
        let (_, commits) = run_that_ends(source);
        let acks: Vec<_> = commits
            .iter()
            .map(|commit| commit.acks.first().map(|ack| ack.token))
            .collect();
        assert_eq!(acks, [Some(5)], "{source}");
    }
    let (_, commits) = run_that_ends("kv::set(\"a\", 1); transaction::commit(); kv::set(\"b\", 1)");
    let acks: Vec<_> = commits
        .iter()
        .map(|commit| (commit.acks.len(), commit.held.clone()))
        .collect();
    assert_eq!(acks, [(0, vec![HELD]), (1, vec![])]);
}

#[test]
fn a_run_that_has_lost_its_lease_ends_with_its_next_commit() {
    let host = Arc::<MemoryHost>::default();
    host.lose_leases();
    let source = "kv::set(\"a\", 1); try { transaction::commit() } catch { } kv::set(\"b\", 1); 1";
    let invocation = Invocation {
        at_commit: Some(Arc::new(Ends::default())),
        ..invocation(source, LIMITS, request())
    };
    let outcome = run_invocation(&host, invocation);
    assert_eq!(kind(&outcome), Some(ScriptErrorKind::Cancelled));
    assert!(!outcome.recorded);
    assert_eq!((host.commits().len(), host.len()), (1, 0));
}

#[test]
fn a_run_that_fails_or_throws_ends_nothing() {
    for source in [
        "throw \"no\"",
        "throw #{status: 404}",
        "kv::set(\"a\", 1); throw #{status: 404}",
        "kv::get(\"a\"); kv::get(\"b\"); throw #{status: 404}",
        "loop {}",
    ] {
        let (_, commits) = run_that_ends(source);
        assert!(commits.iter().all(|commit| commit.acks.is_empty()), "{source}");
    }
}

#[test]
fn a_script_that_fails_may_say_what_becomes_of_its_event() {
    for (source, expected) in [
        ("retry::never()", Some(RetryWish::Never)),
        ("retry::never(\"no order\")", Some(RetryWish::Never)),
        (
            "retry::after(30)",
            Some(RetryWish::After(Duration::from_secs(30))),
        ),
        (
            "retry::after(0.5)",
            Some(RetryWish::After(Duration::from_millis(500))),
        ),
        ("try { retry::never() } catch { } 1", Some(RetryWish::Never)),
        ("throw 1", None),
    ] {
        let (outcome, _) = run(source);
        assert_eq!(kind(&outcome), Some(ScriptErrorKind::Runtime), "{source}");
        assert_eq!(outcome.retry, expected, "{source}");
    }
    for (source, message) in [
        ("retry::never(\"no order\")", "no order"),
        ("retry::never()", "the script asks not to be run again"),
        ("retry::after(30)", "the script asks to be run again in 30 s"),
        ("retry::after(0.5)", "the script asks to be run again in 0.5 s"),
    ] {
        let (outcome, _) = run(source);
        let error = outcome.result.expect_err("an error");
        assert_eq!((error.message.as_str(), error.line), (message, Some(1)));
    }
}
