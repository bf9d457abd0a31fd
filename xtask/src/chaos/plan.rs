//! How much is published, and what fails meanwhile.

use std::time::Duration;

/// Where the events are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Database {
    /// One server
    Sqlite,
    /// Two servers on one database
    Postgres,
}

/// One trial.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) database: Database,
    /// How often a server is ended.
    pub(super) kills: usize,
    /// How often the database is.
    pub(super) restarts: usize,
    /// How often a server is stopped for [`STOP`].
    pub(super) stops: usize,
    /// Events that are acknowledged in all, at least.
    pub(super) events: usize,
    pub(super) seed: u64,
}

/// Something that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// `kill -9` of a server, which is started again.
    Kill,
    /// PostgreSQL ends at once, and is started again.
    Restart,
    /// A server is stopped in its tracks, and goes on when others have what it held.
    Stop,
}

/// How long a server is stopped: longer than the leases of what it holds, which last 30 s.
pub(super) const STOP: Duration = Duration::from_secs(35);

/// One of so many events is published before anything fails, and as many afterwards.
const CALM: usize = 10;

impl Plan {
    /// What is usual.
    pub(super) fn of(database: Database, is_short: bool) -> Self {
        let (kills, restarts, stops, events) = match (database, is_short) {
            (Database::Sqlite, true) => (5, 0, 0, 5_000),
            (Database::Sqlite, false) => (200, 0, 0, 200_000),
            (Database::Postgres, true) => (3, 2, 1, 3_000),
            (Database::Postgres, false) => (100, 50, 3, 100_000),
        };
        Self {
            database,
            kills,
            restarts,
            stops,
            events,
            seed: fastrand::u64(..),
        }
    }

    /// How many servers there are.
    pub(super) fn nodes(&self) -> usize {
        match self.database {
            Database::Sqlite => 1,
            Database::Postgres => 2,
        }
    }

    /// How many events are published before anything fails; and once more when nothing fails any more.
    pub(super) fn calm(&self) -> usize {
        self.events / CALM
    }

    /// How many are published while things fail.
    pub(super) fn stormy(&self) -> usize {
        self.events.saturating_sub(2 * self.calm())
    }

    /// All that fails, in an order that is chosen by chance. Stops come first, so that what else fails does while a server
    /// is stopped.
    pub(super) fn faults(&self, random: &mut fastrand::Rng) -> Vec<Fault> {
        let mut others = vec![Fault::Kill; self.kills];
        others.extend(vec![Fault::Restart; self.restarts]);
        random.shuffle(&mut others);
        let mut faults = Vec::new();
        let between = others.len() / self.stops.max(1);
        for (number, fault) in others.into_iter().enumerate() {
            if between > 0 && number % between == 0 && number / between < self.stops {
                faults.push(Fault::Stop);
            }
            faults.push(fault);
        }
        faults.extend(vec![Fault::Stop; self.stops - stops(&faults)]);
        faults
    }
}

fn stops(faults: &[Fault]) -> usize {
    faults.iter().filter(|fault| **fault == Fault::Stop).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_was_asked_for_fails() {
        for (kills, restarts, stops) in [(5, 0, 0), (3, 2, 1), (0, 0, 2), (1, 0, 3), (100, 50, 7)] {
            let plan = Plan {
                kills,
                restarts,
                stops,
                ..Plan::of(Database::Postgres, true)
            };
            let faults = plan.faults(&mut fastrand::Rng::with_seed(1));
            let count = |wanted: Fault| faults.iter().filter(|fault| **fault == wanted).count();
            let counted = (count(Fault::Kill), count(Fault::Restart), count(Fault::Stop));
            assert_eq!(counted, (kills, restarts, stops));
            assert_eq!(plan.stormy() + 2 * plan.calm(), plan.events);
        }
    }
}
