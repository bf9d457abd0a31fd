//! One at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

type Turn = tokio::sync::Mutex<()>;

/// Who works at which collection on this node.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<Uuid, Weak<Turn>>>);

impl Turns {
    /// Waits until nobody else works at a collection.
    pub(crate) async fn wait(&self, collection: Uuid) -> OwnedMutexGuard<()> {
        self.of(collection).lock_owned().await
    }

    fn of(&self, collection: Uuid) -> Arc<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&collection).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Turn::default());
        turns.insert(collection, Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_is_kept_in_mind_who_does_not_wait() {
        let turns = Turns::default();
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = turns.wait(one).await;
        assert!(turns.of(one).try_lock_owned().is_err());
        let second = turns.wait(two).await;
        drop((first, second));
        drop(turns.wait(one).await);
        assert_eq!(turns.0.lock().map(|turns| turns.len()).ok(), Some(1));
    }
}
