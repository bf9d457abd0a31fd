//! One schedule: from what is due to what is written.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use picloud_shared::{
    bindings::ScheduledScript,
    events::{Lineage, NewEvent},
    id::EventId,
    repository::{Decided, LedgerStep, LedgerWritten, ScheduleRepository, ScheduleStanding, StoreError},
    schedule::{Entry, Fate, Standing, after_run, plan},
    seam::EventTable as _,
    time::Timestamp,
};
use serde_json::json;

use crate::events::Events;

/// How often a schedule is looked at again because somebody else was first.
const TRIES_MAX: u32 = 3;
/// When a schedule is tried again for which there was no room, or no storage.
pub(super) const RETRY: Duration = Duration::from_secs(5);
/// Published for what was missed.
const MISSED_TOPIC: &str = "picloud.schedule.missed";

/// Takes steps.
pub(super) struct Steps {
    pub(super) events: Events,
    pub(super) repository: Arc<dyn ScheduleRepository>,
}

impl Steps {
    /// Decides about all occurrences of a schedule up to `now` that are not decided yet, writes that, and starts what is
    /// to run. Tells when it is due next.
    pub(super) async fn take(
        &self,
        schedule: &ScheduledScript,
        now: Timestamp,
        prunes: bool,
    ) -> Result<Option<Timestamp>, StoreError> {
        let (app, id) = (schedule.app_id, schedule.schedule_id());
        for _ in 0..TRIES_MAX {
            let standing = self.repository.schedule_standing(app, id).await?;
            if !standing.waiting.is_empty() && self.let_wait_end(schedule, &standing, now).await? {
                continue;
            }
            let begins_at = schedule.updated_at;
            let stands = Standing {
                planned_until: standing
                    .planned_until
                    .map_or(begins_at, |until| until.max(begins_at)),
                running: standing.running,
                waiting: u32::try_from(standing.waiting.len()).unwrap_or(u32::MAX),
            };
            let plan = plan(&schedule.spec.schedule, &schedule.spec.policy, stands, now);
            if plan.entries.is_empty() {
                return Ok(plan.next_due);
            }
            let decided = Decided::New {
                since: standing.planned_until,
                until: plan.planned_until,
                replaces: plan.replaces,
                prunes,
            };
            match self.write(schedule, decided, &plan.entries, now).await? {
                LedgerWritten::Written { cancelled } => {
                    for run in cancelled {
                        self.events.lose(run);
                    }
                    return Ok(plan.next_due);
                }
                LedgerWritten::Taken => {}
                LedgerWritten::QueueFull => break,
            }
        }
        Ok(Some(now.plus(RETRY)))
    }

    /// Starts what waits, if it may run now; tells whether anything was decided.
    async fn let_wait_end(
        &self,
        schedule: &ScheduledScript,
        standing: &ScheduleStanding,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let entries = after_run(&schedule.spec.policy, &standing.waiting, standing.running, now);
        if entries.is_empty() {
            return Ok(false);
        }
        let written = self.write(schedule, Decided::Waiting, &entries, now).await?;
        Ok(matches!(written, LedgerWritten::Written { .. }))
    }

    async fn write(
        &self,
        schedule: &ScheduledScript,
        decided: Decided,
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<LedgerWritten, StoreError> {
        let rows = entries.iter().map(|entry| {
            let starts = entry.fate.starts();
            let event = || schedule.event(entry.scheduled_at, entry.fate == Fate::Late, now);
            (*entry, starts.then(event))
        });
        let step = LedgerStep {
            app_id: schedule.app_id,
            schedule: schedule.schedule_id(),
            decided,
            rows: rows.collect(),
            tells: self.tells(schedule, entries, now),
        };
        let written = self.repository.write_ledger(step, now).await;
        // Whatever it says: where storage was lost, it may be written all the same.
        self.events.wake();
        written
    }

    /// What subscribers are told of occurrences that were missed.
    fn tells(&self, schedule: &ScheduledScript, entries: &[Entry], now: Timestamp) -> Vec<NewEvent> {
        let missed: Vec<&Entry> = entries
            .iter()
            .filter(|entry| matches!(entry.fate, Fate::Missed(_)))
            .collect();
        let (Some(first), Some(last)) = (missed.first(), missed.last()) else {
            return Vec::new();
        };
        if !self.events.is_wanted(schedule.app_id, MISSED_TOPIC) {
            return Vec::new();
        }
        let id = EventId::new(now);
        let data = json!({
            "schedule": { "id": schedule.id, "name": schedule.name },
            "occurrences": missed.len(),
            "first": first.scheduled_at,
            "last": last.until.unwrap_or(last.scheduled_at),
        });
        let mut tells = vec![NewEvent {
            id,
            topic: MISSED_TOPIC.parse().ok(),
            source: format!("/schedules/{}", schedule.name),
            subject: Some(schedule.name.clone()),
            time: now,
            extensions: BTreeMap::new(),
            content_type: "application/json".to_owned(),
            data: data.to_string().into(),
            key: None,
            request: None,
            due_at: None,
            lineage: Lineage {
                root: id.0,
                cause: None,
                depth: 0,
            },
            deliveries: Vec::new(),
        }];
        self.events.address(schedule.app_id, &mut tells);
        tells
    }
}
