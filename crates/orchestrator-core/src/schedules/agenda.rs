//! Which schedule is due when.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use picloud_shared::{bindings::ScheduledScript, id::ScheduleId, time::Timestamp};

/// The schedules that are live and not paused.
#[derive(Default)]
pub(super) struct Agenda {
    known: HashMap<ScheduleId, Known>,
    by_moment: BTreeSet<(Timestamp, ScheduleId)>,
}

struct Known {
    schedule: Arc<ScheduledScript>,
    due_at: Option<Timestamp>,
}

/// A schedule that was due when it was changed, paused or deleted, as it was before.
pub(super) struct Overdue {
    pub(super) schedule: Arc<ScheduledScript>,
    /// Up to when it was as it was.
    pub(super) until: Timestamp,
}

impl Agenda {
    /// Takes over what is live now. A schedule that is new, or another one than before, is due after it was changed, and
    /// after `planned` of it, if that is known. What was planned while the clock was ahead does not count: whoever takes
    /// the step looks whether it still holds.
    pub(super) fn update(
        &mut self,
        live: Vec<Arc<ScheduledScript>>,
        planned: &HashMap<ScheduleId, Timestamp>,
        now: Timestamp,
    ) -> Vec<Overdue> {
        let mut overdue = Vec::new();
        let mut gone: HashSet<ScheduleId> = self.known.keys().copied().collect();
        for schedule in live.into_iter().filter(|schedule| !schedule.is_paused) {
            let id = schedule.schedule_id();
            gone.remove(&id);
            let before = self.known.get(&id);
            if before.is_some_and(|before| before.schedule == schedule) {
                continue;
            }
            overdue.extend(self.remove(id, schedule.updated_at));
            let planned = planned.get(&id).copied().filter(|until| *until <= now);
            let since = planned.unwrap_or(schedule.updated_at);
            let due_at = schedule.spec.schedule.next_after(since.max(schedule.updated_at));
            let known = Known {
                schedule,
                due_at: None,
            };
            self.known.insert(id, known);
            self.set_due(id, due_at);
        }
        for id in gone {
            overdue.extend(self.remove(id, now));
        }
        overdue
    }

    fn remove(&mut self, id: ScheduleId, until: Timestamp) -> Option<Overdue> {
        let known = self.known.remove(&id)?;
        let due_at = known.due_at?;
        self.by_moment.remove(&(due_at, id));
        (due_at <= until).then_some(Overdue {
            schedule: known.schedule,
            until,
        })
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<ScheduledScript>> {
        self.known.values().map(|known| &known.schedule)
    }

    /// A schedule, if it is live and not paused.
    pub(super) fn find(&self, id: ScheduleId) -> Option<&Arc<ScheduledScript>> {
        self.known.get(&id).map(|known| &known.schedule)
    }

    /// Says when a schedule is due next, if it is live.
    pub(super) fn set_due(&mut self, id: ScheduleId, due_at: Option<Timestamp>) {
        let Some(known) = self.known.get_mut(&id) else {
            return;
        };
        if let Some(before) = std::mem::replace(&mut known.due_at, due_at) {
            self.by_moment.remove(&(before, id));
        }
        if let Some(due_at) = due_at {
            self.by_moment.insert((due_at, id));
        }
    }

    /// When the first of them is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.by_moment.first().map(|(due_at, _)| *due_at)
    }

    /// Takes some that are due, the first ones. They are not due again before [`set_due`](Self::set_due) says so.
    pub(super) fn take_due(&mut self, now: Timestamp, most: usize) -> Vec<Arc<ScheduledScript>> {
        let due = self.by_moment.iter().take_while(|(due_at, _)| *due_at <= now);
        let due: Vec<ScheduleId> = due.take(most).map(|(_, id)| *id).collect();
        let mut taken = Vec::with_capacity(due.len());
        for id in due {
            self.set_due(id, None);
            taken.extend(self.find(id).cloned());
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use picloud_shared::{
        bindings::ScheduleSpec,
        events::RetryPolicy,
        id::{AppId, ScriptId},
        schedule::{EverySeconds, Policy, Schedule},
    };
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn every(id: u128, seconds: u64, updated_at: i64) -> Arc<ScheduledScript> {
        Arc::new(ScheduledScript {
            id: Uuid::from_u128(id),
            app_id: AppId(Uuid::nil()),
            name: id.to_string(),
            script_id: ScriptId(Uuid::nil()),
            is_paused: false,
            spec: ScheduleSpec {
                schedule: Schedule::Every {
                    seconds: EverySeconds::try_from(seconds).expect("an interval"),
                    anchor: at(0),
                },
                arguments: Value::Null,
                policy: Policy::default(),
                retry: RetryPolicy::default(),
                on_success: None,
                on_failure: None,
            },
            created_at: at(0),
            updated_at: at(updated_at),
        })
    }

    fn ids(schedules: &[Arc<ScheduledScript>]) -> Vec<u128> {
        schedules.iter().map(|schedule| schedule.id.as_u128()).collect()
    }

    #[test]
    fn the_first_is_due_first() {
        let mut agenda = Agenda::default();
        assert_eq!(agenda.next_due(), None);
        let live = vec![every(1, 60, 5), every(2, 10, 5), every(3, 7, 5)];
        let planned = HashMap::from([(ScheduleId(Uuid::from_u128(3)), at(14))]);
        assert_eq!(agenda.update(live.clone(), &planned, at(14)).len(), 0);
        assert_eq!(
            agenda.next_due(),
            Some(at(10)),
            "and what is planned is not due again"
        );
        assert_eq!(ids(&agenda.take_due(at(9), 9)), [0_u128; 0]);
        assert_eq!(ids(&agenda.take_due(at(60), 2)), [2, 3]);
        assert_eq!(ids(&agenda.take_due(at(60), 2)), [1]);
        assert_eq!(agenda.next_due(), None);
        agenda.set_due(ScheduleId(Uuid::from_u128(2)), Some(at(70)));
        agenda.set_due(ScheduleId(Uuid::from_u128(2)), Some(at(80)));
        assert_eq!(
            agenda.update(live, &planned, at(61)).len(),
            0,
            "nothing has changed"
        );
        assert_eq!(agenda.next_due(), Some(at(80)));
    }

    #[test]
    fn what_was_planned_while_the_clock_was_ahead_is_looked_at() {
        let mut agenda = Agenda::default();
        let planned = HashMap::from([(ScheduleId(Uuid::from_u128(1)), at(9_000))]);
        agenda.update(vec![every(1, 10, 5)], &planned, at(12));
        assert_eq!(agenda.next_due(), Some(at(10)));
        agenda.update(vec![every(1, 10, 31)], &planned, at(32));
        assert_eq!(agenda.next_due(), Some(at(40)));
    }

    #[test]
    fn what_changes_is_due_after_the_change() {
        let mut agenda = Agenda::default();
        let none = HashMap::new();
        agenda.update(vec![every(1, 10, 0), every(2, 10, 0)], &none, at(0));
        // One was due when it was changed, and the other one when it went.
        let overdue = agenda.update(vec![every(1, 60, 12)], &none, at(13));
        let overdue: Vec<_> = overdue
            .iter()
            .map(|overdue| (overdue.schedule.id.as_u128(), overdue.until))
            .collect();
        assert_eq!(overdue, [(1, at(12)), (2, at(13))]);
        assert_eq!(agenda.next_due(), Some(at(60)));
        let mut paused = ScheduledScript::clone(&every(1, 60, 14));
        paused.is_paused = true;
        assert_eq!(agenda.update(vec![Arc::new(paused)], &none, at(15)).len(), 0);
        assert_eq!(agenda.next_due(), None);
    }
}
