//! The app on trial: its scripts, and who gets which events.

use std::net::SocketAddr;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::client::Client;

/// Its slug.
pub(super) const APP: &str = "chaos";
/// The collection in which each step leaves a document.
pub(super) const EFFECTS: &str = "effects";
/// What keys begin with that count how often each step was done.
pub(super) const DONE: &str = "done/";
/// What keys begin with that count how often each occurrence of the schedule ran.
pub(super) const TICK: &str = "tick/";

/// What all scripts begin with: how a run tells that it begins, and how it leaves something behind.
const PRELUDE: &str = r#"
fn tell(n, step, event) {
    try { http::get(`http://{witness}/${n}/${step}/${event.delivery}/${event.attempt}`) } catch { }
}
fn effect(n, step, after) {
    kv::incr(`done/${n}/${step}`);
    docs::insert("effects", #{n: n, step: step, after: after});
}
let event = request.event;
"#;

/// The scripts, and the topic that each gets.
const SCRIPTS: [(&str, &str, &str); 8] = [
    (
        "single",
        r#"let n = event.data.n; tell(n, "a", event); effect(n, "a", ()); 1"#,
        "single",
    ),
    (
        "chain",
        r#"let n = event.data.n; tell(n, "a", event); effect(n, "a", ());
        event::emit("chained", #{n: n}); 1"#,
        "chain",
    ),
    (
        "left",
        r#"let n = event.data.n; tell(n, "left", event); effect(n, "left", ()); 1"#,
        "chained",
    ),
    (
        "right",
        r#"let n = event.data.n; tell(n, "right", event); effect(n, "right", ()); 1"#,
        "chained",
    ),
    (
        "emitted",
        r#"let n = event.data.n; tell(n, "b", event); effect(n, "b", ()); 1"#,
        "emitted",
    ),
    (
        "flaky",
        r#"let n = event.data.n; tell(n, "a", event); effect(n, "a", ());
        if event.attempt == 1 { throw "not yet" } 1"#,
        "flaky",
    ),
    (
        "ordered",
        r#"let n = event.data.n; tell(n, "a", event);
        let last = `last/${event.key}`; effect(n, "a", kv::get(last)); kv::set(last, n); 1"#,
        "ordered",
    ),
    (
        "gathered",
        r#"for event in request.events { let n = event.data.n; tell(n, "a", event); effect(n, "a", ()); }
        if request.events.len > 1 && request.events.some(|event| event.data.n % 10 == 0) { throw "one of them" } 1"#,
        "gathered",
    ),
];

/// What a client asks for that waits for the answer.
const EMIT: &str =
    r#"let n = request.json().n; effect(n, "asked", ()); event::emit("emitted", #{n: n}); "ok""#;
/// What runs each second.
const COUNT: &str = r#"kv::incr("tick/" + time::rfc3339(event.scheduled_at)); 1"#;

/// The app, ready.
pub(super) struct Stage {
    /// The id of the script that a client waits for.
    pub(super) emit: String,
    /// That of the one of which runs are asked for that nobody waits for.
    pub(super) invoked: String,
    /// That of the one which runs each second.
    pub(super) count: String,
    schedule: String,
}

impl Stage {
    /// Makes the app; its runs tell `witness`.
    pub(super) fn set(client: &Client, address: &str, witness: SocketAddr) -> anyhow::Result<Self> {
        let make = |path: &str, body: &Value| client.post(address, path, body);
        make("/admin/apps", &json!({ "slug": APP, "name": APP }))?;
        let of_app = |rest: &str| format!("/admin/apps/{APP}/{rest}");
        let allowed = json!({ "allow": [witness.to_string()] });
        client.ask(address, "PUT", &of_app("egress"), &allowed)?;
        make(&of_app("collections"), &json!({ "name": EFFECTS }))?;
        let script = |name: &str, source: &str| {
            let source = format!("{}{source}", PRELUDE.replace("{witness}", &witness.to_string()));
            // A slow machine, or a server that was stopped, is no fault of theirs.
            let limits = json!({ "timeout_ms": 300_000, "cpu_ms_max": 60_000 });
            let script = json!({ "app_id": APP, "name": name, "source": source, "limits": limits });
            id(&make("/admin/scripts", &script)?)
        };
        let mut invoked = String::new();
        for (name, source, topic) in SCRIPTS {
            let id = script(name, source)?;
            let retry = json!({ "attempts_max": 25, "first_delay_ms": 200 });
            let mut subscription = json!({ "name": name, "script_id": id, "topic": topic, "retry": retry });
            match name {
                "ordered" => subscription["ordered"] = true.into(),
                "gathered" => subscription["batch"] = json!({ "events_max": 20, "wait_ms": 100 }),
                _ => {}
            }
            make(&of_app("subscriptions"), &subscription)?;
            if name == "single" {
                invoked = id;
            }
        }
        let (emit, count) = (script("emit", EMIT)?, script("count", COUNT)?);
        // Every occurrence runs, whatever it finds.
        let schedule = json!({ "name": "each-second", "script_id": count,
            "schedule": { "kind": "every", "seconds": 1 },
            "policy": { "overlap": "allow", "missed": "all" }, "retry": { "attempts_max": 25, "first_delay_ms": 200 } });
        let schedule = id(&make(&of_app("schedules"), &schedule)?)?;
        Ok(Self {
            emit,
            invoked,
            count,
            schedule,
        })
    }

    /// Has nothing run each second any more.
    pub(super) fn end_schedule(&self, client: &Client, address: &str) -> anyhow::Result<()> {
        let path = format!("/admin/apps/{APP}/schedules/{}", self.schedule);
        client.ask(address, "PATCH", &path, &json!({ "is_paused": true }))?;
        Ok(())
    }

    /// Where each occurrence has its row, from the newest on.
    pub(super) fn occurrences(&self) -> String {
        format!("/admin/apps/{APP}/schedules/{}/ledger?limit=200", self.schedule)
    }
}

fn id(made: &Value) -> anyhow::Result<String> {
    let id = made["id"].as_str();
    Ok(id.with_context(|| format!("no id in {made}"))?.to_owned())
}
