//! The deliveries that this node holds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use picloud_shared::{
    events::Held,
    id::{AppId, DeliveryId},
};
use tokio::sync::oneshot;

/// The deliveries that this node holds. All copies are one.
#[derive(Clone, Default)]
pub(super) struct Holdings(Arc<Mutex<All>>);

#[derive(Default)]
struct All {
    deliveries: HashMap<DeliveryId, One>,
    per_app: HashMap<AppId, u32>,
}

struct One {
    held: Held,
    /// Tells its run that somebody else has the delivery by now.
    lost: oneshot::Sender<()>,
}

/// A delivery that is held; given up with this value.
pub(super) struct Holding {
    all: Holdings,
    held: Held,
}

impl Holdings {
    /// Holds one more. The second value resolves when it is lost.
    pub(super) fn hold(&self, held: Held) -> (Holding, oneshot::Receiver<()>) {
        let (lost, is_lost) = oneshot::channel();
        let mut all = self.all();
        // One whose lease has run out, and which was claimed again, takes the place of itself.
        if all.deliveries.insert(held.delivery, One { held, lost }).is_none() {
            *all.per_app.entry(held.app_id).or_default() += 1;
        }
        drop(all);
        let holding = Holding {
            all: self.clone(),
            held,
        };
        (holding, is_lost)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all().deliveries.len()
    }

    /// How many of each app there are.
    pub(super) fn per_app(&self) -> HashMap<AppId, u32> {
        self.all().per_app.clone()
    }

    /// All of them.
    pub(super) fn list(&self) -> Vec<Held> {
        self.all().deliveries.values().map(|one| one.held).collect()
    }

    /// Ends the run of a delivery that was cancelled.
    pub(super) fn cancel(&self, delivery: DeliveryId) {
        if let Some(one) = self.all().remove(delivery) {
            // Its run may have ended meanwhile.
            let _ = one.lost.send(());
        }
    }

    /// Ends the runs for those that others have by now.
    pub(super) fn lose(&self, lost: &[Held]) {
        let mut all = self.all();
        for lost in lost {
            if all.has(lost)
                && let Some(one) = all.remove(lost.delivery)
            {
                // Its run may have ended meanwhile.
                let _ = one.lost.send(());
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn has(&self, held: &Held) -> bool {
        let one = self.deliveries.get(&held.delivery);
        one.is_some_and(|one| one.held.token == held.token)
    }

    fn remove(&mut self, delivery: DeliveryId) -> Option<One> {
        let one = self.deliveries.remove(&delivery)?;
        if let Some(count) = self.per_app.get_mut(&one.held.app_id) {
            *count -= 1;
            if *count == 0 {
                self.per_app.remove(&one.held.app_id);
            }
        }
        Some(one)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let mut all = self.all.all();
        if all.has(&self.held) {
            all.remove(self.held.delivery);
        }
    }
}

#[cfg(test)]
mod tests {
    use picloud_shared::time::Timestamp;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn held(app: AppId, token: i64) -> Held {
        Held {
            app_id: app,
            delivery: DeliveryId::new(NOW),
            token,
        }
    }

    #[test]
    fn places_are_counted_per_app_and_given_back() {
        let (all, app, other) = (Holdings::default(), AppId::new(NOW), AppId::new(NOW));
        let first = all.hold(held(app, 1));
        let _second = all.hold(held(app, 1));
        let _other = all.hold(held(other, 1));
        assert_eq!(
            (all.len(), all.per_app()),
            (3, HashMap::from([(app, 2), (other, 1)]))
        );
        drop(first);
        assert_eq!(
            (all.len(), all.per_app()),
            (2, HashMap::from([(app, 1), (other, 1)]))
        );
    }

    #[test]
    fn one_that_is_claimed_again_is_held_by_the_later_run() {
        let (all, app) = (Holdings::default(), AppId::new(NOW));
        let earlier = held(app, 1);
        let (first, mut first_lost) = all.hold(earlier);
        let (_second, mut second_lost) = all.hold(Held { token: 2, ..earlier });
        assert!(
            first_lost
                .try_recv()
                .is_err_and(|error| error == oneshot::error::TryRecvError::Closed)
        );
        drop(first);
        assert_eq!(all.list().iter().map(|held| held.token).collect::<Vec<_>>(), [2]);
        all.lose(&[earlier]);
        assert_eq!(all.len(), 1, "that was another lease");
        all.lose(&[Held { token: 2, ..earlier }]);
        assert_eq!((all.len(), second_lost.try_recv()), (0, Ok(())));
        assert!(all.per_app().is_empty());
    }

    #[test]
    fn one_that_is_cancelled_is_lost() {
        let (all, app) = (Holdings::default(), AppId::new(NOW));
        let one = held(app, 1);
        let (_holding, mut lost) = all.hold(one);
        all.cancel(DeliveryId::new(NOW));
        assert_eq!(all.len(), 1, "that was another one");
        all.cancel(one.delivery);
        assert_eq!((all.len(), lost.try_recv()), (0, Ok(())));
    }
}
