//! What waits for the thread that writes: apps take turns, and a batch ends before it takes long.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use picloud_shared::id::AppId;

use super::batch::Job;

/// Most jobs that share one transaction, and the least that do if so many wait.
const JOBS_PER_BATCH_MAX: usize = 512;
const JOBS_PER_BATCH_MIN: usize = 8;
/// A batch works about so many times as long as its flush takes. Longer ones would hardly do more in a second, but everybody
/// would wait longer for them.
const WORK_PER_FLUSH: u32 = 4;
/// How much of what the last batch took counts for the next one: one part of so many.
const MEMORY: u32 = 4;

/// Jobs that wait.
#[derive(Default)]
pub(super) struct Queue {
    /// Those of each app, and those of the server itself, each in the order in which they came.
    jobs: HashMap<Option<AppId>, VecDeque<Job>>,
    /// Whose turn it is: all that have any.
    turns: VecDeque<Option<AppId>>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    pub(super) fn push(&mut self, job: Job) {
        let app = job.app();
        let jobs = self.jobs.entry(app).or_default();
        if jobs.is_empty() {
            self.turns.push_back(app);
        }
        jobs.push_back(job);
    }

    /// Takes so many at most: one of each in turn, so that who has many keeps nobody waiting who has few.
    pub(super) fn take(&mut self, most: usize) -> Vec<Job> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(app) = self.turns.pop_front()
        {
            let Some(jobs) = self.jobs.get_mut(&app) else {
                continue;
            };
            taken.extend(jobs.pop_front());
            if jobs.is_empty() {
                self.jobs.remove(&app);
            } else {
                self.turns.push_back(app);
            }
        }
        taken
    }
}

/// How long jobs and flushes took lately.
#[derive(Debug, Default)]
pub(super) struct Pace {
    job: Duration,
    flush: Duration,
}

impl Pace {
    /// How many jobs the next batch may have.
    pub(super) fn jobs_max(&self) -> usize {
        let jobs = (self.flush * WORK_PER_FLUSH).as_nanos() / self.job.as_nanos().max(1);
        usize::try_from(jobs)
            .unwrap_or(JOBS_PER_BATCH_MAX)
            .clamp(JOBS_PER_BATCH_MIN, JOBS_PER_BATCH_MAX)
    }

    /// Notes what a batch of so many jobs took.
    pub(super) fn note(&mut self, jobs: usize, work: Duration, flush: Duration) {
        let jobs = u32::try_from(jobs).unwrap_or(u32::MAX).max(1);
        self.job = mixed(self.job, work / jobs);
        self.flush = mixed(self.flush, flush);
    }
}

fn mixed(before: Duration, now: Duration) -> Duration {
    if before.is_zero() {
        now
    } else {
        (before * (MEMORY - 1) + now) / MEMORY
    }
}

#[cfg(test)]
mod tests {
    use picloud_shared::{services::Commit, time::Timestamp};
    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::{super::commit::Waiting, *};

    fn job(app: u128, at: i64) -> Job {
        Job::Commit {
            waiting: Box::new(Waiting {
                app: AppId(Uuid::from_u128(app)),
                commit: Commit::default(),
                now: Timestamp::from_micros(at),
            }),
            answer: oneshot::channel().0,
            found: None,
        }
    }

    /// Takes some, and tells the app and the number of each.
    fn take(queue: &mut Queue, most: usize) -> Vec<(u128, i64)> {
        let taken = queue.take(most);
        let jobs = taken.iter().filter_map(Job::waiting);
        jobs.map(|waiting| (waiting.app.0.as_u128(), waiting.now.as_micros()))
            .collect()
    }

    #[test]
    fn who_has_many_keeps_nobody_waiting_who_has_few() {
        let mut queue = Queue::default();
        (0..5).for_each(|number| queue.push(job(1, number)));
        queue.push(job(2, 0));
        assert_eq!(take(&mut queue, 3), [(1, 0), (2, 0), (1, 1)]);
        queue.push(job(3, 0));
        queue.push(job(2, 1));
        assert_eq!(take(&mut queue, 9), [(1, 2), (3, 0), (2, 1), (1, 3), (1, 4)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_batch_is_as_large_as_its_flush_is_slow() {
        let mut pace = Pace::default();
        assert_eq!(pace.jobs_max(), JOBS_PER_BATCH_MIN);
        let (job, batch) = (Duration::from_micros(50), 10);
        pace.note(batch, job * 10, Duration::from_millis(1));
        assert_eq!(pace.jobs_max(), 80);
        (0..100).for_each(|_| pace.note(batch, job * 10, Duration::from_millis(100)));
        assert_eq!(pace.jobs_max(), JOBS_PER_BATCH_MAX);
        (0..100).for_each(|_| pace.note(batch, job * 10, Duration::from_micros(10)));
        assert_eq!(pace.jobs_max(), JOBS_PER_BATCH_MIN);
    }
}
