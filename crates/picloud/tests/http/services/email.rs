//! E-mail of scripts, to a mail server on loopback.

use serde_json::{Value, json};

use crate::harness::{App, Postbox, TestCloud};

const FROM: &str = "Cloud <cloud@example.com>,*@example.org";

fn cloud_with(postbox: &Postbox) -> TestCloud {
    TestCloud::with()
        .flag("--smtp-url", &postbox.url())
        .flag("--smtp-from", FROM)
        .start()
}

/// What a script that sends to `to` answers: `sent`, or the kind of failure.
fn sending(to: &str) -> String {
    format!(
        "try {{ email::send(#{{to: \"{to}\", subject: \"Hello\", text: \"How are you?\"}}); return \"sent\" }} \
         catch (error) {{ return error.kind }}"
    )
}

fn tried(app: &App<'_>, source: &str, keep_writes: bool) -> Value {
    let body = json!({ "source": source, "keep_writes": keep_writes });
    let answer = app.cloud.owner().post(&app.path("/scripts:run"), &body);
    answer.expect(200).json()
}

#[test]
fn scripts_send_by_the_mail_server_of_the_instance() {
    let postbox = Postbox::start();
    let cloud = cloud_with(&postbox);
    let app = cloud.app_with_domain("a");
    app.serve("/", &sending("Ada <ada@example.com>"));
    app.serve("/nobody", &sending("nobody@example.com"));
    app.serve("/odd", &sending("ada@example.com\\r\\nBcc: eve@example.com"));
    cloud.get("a.test", "/").says("sent");
    cloud.get("a.test", "/nobody").says("recipient");
    cloud.get("a.test", "/odd").says("invalid");
    let letters = postbox.letters();
    let [letter] = &letters[..] else {
        panic!("one letter: {letters:?}");
    };
    for expected in [
        "MAIL FROM:<cloud@example.com>\nRCPT TO:<ada@example.com>\n",
        "From: Cloud <cloud@example.com>",
        "Subject: Hello",
        "How are you?",
    ] {
        assert!(letter.contains(expected), "{expected} is not in {letter}");
    }
    let record = app.executions("", 3).pop().expect("the first one");
    let id = record["id"].as_str().expect("an id");
    let record = cloud.owner().get(&format!("/admin/executions/{id}"));
    let used = record.expect(200).json()["services"][0].clone();
    assert_eq!(
        (&used["service"], &used["calls"], &used["bytes_written"]),
        (&json!("email"), &json!(1), &json!(17))
    );
}

#[test]
fn without_a_mail_server_a_script_is_told_what_to_set() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/", &sending("ada@example.com"));
    cloud.get("a.test", "/").says("not_configured");
    app.serve(
        "/uncaught",
        "email::send(#{to: \"ada@example.com\", subject: \"a\", text: \"b\"})",
    );
    cloud.get("a.test", "/uncaught").problem(500, "script_error");
    let message = app.executions("?status=error", 1)[0]["error"]["message"].to_string();
    assert!(message.contains("PICLOUD_SMTP_URL"), "{message}");
}

#[test]
fn a_run_that_is_only_tried_sends_none() {
    let postbox = Postbox::start();
    let cloud = cloud_with(&postbox);
    let app = cloud.app("a");
    let source = "email::send(#{to: \"ada@example.com\", subject: \"a\", text: \"b\"}); \"sent\"";
    let message = tried(&app, source, false)["error"]["message"].to_string();
    assert!(
        message.contains("email::send: not sent") && message.contains("keep_writes"),
        "{message}"
    );
    assert_eq!(postbox.letters().len(), 0);
    let kept = tried(&app, source, true);
    assert_eq!(kept["error"], json!(null), "{kept}");
    assert_eq!(postbox.letters().len(), 1);
}

#[test]
fn the_password_of_the_instance_is_in_no_log() {
    let postbox = Postbox::start();
    let url = postbox.url().replace("smtp://", "smtp://ada:c4n%40ry@");
    let cloud = TestCloud::with()
        .flag("--smtp-url", &url)
        .flag("--smtp-from", FROM)
        .flag("--log", "trace")
        .start();
    let app = cloud.app_with_domain("a");
    app.serve("/", &sending("ada@example.com"));
    cloud.get("a.test", "/").says("sent");
    // `\0ada\0c4n@ry`
    assert_eq!(postbox.signed_in(), ["AUTH PLAIN AGFkYQBjNG5Acnk="]);
    let log = std::fs::read_to_string(cloud.log_file()).expect("a log");
    for form in ["c4n@ry", "c4n%40ry", "AGFkYQBjNG5Acnk="] {
        assert!(!log.contains(form), "{form} is in the log");
    }
}
