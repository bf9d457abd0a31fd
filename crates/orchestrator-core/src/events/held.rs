//! The deliveries that this node holds, and the runs that they are for.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use picloud_shared::{
    events::{Held, QueueId},
    id::{AppId, DeliveryId, ScriptId},
};
use tokio::sync::oneshot;

/// The deliveries that this node holds. All copies are one.
#[derive(Clone, Default)]
pub(super) struct Holdings(Arc<Mutex<All>>);

#[derive(Default)]
struct All {
    deliveries: HashMap<DeliveryId, One>,
    runs: HashMap<u64, Run>,
    /// The number of the last run.
    last: u64,
    counts: Counts,
}

struct One {
    held: Held,
    /// The run that it is for.
    run: u64,
}

/// A run that began, or waits for its turn.
struct Run {
    place: Place,
    deliveries: Vec<DeliveryId>,
    /// Tells it that somebody else has one of its deliveries by now.
    lost: Option<oneshot::Sender<()>>,
}

/// Where a run counts.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) app: AppId,
    pub(super) queue: QueueId,
    pub(super) script: ScriptId,
}

/// How many runs there are of each.
#[derive(Clone, Default)]
pub(super) struct Counts {
    pub(super) apps: HashMap<AppId, u32>,
    pub(super) queues: HashMap<QueueId, u32>,
    pub(super) scripts: HashMap<ScriptId, u32>,
}

/// A run whose deliveries are held; they are given up with this value.
pub(super) struct Holding {
    all: Holdings,
    run: u64,
}

impl Holdings {
    /// Holds what one more run is for. The second value resolves when one of them is lost.
    pub(super) fn hold(&self, place: Place, held: Vec<Held>) -> (Holding, oneshot::Receiver<()>) {
        let (lost, is_lost) = oneshot::channel();
        let mut all = self.all();
        all.last += 1;
        let run = all.last;
        let deliveries = held.iter().map(|held| held.delivery).collect();
        for held in held {
            // One whose lease has run out, and which was claimed again, takes the place of itself.
            all.take_away(held.delivery);
            all.deliveries.insert(held.delivery, One { held, run });
        }
        all.counts.add(place);
        let made = Run {
            place,
            deliveries,
            lost: Some(lost),
        };
        all.runs.insert(run, made);
        drop(all);
        let holding = Holding {
            all: self.clone(),
            run,
        };
        (holding, is_lost)
    }

    /// How many runs there are.
    pub(super) fn len(&self) -> usize {
        self.all().runs.len()
    }

    /// How many there are of each app, queue and script.
    pub(super) fn counts(&self) -> Counts {
        self.all().counts.clone()
    }

    /// All deliveries.
    pub(super) fn list(&self) -> Vec<Held> {
        self.all().deliveries.values().map(|one| one.held).collect()
    }

    /// Ends the run of a delivery that was cancelled.
    pub(super) fn cancel(&self, delivery: DeliveryId) {
        self.all().take_away(delivery);
    }

    /// Ends the runs for those that others have by now.
    pub(super) fn lose(&self, lost: &[Held]) {
        let mut all = self.all();
        for lost in lost {
            let one = all.deliveries.get(&lost.delivery);
            if one.is_some_and(|one| one.held.token == lost.token) {
                all.take_away(lost.delivery);
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    /// Takes a delivery from its run, which hears of it.
    fn take_away(&mut self, delivery: DeliveryId) {
        let Some(one) = self.deliveries.remove(&delivery) else {
            return;
        };
        let Some(run) = self.runs.get_mut(&one.run) else {
            return;
        };
        if let Some(lost) = run.lost.take() {
            // It may have ended meanwhile.
            let _ = lost.send(());
        }
        run.deliveries.retain(|other| *other != delivery);
        if run.deliveries.is_empty() {
            self.end(one.run);
        }
    }

    /// Gives up what a run still holds.
    fn end(&mut self, run: u64) {
        let Some(run) = self.runs.remove(&run) else { return };
        for delivery in run.deliveries {
            self.deliveries.remove(&delivery);
        }
        self.counts.remove(run.place);
    }
}

impl Counts {
    fn add(&mut self, place: Place) {
        *self.apps.entry(place.app).or_default() += 1;
        *self.queues.entry(place.queue).or_default() += 1;
        *self.scripts.entry(place.script).or_default() += 1;
    }

    fn remove(&mut self, place: Place) {
        subtract(&mut self.apps, &place.app);
        subtract(&mut self.queues, &place.queue);
        subtract(&mut self.scripts, &place.script);
    }
}

fn subtract<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.all.all().end(self.run);
    }
}

#[cfg(test)]
mod tests {
    use picloud_shared::time::Timestamp;
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn held(app: AppId, token: i64) -> Held {
        Held {
            app_id: app,
            delivery: DeliveryId::new(NOW),
            token,
        }
    }

    fn place(app: AppId) -> Place {
        Place {
            app,
            queue: QueueId(Uuid::nil()),
            script: ScriptId(Uuid::nil()),
        }
    }

    fn hold(all: &Holdings, held: Held) -> (Holding, oneshot::Receiver<()>) {
        all.hold(place(held.app_id), vec![held])
    }

    #[test]
    fn runs_are_counted_and_given_back() {
        let (all, app, other) = (Holdings::default(), AppId::new(NOW), AppId::new(NOW));
        let first = hold(&all, held(app, 1));
        let _second = hold(&all, held(app, 1));
        // However many deliveries it is for.
        let _other = all.hold(place(other), vec![held(other, 1), held(other, 1)]);
        let counts = |number, of_app| {
            let counts = all.counts();
            assert_eq!(all.len(), number);
            assert_eq!(counts.apps, HashMap::from([(app, of_app), (other, 1)]));
            assert_eq!(counts.queues.values().sum::<u32>() as usize, number);
            assert_eq!(counts.scripts.values().sum::<u32>() as usize, number);
        };
        counts(3, 2);
        drop(first);
        counts(2, 1);
        assert_eq!(all.list().len(), 3);
    }

    #[test]
    fn one_that_is_claimed_again_is_held_by_the_later_run() {
        let (all, app) = (Holdings::default(), AppId::new(NOW));
        let earlier = held(app, 1);
        let (first, mut first_lost) = hold(&all, earlier);
        let (_second, mut second_lost) = hold(&all, Held { token: 2, ..earlier });
        assert_eq!((all.len(), first_lost.try_recv()), (1, Ok(())));
        drop(first);
        assert_eq!(all.list().iter().map(|held| held.token).collect::<Vec<_>>(), [2]);
        all.lose(&[earlier]);
        assert_eq!(all.len(), 1, "that was another lease");
        all.lose(&[Held { token: 2, ..earlier }]);
        assert_eq!((all.len(), second_lost.try_recv()), (0, Ok(())));
        assert!(all.counts().apps.is_empty());
    }

    #[test]
    fn one_that_is_cancelled_is_lost() {
        let (all, app) = (Holdings::default(), AppId::new(NOW));
        let one = held(app, 1);
        let (_holding, mut lost) = hold(&all, one);
        all.cancel(DeliveryId::new(NOW));
        assert_eq!(all.len(), 1, "that was another one");
        all.cancel(one.delivery);
        assert_eq!((all.len(), lost.try_recv()), (0, Ok(())));
    }

    #[test]
    fn a_run_that_loses_one_holds_the_others_to_its_end() {
        let (all, app) = (Holdings::default(), AppId::new(NOW));
        let (one, other) = (held(app, 1), held(app, 1));
        let (holding, mut lost) = all.hold(place(app), vec![one, other]);
        all.lose(&[one]);
        assert_eq!(lost.try_recv(), Ok(()));
        assert_eq!((all.len(), all.list()), (1, vec![other]));
        drop(holding);
        assert_eq!((all.len(), all.list()), (0, vec![]));
        assert!(all.counts().apps.is_empty());
    }
}
