//! How long events waited that were there when something failed.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    ledger::{Entry, Outcome},
    witness::Start,
};

/// What was found of all faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Waits {
    /// Faults that events waited for.
    pub(super) faults: usize,
    /// The longest time from a fault to the first run of any of these.
    pub(super) first_max: Duration,
    /// The longest time from a fault to the run of the last of these.
    pub(super) last_max: Duration,
    /// The longest time that an event waited after the last fault before its run.
    pub(super) undisturbed_max: Duration,
}

impl Waits {
    /// Of faults at these moments, in order.
    pub(super) fn of(faults: &[Instant], entries: &[Entry], starts: &[Start]) -> Self {
        let mut by_event: BTreeMap<usize, Vec<Instant>> = BTreeMap::new();
        for start in starts {
            let entry = entries.get(start.number);
            if entry.is_some_and(|entry| entry.kind.first_run() == start.step) {
                by_event.entry(start.number).or_default().push(start.at);
            }
        }
        let mut waits = Self::default();
        // From each fault to the first and to the last run of what waited.
        let mut of_faults: Vec<Option<(Duration, Duration)>> = vec![None; faults.len()];
        for (number, starts) in &by_event {
            let Outcome::Accepted(accepted) = entries[*number].outcome else {
                continue;
            };
            let Some(last) = starts.last() else { continue };
            let first = faults.partition_point(|fault| *fault < accepted);
            let end = faults.partition_point(|fault| fault < last);
            for (fault, found) in faults.iter().zip(&mut of_faults).take(end).skip(first) {
                let Some(next) = starts.iter().find(|start| *start > fault) else {
                    continue;
                };
                let waited = next.duration_since(*fault);
                let (first, last) = found.unwrap_or((waited, waited));
                *found = Some((first.min(waited), last.max(waited)));
                let disturbed = faults[..end].iter().rfind(|fault| *fault < next);
                let undisturbed = next.duration_since(*disturbed.unwrap_or(fault));
                waits.undisturbed_max = waits.undisturbed_max.max(undisturbed);
            }
        }
        for (first, last) in of_faults.into_iter().flatten() {
            waits.faults += 1;
            waits.first_max = waits.first_max.max(first);
            waits.last_max = waits.last_max.max(last);
        }
        waits
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::*;

    #[test]
    fn only_what_was_there_and_not_done_has_waited() {
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let entry = |accepted| Entry {
            kind: Kind::Single,
            is_calm: false,
            outcome: Outcome::Accepted(at(accepted)),
        };
        let start = |number, seconds| Start {
            number,
            step: "a".to_owned(),
            delivery: String::new(),
            attempt: 1,
            at: at(seconds),
        };
        // The first is done before the fault, the second is cut off by it, the third waits, the fourth comes later.
        let entries = [entry(1), entry(1), entry(1), entry(12)];
        let starts = [start(0, 2), start(1, 9), start(1, 14), start(2, 19), start(3, 60)];
        let seconds = Duration::from_secs;
        assert_eq!(
            Waits::of(&[at(10)], &entries, &starts),
            Waits {
                faults: 1,
                first_max: seconds(4),
                last_max: seconds(9),
                undisturbed_max: seconds(9),
            }
        );
        // Another fault, after which one of them waits on.
        assert_eq!(
            Waits::of(&[at(10), at(15)], &entries, &starts),
            Waits {
                faults: 2,
                first_max: seconds(4),
                last_max: seconds(45),
                undisturbed_max: seconds(45),
            }
        );
    }
}
