//! What schedules cost while none is due.

use std::{thread, time::Duration};

use serde_json::json;

use crate::bench::{
    api::Api,
    idle::SETTLE,
    machine::said,
    process::{Server, Start},
    report::progress,
    setting::Setting,
    statistics::count,
};

const APPS: usize = 5;
const PER_APP: usize = 200;

/// For how long the process is watched.
const WATCH: Duration = Duration::from_secs(30);

pub(super) const METHOD: &str =
    "With 1,000 schedules that are due in an hour, the whole process is watched for 30 s.";

pub(super) struct Idle {
    pub(super) ticks: f64,
    pub(super) switches: f64,
}

pub(super) fn measure(setting: &Setting) -> anyhow::Result<Idle> {
    let start = Start {
        data: None,
        threads: thread::available_parallelism()?.get(),
        cores: None,
    };
    let server = Server::picloud(&setting.programs, start)?;
    let api = Api::sign_in(&server)?;
    let due = said("date", &["--utc", "--date=+1 hour", "+%Y-%m-%dT%H:%M:%SZ"])?;
    for app in 0..APPS {
        let slug = format!("app-{app}");
        api.app(&slug, &format!("{slug}.example.com"))?;
        let schedules: Vec<_> = (0..PER_APP)
            .map(|number| {
                json!({ "name": format!("schedule-{number}"), "script": "run",
                    "schedule": { "kind": "every", "seconds": 3_600, "anchor": due } })
            })
            .collect();
        api.bundle(
            &slug,
            &json!({ "scripts": [{ "name": "run", "source": "1" }], "routes": [], "schedules": schedules }),
        )?;
    }
    drop(api);
    progress("1,000 schedules are made; waits for the server to come to rest, then watches");
    thread::sleep(SETTLE);
    let before = server.usage()?;
    thread::sleep(WATCH);
    let after = server.usage()?;
    Ok(Idle {
        ticks: count(after.ticks - before.ticks),
        switches: count(after.switches - before.switches),
    })
}
