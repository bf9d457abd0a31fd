//! Events: how many are taken and run in a second, and how long one is on its way.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{
    api::Api,
    client::Client,
    load::{self, Load, Question},
    process::{Server, Start},
    report::{Bound, Cell, Goal, Report},
    setting::Setting,
    statistics::{count, median, percentile},
    target::kept,
};

/// Clients that ask for runs at one time, without waiting for these.
const CLIENTS: usize = 64;

/// What an event carries, beside its request.
const BODY: &str = r#"{"order": 7, "customer": "ada@example.com", "total": 99.5, "items": ["tea", "cups"]}"#;

/// What runs for each event of which the way is measured.
const TIMED: &str = "kv::set(`took/${request.event.id}`, time::now() - request.event.time); 1";

/// All that it has written.
const TOOK: &str = "let all = []; let cursor = (); \
    loop { let page = kv::list(\"took/\", #{limit: 1000, cursor: cursor}); \
    for entry in page.entries { all.push(entry.value) } cursor = page.cursor; if cursor == () { break } } all";

/// Events of which the way is measured, and how many of them in a second.
const TIMED_EVENTS: u32 = 500;
const TIMED_PER_SECOND: u32 = 100;

/// How long after the last one all must have run.
const DONE_MAX: Duration = Duration::from_mins(1);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Events in a second that are taken, kept on the disk and run.
const RATE_MIN: f64 = 5_000.0;

/// The rate of events that are taken and run, and the time from one to its run.
pub(crate) fn measure(setting: &Setting) -> anyhow::Result<Report> {
    load::ensure_installed()?;
    let place = kept("events");
    std::fs::create_dir_all(&place)?;
    let data = tempfile::tempdir_in(&place)?;
    let start = Start {
        data: Some(data.path()),
        threads: thread::available_parallelism().map_or(1, usize::from),
        cores: None,
    };
    let server = Server::picloud(&setting.programs, start)?;
    let api = Api::sign_in(&server)?;
    let plain = api.script("default", "plain", "1")?;
    let timed = api.script("default", "timed", TIMED)?;
    let shows = api.script("default", "shows", TOOK)?;

    let load = Load {
        connections: CLIENTS,
        ..setting.load()
    };
    let question = Question::post_json(&later(&plain), BODY)?;
    let rounds = (0..setting.rounds)
        .map(|_| round(&server, &api, load, (&plain, &question)))
        .collect::<Result<Vec<_>, _>>()?;
    let accepted = median(rounds.iter().map(|round| round.accepted));
    let run = median(rounds.iter().map(|round| round.run));

    let took = ways(&server, &api, &timed, &shows)?;
    let (p50, p99) = (percentile(took.clone(), 50), percentile(took, 99));
    Ok(Report {
        name: "events",
        title: "Events",
        method: format!(
            "On SQLite on a disk, with all cores. {CLIENTS} clients ask for runs that they do not wait for, with 90 bytes \
             of JSON; each is answered when its event is on disk. Then until the last one has run: each run ends its event, \
             and is recorded, in one transaction. The way of an event is from its request to its run, in whole \
             milliseconds, {TIMED_PER_SECOND} in a second. Medians of {} rounds of {} s.",
            setting.rounds, setting.seconds
        ),
        columns: vec!["what", "per second"],
        rows: vec![
            vec![Cell::text("accepted"), Cell::Number(accepted, 0)],
            vec![Cell::text("accepted and run"), Cell::Number(run, 0)],
            vec![Cell::text("half of them ran within, ms"), Cell::Number(p50, 0)],
            vec![Cell::text("99 of 100 ran within, ms"), Cell::Number(p99, 0)],
        ],
        goals: vec![Goal {
            what: "events accepted and run, per second".to_owned(),
            measured: (run, 0),
            unit: "",
            bound: Bound::AtLeast(RATE_MIN),
        }],
        notes: Vec::new(),
    })
}

/// Where a run is asked for without waiting.
fn later(script: &str) -> String {
    format!("/api/v1/execute/{script}?async=true")
}

struct Round {
    /// Events per second that were accepted.
    accepted: f64,
    /// The same until all had run.
    run: f64,
}

fn round(
    server: &Server,
    api: &Api,
    load: Load,
    (script, question): (&str, &Question),
) -> anyhow::Result<Round> {
    let before = runs(api)?;
    // One more, whose id says when the round began by the server's clock.
    let first: Value =
        serde_json::from_str(&Client::connect(&server.address, "localhost")?.get(&later(script))?)?;
    let begun = made_at(&first["invocation_id"])?;
    let measured = load.run(server, question)?;
    let accepted = measured.requests_per_second * f64::from(load.seconds);
    wait_for(api, before + accepted)?;
    let records = api.get("/apps/default/executions?trigger=async&limit=1")?;
    let ended = made_at(&records["items"][0]["id"])?;
    Ok(Round {
        accepted: measured.requests_per_second,
        run: accepted / ended.saturating_sub(begun).as_secs_f64(),
    })
}

/// Waits until there were so many runs.
fn wait_for(api: &Api, expected: f64) -> anyhow::Result<()> {
    let begun = Instant::now();
    while runs(api)? < expected {
        ensure!(begun.elapsed() < DONE_MAX, "some events did not run");
        thread::sleep(LOOK_INTERVAL);
    }
    Ok(())
}

/// How many runs there were.
fn runs(api: &Api) -> anyhow::Result<f64> {
    let stats = api.get("/apps/default/executions:stats?buckets=1")?;
    let success = stats["total"]["counts"]["success"].as_u64();
    Ok(count(success.context("the numbers have no successes")?))
}

/// When something was made, by its id, since 1970.
fn made_at(id: &Value) -> anyhow::Result<Duration> {
    let digits = id.as_str().unwrap_or_default().replace('-', "");
    let millis = digits
        .get(..12)
        .and_then(|digits| u64::from_str_radix(digits, 16).ok());
    Ok(Duration::from_millis(millis.context("there is no id")?))
}

/// How long each of some events was on its way, in milliseconds.
fn ways(server: &Server, api: &Api, timed: &str, shows: &str) -> anyhow::Result<Vec<f64>> {
    let before = runs(api)?;
    let mut client = Client::connect(&server.address, "localhost")?;
    let (begun, pause) = (Instant::now(), Duration::from_secs(1) / TIMED_PER_SECOND);
    for number in 0..TIMED_EVENTS {
        thread::sleep((begun + pause * number).saturating_duration_since(Instant::now()));
        client.get(&later(timed))?;
    }
    wait_for(api, before + f64::from(TIMED_EVENTS))?;
    let all: Value = serde_json::from_str(&client.get(&format!("/api/v1/execute/{shows}"))?)?;
    let all = all.as_array().context("the times are a list")?;
    Ok(all.iter().filter_map(Value::as_f64).collect())
}
