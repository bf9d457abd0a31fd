//! Events: how many are taken and run in a second, how long one is on its way, what an app with many of them leaves to
//! others, and what schedules cost while none is due.

mod idle;
mod rate;
mod share;
mod way;

use std::{thread, time::Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{
    api::Api,
    load,
    process::{Server, Start},
    report::{Bound, Cell, Goal, Report},
    save::fsync,
    setting::Setting,
    statistics::{count, median},
    target::kept,
};

/// How often the disk is asked by itself.
const SYNCS: usize = 50;

/// Events in a second that are taken, kept on the disk and run.
const RATE_MIN: f64 = 5_000.0;
/// How much longer events of an app are on their way while another one has very many.
const SHARE_RATIO_MAX: f64 = 2.0;
/// What a server with schedules of which none is due may use.
const TICKS_MAX: f64 = 0.0;

/// All of it, in this order.
pub(crate) fn measure(setting: &Setting) -> anyhow::Result<Report> {
    load::ensure_installed()?;
    // Beside what is built, because the folder for temporary files may be in memory.
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
    let rate = rate::measure(setting, &server, &api)?;
    let synced = (0..SYNCS)
        .map(|_| fsync(data.path()))
        .collect::<Result<Vec<_>, _>>()?;
    let syncs_per_second = 1e3 / median(synced);
    let way = way::measure(&server, &api)?;
    let share = share::measure(setting, &server, &api)?;
    drop((api, server));
    let idle = idle::measure(setting)?;

    let row = |what: &str, figure: f64, decimals| vec![Cell::text(what), Cell::Number(figure, decimals)];
    Ok(Report {
        name: "events",
        title: "Events",
        method: format!(
            "On SQLite on a disk, with all cores. {} {} {} {} An fsync is one of 4 KB at the end of a file beside the \
             database.",
            rate::method(setting),
            way::method(),
            share::method(setting),
            idle::METHOD,
        ),
        columns: vec!["what", "measured"],
        rows: vec![
            row("accepted, per second", rate.accepted, 0),
            row("accepted and run, per second", rate.run, 0),
            row("one fsync after the other, per second", syncs_per_second, 0),
            row("half of them ran within, ms", way.p50, 0),
            row("99 of 100 ran within, ms", way.p99, 0),
            row("those of 20 quiet apps, 99 of 100, ms", share.alone, 0),
            row("the same beside a busy app, ms", share.beside, 0),
            row("ticks with 1,000 schedules, none of them due", idle.ticks, 0),
            row("context switches of these", idle.switches, 0),
        ],
        goals: vec![
            goal(
                "accepted and run, per second",
                (rate.run, 0),
                Bound::AtLeast(RATE_MIN),
            ),
            goal(
                "quiet apps beside a busy one, p99, × alone",
                (share.beside / share.alone, 2),
                Bound::AtMost(SHARE_RATIO_MAX),
            ),
            goal(
                "ticks while no schedule is due",
                (idle.ticks, 0),
                Bound::AtMost(TICKS_MAX),
            ),
        ],
        notes: vec![format!(
            "{:.0} events were accepted and run for each fsync that the disk does by itself; each of them is on disk \
             when it is accepted, and again when it has run.",
            rate.run / syncs_per_second
        )],
    })
}

fn goal(what: &str, measured: (f64, usize), bound: Bound) -> Goal {
    Goal {
        what: what.to_owned(),
        measured,
        unit: "",
        bound,
    }
}

/// Where a run is asked for without waiting.
fn later(script: &str) -> String {
    format!("/api/v1/execute/{script}?async=true")
}

/// How many runs of an app there were that went well.
fn runs(api: &Api, app: &str) -> anyhow::Result<f64> {
    let stats = api.get(&format!("/apps/{app}/executions:stats?buckets=1"))?;
    let success = stats["total"]["counts"]["success"].as_u64();
    Ok(count(success.context("the numbers have no successes")?))
}

/// Waits until there were so many.
fn wait_for_runs(api: &Api, app: &str, expected: f64) -> anyhow::Result<()> {
    let mut last = (runs(api, app)?, Instant::now());
    while last.0 < expected {
        ensure!(
            last.1.elapsed() < way::DONE_MAX,
            "{} events of {expected} ran, and no more do",
            last.0
        );
        thread::sleep(way::LOOK_INTERVAL);
        let now = runs(api, app)?;
        if now > last.0 {
            last = (now, Instant::now());
        }
    }
    Ok(())
}

/// The numbers that a script lists.
fn numbers(answer: &str) -> anyhow::Result<Vec<f64>> {
    let all: Value = serde_json::from_str(answer)?;
    let all = all.as_array().context("the script answers with a list")?;
    Ok(all.iter().filter_map(Value::as_f64).collect())
}
