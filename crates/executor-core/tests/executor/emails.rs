//! E-mail, as far as a script has to do with it.

use std::sync::Arc;

use picloud_shared::{
    limits::Limits,
    outcome::{Outcome, ScriptErrorKind},
    services::{Email, EmailFailure, EmailFailureKind, Question, Service},
};

use crate::support::{LIMITS, invocation, memory::MemoryHost, request, run_invocation};

fn run_as(host: &Arc<MemoryHost>, source: &str, limits: Limits, keeps_writes: bool) -> Outcome {
    let mut invocation = invocation(source, limits, request());
    invocation.keeps_writes = keeps_writes;
    run_invocation(host, invocation)
}

fn run(host: &Arc<MemoryHost>, source: &str) -> Outcome {
    run_as(host, source, LIMITS, true)
}

#[track_caller]
fn says(outcome: Outcome, expected: &str) {
    let response = outcome.result.expect("an answer");
    assert_eq!(String::from_utf8_lossy(&response.body), expected);
}

fn emails(host: &MemoryHost) -> Vec<Email> {
    let asked = host.asked().into_iter();
    asked
        .filter_map(|question| match question {
            Question::Email { email } => Some(email),
            _ => None,
        })
        .collect()
}

/// What is wrong with an e-mail that has `changes` beside what it needs.
#[track_caller]
fn wrong(changes: &str) -> String {
    let host = Arc::<MemoryHost>::default();
    let source = format!(
        "let mail = #{{to: \"ada@example.com\", subject: \"a\", text: \"b\"}}; mail.mixin(#{{{changes}}}); email::send(mail)"
    );
    let error = run(&host, &source).result.expect_err(changes);
    assert_eq!(emails(&host).len(), 0, "{changes}");
    error.message
}

#[test]
fn the_host_is_given_what_the_script_wrote() {
    let host = Arc::<MemoryHost>::default();
    let source = r#"
        email::send(#{
            to: ["Ada <ada@example.com>", "tom@example.com"], cc: "eve@example.com", bcc: (), from: "shop@example.org",
            reply_to: "fay@example.com", subject: "Grüße", text: "a\nb", html: "<p>",
            attachments: [#{name: "a.txt", content: "text"}, #{name: "a.bin", content: blob(2, 7), type: "image/png"}],
        });
        "sent""#;
    let outcome = run(&host, source);
    let used = outcome
        .services
        .iter()
        .find(|used| used.service == Service::Email)
        .copied();
    let used = used.expect("it was used");
    assert_eq!((used.calls, used.bytes_written), (1, 7 + 3 + 3 + 4 + 2));
    says(outcome, "sent");
    let emails = emails(&host);
    let [email] = &emails[..] else {
        panic!("one e-mail: {emails:?}");
    };
    let to: Vec<_> = email.to.iter().map(ToString::to_string).collect();
    assert_eq!(to, ["Ada <ada@example.com>", "tom@example.com"]);
    assert_eq!((email.cc.len(), email.bcc.len()), (1, 0));
    let attached: Vec<_> = email
        .attachments
        .iter()
        .map(|attached| (&*attached.name, &*attached.media_type, &*attached.content))
        .collect();
    assert_eq!(
        attached,
        [
            ("a.txt", "text/plain; charset=utf-8", &b"text"[..]),
            ("a.bin", "image/png", &[7, 7][..])
        ]
    );
}

#[test]
fn what_is_wrong_is_told_before_anybody_is_asked() {
    for (changes, expected) in [
        ("to: []", "the e-mail has no `to`"),
        ("to: ()", "the e-mail has no `to`"),
        ("subject: ()", "the e-mail has no `subject`"),
        ("text: ()", "the e-mail has no `text` or `html`"),
        ("to: \"ada\"", "to: an address looks like"),
        ("bcc: [\"a@example.com\", 1]", "bcc is a string, not"),
        ("cc: \"a@b\\r\\nBcc: c@d\"", "cc: an address looks like"),
        ("subject: \"a\\nb\"", "no line breaks"),
        ("sender: \"a@b\"", "there is no field `sender`"),
        ("attachments: #{}", "attachments is an array of maps"),
        ("attachments: [#{name: \"a\"}]", "an attachment has no `content`"),
        (
            "attachments: [#{name: \"a\", content: \"\", type: \"text/html\\r\\nX: y\"}]",
            "looks like `application/pdf`",
        ),
        (
            "attachments: [#{name: \"a\", content: \"\", type: \"multipart/mixed\"}]",
            "looks like `application/pdf`",
        ),
        (
            "attachments: [#{name: \"a\\nb\", content: \"\"}]",
            "no line breaks",
        ),
        (
            "attachments: [#{name: \"a\", content: blob(4194305)}]",
            "at most 4194304 bytes",
        ),
    ] {
        let message = wrong(changes);
        assert!(message.contains(expected), "{changes}: {message}");
    }
    let many = vec!["\"a@example.com\""; 20].join(",");
    let message = wrong(&format!("cc: [{many}]"));
    assert!(message.contains("at most 20 people, not 21"), "{message}");
}

#[test]
fn a_failure_is_thrown_as_a_map() {
    let host = Arc::<MemoryHost>::default();
    host.fail_emails(EmailFailure {
        kind: EmailFailureKind::Recipient,
        message: "there is nobody".to_owned(),
        recipient: Some("ada@example.com".to_owned()),
    });
    let send = "email::send(#{to: \"ada@example.com\", subject: \"a\", text: \"b\"})";
    let source = format!("try {{ {send} }} catch (e) {{ return e.kind + \" \" + e.recipient }}");
    says(run(&host, &source), "recipient ada@example.com");
    let error = run(&host, send).result.expect_err("it is thrown");
    assert!(error.message.contains("there is nobody"), "{}", error.message);
}

#[test]
fn a_run_that_has_sent_one_is_not_repeated() {
    let host = Arc::<MemoryHost>::default();
    host.disturb("a", 1);
    let source = "email::send(#{to: \"ada@example.com\", subject: \"a\", text: \"b\"}); \
        kv::set(\"a\", (kv::get(\"a\") ?? 0) + 1)";
    let error = run(&host, source).result.expect_err("a conflict");
    assert_eq!(error.kind, ScriptErrorKind::Conflict);
    assert_eq!(emails(&host).len(), 1);
}

#[test]
fn a_run_is_repeated_if_no_mail_server_was_asked() {
    for (kind, expected) in [
        (EmailFailureKind::NotConfigured, Ok(())),
        (EmailFailureKind::Blocked, Ok(())),
        (EmailFailureKind::Sender, Ok(())),
        (EmailFailureKind::TooMany, Ok(())),
        (EmailFailureKind::Busy, Ok(())),
        (EmailFailureKind::Refused, Err(ScriptErrorKind::Conflict)),
        (EmailFailureKind::Timeout, Err(ScriptErrorKind::Conflict)),
        (EmailFailureKind::Unknown, Err(ScriptErrorKind::Conflict)),
    ] {
        let host = Arc::<MemoryHost>::default();
        host.disturb("a", 1);
        host.fail_emails(EmailFailure {
            kind,
            message: "no".to_owned(),
            recipient: None,
        });
        let source = "try { email::send(#{to: \"ada@example.com\", subject: \"a\", text: \"b\"}) } catch {} \
            kv::set(\"a\", (kv::get(\"a\") ?? 0) + 1); \"done\"";
        let result = run(&host, source).result;
        assert_eq!(
            result.map(|_| ()).map_err(|error| error.kind),
            expected,
            "{kind:?}"
        );
    }
    // What was sent before still counts.
    let host = Arc::<MemoryHost>::default();
    host.disturb("a", 1);
    host.fail_emails(EmailFailure {
        kind: EmailFailureKind::Busy,
        message: "no".to_owned(),
        recipient: None,
    });
    let source = "http::post(\"https://example.com/\", \"a\"); \
        try { email::send(#{to: \"ada@example.com\", subject: \"a\", text: \"b\"}) } catch {} \
        kv::set(\"a\", (kv::get(\"a\") ?? 0) + 1)";
    let error = run(&host, source).result.expect_err("a conflict");
    assert_eq!(error.kind, ScriptErrorKind::Conflict);
}

#[test]
fn a_run_sends_so_many_and_a_tried_one_none() {
    let host = Arc::<MemoryHost>::default();
    let send = "email::send(#{to: \"ada@example.com\", subject: \"a\", text: \"b\"})";
    let source = format!("for n in 0..11 {{ try {{ {send} }} catch {{}} }} \"done\"");
    let error = run(&host, &source).result.expect_err("too many");
    assert!(error.message.contains("10 e-mails"), "{}", error.message);
    assert_eq!(emails(&host).len(), 10);
    let host = Arc::<MemoryHost>::default();
    let error = run_as(&host, send, LIMITS, false)
        .result
        .expect_err("it is only tried");
    assert!(
        error.message.contains("run it with keep_writes"),
        "{}",
        error.message
    );
    assert_eq!(emails(&host).len(), 0);
}

#[test]
fn it_never_takes_longer_than_its_run() {
    let host = Arc::<MemoryHost>::default();
    let limits = Limits {
        timeout_ms: 2_000,
        ..LIMITS
    };
    let source = "email::send(#{to: \"ada@example.com\", subject: \"a\", text: \"b\"}); 1";
    says(run_as(&host, source, limits, true), "1");
    assert!(emails(&host)[0].timeout_ms <= 1_900);
}
