//! Successful runs of one script that are counted instead of recorded.

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
    durations::{DurationBand, Durations},
    execution::UnrecordedRuns,
    id::{AppId, ScriptId},
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

/// What was counted of a script since the writer took it last; all threads add to it.
pub(crate) struct Tally {
    pub(super) rate: Arc<Rate>,
    count: AtomicU64,
    /// How many in each band of durations; made for the first run, as most scripts never have one that is counted.
    bands: OnceLock<Box<Bands>>,
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
        // In one order with the two steps of `take`: either this sees that the writer has begun to take, or the writer
        // takes what was just added.
        !self.listed.load(SeqCst) && !self.listed.swap(true, SeqCst)
    }

    /// What was counted of the script with these ids, if that is anything.
    pub(super) fn take(&self, (app_id, script_id): (AppId, ScriptId)) -> Option<UnrecordedRuns> {
        self.listed.store(false, SeqCst);
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
        (durations.count() > 0).then_some(UnrecordedRuns {
            app_id,
            script_id,
            durations,
        })
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
        let mut durations = Durations::default();
        let mut take = || {
            // As the writer does: only what is listed is taken.
            if std::mem::take(&mut *listed.lock().expect("no panic")) > 0
                && let Some(runs) = tally.take(ids)
            {
                durations += &runs.durations;
            }
        };
        thread::scope(|scope| {
            let adding: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        for run in 0..RUNS {
                            if tally.add(if run % 2 == 0 { 3 } else { 3_000 }) {
                                *listed.lock().expect("no panic") += 1;
                            }
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
    }
}
