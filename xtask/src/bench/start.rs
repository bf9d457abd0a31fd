//! From the start of the process to the first answer of a script.

use std::time::Instant;

use super::{
    client::Client,
    process::{Server, Start},
    report::{Bound, Cell, Goal, Report},
    setting::Setting,
    statistics::{median, percentile},
};

/// How many starts there are in a round.
const STARTS: usize = 4;

/// How long it may take.
const MS_MAX: f64 = 50.0;

/// Time to the first answer, with an existing database on SQLite; axum beside it.
pub(crate) fn measure(setting: &Setting) -> anyhow::Result<Report> {
    let data = tempfile::tempdir()?;
    let start = Start {
        data: Some(data.path()),
        threads: 2,
        cores: None,
    };
    drop(Server::picloud(&setting.programs, start)?);
    let (mut picloud, mut axum) = (Vec::new(), Vec::new());
    for _ in 0..setting.rounds * STARTS {
        picloud.push(first_answer(|| Server::picloud(&setting.programs, start))?);
        axum.push(first_answer(|| {
            Server::baseline(&setting.programs, "baseline-axum", setting.core)
        })?);
    }
    let row = |name: &str, times: &[f64]| {
        vec![
            Cell::text(name),
            Cell::Number(median(times.iter().copied()), 1),
            Cell::Number(times.iter().copied().fold(f64::INFINITY, f64::min), 1),
            Cell::Number(percentile(times.iter().copied(), 90), 1),
        ]
    };
    Ok(Report {
        name: "start",
        title: "Start to first answer",
        method: format!(
            "From starting the process to the last byte of the first answer, {} starts in turn, on an existing SQLite \
             database whose files the system has in memory.",
            picloud.len()
        ),
        columns: vec!["server", "median ms", "least ms", "p90 ms"],
        rows: vec![row("PiCloud", &picloud), row("axum, without a database", &axum)],
        goals: vec![Goal {
            what: "PiCloud, median".to_owned(),
            measured: (median(picloud), 1),
            unit: "ms",
            bound: Bound::AtMost(MS_MAX),
        }],
        notes: Vec::new(),
    })
}

/// Milliseconds.
fn first_answer(start: impl Fn() -> anyhow::Result<Server>) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let server = start()?;
    Client::connect(&server.address, "localhost")?.get("/")?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}
