//! `/api/v1/admin/apps/{app}/smtp`: an app's own mail server.

use serde_json::{Value, json};

use crate::harness::{Answer, App, Client, Postbox, TestCloud};

const CANARY: &str = "canary 7Qd";

fn put(client: &Client, app: &App<'_>, server: &Value) -> Answer {
    let path = format!("/api/v1{}", app.path("/smtp"));
    client.call("PUT", &path).json(server).send()
}

fn get(app: &App<'_>) -> Value {
    app.cloud.owner().get(&app.path("/smtp")).expect(200).json()
}

fn server() -> Value {
    json!({ "host": "Mail.Example.COM", "security": "starttls", "username": "shop", "password": CANARY,
        "from": ["Shop <shop@example.com>", "*@example.org"] })
}

/// `server` with one field that is another.
fn with(field: &str, value: Value) -> Value {
    let mut server = server();
    server[field] = value;
    server
}

#[test]
fn what_is_set_is_shown_without_the_password() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    assert_eq!(get(&app), json!({ "own": null, "instance_from": null }));
    let set = put(cloud.owner(), &app, &server()).expect(200);
    assert!(!set.text().contains("canary"));
    let set = set.json();
    assert_eq!(
        (&set["host"], &set["port"], &set["security"], &set["username"]),
        (
            &json!("mail.example.com"),
            &json!(587),
            &json!("starttls"),
            &json!("shop")
        )
    );
    assert_eq!(set["from"], json!(["Shop <shop@example.com>", "*@example.org"]));
    assert_eq!(set["updated_by"], json!("ada"));
    assert_eq!(get(&app)["own"], set);
    cloud.start_again();
    assert_eq!(get(&app)["own"], set);
    cloud.owner().delete(&app.path("/smtp")).expect(204);
    assert_eq!(get(&app)["own"], json!(null));
    cloud.owner().delete(&app.path("/smtp")).problem(404, "not_found");
}

#[test]
fn the_password_stays_where_it_goes() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let without = |mut server: Value| {
        server.as_object_mut().expect("an object").remove("password");
        server
    };
    let needed = |server: &Value| {
        let answer = put(cloud.owner(), &app, server);
        let errors = answer.problem(422, "validation_failed")["errors"].to_string();
        assert!(errors.contains("\"password\""), "{errors}");
    };
    needed(&without(server()));
    put(cloud.owner(), &app, &server()).expect(200);
    put(
        cloud.owner(),
        &app,
        &without(with("from", json!(["other@example.com"]))),
    )
    .expect(200);
    for (field, value) in [
        ("host", json!("eve.example.com")),
        ("port", json!(25)),
        ("security", json!("none")),
        ("username", json!("eve")),
    ] {
        needed(&without(with(field, value)));
    }
    assert_eq!(get(&app)["own"]["host"], "mail.example.com");
}

#[test]
fn what_is_wrong_is_told_field_by_field() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    for (field, value, at) in [
        ("host", json!("smtp://mail.example.com"), "host"),
        ("host", json!("mail.example.com:25"), "host"),
        ("port", json!(0), "port"),
        ("security", json!("ssl"), "security"),
        ("username", json!(""), "username"),
        ("username", json!("a\r\nQUIT"), "username"),
        ("username", json!(null), "username"),
        ("password", json!(""), "password"),
        ("password", json!("x".repeat(1_025)), "password"),
        ("from", json!([]), "from"),
        ("from", json!(["*@example.com"]), "from"),
        ("from", json!(["shop@example.com", "a\r\nBcc: b@c"]), "from[1]"),
        ("from", json!(vec!["a@example.com"; 21]), "from"),
    ] {
        let answer = put(cloud.owner(), &app, &with(field, value.clone()));
        let errors = answer.problem(422, "validation_failed")["errors"].clone();
        let fields: Vec<_> = errors
            .as_array()
            .expect("a list")
            .iter()
            .map(|error| error["field"].as_str().unwrap_or_default())
            .collect();
        assert_eq!(fields, [at], "{field}: {value}");
    }
    assert_eq!(get(&app)["own"], json!(null));
}

#[test]
fn app_admins_set_it_and_viewers_see_it() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    put(cloud.owner(), &app, &server()).expect(200);
    for (name, role, may) in [
        ("vic", "viewer", false),
        ("eda", "editor", false),
        ("max", "app_admin", true),
    ] {
        let person = cloud.person(name, "member");
        app.admit(&person.id, role);
        let seen = person.client.get(&app.path("/smtp")).expect(200);
        assert!(!seen.text().contains("canary"));
        assert_eq!(seen.json()["own"]["username"], "shop");
        let answer = put(&person.client, &app, &server());
        if may {
            answer.expect(200);
        } else {
            answer.problem(403, "forbidden");
            person.client.delete(&app.path("/smtp")).problem(403, "forbidden");
        }
    }
}

#[test]
fn e_mail_goes_by_the_mail_server_of_the_app() {
    let (own, others) = (Postbox::start(), Postbox::start());
    let cloud = TestCloud::with()
        .flag("--smtp-url", &others.url())
        .flag("--smtp-from", "cloud@example.com")
        .flag("--log", "trace")
        .start();
    let (app, other) = (cloud.app_with_domain("a"), cloud.app_with_domain("b"));
    for app in [&app, &other] {
        app.serve(
            "/",
            "try { email::send(#{to: \"ada@example.com\", subject: \"Hello\", text: \"a\"}); return \"sent\" } \
             catch (error) { return error.kind + \" \" + error.message }",
        );
    }
    assert_eq!(get(&app)["instance_from"], json!(["cloud@example.com"]));
    cloud.get("a.test", "/").says("sent");
    assert_eq!((own.letters().len(), others.letters().len()), (0, 1));
    let server = json!({ "host": "127.0.0.1", "port": own.address.port(), "security": "none", "username": "shop",
        "password": CANARY, "from": ["Shop <shop@example.com>"] });
    put(cloud.owner(), &app, &server).expect(200);
    // Not public, and on no list.
    let answer = cloud.get("a.test", "/").expect(200);
    assert!(answer.text().starts_with("blocked "), "{}", answer.text());
    app.allow(&json!(["127.0.0.1"]));
    for _ in 0..2 {
        cloud.get("a.test", "/").says("sent");
        cloud.get("b.test", "/").says("sent");
        cloud.start_again();
    }
    assert_eq!((own.letters().len(), others.letters().len()), (2, 3));
    assert!(own.letters()[0].contains("From: Shop <shop@example.com>"));
    // `\0shop\0canary 7Qd`
    let said = "AHNob3AAY2FuYXJ5IDdRZA==";
    assert_eq!(own.signed_in()[0], format!("AUTH PLAIN {said}"));
    let log = std::fs::read_to_string(cloud.log_file()).expect("a log");
    let kept = String::from_utf8_lossy(&cloud.dump()).into_owned();
    let records = cloud.owner().get(&app.path("/executions")).expect(200).text();
    for text in [&log, &kept, &records] {
        assert!(!text.contains(CANARY) && !text.contains(said));
    }
    cloud.owner().delete(&app.path("/smtp")).expect(204);
    cloud.get("a.test", "/").says("sent");
    assert_eq!((own.letters().len(), others.letters().len()), (2, 4));
}

#[test]
fn a_test_message_tells_what_the_mail_server_said() {
    let (own, others) = (Postbox::start(), Postbox::start());
    let cloud = TestCloud::with()
        .flag("--smtp-url", &others.url())
        .flag("--smtp-from", "cloud@example.com")
        .start();
    let app = cloud.app("a");
    let path = app.path("/smtp:test");
    let test = |to: &str| -> Value { cloud.owner().post(&path, &json!({ "to": to })).expect(200).json() };
    let taken = json!({ "sent": true, "kind": null, "answer": "250 ok" });
    assert_eq!(test("ada@example.com"), taken);
    let letter = others.letters().remove(0);
    assert!(letter.contains("RCPT TO:<ada@example.com>"), "{letter}");
    assert!(letter.contains("Subject: Test message"), "{letter}");
    let server = json!({ "host": "127.0.0.1", "port": own.address.port(), "security": "none",
        "from": ["shop@example.com"] });
    put(cloud.owner(), &app, &server).expect(200);
    // Not public, and on no list.
    let blocked = test("ada@example.com");
    assert_eq!(
        (&blocked["sent"], &blocked["kind"]),
        (&json!(false), &json!("blocked"))
    );
    app.allow(&json!(["127.0.0.1"]));
    assert_eq!(test("Ada <ada@example.com>"), taken);
    let refused = test("nobody@example.com");
    assert_eq!(
        (&refused["sent"], &refused["kind"]),
        (&json!(false), &json!("recipient"))
    );
    let said = refused["answer"].as_str().expect("words");
    assert!(said.contains("there is nobody of that name"), "{said}");
    assert_eq!((own.letters().len(), others.letters().len()), (1, 1));
    for to in ["", "ada", "a@b\r\nBcc: c@d", "a@example.com, b@example.com"] {
        let answer = cloud.owner().post(&path, &json!({ "to": to }));
        let errors = answer.problem(422, "validation_failed")["errors"].clone();
        assert_eq!(errors[0]["field"], "to", "{to:?}");
    }
}
