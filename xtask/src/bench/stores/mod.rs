//! Other people's stores, doing what scripts do with keys and documents: reading one, and having one on disk before the
//! answer.
//!
//! They answer their own clients by their own protocols, without HTTP, routes, scripts or records; so this says what a
//! key costs by itself. Each is on the core that its clients are on, like everything else here.

mod postgres;
mod redis;

use std::path::Path;

use anyhow::{Context as _, ensure};

use super::{
    report::{Cell, progress},
    setting::Setting,
    statistics::median,
};

/// Clients at one time, as many as those that write in scripts.
const CLIENTS: usize = 64;

/// What was measured of one question to one store.
#[derive(Clone, Copy, Debug)]
struct Measured {
    cpu_us_per_request: f64,
    requests_per_second: f64,
}

/// A running store, and the questions that it can be asked.
trait Store {
    /// Its name and version.
    fn name(&self) -> &str;

    /// What it is asked, as the report names it.
    fn questions(&self) -> &[&'static str];

    /// Asks one of its questions for a while.
    fn ask(&self, question: usize, seconds: u32) -> anyhow::Result<Measured>;
}

type Starter = fn(&Setting, &Path) -> anyhow::Result<Box<dyn Store>>;

const STORES: [(&str, Starter); 2] = [("Redis", redis::start), ("PostgreSQL", postgres::start)];

/// A row for each question to those that can be had, with their data in `place`, if they are wanted; and which cannot,
/// and why.
pub(crate) fn measure(setting: &Setting, place: &Path) -> (Vec<Vec<Cell>>, Vec<String>) {
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    for (name, start) in STORES {
        add(setting, name, || start(setting, place), &mut rows, &mut notes);
    }
    (rows, notes)
}

/// The same of finding ten documents by an index among `documents`.
pub(crate) fn documents(setting: &Setting, place: &Path, documents: u32) -> (Vec<Vec<Cell>>, Vec<String>) {
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    let start = || postgres::with_documents(setting, place, documents);
    add(setting, "PostgreSQL", start, &mut rows, &mut notes);
    (rows, notes)
}

fn add(
    setting: &Setting,
    name: &str,
    start: impl FnOnce() -> anyhow::Result<Box<dyn Store>>,
    rows: &mut Vec<Vec<Cell>>,
    notes: &mut Vec<String>,
) {
    if !setting.peers {
        return;
    }
    match start().and_then(|store| rows_of(setting, &*store)) {
        Ok(measured) => rows.extend(measured),
        Err(error) => notes.push(format!("{name} was not measured: {error:#}.")),
    }
}

fn rows_of(setting: &Setting, store: &dyn Store) -> anyhow::Result<Vec<Vec<Cell>>> {
    let questions = store.questions();
    let mut measured = vec![Vec::new(); questions.len()];
    // To warm up.
    for question in 0..questions.len() {
        store.ask(question, 1)?;
    }
    for round in 1..=setting.rounds {
        progress(&format!("{}, round {round} of {}", store.name(), setting.rounds));
        for (question, measured) in measured.iter_mut().enumerate() {
            measured.push(store.ask(question, setting.seconds)?);
        }
    }
    let rows = questions.iter().zip(measured);
    Ok(rows
        .map(|(question, measured)| {
            vec![
                Cell::text(format!("{}: {question}", store.name())),
                Cell::Number(median(measured.iter().map(|one| one.cpu_us_per_request)), 2),
                Cell::Number(median(measured.iter().map(|one| one.requests_per_second)), 0),
            ]
        })
        .collect())
}

/// What a client said, if all went well.
fn said(command: &mut std::process::Command) -> anyhow::Result<String> {
    let output = command.output().context("cannot run the client")?;
    ensure!(
        output.status.success(),
        "the client failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
