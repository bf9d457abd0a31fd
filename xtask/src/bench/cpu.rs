//! Programs that only compute, each held against plain Rhai and checked for its answer.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};

use super::{
    process::{Cores, pinned},
    report::{Bound, Cell, Goal, Report, progress},
    setting::Setting,
    statistics::median,
    target::source,
};

/// How long one program runs again and again in one round.
const MILLISECONDS: &str = "100";

/// Nothing slower than plain Rhai, but for what two measurements of the same thing differ by.
const RATIO_MIN: f64 = 0.98;

/// Time per run of each program in `bench/cpu`.
pub(crate) fn measure(setting: &Setting) -> anyhow::Result<Report> {
    let mut files: Vec<PathBuf> = fs::read_dir(source("cpu"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rhai"));
    files.sort();
    ensure!(!files.is_empty(), "there are no programs");

    let mut times = vec![(Vec::new(), Vec::new()); files.len()];
    for round in 1..=setting.rounds {
        progress(&format!("round {round} of {}", setting.rounds));
        for (file, (rhai, picloud)) in files.iter().zip(&mut times) {
            rhai.push(run(setting, "cpu_rhai", file)?);
            picloud.push(run(setting, "cpu_picloud", file)?);
        }
    }

    let mut rows = Vec::new();
    let mut ratios = Vec::new();
    for (file, (rhai, picloud)) in files.iter().zip(&times) {
        let ratio = median(rhai.iter().zip(picloud).map(|(base, own)| base / own));
        ratios.push(ratio);
        rows.push(vec![
            Cell::text(file.file_stem().unwrap_or_default().to_string_lossy()),
            Cell::Number(median(rhai.iter().copied()) / 1e3, 0),
            Cell::Number(median(picloud.iter().copied()) / 1e3, 0),
            Cell::Number(ratio, 2),
        ]);
    }
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / count(&ratios)).exp();
    Ok(Report {
        name: "cpu",
        title: "Programs that only compute",
        method: format!(
            "Time on the processor, the least of all runs in {MILLISECONDS} ms, medians of {} rounds in turn, on core {}. Plain Rhai is \
             `Engine::new()` without its limits, on mimalloc; PiCloud is the executor with the default limits, \
             without HTTP. The programs stand in [bench/cpu](../bench/cpu).",
            setting.rounds, setting.core
        ),
        columns: vec!["program", "plain Rhai µs", "PiCloud µs", "× plain Rhai"],
        rows,
        goals: vec![Goal {
            what: "the slowest program, × plain Rhai".to_owned(),
            measured: (least, 2),
            unit: "",
            bound: Bound::AtLeast(RATIO_MIN),
        }],
        notes: vec![format!(
            "Geometric mean of {} programs: {mean:.2} × plain Rhai.",
            files.len()
        )],
    })
}

/// Nanoseconds for one run of the program in `file`.
fn run(setting: &Setting, engine: &str, file: &Path) -> anyhow::Result<f64> {
    let output = pinned(&setting.programs.example(engine), Some(Cores::One(setting.core)))
        .arg(file)
        .arg(MILLISECONDS)
        .output()?;
    ensure!(
        output.status.success(),
        "{engine} failed on {}:\n{}",
        file.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout)?;
    text.trim().parse().context("it prints a number")
}

fn count(ratios: &[f64]) -> f64 {
    super::statistics::count(ratios.len() as u64)
}
