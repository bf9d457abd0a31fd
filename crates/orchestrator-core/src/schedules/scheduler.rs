//! The one task that starts scripts when it is time, and its one timer.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use picloud_shared::{
    bindings::ScheduledScript,
    id::ScheduleId,
    repository::{ScheduleRepository, StoreError},
    schedule::{Missed, Overlap},
    time::Timestamp,
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    agenda::{Agenda, Overdue},
    steps::{RETRY, Steps},
};
use crate::events::{Events, LOOK_AT_CLOCK};

/// Schedules that are looked at together.
const TOGETHER_MAX: usize = 64;
/// Old rows of a ledger are deleted with each so many steps of its schedule.
const STEPS_PER_PRUNING: u32 = 1_000;

/// What a scheduler needs.
pub struct SchedulerParts {
    /// What is published, and what is live.
    pub events: Events,
    /// Where ledgers are.
    pub repository: Arc<dyn ScheduleRepository>,
}

/// Starts scripts when it is time. Dropped, it starts no more.
pub struct Scheduler {
    stopping: watch::Sender<bool>,
    ended: JoinHandle<()>,
}

impl Scheduler {
    /// Starts on the runtime of the caller, which is that of the store.
    pub fn start(parts: SchedulerParts) -> Self {
        let (stopping, is_stopping) = watch::channel(false);
        let SchedulerParts { events, repository } = parts;
        let task = Task {
            steps: Steps { events, repository },
            agenda: Agenda::default(),
            planned: HashMap::new(),
            taken: HashMap::new(),
            stopping: is_stopping,
        };
        Self {
            stopping,
            ended: tokio::spawn(task.run()),
        }
    }

    /// Starts no more, and waits until what is being written is; no longer than `most`. What is due from here on is
    /// found after the next start.
    pub async fn stop(self, most: Duration) {
        self.stopping.send_replace(true);
        if timeout(most, self.ended).await.is_err() {
            tracing::warn!("the ledgers of schedules could not be written to their end");
        }
    }
}

struct Task {
    steps: Steps,
    agenda: Agenda,
    /// Up to when schedules were planned at the start.
    planned: HashMap<ScheduleId, Timestamp>,
    /// How many steps were taken with each.
    taken: HashMap<ScheduleId, u32>,
    stopping: watch::Receiver<bool>,
}

impl Task {
    async fn run(mut self) {
        let Some(waiting) = self.begin().await else {
            return;
        };
        self.update().await;
        let now = self.now();
        for schedule in waiting {
            if self.agenda.find(schedule).is_some() {
                // The run that it waited for may have ended with the server.
                self.agenda.set_due(schedule, Some(now));
            } else {
                self.skip_waiting(schedule).await;
            }
        }
        while !self.is_stopping() {
            let now = self.now();
            let due = self.agenda.take_due(now, TOGETHER_MAX);
            if due.is_empty() {
                self.wait(now).await;
            } else {
                self.take_steps(due, now).await;
            }
        }
    }

    /// Reads how far everything is planned; gives the schedules of which something waits. None if it is to stop before
    /// that can be read.
    async fn begin(&mut self) -> Option<Vec<ScheduleId>> {
        loop {
            match self.read().await {
                Ok((planned, waiting)) => {
                    self.planned = planned.into_iter().collect();
                    return Some(waiting);
                }
                Err(error) => tracing::warn!(%error, "schedules wait for storage"),
            }
            let mut stopping = self.stopping.clone();
            tokio::select! {
                () = stopped(&mut stopping) => return None,
                () = sleep(RETRY) => {}
            }
        }
    }

    async fn read(&self) -> Result<(Vec<(ScheduleId, Timestamp)>, Vec<ScheduleId>), StoreError> {
        let repository = &self.steps.repository;
        Ok((
            repository.planned_schedules().await?,
            repository.waiting_schedules().await?,
        ))
    }

    /// Waits for something to happen.
    async fn wait(&mut self, now: Timestamp) {
        let mut stopping = self.stopping.clone();
        let next_due = self.agenda.next_due();
        let events = self.steps.events.clone();
        tokio::select! {
            () = stopped(&mut stopping) => {}
            () = events.live().changed() => self.update().await,
            ended = events.ended_schedules() => {
                for (_, schedule) in ended {
                    if self.agenda.find(schedule).is_some_and(|schedule| may_wait(schedule)) {
                        self.agenda.set_due(schedule, Some(now));
                    }
                }
            }
            () = events.clock_set() => {}
            () = until(next_due, now) => {}
        }
    }

    /// Takes over what is live. What was due before it was changed is decided as it was then.
    async fn update(&mut self) {
        let now = self.now();
        let could_wait = self.agenda.all().filter(|schedule| may_wait(schedule));
        let could_wait: Vec<ScheduleId> = could_wait.map(|schedule| schedule.schedule_id()).collect();
        let live: Vec<Arc<ScheduledScript>> = {
            let snapshot = self.steps.events.live().snapshot();
            snapshot.schedules().cloned().collect()
        };
        for Overdue { schedule, until } in self.agenda.update(live, &self.planned, now) {
            if let Err(error) = self.steps.take(&schedule, until, false).await {
                tracing::warn!(schedule.id = %schedule.id, %error, "what was due before a schedule changed is not in its ledger");
            }
        }
        for schedule in could_wait {
            if self.agenda.find(schedule).is_none() {
                self.skip_waiting(schedule).await;
            }
        }
    }

    /// Nothing of a schedule that was paused or deleted waits any more. What cannot be written now is at the next start.
    async fn skip_waiting(&self, schedule: ScheduleId) {
        if let Err(error) = self.steps.repository.skip_waiting(schedule, self.now()).await {
            tracing::warn!(schedule.id = %schedule, %error, "what waits for a paused schedule stays in its ledger");
        }
    }

    async fn take_steps(&mut self, due: Vec<Arc<ScheduledScript>>, now: Timestamp) {
        let taking: Vec<(Arc<ScheduledScript>, bool)> = due
            .into_iter()
            .map(|schedule| {
                let taken = self.taken.entry(schedule.schedule_id()).or_default();
                let prunes = (*taken).is_multiple_of(STEPS_PER_PRUNING);
                *taken = taken.wrapping_add(1);
                (schedule, prunes)
            })
            .collect();
        let steps = &self.steps;
        let taken = join_all(taking.iter().map(|(schedule, prunes)| async move {
            (schedule.schedule_id(), steps.take(schedule, now, *prunes).await)
        }))
        .await;
        for (schedule, next_due) in taken {
            let next_due = next_due.unwrap_or_else(|error| {
                tracing::warn!(schedule.id = %schedule, %error, "a schedule waits for storage");
                Some(now.plus(RETRY))
            });
            self.agenda.set_due(schedule, next_due);
        }
    }

    fn now(&self) -> Timestamp {
        self.steps.events.clock().now()
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow() || self.stopping.has_changed().is_err()
    }
}

/// Whether an occurrence of a schedule can wait for the end of a run.
fn may_wait(schedule: &ScheduledScript) -> bool {
    let policy = schedule.spec.policy;
    policy.overlap == Overlap::QueueOne || policy.missed == Missed::All
}

/// Waits until it is to stop, or whoever would say so is gone.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Waits until a moment, or until the clock is to be looked at; for ever if there is none.
async fn until(moment: Option<Timestamp>, now: Timestamp) {
    match moment {
        Some(moment) => {
            let micros = u64::try_from(moment.as_micros().saturating_sub(now.as_micros())).unwrap_or(0);
            sleep(Duration::from_micros(micros).min(LOOK_AT_CLOCK)).await;
        }
        None => std::future::pending().await,
    }
}
