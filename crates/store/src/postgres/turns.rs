//! How many commits of one app are under way at one time: those that wait for each other must not hold all connections.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use picloud_shared::id::AppId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Commits of one app at one time: half of the connections. Together they write no more than `commit_kv` takes for near
/// a quota.
const COMMITS_MAX: usize = 8;
/// How long one waits for others before it is given up, as long as for a lock.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The commits that are under way, or wait.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    apps: Mutex<HashMap<AppId, Arc<Semaphore>>>,
}

/// One that is under way.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    app: AppId,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Waits until one more commit of `app` may begin; none if that takes too long.
    pub(crate) async fn wait(self: &Arc<Self>, app: AppId) -> Option<Turn> {
        let places = Arc::clone(
            self.lock()
                .entry(app)
                .or_insert_with(|| Arc::new(Semaphore::new(COMMITS_MAX))),
        );
        let mut turn = Turn {
            turns: Arc::clone(self),
            app,
            permit: None,
        };
        turn.permit = Some(timeout(WAIT_MAX, places.acquire_owned()).await.ok()?.ok()?);
        Some(turn)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AppId, Arc<Semaphore>>> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.permit = None;
        let mut apps = self.turns.lock();
        // Whoever waits or is under way holds the places too. They come by them through the map alone, which is locked.
        if apps
            .get(&self.app)
            .is_some_and(|places| Arc::strong_count(places) == 1)
        {
            apps.remove(&self.app);
        }
    }
}

#[cfg(test)]
mod tests {
    use picloud_shared::time::Timestamp;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_app_has_its_places_and_no_more() {
        let turns = Arc::<Turns>::default();
        let app = |micros| AppId::new(Timestamp::from_micros(micros));
        let (one, two) = (app(1), app(2));
        let mut under_way = Vec::new();
        for _ in 0..COMMITS_MAX {
            under_way.push(turns.wait(one).await.unwrap());
        }
        assert!(turns.wait(one).await.is_none());
        assert!(turns.wait(two).await.is_some());
        under_way.pop();
        under_way.push(turns.wait(one).await.unwrap());
        drop(under_way);
        assert!(turns.lock().is_empty());
    }
}
