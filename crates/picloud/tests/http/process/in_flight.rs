//! After the server was ended by a fault: who it was is named, gets a strike, and is suspended at the second.
//!
//! No script is known that could do it, so these tests send the signal of a fault to the thread that a script is on.
//! Now and then it comes in the moment in which the script has yielded to others. Then nobody is to blame, and the
//! test tries again.

use serde_json::{Value, json};

use crate::harness::{App, RawConnection, Script, TestCloud, items};

const FAULT: &str = "ABRT";
const TRIES_MAX: usize = 20;

/// Runs until the end of its time if it is asked to.
pub(crate) const SPIN: &str = r#"if request.query.spin == "yes" { while true {} } "fine""#;

/// A cloud with one serving thread.
fn cloud() -> TestCloud {
    TestCloud::with().flag("--serving-threads", "1").start()
}

pub(crate) fn serve<'c>(app: &App<'c>, name: &str, source: &str) -> Script<'c> {
    let limits = json!({ "cpu_ms_max": 60_000, "timeout_ms": 300_000, "operations_max": 1_000_000_000 });
    let script = app.script_with(json!({ "name": name, "source": source, "limits": limits }));
    script.route(&format!("/{name}"), &["GET"]);
    script
}

/// Begins a request to `a.test` that will not be answered.
#[must_use = "closing the connection ends the run"]
fn begin(cloud: &TestCloud, path: &str) -> RawConnection {
    let mut connection = cloud.raw();
    connection
        .send(format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n"))
        .expect("the server reads");
    // The only serving thread takes connections in order, so once this one is answered the other runs.
    cloud.get("localhost", "/").expect(200);
    connection
}

/// Ends the server by a fault on its serving thread, and starts it again.
fn crash(cloud: &TestCloud) {
    cloud.process().signal_thread("serve-0", FAULT);
    let (status, _) = cloud.process().wait();
    assert!(!status.success(), "{status}");
    cloud.start_again();
}

/// The script as the API shows it.
#[track_caller]
fn shown(script: &Script<'_>) -> Value {
    script.cloud.owner().get(&script.path("")).expect(200).json()
}

/// Ends the server while the script runs, until it was the script's fault; gives what the API shows then.
#[track_caller]
pub(crate) fn strike(script: &Script<'_>, path: &str) -> Value {
    let before = shown(script)["strikes"].clone();
    for _ in 0..TRIES_MAX {
        let _running = begin(script.cloud, path);
        crash(script.cloud);
        let after = shown(script);
        if after["strikes"] != before {
            return after;
        }
    }
    panic!("no strike in {TRIES_MAX} tries");
}

#[test]
fn a_script_that_ends_the_server_twice_is_suspended_until_it_is_resumed() {
    let cloud = cloud();
    let app = cloud.app_with_domain("a");
    let script = serve(&app, "spin", SPIN);
    app.serve("/neighbour", "\"still here\"");

    let once = strike(&script, "/spin?spin=yes");
    assert_eq!((&once["strikes"], &once["suspended"]), (&json!(1), &Value::Null));
    let log = cloud.process().log();
    let named = |line: &&str| {
        [
            "the server ended because of a script",
            "app.slug=\"a\"",
            "script.name=\"spin\"",
            "version=1",
        ]
        .iter()
        .all(|part| line.contains(part))
    };
    assert!(log.lines().any(|line| named(&line)), "{log}");
    cloud.get("a.test", "/spin").says("fine");

    let twice = strike(&script, "/spin?spin=yes");
    assert_eq!(twice["strikes"], 2, "{twice}");
    let problem = cloud.get("a.test", "/spin").problem(503, "script_suspended");
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("resume")),
        "{problem}"
    );
    script.execute().problem(503, "script_suspended");
    cloud.get("a.test", "/neighbour").says("still here");
    let body = json!({ "method": "GET", "url": "http://a.test/spin" });
    let explained = cloud
        .owner()
        .post(&app.path("/routes:match"), &body)
        .expect(200)
        .json();
    assert_eq!(
        (&explained["matched"], &explained["miss"]["step"]),
        (&json!(false), &json!("suspended"))
    );
    assert_eq!(explained["script"]["id"], script.id.as_str());

    let execution = twice["suspended"]["execution_id"]
        .as_str()
        .expect("the run is named");
    let record = cloud
        .owner()
        .get(&format!("/admin/executions/{execution}"))
        .expect(200)
        .json();
    assert_eq!(record["script_name"], "spin");
    assert_eq!(
        (&record["status"], &record["error"]["kind"]),
        (&json!("error"), &json!("internal"))
    );
    assert_eq!(
        (&record["trigger"], &record["response_status"]),
        (&json!("http"), &json!(0))
    );
    let message = record["error"]["message"].to_string();
    assert!(
        message.contains("the server ended while this script ran"),
        "{message}"
    );

    // It is a state of the script, kept over restarts, and no change of the app.
    let releases = items(cloud.owner().get(&app.path("/releases"))).len();
    cloud.start_again();
    cloud.get("a.test", "/spin").problem(503, "script_suspended");
    let resumed = cloud
        .owner()
        .post(&script.path("/resume"), &json!({}))
        .expect(200)
        .json();
    assert_eq!(
        (&resumed["strikes"], &resumed["suspended"]),
        (&json!(0), &Value::Null)
    );
    cloud.get("a.test", "/spin").says("fine");
    script.execute().says("fine");
    assert_eq!(items(cloud.owner().get(&app.path("/releases"))).len(), releases);
}

#[test]
fn a_new_version_lifts_a_suspension() {
    let cloud = cloud();
    let app = cloud.app_with_domain("a");
    let script = serve(&app, "spin", SPIN);
    strike(&script, "/spin?spin=yes");
    strike(&script, "/spin?spin=yes");
    cloud.get("a.test", "/spin").problem(503, "script_suspended");
    let patch = |body: Value| cloud.owner().patch(&script.path(""), &body).expect(200).json();
    assert_eq!(patch(json!({ "description": "Spins" }))["strikes"], 2);
    cloud.get("a.test", "/spin").problem(503, "script_suspended");
    let saved = patch(json!({ "source": "\"better\"" }));
    assert_eq!(
        (&saved["strikes"], &saved["suspended"]),
        (&json!(0), &Value::Null)
    );
    cloud.get("a.test", "/spin").says("better");
}

#[test]
fn a_script_that_waits_is_not_blamed() {
    let cloud = cloud();
    let app = cloud.app_with_domain("a");
    let script = serve(&app, "sleep", "sleep(200)");
    for _ in 0..2 {
        let _waiting = begin(&cloud, "/sleep");
        crash(&cloud);
    }
    let shown = shown(&script);
    assert_eq!(
        (&shown["strikes"], &shown["suspended"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(
        items(cloud.owner().get(&app.path("/executions"))),
        [Value::Null; 0]
    );
}

#[test]
fn who_kills_the_server_blames_no_script_but_the_run_is_recorded() {
    let cloud = cloud();
    let app = cloud.app_with_domain("a");
    let script = serve(&app, "spin", SPIN);
    for _ in 0..TRIES_MAX {
        let _running = begin(&cloud, "/spin?spin=yes");
        cloud.kill9();
        cloud.start_again();
        let records = items(cloud.owner().get(&app.path("/executions?status=error")));
        if let Some(record) = records.first() {
            let message = record["error"]["message"].to_string();
            assert!(message.contains("outside"), "{message}");
            let shown = shown(&script);
            assert_eq!(
                (&shown["strikes"], &shown["suspended"]),
                (&json!(0), &Value::Null)
            );
            return;
        }
    }
    panic!("no record in {TRIES_MAX} tries");
}

#[test]
fn an_orderly_stop_leaves_nothing_behind() {
    let cloud = TestCloud::with()
        .flag("--serving-threads", "1")
        .flag("--drain-seconds", "0")
        .start();
    let app = cloud.app_with_domain("a");
    let script = serve(&app, "spin", SPIN);
    for signals in 1..=2 {
        let _running = begin(&cloud, "/spin?spin=yes");
        for _ in 0..signals {
            cloud.process().signal("TERM");
        }
        let (status, _) = cloud.process().wait();
        assert!(status.success(), "{status}");
        cloud.start_again();
    }
    assert_eq!(shown(&script)["strikes"], 0);
    assert!(
        !cloud.process().log().contains("the server ended"),
        "{}",
        cloud.process().log()
    );
}

#[test]
fn without_a_place_for_the_journal_the_server_serves_all_the_same() {
    if !TestCloud::is_on_postgres() {
        // On SQLite the folder is also that of the database.
        return;
    }
    let cloud = TestCloud::with().flag("--data-dir", "/dev/null/nowhere").start();
    cloud.get("localhost", "/").expect(200);
    let log = cloud.process().log();
    assert!(log.contains("no in-flight journal can be kept"), "{log}");
}
