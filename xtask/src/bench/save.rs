//! From saving a script to the first answer of the new version.

use std::{fs::File, io::Write as _, path::Path, time::Instant};

use anyhow::ensure;

use super::{
    api::Api,
    client::Client,
    process::{Server, Start},
    report::{Bound, Cell, Goal, Report},
    setting::Setting,
    statistics::{median, percentile},
    target::kept,
};

/// How many times a script is saved in a round.
const SAVES: usize = 20;

/// How long it may take, beside one fsync.
const MS_MAX: f64 = 20.0;

/// What a small write to the database puts on disk at once.
const WRITTEN: [u8; 4_096] = [7; 4_096];

/// Time from the request that saves to the answer that shows it, and that of an fsync on the same disk.
pub(crate) fn measure(setting: &Setting) -> anyhow::Result<Report> {
    // Beside what is built, because the folder for temporary files may be in memory.
    let place = kept("save");
    std::fs::create_dir_all(&place)?;
    let data = tempfile::tempdir_in(&place)?;
    let start = Start {
        data: Some(data.path()),
        threads: 2,
        cores: None,
    };
    let server = Server::picloud(&setting.programs, start)?;
    let api = Api::sign_in(&server)?;
    let script = api.script("default", "save", "0")?;
    api.route(&script, "/save")?;
    let mut client = Client::connect(&server.address, "localhost")?;

    let (mut saved, mut acknowledged, mut synced) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=setting.rounds * SAVES {
        synced.push(fsync(data.path())?);
        let begun = Instant::now();
        api.save(&script, &number.to_string())?;
        acknowledged.push(begun.elapsed().as_secs_f64() * 1e3);
        let answer = client.get("/save")?;
        saved.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(
            answer == number.to_string(),
            "version {number} was acknowledged, and {answer} answers"
        );
    }
    let row = |name: &str, times: &[f64]| {
        vec![
            Cell::text(name),
            Cell::Number(median(times.iter().copied()), 2),
            Cell::Number(percentile(times.iter().copied(), 90), 2),
        ]
    };
    let beside = median(saved.iter().zip(&synced).map(|(saved, synced)| saved - synced));
    Ok(Report {
        name: "save",
        title: "Save to first answer",
        method: format!(
            "{} new versions, one after the other, on SQLite on a disk; before each one, 4 KB are written to a file \
             beside the database and synced.",
            saved.len()
        ),
        columns: vec!["what", "median ms", "p90 ms"],
        rows: vec![
            row("saved, and the new version has answered", &saved),
            row("of that, until the save is acknowledged", &acknowledged),
            row("one fsync", &synced),
        ],
        goals: vec![Goal {
            what: "save to first answer, less one fsync, median".to_owned(),
            measured: (beside, 2),
            unit: "ms",
            bound: Bound::AtMost(MS_MAX),
        }],
        notes: Vec::new(),
    })
}

/// Milliseconds that a small write takes to be on disk.
pub(super) fn fsync(folder: &Path) -> anyhow::Result<f64> {
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(folder.join("fsync"))?;
    let begun = Instant::now();
    file.write_all(&WRITTEN)?;
    file.sync_data()?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}
