//! Successful runs of one script that are counted instead of recorded.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use picloud_shared::{
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

/// What was counted of a script since the writer took it last; all threads add to it.
pub(crate) struct Tally {
    pub(super) rate: Arc<Rate>,
    count: AtomicU64,
    duration_us: AtomicU64,
    /// The writer knows that there is something.
    listed: AtomicBool,
}

impl Tally {
    /// Nothing yet; `rate` is that of the script's app.
    pub(crate) fn new(rate: Arc<Rate>) -> Self {
        Self {
            rate,
            count: AtomicU64::new(0),
            duration_us: AtomicU64::new(0),
            listed: AtomicBool::new(false),
        }
    }

    /// Counts a run; tells whether the writer must be told of it.
    #[inline]
    pub(super) fn add(&self, duration_us: u64) -> bool {
        self.duration_us.fetch_add(duration_us, SeqCst);
        self.count.fetch_add(1, SeqCst);
        // In one order with the two steps of `take`: either this sees that the writer has begun to take, or the writer
        // takes what was just added.
        !self.listed.load(SeqCst) && !self.listed.swap(true, SeqCst)
    }

    /// What was counted of the script with these ids, if that is anything.
    pub(super) fn take(&self, (app_id, script_id): (AppId, ScriptId)) -> Option<UnrecordedRuns> {
        self.listed.store(false, SeqCst);
        let count = self.count.swap(0, SeqCst);
        // Without a count there may be the time of a run that is about to be counted.
        (count > 0).then(|| UnrecordedRuns {
            app_id,
            script_id,
            count,
            duration_us: self.duration_us.swap(0, SeqCst),
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
        let (mut count, mut duration_us) = (0, 0);
        let mut take = || {
            // As the writer does: only what is listed is taken.
            if std::mem::take(&mut *listed.lock().expect("no panic")) > 0
                && let Some(runs) = tally.take(ids)
            {
                count += runs.count;
                duration_us += runs.duration_us;
            }
        };
        thread::scope(|scope| {
            let adding: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..RUNS {
                            if tally.add(3) {
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
        assert_eq!((count, duration_us), (THREADS * RUNS, 3 * THREADS * RUNS));
    }
}
