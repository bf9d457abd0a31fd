//! Telling those who hold connections to brokers that there is something for them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use picloud_shared::repository::BrokersHint;
use tokio::sync::Notify;

/// What this process tells itself.
#[derive(Debug, Default)]
pub(crate) struct BrokerHints {
    pending: PendingHint,
    told: Notify,
}

/// A hint that speaks for all that came since somebody took the last one.
#[derive(Debug, Default)]
pub(crate) struct PendingHint(Mutex<Option<BrokersHint>>);

impl BrokerHints {
    /// There is something.
    pub(crate) fn tell(&self, hint: BrokersHint) {
        self.pending.add(hint);
        self.told.notify_one();
    }

    /// Waits for that. What was told while nobody waited counts.
    pub(crate) async fn wait(&self) -> BrokersHint {
        loop {
            if let Some(hint) = self.pending.take() {
                return hint;
            }
            self.told.notified().await;
        }
    }
}

impl PendingHint {
    /// Adds to what is to be told.
    pub(crate) fn add(&self, hint: BrokersHint) {
        let mut pending = self.lock();
        let before = pending.take();
        *pending = Some(match (before, hint) {
            (Some(BrokersHint::Messages(mut apps)), BrokersHint::Messages(more)) => {
                apps.extend(more);
                BrokersHint::Messages(apps)
            }
            (None, hint) => hint,
            _ => BrokersHint::Anything,
        });
    }

    /// What is to be told, if anything is; it is not to be told again.
    pub(crate) fn take(&self) -> Option<BrokersHint> {
        self.lock().take()
    }

    /// Whether anything is to be told.
    pub(crate) fn is_any(&self) -> bool {
        self.lock().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<BrokersHint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use picloud_shared::id::AppId;
    use uuid::Uuid;

    use super::*;

    fn messages(apps: &[u128]) -> BrokersHint {
        let apps = apps.iter().map(|app| AppId(Uuid::from_u128(*app)));
        BrokersHint::Messages(apps.collect::<BTreeSet<_>>())
    }

    #[tokio::test]
    async fn one_hint_speaks_for_all_before_it() {
        let hints = BrokerHints::default();
        hints.tell(messages(&[2]));
        hints.tell(messages(&[1]));
        assert_eq!(hints.wait().await, messages(&[1, 2]));
        for (first, second) in [
            (BrokersHint::Anything, messages(&[1])),
            (messages(&[1]), BrokersHint::Anything),
        ] {
            hints.tell(first);
            hints.tell(second);
            assert_eq!(hints.wait().await, BrokersHint::Anything);
        }
        hints.tell(messages(&[3]));
        assert_eq!(hints.wait().await, messages(&[3]), "nothing is told twice");
    }
}
