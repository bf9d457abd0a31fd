//! What is said of a trial.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    time::Duration,
};

use super::{
    checks::Check,
    kind::Kind,
    ledger::{Entry, Outcome},
    plan::{Database, Plan},
    waits::Waits,
    witness::Start,
};

/// Of a promise that is broken, so much of what breaks it is shown.
const SHOWN_MAX: usize = 20;

/// What came of a trial.
pub(super) struct Summary<'a> {
    pub(super) plan: &'a Plan,
    pub(super) time: Duration,
    pub(super) entries: &'a [Entry],
    pub(super) starts: &'a [Start],
    pub(super) occurrences: usize,
    pub(super) waits: Waits,
    pub(super) poisoned: usize,
    pub(super) checks: &'a [Check],
}

/// How many events of a kind were acknowledged, refused, and neither.
#[derive(Default)]
struct Counts {
    accepted: usize,
    refused: usize,
    unknown: usize,
}

impl Summary<'_> {
    /// As a table, for a terminal.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let Plan {
            database,
            kills,
            restarts,
            stops,
            seed,
            ..
        } = self.plan;
        let name = match database {
            Database::Sqlite => "SQLite, one server",
            Database::Postgres => "PostgreSQL, two servers",
        };
        let seconds = self.time.as_secs_f64();
        writeln!(
            text,
            "\n{name}, seed {seed}, {seconds:.0} s: {kills} servers ended, {restarts} times the database, \
             {stops} servers stopped\n"
        )?;
        writeln!(
            text,
            "{:<44} {:>10} {:>10} {:>10}",
            "events", "accepted", "unknown", "refused"
        )?;
        let mut counts: BTreeMap<Kind, Counts> = BTreeMap::new();
        for entry in self.entries {
            let of_kind = counts.entry(entry.kind).or_default();
            *match entry.outcome {
                Outcome::Accepted(_) => &mut of_kind.accepted,
                Outcome::Unknown => &mut of_kind.unknown,
                Outcome::Refused => &mut of_kind.refused,
            } += 1;
        }
        let mut sum = Counts::default();
        let row = |name: &str, counts: &Counts| {
            format!(
                "{name:<44} {:>10} {:>10} {:>10}",
                counts.accepted, counts.unknown, counts.refused
            )
        };
        for (kind, of_kind) in &counts {
            writeln!(text, "{}", row(kind.name(), of_kind))?;
            sum.accepted += of_kind.accepted;
            sum.unknown += of_kind.unknown;
            sum.refused += of_kind.refused;
        }
        writeln!(text, "{}\n", row("all", &sum))?;
        let line = |name: &str, value: String| format!("{name:<44} {value:>10}");
        let Waits {
            faults,
            first_max,
            last_max,
            undisturbed_max,
        } = self.waits;
        for (name, value) in [
            ("occurrences of a schedule", self.occurrences.to_string()),
            ("runs that began", self.starts.len().to_string()),
            ("of these, again after a fault", self.again().to_string()),
            (
                "set aside after three ends, and run then",
                self.poisoned.to_string(),
            ),
            ("faults that events waited for", faults.to_string()),
            ("the first of them ran after, s, worst", shown(first_max)),
            ("the last of them ran after, s, worst", shown(last_max)),
            ("and after the fault before it, s, worst", shown(undisturbed_max)),
        ] {
            writeln!(text, "{}", line(name, value))?;
        }
        writeln!(text, "\n{:<44} {:>10}", "promise", "broken")?;
        for Check { promise, broken } in self.checks {
            writeln!(text, "{}", line(promise, broken.len().to_string()))?;
            for one in broken.iter().take(SHOWN_MAX) {
                writeln!(text, "    {one}")?;
            }
        }
        Ok(())
    }

    /// How many runs began with the number of one that had begun before.
    fn again(&self) -> usize {
        let mut times: HashMap<(&str, u32), usize> = HashMap::new();
        for start in self.starts {
            *times.entry((&start.delivery, start.attempt)).or_default() += 1;
        }
        times.values().map(|times| times - 1).sum()
    }
}

fn shown(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}

/// Prints what was found.
#[expect(clippy::print_stdout, reason = "the tables are the result")]
pub(super) fn say(text: &str) {
    println!("{text}");
}

/// Says what is going on meanwhile.
#[expect(clippy::print_stderr, reason = "standard output is for results")]
pub(super) fn progress(text: &str) {
    eprintln!("{text}");
}
