//! What fails while events are published.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;

use super::{
    cluster::Cluster,
    ledger::Ledger,
    load::PATIENCE,
    plan::{Fault, Plan, STOP},
    summary::progress,
};

/// After so many faults it is said how far the storm is.
const TOLD_EACH: usize = 10;

/// The faults of a trial, one after the other.
pub(super) struct Storm<'s, 'a> {
    plan: &'s Plan,
    cluster: &'s mut Cluster<'a>,
    ledger: &'s Ledger,
    random: fastrand::Rng,
    stopped: Option<Stopped>,
    moments: Vec<Instant>,
}

/// A server that is stopped.
struct Stopped {
    number: usize,
    address: String,
    since: Instant,
}

impl<'s, 'a> Storm<'s, 'a> {
    pub(super) fn new(plan: &'s Plan, cluster: &'s mut Cluster<'a>, ledger: &'s Ledger) -> Self {
        Self {
            plan,
            cluster,
            ledger,
            random: fastrand::Rng::with_seed(plan.seed),
            stopped: None,
            moments: Vec::new(),
        }
    }

    /// Has all that is planned fail, each after some events; gives when it did. In the end all is up.
    pub(super) fn rage(mut self) -> anyhow::Result<Vec<Instant>> {
        let faults = self.plan.faults(&mut self.random);
        let between = (self.plan.stormy() / faults.len().max(1)).max(1);
        for (number, fault) in faults.iter().enumerate() {
            let after = self.ledger.accepted() + self.random.usize(1..=2 * between);
            ensure!(
                self.ledger.wait_for(after, PATIENCE),
                "no events are acknowledged any more"
            );
            if self.stopped_for().is_some_and(|time| time >= STOP) {
                self.go_on();
            }
            self.strike(*fault)?;
            if (number + 1) % TOLD_EACH == 0 {
                let (accepted, all) = (self.ledger.accepted(), faults.len());
                progress(&format!(
                    "fault {} of {all}, {accepted} events acknowledged",
                    number + 1
                ));
            }
        }
        self.go_on();
        Ok(self.moments)
    }

    fn strike(&mut self, fault: Fault) -> anyhow::Result<()> {
        if fault == Fault::Stop {
            // One at a time: the others go on.
            self.go_on();
        }
        self.moments.push(Instant::now());
        match fault {
            Fault::Kill => {
                let number = self.one_that_runs();
                self.cluster.kill(number)
            }
            Fault::Restart => self.cluster.crash_database(),
            Fault::Stop => {
                let number = self.one_that_runs();
                self.stopped = Some(Stopped {
                    number,
                    address: self.cluster.stop(number),
                    since: Instant::now(),
                });
                Ok(())
            }
        }
    }

    fn one_that_runs(&mut self) -> usize {
        let stopped = self.stopped.as_ref().map(|stopped| stopped.number);
        let others: Vec<_> = (0..self.plan.nodes())
            .filter(|number| Some(*number) != stopped)
            .collect();
        self.random.choice(others).unwrap_or(0)
    }

    fn stopped_for(&self) -> Option<Duration> {
        self.stopped.as_ref().map(|stopped| stopped.since.elapsed())
    }

    /// Lets the server go on that is stopped, once it was for long enough.
    fn go_on(&mut self) {
        if let Some(stopped) = self.stopped.take() {
            // Its leases have to end: that time is the fault.
            thread::sleep(STOP.saturating_sub(stopped.since.elapsed()));
            self.cluster.go_on(stopped.number, stopped.address);
        }
    }
}
