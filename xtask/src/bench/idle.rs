//! What PiCloud costs while nobody asks it anything.

use std::{thread, time::Duration};

use super::{
    process::{Server, Start, megabytes},
    report::{Bound, Cell, Goal, Report, progress},
    setting::Setting,
    statistics::count,
};

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// How long to watch, in seconds
    #[arg(long, default_value_t = 30)]
    watch: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { watch: 30 }
    }
}

/// Once it has started, or worked, PiCloud gets this long to come to rest: threads that have nothing to do end.
pub(super) const SETTLE: Duration = Duration::from_secs(12);

/// What an idle server may use, and hold.
const TICKS_MAX: f64 = 0.0;
const SWITCHES_MAX: f64 = 1.0;
const RESIDENT_MB_MAX: f64 = 20.0;

/// Processor ticks, context switches and resident memory, after the first start and after a later one.
pub(crate) fn measure(setting: &Setting, options: Options) -> anyhow::Result<Report> {
    let data = tempfile::tempdir()?;
    let start = Start {
        data: Some(data.path()),
        threads: thread::available_parallelism()?.get(),
        cores: None,
    };
    let mut rows = Vec::new();
    let mut goals = Vec::new();
    for name in ["first start", "existing database"] {
        progress(&format!("{name}: waits for {SETTLE:?}, then watches"));
        let server = Server::picloud(&setting.programs, start)?;
        ureq::get(format!("http://{}/healthz", server.address)).call()?;
        thread::sleep(SETTLE);
        let before = server.usage()?;
        thread::sleep(Duration::from_secs(options.watch.into()));
        let after = server.usage()?;

        let ticks = count(after.ticks - before.ticks);
        let switches = count(after.switches - before.switches);
        let cpu_us = after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e6;
        let resident = megabytes(after.resident_bytes);
        rows.push(vec![
            Cell::text(name),
            Cell::Number(ticks, 0),
            Cell::Number(cpu_us, 0),
            Cell::Number(switches, 0),
            Cell::Number(resident, 1),
            Cell::Number(count(after.threads), 0),
        ]);
        goals = vec![
            goal("processor ticks", (ticks, 0), "", TICKS_MAX),
            goal("context switches", (switches, 0), "", SWITCHES_MAX),
            goal("resident memory", (resident, 1), "MB", RESIDENT_MB_MAX),
        ];
    }
    Ok(Report {
        name: "idle",
        title: "Idle",
        method: format!(
            "The whole process for {} s, {} s after its start, with one serving thread per core. The goals are for \
             a start with an existing database; the first one also hashes the owner's password.",
            options.watch,
            SETTLE.as_secs()
        ),
        columns: vec![
            "after",
            "ticks",
            "cpu µs",
            "context switches",
            "resident MB",
            "threads",
        ],
        rows,
        goals,
        notes: Vec::new(),
    })
}

fn goal(what: &str, measured: (f64, usize), unit: &'static str, bound: f64) -> Goal {
    Goal {
        what: what.to_owned(),
        measured,
        unit,
        bound: Bound::AtMost(bound),
    }
}
