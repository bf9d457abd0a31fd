//! What an app with very many events leaves to others.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{anyhow, ensure};
use serde_json::{Value, json};

use super::{
    later, numbers, runs, wait_for_runs,
    way::{LOOK_INTERVAL, PER_SECOND, TIMED, TOOK},
};
use crate::bench::{
    api::Api,
    client::Client,
    process::Server,
    report::progress,
    setting::Setting,
    statistics::{median, percentile},
};

/// Apps that have few events, with as many in a second together as are timed alone.
const QUIET: usize = 20;
/// Clients that ask for these.
const CLIENTS: usize = 4;

/// What one app may have running on a server, and how many times as many wait of the busy one.
const PLACES_PER_APP: usize = 128;
const TIMES: usize = 20;
const BUSY: &str = "busy";
/// Events that are published together: few, as all of a request are written in one transaction, for which others wait.
const BATCH: usize = 10;

pub(super) struct Share {
    /// The time within which 99 of 100 of the quiet apps ran, in milliseconds, while nobody else had any.
    pub(super) alone: f64,
    /// The same while another one had very many.
    pub(super) beside: f64,
}

pub(super) fn method(setting: &Setting) -> String {
    format!(
        "{QUIET} apps have so many together, alone and beside one that has always {TIMES} times as many waiting as may run \
         of it at one time ({PLACES_PER_APP}), {} rounds of {} s each.",
        setting.rounds, setting.seconds
    )
}

/// An app that has few events.
struct Quiet {
    timed: String,
    shows: String,
    forgets: String,
}

/// Forgets what was written.
const FORGET: &str = "loop { let page = kv::list(\"took/\", #{limit: 1000}); if page.entries.is_empty() { break } \
    for entry in page.entries { kv::delete(entry.key) } } \"\"";

pub(super) fn measure(setting: &Setting, server: &Server, api: &Api) -> anyhow::Result<Share> {
    let quiet = (0..QUIET)
        .map(|number| prepare(api, number))
        .collect::<anyhow::Result<Vec<_>>>()?;
    api.app(BUSY, "busy.example.com")?;
    let script = api.script(BUSY, "busy", "1")?;
    api.subscribe(BUSY, "busy", &script)?;
    let time = Duration::from_secs(setting.seconds.into());
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for number in 1..=setting.rounds {
        let without = p99(server, &quiet, time)?;
        let with = beside_busy(api, || p99(server, &quiet, time))?;
        progress(&format!(
            "round {number} of {}: {without:.0} ms alone, {with:.0} ms beside",
            setting.rounds
        ));
        alone.push(without);
        beside.push(with);
    }
    Ok(Share {
        alone: median(alone),
        beside: median(beside),
    })
}

fn prepare(api: &Api, number: usize) -> anyhow::Result<Quiet> {
    let slug = format!("quiet-{number}");
    api.app(&slug, &format!("{slug}.example.com"))?;
    Ok(Quiet {
        timed: api.script(&slug, "timed", TIMED)?,
        shows: api.script(&slug, "shows", TOOK)?,
        forgets: api.script(&slug, "forgets", FORGET)?,
    })
}

/// The time within which 99 of 100 events of the quiet apps ran.
fn p99(server: &Server, quiet: &[Quiet], time: Duration) -> anyhow::Result<f64> {
    let mut client = Client::connect(&server.address, "localhost")?;
    for app in quiet {
        client.get(&format!("/api/v1/execute/{}", app.forgets))?;
    }
    let per_client = PER_SECOND / u32::try_from(CLIENTS)? * u32::try_from(time.as_secs())?;
    thread::scope(|scope| {
        let clients: Vec<_> = quiet
            .chunks(quiet.len() / CLIENTS)
            .map(|apps| scope.spawn(move || ask(server, apps, per_client, time / per_client)))
            .collect();
        clients.into_iter().try_for_each(|client| {
            client
                .join()
                .map_err(|_| anyhow!("a client of quiet apps panicked"))?
        })
    })?;
    let begun = Instant::now();
    loop {
        let mut took = Vec::new();
        for app in quiet {
            took.extend(numbers(&client.get(&format!("/api/v1/execute/{}", app.shows))?)?);
        }
        if took.len() == per_client as usize * CLIENTS {
            return Ok(percentile(took, 99));
        }
        ensure!(begun.elapsed() < super::way::DONE_MAX, "some events did not run");
        thread::sleep(LOOK_INTERVAL);
    }
}

/// Asks for so many runs of these apps in turn, one each so often.
fn ask(server: &Server, apps: &[Quiet], events: u32, pause: Duration) -> anyhow::Result<()> {
    let mut client = Client::connect(&server.address, "localhost")?;
    let begun = Instant::now();
    for (number, app) in (0..events).zip(apps.iter().cycle()) {
        thread::sleep((begun + pause * number).saturating_duration_since(Instant::now()));
        client.get(&later(&app.timed))?;
    }
    Ok(())
}

/// Does it while the busy app has very many events that wait.
fn beside_busy<T>(api: &Api, act: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let over = AtomicBool::new(false);
    let before = runs(api, BUSY)?;
    publish(api, TIMES * PLACES_PER_APP)?;
    thread::scope(|scope| {
        let busy = scope.spawn(|| keep_busy(api, before, &over));
        let acted = act();
        over.store(true, Ordering::Relaxed);
        let published = busy.join().map_err(|_| anyhow!("the busy app panicked"))??;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        wait_for_runs(api, BUSY, before + published as f64)?;
        acted
    })
}

/// Publishes as many as have run, until it is over; tells how many there were.
fn keep_busy(api: &Api, before: f64, over: &AtomicBool) -> anyhow::Result<usize> {
    let mut published = TIMES * PLACES_PER_APP;
    while !over.load(Ordering::Relaxed) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of runs"
        )]
        let ran = (runs(api, BUSY)? - before) as usize;
        let missing = (ran + TIMES * PLACES_PER_APP).saturating_sub(published);
        publish(api, missing)?;
        published += missing.next_multiple_of(BATCH);
        thread::sleep(LOOK_INTERVAL);
    }
    Ok(published)
}

/// Publishes so many, rounded up to whole batches.
fn publish(api: &Api, number: usize) -> anyhow::Result<()> {
    let event = json!({ "specversion": "1.0", "id": "a", "source": "/bench", "type": "busy", "data": 7 });
    let batch: Value = vec![event; BATCH].into();
    for _ in 0..number.div_ceil(BATCH) {
        api.publish(BUSY, &batch)?;
    }
    Ok(())
}
