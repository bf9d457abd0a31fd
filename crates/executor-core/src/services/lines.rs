//! Runs that met a conflict over the same key repeat one after the other, so that each can succeed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use picloud_shared::id::AppId;
use tokio::{
    sync::{Mutex as Line, OwnedMutexGuard},
    time::timeout_at,
};

type Key = (AppId, String);

/// The lines of a process. There is one for each key over which runs repeat at this moment.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: Mutex<HashMap<Key, Arc<Line<()>>>>,
}

/// The first place in a line.
#[derive(Debug)]
pub(super) struct Turn {
    lines: Arc<Lines>,
    key: Key,
    first: Option<OwnedMutexGuard<()>>,
}

impl Lines {
    /// Waits until it is the caller's turn; none if that takes until `deadline`.
    pub(super) async fn wait(self: &Arc<Self>, app: AppId, key: String, deadline: Instant) -> Option<Turn> {
        let key = (app, key);
        let line = Arc::clone(self.lock().entry(key.clone()).or_default());
        let mut turn = Turn {
            lines: Arc::clone(self),
            key,
            first: None,
        };
        turn.first = Some(timeout_at(deadline.into(), line.lock_owned()).await.ok()?);
        Some(turn)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Line<()>>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Whether it is a turn in the line of `key`.
    pub(super) fn is_for(&self, key: &str) -> bool {
        self.key.1 == key
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.first = None;
        let mut lines = self.lines.lock();
        // Whoever waits holds the line too. They come by it through the map alone, which is locked.
        if lines
            .get(&self.key)
            .is_some_and(|line| Arc::strong_count(line) == 1)
        {
            lines.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use picloud_shared::time::Timestamp;

    use super::*;

    #[tokio::test]
    async fn one_has_its_turn_and_nothing_remains() {
        let lines = Arc::<Lines>::default();
        let app = AppId::new(Timestamp::from_micros(1));
        let later = Instant::now() + Duration::from_mins(1);
        let first = lines.wait(app, "a".to_owned(), later).await.unwrap();
        assert!(first.is_for("a") && !first.is_for("b"));
        assert!(lines.wait(app, "a".to_owned(), Instant::now()).await.is_none());
        assert!(lines.wait(app, "b".to_owned(), later).await.is_some());
        drop(first);
        assert!(lines.wait(app, "a".to_owned(), later).await.is_some());
        assert!(lines.lock().is_empty());
    }
}
