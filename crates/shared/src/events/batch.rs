//! Several events for one run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Fewest events for which a batch may have room.
pub const BATCH_EVENTS_MIN: u32 = 2;

/// Most events of one run.
pub const BATCH_EVENTS_MAX: u32 = 100;

/// How long a batch may wait for more events, in milliseconds.
pub const BATCH_WAIT_MS_MAX: u32 = 60_000;

/// Bytes that the events of one run have together; the first one comes in any case.
pub const BATCH_BYTES_MAX: u64 = 1_024 * 1_024;

/// That a run gets several events at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// How many at most: 2 to 100.
    pub events_max: u32,
    /// How long the first of them waits for others, in milliseconds: up to a minute. With 0, a run gets what is there.
    #[serde(default)]
    pub wait_ms: u32,
}

/// A batch that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` must be {min} to {max}")]
pub struct InvalidBatch {
    /// Which field.
    pub field: &'static str,
    /// The least it may be.
    pub min: u32,
    /// The most it may be.
    pub max: u32,
}

/// A delivery that is due, as far as it matters for batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Bytes of its event.
    pub bytes: u64,
    /// Whether it ran before, or the server ended while it was held: then it runs alone, so that no other one fails with
    /// it.
    pub alone: bool,
}

/// What is run of a queue whose events come in batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The first so many, in a run each.
    Alone(usize),
    /// The first so many, in one run.
    Together(usize),
    /// Nothing before this moment, unless more becomes due.
    NotYet(Timestamp),
}

impl Batch {
    /// The first field that is out of range.
    pub fn check(&self) -> Result<(), InvalidBatch> {
        [
            ("events_max", self.events_max, BATCH_EVENTS_MIN, BATCH_EVENTS_MAX),
            ("wait_ms", self.wait_ms, 0, BATCH_WAIT_MS_MAX),
        ]
        .into_iter()
        .find(|(_, value, min, max)| value < min || value > max)
        .map_or(Ok(()), |(field, _, min, max)| {
            Err(InvalidBatch { field, min, max })
        })
    }

    /// How many events a batch has at most.
    pub fn events_max(&self) -> usize {
        usize::try_from(self.events_max).unwrap_or(usize::MAX)
    }

    /// How long the first event waits for others.
    pub fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms.into())
    }

    /// What is run of `due`, which is what has been due since `first_due`, in its order: the first
    /// [`events_max`](Self::events_max) at least, if there are so many.
    pub fn take(&self, due: &[Due], first_due: Timestamp, now: Timestamp) -> Taken {
        if due.first().is_some_and(|first| first.alone) {
            return Taken::Alone(due.iter().take_while(|one| one.alone).count());
        }
        let mut bytes = 0_u64;
        let fits = |(index, one): &(usize, &Due)| {
            bytes = bytes.saturating_add(one.bytes);
            !one.alone && (*index == 0 || bytes <= BATCH_BYTES_MAX)
        };
        let count = due
            .iter()
            .enumerate()
            .take(self.events_max())
            .take_while(fits)
            .count();
        // If one did not get in, there is nothing to wait for.
        let is_full = count == self.events_max() || count < due.len();
        let ready_at = first_due.plus(self.wait());
        if count > 0 && (is_full || ready_at <= now) {
            Taken::Together(count)
        } else {
            Taken::NotYet(ready_at)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIRST: Timestamp = Timestamp::from_micros(1_000_000_000);

    fn due(bytes: u64, alone: bool) -> Due {
        Due { bytes, alone }
    }

    fn after(wait_ms: u64) -> Timestamp {
        FIRST.plus(Duration::from_millis(wait_ms))
    }

    #[test]
    fn a_batch_begins_when_it_is_full_or_its_time_has_come() {
        let batch = Batch {
            events_max: 3,
            wait_ms: 500,
        };
        let small = [due(1, false); 5];
        assert_eq!(
            batch.take(&small[..2], FIRST, after(499)),
            Taken::NotYet(after(500))
        );
        assert_eq!(batch.take(&small[..2], FIRST, after(500)), Taken::Together(2));
        assert_eq!(batch.take(&small[..3], FIRST, FIRST), Taken::Together(3));
        assert_eq!(batch.take(&small, FIRST, FIRST), Taken::Together(3));
        let at_once = Batch { wait_ms: 0, ..batch };
        assert_eq!(at_once.take(&small[..1], FIRST, FIRST), Taken::Together(1));
        assert_eq!(at_once.take(&[], FIRST, FIRST), Taken::NotYet(FIRST));
    }

    #[test]
    fn bytes_fill_a_batch_too() {
        let batch = Batch {
            events_max: 3,
            wait_ms: 500,
        };
        let half = due(BATCH_BYTES_MAX / 2, false);
        let more = due(BATCH_BYTES_MAX / 2 + 1, false);
        assert_eq!(batch.take(&[half, half], FIRST, FIRST), Taken::NotYet(after(500)));
        assert_eq!(batch.take(&[half, more], FIRST, FIRST), Taken::Together(1));
        let large = due(BATCH_BYTES_MAX + 1, false);
        assert_eq!(batch.take(&[large, half], FIRST, FIRST), Taken::Together(1));
    }

    #[test]
    fn what_went_wrong_before_runs_alone() {
        let batch = Batch {
            events_max: 3,
            wait_ms: 500,
        };
        let (fresh, again) = (due(1, false), due(1, true));
        assert_eq!(batch.take(&[again, again, fresh], FIRST, FIRST), Taken::Alone(2));
        // It waits for no batch before it.
        assert_eq!(
            batch.take(&[fresh, again, fresh], FIRST, FIRST),
            Taken::Together(1)
        );
    }

    #[test]
    fn a_batch_has_bounds() {
        let check = |events_max, wait_ms| Batch { events_max, wait_ms }.check().map_err(|error| error.field);
        assert_eq!(check(2, 0), Ok(()));
        assert_eq!(check(100, 60_000), Ok(()));
        assert_eq!(check(1, 0), Err("events_max"));
        assert_eq!(check(101, 0), Err("events_max"));
        assert_eq!(check(2, 60_001), Err("wait_ms"));
    }

    fn any_due() -> impl Strategy<Value = Vec<Due>> {
        let one = (0..BATCH_BYTES_MAX * 2 / 3, prop::bool::weighted(0.1));
        prop::collection::vec(one.prop_map(|(bytes, alone)| due(bytes, alone)), 1..20)
    }

    proptest! {
        /// Each run gets the events that are next, however often it is asked; nothing is left out, taken twice, or waits
        /// longer than it is to.
        #[test]
        fn everything_runs_once_in_its_order(
            all in any_due(), events_max in 2_u32..10, wait_ms in 0_u32..2_000, passed in 0_u64..2_000,
        ) {
            let batch = Batch { events_max, wait_ms };
            prop_assert_eq!(batch.check(), Ok(()));
            let mut left = &all[..];
            while !left.is_empty() {
                let seen = &left[..left.len().min(batch.events_max())];
                let taken = batch.take(seen, FIRST, after(passed));
                // What is behind does not matter.
                match (taken, batch.take(left, FIRST, after(passed))) {
                    (Taken::Alone(few), Taken::Alone(more)) => prop_assert!(few <= more),
                    (few, more) => prop_assert_eq!(few, more),
                }
                let count = match taken {
                    Taken::Alone(count) => {
                        prop_assert!(seen[..count].iter().all(|one| one.alone));
                        count
                    }
                    Taken::Together(count) => {
                        let run = &seen[..count];
                        prop_assert!(count <= batch.events_max());
                        prop_assert!(run.iter().all(|one| !one.alone));
                        let bytes: u64 = run.iter().map(|one| one.bytes).sum();
                        prop_assert!(count == 1 || bytes <= BATCH_BYTES_MAX);
                        count
                    }
                    Taken::NotYet(ready_at) => {
                        prop_assert_eq!(ready_at, after(wait_ms.into()));
                        prop_assert!(ready_at > after(passed));
                        prop_assert!(left.len() < batch.events_max());
                        prop_assert!(left.iter().all(|one| !one.alone));
                        let then = batch.take(left, FIRST, ready_at);
                        prop_assert_eq!(then, Taken::Together(left.len()));
                        break;
                    }
                };
                prop_assert!(count > 0);
                left = &left[count..];
            }
        }
    }
}
