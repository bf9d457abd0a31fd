//! An app's own users, through the whole program.

use std::{fs, thread};

use serde_json::json;

use crate::harness::{Answer, App, TestCloud};

const SIGN_IN: &str = "
    let sent = request.json();
    let user = users::verify(sent.name, sent.password);
    if user == () { return response(401, \"no\") }
    response(200, \"welcome\").header(\"set-cookie\", users::sign_in(user))";

fn with_users(cloud: &TestCloud) -> App<'_> {
    let app = cloud.app_with_domain("a");
    app.serve(
        "/join",
        "let sent = request.json(); users::create(#{name: sent.name, password: sent.password}).name",
    );
    app.serve("/in", SIGN_IN);
    app.serve(
        "/me",
        "if request.user == () { \"nobody\" } else { request.user.name }",
    );
    app.serve(
        "/out",
        "response(200, \"\").header(\"set-cookie\", users::sign_out(request))",
    );
    app
}

fn send(cloud: &TestCloud, path: &str, name: &str, password: &str) -> Answer {
    let body = json!({ "name": name, "password": password });
    cloud.call("POST", "a.test", path).json(&body).send()
}

fn cookie(answer: &Answer) -> String {
    let line = answer.header("set-cookie").expect("a cookie");
    line.split(';').next().expect("a cookie").to_owned()
}

fn me(cloud: &TestCloud, host: &str, cookie: &str) -> String {
    cloud
        .call("GET", host, "/me")
        .header("cookie", cookie)
        .send()
        .expect(200)
        .text()
}

#[test]
fn a_user_joins_signs_in_and_out() {
    let cloud = TestCloud::start();
    with_users(&cloud);
    send(&cloud, "/join", "Ada", "correct horse").says("Ada");
    send(&cloud, "/join", "ada", "correct horse").expect(409);
    send(&cloud, "/in", "Ada", "wrong horse").expect(401);
    send(&cloud, "/in", "Tom", "correct horse").expect(401);
    let cookie = cookie(&send(&cloud, "/in", "ada", "correct horse").expect(200));
    assert_eq!(me(&cloud, "a.test", &cookie), "Ada");
    assert_eq!(me(&cloud, "a.test", "picloud_user=x"), "nobody");
    cloud.start_again();
    assert_eq!(me(&cloud, "a.test", &cookie), "Ada");
    let out = cloud
        .call("GET", "a.test", "/out")
        .header("cookie", &cookie)
        .send();
    assert!(
        out.expect(200)
            .header("set-cookie")
            .is_some_and(|line| line.contains("Max-Age=0"))
    );
    assert_eq!(me(&cloud, "a.test", &cookie), "nobody");
}

#[test]
fn a_cookie_of_another_app_is_nobodys() {
    let cloud = TestCloud::start();
    with_users(&cloud);
    let other = cloud.app_with_domain("b");
    other.serve(
        "/me",
        "if request.user == () { \"nobody\" } else { request.user.name }",
    );
    send(&cloud, "/join", "Ada", "correct horse").expect(200);
    let cookie = cookie(&send(&cloud, "/in", "Ada", "correct horse").expect(200));
    assert_eq!(me(&cloud, "a.test", &cookie), "Ada");
    assert_eq!(me(&cloud, "b.test", &cookie), "nobody");
}

#[test]
fn of_many_who_want_one_name_one_gets_it() {
    let cloud = TestCloud::start();
    with_users(&cloud);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| send(&cloud, "/join", "Ada", "correct horse").status))
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("an answer"))
            .collect()
    });
    let made = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(made, 1, "{statuses:?}");
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 409 | 503)),
        "{statuses:?}"
    );
}

#[test]
fn a_copy_of_the_database_signs_nobody_in() {
    let cloud = TestCloud::start();
    with_users(&cloud);
    send(&cloud, "/join", "Ada", "correct horse").expect(200);
    let cookie = cookie(&send(&cloud, "/in", "Ada", "correct horse").expect(200));
    let (_, secret) = cookie.split_once('.').expect("an id and a secret");
    let copy = cloud.dump();
    let log = fs::read(cloud.log_file()).expect("a log");
    // PostgreSQL writes bytes in hexadecimal.
    let holds = |bytes: &[u8], text: &str| {
        let forms = [text.to_owned(), hex::encode(text)];
        forms
            .iter()
            .any(|form| bytes.windows(form.len()).any(|part| part == form.as_bytes()))
    };
    assert!(holds(&copy, "users/name/ada"), "the copy proves nothing");
    for known in [secret, "correct horse"] {
        assert!(!holds(&copy, known), "{known} is in the database");
        assert!(!holds(&log, known), "{known} is in the log");
    }
}

#[test]
fn who_guesses_has_to_wait() {
    let cloud = TestCloud::start();
    with_users(&cloud);
    // The sixth failure in a row is the first that is not tried, unless a second goes by between two of them.
    let statuses: Vec<u16> = (0..12)
        .map(|_| send(&cloud, "/in", "Tom", "guessed it").status)
        .collect();
    assert_eq!(&statuses[..5], [401; 5], "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[test]
fn a_run_that_fails_makes_no_user() {
    let cloud = TestCloud::start();
    let app = with_users(&cloud);
    app.serve(
        "/fail",
        "users::create(#{name: \"Ada\", password: \"correct horse\"}); throw \"no\"",
    );
    app.serve("/count", "`${users::list(#{}).items.len}`");
    cloud.get("a.test", "/fail").expect(500);
    cloud.get("a.test", "/count").says("0");
    send(&cloud, "/join", "Ada", "correct horse").expect(200);
    cloud.get("a.test", "/count").says("1");
    app.serve("/keys", "`${kv::list(\"\").entries.len}`");
    cloud.get("a.test", "/keys").says("0");
}
