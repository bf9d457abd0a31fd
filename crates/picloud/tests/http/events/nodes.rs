//! Several servers on one database.

use std::time::Instant;

use serde_json::json;

use super::{app, invoke_plain};
use crate::harness::{TestCloud, WAIT_MAX};

#[test]
fn a_script_that_another_server_has_released_is_not_gone() {
    if !TestCloud::is_on_postgres() {
        // A database of SQLite belongs to one server.
        return;
    }
    let cloud = TestCloud::start();
    // It starts before the app is made.
    let (_process, other) = cloud.another_node("other");
    let app = app(&cloud);
    app.serve("/go", "kv::set(\"go\", true); \"\"");
    let source = "if kv::get(\"go\") == () { retry::never(\"not yet\") } \"done\"";
    let id = invoke_plain(&app.script("late", source));
    app.delivery(&id, "dead");
    cloud.get("a.test", "/go").says("");
    cloud.kill9();

    let path = app.path(&format!("/deliveries/{id}"));
    other.post(&format!("{path}:redrive"), &json!({})).expect(200);
    let begun = Instant::now();
    loop {
        let found = other.get(&path).expect(200).json();
        if found["state"] == "done" {
            break;
        }
        assert!(
            found["state"] != "dead" && begun.elapsed() < WAIT_MAX,
            "{found:#}"
        );
    }
}
