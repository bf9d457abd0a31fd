//! What is counted of one script: successful runs that are not recorded, and what all its runs used of the services.

use std::{
    array,
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
};

use picloud_shared::{
    calls::AppUse,
    durations::{DurationBand, Durations},
    execution::UnrecordedRuns,
    id::{AppId, ScriptId},
    services::{Service, ServiceUse},
};

use super::rate::Rate;

/// A script whose runs are counted. It stands beside what every request to it needs anyway, so that counting one brings
/// nothing else from memory.
pub(crate) trait Counted: Send + Sync {
    /// Whose runs they are.
    fn ids(&self) -> (AppId, ScriptId);

    /// What was counted.
    fn tally(&self) -> &Tally;
}

type Bands = [AtomicU64; DurationBand::COUNT];

/// Of each service: calls, bytes read, bytes written, microseconds.
type Uses = [[AtomicU64; 4]; Service::ALL.len()];

/// What was counted until it was taken.
pub(super) struct Taken {
    pub(super) runs: Option<UnrecordedRuns>,
    pub(super) used: Vec<AppUse>,
}

/// What was counted of a script since the writer took it last; all threads add to it.
pub(crate) struct Tally {
    pub(super) rate: Arc<Rate>,
    count: AtomicU64,
    /// How many in each band of durations; made for the first run, as most scripts never have one that is counted.
    bands: OnceLock<Box<Bands>>,
    /// What was used of the services; made for the first run that uses one.
    uses: OnceLock<Box<Uses>>,
    /// The writer knows that there is something.
    listed: AtomicBool,
}

impl Tally {
    /// Nothing yet; `rate` is that of the script's app.
    pub(crate) fn new(rate: Arc<Rate>) -> Self {
        Self {
            rate,
            count: AtomicU64::new(0),
            bands: OnceLock::new(),
            uses: OnceLock::new(),
            listed: AtomicBool::new(false),
        }
    }

    /// Counts a run; tells whether the writer must be told of it.
    #[inline]
    pub(super) fn add(&self, duration_us: u64) -> bool {
        let bands = self
            .bands
            .get_or_init(|| Box::new(array::from_fn(|_| AtomicU64::new(0))));
        bands[DurationBand::of(duration_us).index()].fetch_add(1, Relaxed);
        // Whoever sees this sees the above as well.
        self.count.fetch_add(1, SeqCst);
        self.is_to_be_listed()
    }

    /// Counts what a run used of the services; tells whether the writer must be told of it.
    pub(super) fn add_used(&self, services: &[ServiceUse]) -> bool {
        let uses = self
            .uses
            .get_or_init(|| Box::new(array::from_fn(|_| array::from_fn(|_| AtomicU64::new(0)))));
        for used in services {
            let all = Service::ALL.iter().zip(uses.iter());
            if let Some((_, sums)) = all.into_iter().find(|(service, _)| **service == used.service) {
                let numbers = [used.calls, used.bytes_read, used.bytes_written, used.duration_us];
                for (sum, number) in sums.iter().zip(numbers) {
                    sum.fetch_add(number, SeqCst);
                }
            }
        }
        self.is_to_be_listed()
    }

    /// In one order with the two steps of `take`: either this sees that the writer has begun to take, or the writer
    /// takes what was just added.
    fn is_to_be_listed(&self) -> bool {
        !self.listed.load(SeqCst) && !self.listed.swap(true, SeqCst)
    }

    /// What was counted of the script with these ids.
    pub(super) fn take(&self, (app_id, script_id): (AppId, ScriptId)) -> Taken {
        self.listed.store(false, SeqCst);
        Taken {
            runs: self.take_durations().map(|durations| UnrecordedRuns {
                app_id,
                script_id,
                durations,
            }),
            used: self
                .take_used()
                .into_iter()
                .map(|used| AppUse { app_id, used })
                .collect(),
        }
    }

    fn take_durations(&self) -> Option<Durations> {
        if self.count.swap(0, SeqCst) == 0 {
            return None;
        }
        // There may be one more that is about to be counted. Then it is here, and its count finds nothing later.
        let bands = self.bands.get().into_iter().flat_map(|bands| bands.iter());
        let durations: Durations = bands
            .enumerate()
            .filter(|(_, runs)| runs.load(Relaxed) > 0)
            .filter_map(|(index, runs)| Some((DurationBand::from_index(index)?, runs.swap(0, Relaxed))))
            .collect();
        (durations.count() > 0).then_some(durations)
    }

    fn take_used(&self) -> Vec<ServiceUse> {
        let uses = self.uses.get().into_iter().flat_map(|uses| uses.iter());
        let taken = Service::ALL.into_iter().zip(uses).map(|(service, sums)| {
            let [calls, bytes_read, bytes_written, duration_us] =
                sums.each_ref().map(|sum| sum.swap(0, SeqCst));
            ServiceUse {
                service,
                calls,
                bytes_read,
                bytes_written,
                duration_us,
            }
        });
        // Of a run that is about to be counted, a part may be here and the rest come later.
        taken
            .filter(|used| *used != ServiceUse::none(used.service))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, thread};

    use super::{super::rate::NodeRate, *};

    #[test]
    fn whatever_threads_count_is_taken_once() {
        const THREADS: u64 = 4;
        const RUNS: u64 = 20_000;
        let tally = Tally::new(NodeRate::default().app());
        let listed = Mutex::new(0_u64);
        let ids = (AppId(uuid::Uuid::nil()), ScriptId(uuid::Uuid::nil()));
        let used = ServiceUse {
            calls: 1,
            bytes_read: 2,
            bytes_written: 3,
            duration_us: 4,
            ..ServiceUse::none(Service::Kv)
        };
        let mut durations = Durations::default();
        let mut used_in_all = ServiceUse::none(Service::Kv);
        let mut take = || {
            // As the writer does: only what is listed is taken.
            if std::mem::take(&mut *listed.lock().expect("no panic")) > 0 {
                let taken = tally.take(ids);
                if let Some(runs) = taken.runs {
                    durations += &runs.durations;
                }
                for AppUse { app_id, used } in taken.used {
                    assert_eq!((app_id, used.service), (ids.0, Service::Kv));
                    used_in_all.add(&used);
                }
            }
        };
        thread::scope(|scope| {
            let adding: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        for run in 0..RUNS {
                            let first = tally.add(if run % 2 == 0 { 3 } else { 3_000 });
                            let second = tally.add_used(&[used]);
                            *listed.lock().expect("no panic") += u64::from(first) + u64::from(second);
                        }
                    })
                })
                .collect();
            while !adding.iter().all(thread::ScopedJoinHandle::is_finished) {
                take();
            }
        });
        take();
        let each = [DurationBand::of(3), DurationBand::of(3_000)].map(|band| (band, THREADS * RUNS / 2));
        assert_eq!(durations, each.into_iter().collect());
        let all = THREADS * RUNS;
        let expected = ServiceUse {
            calls: all,
            bytes_read: 2 * all,
            bytes_written: 3 * all,
            duration_us: 4 * all,
            ..used
        };
        assert_eq!(used_in_all, expected);
    }
}
