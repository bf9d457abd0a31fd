//! What a run publishes to brokers.

use std::sync::Arc;

use picloud_shared::{
    events::DEPTH_MAX,
    invocation::Invocation,
    mqtt::{NewMessage, Qos},
    outcome::{Outcome, ScriptErrorKind},
    services::Service,
};

use crate::support::{LIMITS, invocation, memory::MemoryHost, request, run_invocation};

/// The outcome of a run, and the messages of its commits.
fn run_as(invocation: Invocation) -> (Outcome, Vec<NewMessage>) {
    let host = Arc::<MemoryHost>::default();
    let outcome = run_invocation(&host, invocation);
    let messages = host.commits().into_iter().flat_map(|commit| commit.messages);
    (outcome, messages.collect())
}

fn run(source: &str) -> (Outcome, Vec<NewMessage>) {
    run_as(invocation(source, LIMITS, request()))
}

fn kind(outcome: &Outcome) -> Option<ScriptErrorKind> {
    outcome.result.as_ref().err().map(|error| error.kind)
}

#[test]
fn a_message_is_part_of_the_commit() {
    let (outcome, messages) = run("mqtt::publish(\"home\", \"lamp/set\", \"ON\");
         mqtt::publish(\"home\", \"lamp/set\", #{to: 1}, #{qos: 0, retain: true});
         mqtt::publish(\"away\", \"raw\", blob(2, 7), #{qos: ()}); 1");
    assert_eq!(kind(&outcome), None);
    let seen: Vec<_> = messages
        .iter()
        .map(|message| {
            (
                message.broker.as_str(),
                message.topic.as_str(),
                &message.payload[..],
                message.qos,
                message.retain,
                message.content_type.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (
                "home",
                "lamp/set",
                &b"ON"[..],
                Qos::AtLeastOnce,
                false,
                Some("text/plain")
            ),
            (
                "home",
                "lamp/set",
                b"{\"to\":1}",
                Qos::AtMostOnce,
                true,
                Some("application/json")
            ),
            ("away", "raw", &[7, 7], Qos::AtLeastOnce, false, None),
        ]
    );
    let used = outcome.services.iter().find(|used| used.service == Service::Mqtt);
    assert_eq!(used.map(|used| (used.calls, used.bytes_written)), Some((3, 31)));
}

#[test]
fn a_run_that_fails_or_throws_has_published_nothing() {
    let publish = "mqtt::publish(\"home\", \"a\", \"1\");";
    for end in ["throw \"no\"", "throw #{status: 404}", "loop {}"] {
        let (_, messages) = run(&format!("{publish} {end}"));
        assert!(messages.is_empty(), "{end}");
    }
    let (_, messages) = run(&format!("{publish} transaction::commit(); throw \"no\""));
    assert_eq!(messages.len(), 1, "what was committed early stays");
    let tried = Invocation {
        keeps_writes: false,
        ..invocation(&format!("{publish} 1"), LIMITS, request())
    };
    let (outcome, messages) = run_as(tried);
    assert_eq!((outcome.writes_discarded, messages.len()), (1, 0));
}

#[test]
fn one_transaction_publishes_so_many_and_no_more() {
    let (_, messages) = run("for i in 0..100 { mqtt::publish(\"home\", \"a\", i) } 1");
    assert_eq!(messages.len(), 100);
    let (outcome, messages) = run("for i in 0..101 { mqtt::publish(\"home\", \"a\", i) } 1");
    assert_eq!(kind(&outcome), Some(ScriptErrorKind::Services));
    assert!(messages.is_empty());
    let (_, messages) =
        run("for i in 0..150 { mqtt::publish(\"home\", \"a\", i); if i == 80 { transaction::commit() } } 1");
    assert_eq!(messages.len(), 150);
}

#[test]
fn a_message_is_no_larger_than_an_event() {
    let text = "let text = \"x\"; text.pad(SIZE, 'x'); mqtt::publish(\"home\", \"a\", text); 1";
    let (outcome, messages) = run(&text.replace("SIZE", "262144"));
    assert_eq!((kind(&outcome), messages.len()), (None, 1));
    let (outcome, _) = run(&text.replace("SIZE", "262145"));
    let error = outcome.result.expect_err("it is too large").message;
    assert!(error.contains("larger than 262144 bytes"), "{error}");
}

#[test]
fn loops_end_here_too() {
    for (depth, expected) in [
        (DEPTH_MAX - 1, None),
        (DEPTH_MAX, Some(ScriptErrorKind::LoopDetected)),
    ] {
        let deep = Invocation {
            depth,
            ..invocation("mqtt::publish(\"home\", \"a\", 1); 1", LIMITS, request())
        };
        let (outcome, messages) = run_as(deep);
        assert_eq!(kind(&outcome), expected, "{depth}");
        assert!(messages.iter().all(|message| message.depth == depth));
    }
}
