//! Secrets: scripts get them, and what is kept of their runs does not hold them.

use std::sync::Arc;

use picloud_shared::{
    invocation::ScriptRequest,
    limits::Limits,
    outcome::{Outcome, ScriptErrorKind},
    services::{Question, Service},
};

use crate::support::{LIMITS, invocation, memory::MemoryHost, request, run_invocation};

const CANARY: &str = "canary-7Qd/\"ä\"";

fn host() -> Arc<MemoryHost> {
    let host = Arc::<MemoryHost>::default();
    host.set_secret("BIRD", CANARY);
    host.set_secret("SHORT", "tit");
    host
}

fn run_on(host: &Arc<MemoryHost>, source: &str, limits: Limits, request: ScriptRequest) -> Outcome {
    run_invocation(host, invocation(source, limits, request))
}

fn run(source: &str) -> Outcome {
    run_on(&host(), source, LIMITS, request())
}

/// Everything that is kept of a run.
fn kept(outcome: &Outcome) -> String {
    let error = outcome.result.as_ref().err();
    format!("{:?} {error:?} {:?}", outcome.logs, outcome.request_path)
}

/// Whether the secret stands there, in any way that a reader would know it by.
fn is_in(text: &str) -> bool {
    text.contains("canary") || text.contains("Y2FuYXJ5") || text.contains(&hex::encode("canary"))
}

#[test]
fn a_script_gets_its_secret_and_may_send_it() {
    let response = run("secret::get(\"BIRD\")").result.expect("an answer");
    assert_eq!(response.body, CANARY);
    let response = run("[secret::has(\"BIRD\"), secret::has(\"NONE\"), secret::get(\"SHORT\")]");
    let response = response.result.expect("an answer");
    assert_eq!(response.body, "[true,false,\"tit\"]");
}

#[test]
fn one_that_is_missing_is_named_and_can_be_caught() {
    let error = run("secret::get(\"NONE\")").result.expect_err("an error");
    assert_eq!(error.kind, ScriptErrorKind::Runtime);
    assert!(error.message.contains("no secret `NONE`"), "{}", error.message);
    let response = run("let x = 1; try { x = secret::get(\"NONE\") } catch { x = \"none\" } x").result;
    assert_eq!(response.expect("an answer").body, "none");
}

#[test]
fn it_is_in_nothing_that_is_kept() {
    for tell in [
        "log::info(it)",
        "log::warn(#{deep: [it]})",
        "log::error(`<${it}>`)",
        "log::info(json::stringify(#{it: it}))",
        "log::info(url::encode(it))",
        "log::info(\"Basic \" + base64::encode(\"user:\" + it))",
        "log::info(base64::encode(it))",
        "log::info(hex::encode(it.to_blob()))",
        "let pad = \"\"; pad.pad(8185, 'x'); log::info(pad + it)",
        "print(it)",
        "debug(it)",
        "throw it",
        "throw #{status: 1, message: it}",
        "throw `no ${it}`",
        "throw [it, #{a: it}]",
        "parse_int(it)",
        "fn f(x) { throw \"in f: \" + x } f(it)",
        "[it].map(|x| throw x)",
        "try { throw it } catch (e) { throw \"again: \" + e }",
        "log::info(it); loop {}",
        "log::info(it); response(1000, it)",
        "log::info(it); |x| x",
        "regex::test(\"(\" + it, \"x\")",
    ] {
        let source = format!("let it = secret::get(\"BIRD\"); {tell}");
        let limits = Limits {
            operations_max: 100_000,
            ..LIMITS
        };
        let outcome = run_on(&host(), &source, limits, request());
        let kept = kept(&outcome);
        assert!(!is_in(&kept), "{tell}: {kept}");
        let tells = !outcome.logs.is_empty() || outcome.result.is_err();
        assert!(tells, "{tell} tells nothing: {outcome:?}");
        if tell.contains("it)") && !outcome.logs.is_empty() {
            assert!(kept.contains("[secret BIRD]"), "{tell}: {kept}");
        }
    }
}

#[test]
fn it_is_gone_from_the_path_of_the_request_too() {
    let mut asked = request();
    asked.uri = "/hook/canary-7Qd%2F%22%C3%A4%22/x?secret=1"
        .parse()
        .expect("a path");
    let outcome = run_on(&host(), "secret::get(\"BIRD\"); 1", LIMITS, asked.clone());
    assert_eq!(outcome.request_path.as_deref(), Some("/hook/[secret BIRD]/x"));
    let outcome = run_on(&host(), "secret::has(\"BIRD\"); 1", LIMITS, asked);
    assert_eq!(outcome.request_path, None);
}

#[test]
fn only_what_a_run_has_got_is_taken_away() {
    let outcome = run("log::info(\"canary-7Qd/\\\"ä\\\"\"); secret::has(\"BIRD\"); 1");
    assert!(is_in(&kept(&outcome)));
    let outcome = run("log::info(secret::get(\"SHORT\")); 1");
    assert_eq!(outcome.logs[0].message, "tit");
    // What was written before it was known as one.
    let outcome = run("log::info(\"canary-7Qd/\\\"ä\\\"\"); secret::get(\"BIRD\"); 1");
    assert_eq!(outcome.logs[0].message, "[secret BIRD]");
}

#[test]
fn a_run_that_is_repeated_tells_nothing_either() {
    let host = host();
    host.disturb("n", 2);
    let source =
        "let it = secret::get(\"BIRD\"); kv::get(\"n\"); kv::set(\"m\", 1); log::info(it); throw_not(it);
         fn throw_not(x) { log::warn(x) }";
    let outcome = run_on(&host, source, LIMITS, request());
    assert!(outcome.result.is_ok(), "{outcome:?}");
    let messages: Vec<_> = outcome.logs.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(messages, ["[secret BIRD]", "[secret BIRD]"]);
}

#[test]
fn it_is_no_part_of_the_transaction() {
    let host = host();
    let outcome = run_on(
        &host,
        "secret::get(\"BIRD\"); secret::get(\"BIRD\"); 1",
        LIMITS,
        request(),
    );
    let used = outcome
        .services
        .iter()
        .find(|used| used.service == Service::Secret);
    let used = used.expect("it is counted");
    assert_eq!((used.calls, used.bytes_read), (2, 2 * CANARY.len() as u64));
    let asked = host.asked();
    assert_eq!(asked.len(), 2);
    assert!(
        asked
            .iter()
            .all(|question| matches!(question, Question::Secret { .. }))
    );
}
