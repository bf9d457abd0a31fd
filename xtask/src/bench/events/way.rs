//! How long an event is on its way.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{later, numbers, runs, wait_for_runs};
use crate::bench::{api::Api, client::Client, process::Server, statistics::percentile};

/// What runs for each event of which the way is measured.
pub(super) const TIMED: &str = "kv::set(`took/${request.event.id}`, time::now() - request.event.time); 1";

/// All that it has written.
pub(super) const TOOK: &str = "let all = []; let cursor = (); \
    loop { let page = kv::list(\"took/\", #{limit: 1000, cursor: cursor}); \
    for entry in page.entries { all.push(entry.value) } cursor = page.cursor; if cursor == () { break } } all";

/// Events of which the way is measured, and how many of them in a second.
const EVENTS: u32 = 500;
pub(super) const PER_SECOND: u32 = 100;

/// How long nothing may happen before all have run.
pub(super) const DONE_MAX: Duration = Duration::from_mins(1);
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(50);

pub(super) struct Way {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

pub(super) fn method() -> String {
    format!(
        "The way of an event is from its request to its run, in whole milliseconds, {PER_SECOND} in a second."
    )
}

pub(super) fn measure(server: &Server, api: &Api) -> anyhow::Result<Way> {
    let timed = api.script("default", "timed", TIMED)?;
    let shows = api.script("default", "shows", TOOK)?;
    let before = runs(api, "default")?;
    let mut client = Client::connect(&server.address, "localhost")?;
    let (begun, pause) = (Instant::now(), Duration::from_secs(1) / PER_SECOND);
    for number in 0..EVENTS {
        thread::sleep((begun + pause * number).saturating_duration_since(Instant::now()));
        client.get(&later(&timed))?;
    }
    wait_for_runs(api, "default", before + f64::from(EVENTS))?;
    let took = numbers(&client.get(&format!("/api/v1/execute/{shows}"))?)?;
    Ok(Way {
        p50: percentile(took.clone(), 50),
        p99: percentile(took, 99),
    })
}
