//! Tells whoever follows an app of its runs, once their records are kept.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use picloud_shared::{
    calls::AppUse,
    execution::{CommittedRun, Execution, ExecutionFilter},
    id::AppId,
    seam::{FollowedRuns, RunFeed, RunNews},
    services::ServiceUse,
};
use tokio::sync::Notify;

use super::{Recorder, queue::Ended};

/// Most runs that wait for one follower; more are counted and not told of.
const WAITING_MAX: usize = 256;

/// All who follow. While nobody does, a write costs one look.
#[derive(Default)]
pub(super) struct Feed {
    followers: Mutex<Vec<Arc<Follower>>>,
}

struct Follower {
    app: AppId,
    filter: ExecutionFilter,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    runs: VecDeque<Arc<Execution>>,
    skipped: u64,
}

/// Somebody who follows.
struct Following {
    recorder: Recorder,
    follower: Arc<Follower>,
}

impl RunFeed for Recorder {
    fn follow(&self, app: AppId, filter: ExecutionFilter) -> Box<dyn FollowedRuns> {
        let follower = Arc::new(Follower {
            app,
            filter,
            waiting: Mutex::default(),
            arrived: Notify::new(),
        });
        self.shared.feed.followers().push(Arc::clone(&follower));
        Box::new(Following {
            recorder: self.clone(),
            follower,
        })
    }

    fn node(&self) -> &str {
        self.node()
    }

    fn record(&self, execution: Execution) {
        self.push(Ended::Unwritten(execution));
    }

    fn committed(&self, run: CommittedRun) {
        self.push(Ended::Committed(run));
    }

    fn used(&self, app: AppId, services: &[ServiceUse]) {
        let mut used = self
            .shared
            .used_elsewhere
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_first = used.is_empty() && !services.is_empty();
        for more in services {
            let same = |sum: &&mut AppUse| (sum.app_id, sum.used.service) == (app, more.service);
            // One for each app and service, however many people try scripts while storage is away.
            match used.iter_mut().find(same) {
                Some(sum) => sum.used.add(more),
                None => used.push(AppUse {
                    app_id: app,
                    used: *more,
                }),
            }
        }
        self.wake_if(is_first);
    }
}

impl Feed {
    /// Tells of records that are kept now.
    pub(super) fn publish<'r>(&self, records: impl Iterator<Item = &'r Execution>) {
        let followers = self.followers();
        if followers.is_empty() {
            return;
        }
        for record in records {
            let mut run = None;
            for follower in followers.iter().filter(|follower| follower.wants(record)) {
                // Made for the first who wants it, and shared by all.
                let run = run.get_or_insert_with(|| Arc::new(without_logs(record)));
                follower.tell(run);
            }
        }
    }

    fn followers(&self) -> MutexGuard<'_, Vec<Arc<Follower>>> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    fn wants(&self, record: &Execution) -> bool {
        self.app == record.app_id && self.filter.lets_through(record)
    }

    fn tell(&self, run: &Arc<Execution>) {
        let mut waiting = self.waiting();
        // Once one was skipped, those after it are too, until the follower has heard of it.
        if waiting.skipped == 0 && waiting.runs.len() < WAITING_MAX {
            waiting.runs.push_back(Arc::clone(run));
        } else {
            waiting.skipped += 1;
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    fn take(&self) -> Option<RunNews> {
        let mut waiting = self.waiting();
        if let Some(run) = waiting.runs.pop_front() {
            return Some(RunNews::Recorded(run));
        }
        let skipped = std::mem::take(&mut waiting.skipped);
        (skipped > 0).then_some(RunNews::Skipped(skipped))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl FollowedRuns for Following {
    async fn next(&mut self) -> RunNews {
        loop {
            if let Some(news) = self.follower.take() {
                return news;
            }
            self.follower.arrived.notified().await;
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut followers = self.recorder.shared.feed.followers();
        followers.retain(|other| !Arc::ptr_eq(other, &self.follower));
    }
}

fn without_logs(record: &Execution) -> Execution {
    Execution {
        logs: Vec::new(),
        ..record.clone()
    }
}
