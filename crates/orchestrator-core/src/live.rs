//! The live releases on this node.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use async_trait::async_trait;
use picloud_shared::{
    admin_host::AdminHost,
    host::HostName,
    id::{AppId, ScriptId},
    repository::{ReleaseRepository, StoreError},
    script::LiveScript,
    seam::{ExplainedClaim, Explanation, LiveTable, Miss, ScriptResolver},
};
use tokio::sync::{Mutex, Notify};

use crate::{
    admission::AppBounds,
    routing::{self, LiveEntry, Snapshot},
};

/// The live releases on this node: what requests are answered from, without asking the database.
pub struct LiveReleases {
    repository: Arc<dyn ReleaseRepository>,
    snapshot: ArcSwap<Snapshot>,
    admin_host: AdminHost,
    /// Held from before an app is read until it is swapped in, so that what was read first is also swapped in
    /// first: no refresh undoes another, and none brings back what a later one has seen deleted.
    refreshing: Mutex<()>,
    /// Tells of each release that became live.
    changed: Notify,
    /// Tells of each that has other terms for what waits.
    queues_changed: Notify,
}

impl LiveReleases {
    /// Reads every live release. Each app may have of this node what `bounds` say, and of hosts and paths what
    /// `admin_host` leaves.
    pub async fn load(
        repository: Arc<dyn ReleaseRepository>,
        bounds: AppBounds,
        admin_host: AdminHost,
    ) -> Result<Arc<Self>, StoreError> {
        let mut snapshot = Snapshot::new(bounds);
        for release in repository.live_releases().await? {
            snapshot.insert(release);
        }
        Ok(Arc::new(Self {
            repository,
            snapshot: ArcSwap::from_pointee(snapshot),
            admin_host,
            refreshing: Mutex::default(),
            changed: Notify::new(),
            queues_changed: Notify::new(),
        }))
    }

    /// What is live now. To be held for the look-up only, never while a script runs.
    pub(crate) fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Waits until other releases are live. What happens while nobody waits is not forgotten; one may wait at a time.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The same for those that have other terms for what waits.
    pub(crate) async fn queues_changed(&self) {
        self.queues_changed.notified().await;
    }

    /// Where PiCloud answers by itself, before any app.
    pub(crate) fn admin_host(&self) -> &AdminHost {
        &self.admin_host
    }

    /// The live version of a script that may be unknown here because another node has released it: then its app is read
    /// again. None if the database does not have it either.
    pub(crate) async fn look_for(
        &self,
        app: AppId,
        script: ScriptId,
    ) -> Result<Option<Arc<LiveEntry>>, StoreError> {
        if let Some(known) = self.script(script) {
            return Ok(Some(known));
        }
        // However much waits for a script that is gone, its app is read once, and no release waits for this question.
        let newest = self.repository.list_releases(app, 1, None).await?;
        let newest = newest.first().map(|release| release.number);
        if self.number(app) != newest {
            let _in_order = self.refreshing.lock().await;
            // Of many who look for it, the first one brings it.
            if self.number(app) != newest {
                self.read_again(app).await?;
            }
        }
        Ok(self.script(script))
    }

    /// The number of the release of an app that is live here.
    fn number(&self, app: AppId) -> Option<u32> {
        self.snapshot().app(app).map(|app| app.number)
    }

    fn script(&self, script: ScriptId) -> Option<Arc<LiveEntry>> {
        self.snapshot().script(script).cloned()
    }

    /// Reads an app and swaps it in, for whoever holds `refreshing`.
    async fn read_again(&self, app: AppId) -> Result<(), StoreError> {
        let release = self.repository.live_release(app).await?;
        let mut next = Snapshot::clone(&self.snapshot.load());
        let before = next.queues_of(app);
        match release {
            Some(release) => next.insert(release),
            None => next.remove(app),
        }
        let is_same = next.queues_of(app) == before;
        self.snapshot.store(Arc::new(next));
        self.changed.notify_one();
        if !is_same {
            self.queues_changed.notify_one();
        }
        Ok(())
    }
}

#[async_trait]
impl LiveTable for LiveReleases {
    async fn refresh(&self, app: AppId) -> Result<(), StoreError> {
        let _in_order = self.refreshing.lock().await;
        self.read_again(app).await
    }

    fn explain(&self, app: AppId, method: &str, authority: &str, path: &str) -> Explanation {
        let mut explanation = Explanation::default();
        explanation.miss = self.steps(app, method, authority, path, &mut explanation).err();
        explanation
    }

    fn is_ready(&self) -> bool {
        // There is no value of this type before everything was loaded.
        true
    }
}

impl ScriptResolver for LiveReleases {
    fn resolve(&self, script: ScriptId) -> Option<Arc<LiveScript>> {
        let snapshot = self.snapshot();
        snapshot.script(script).map(|entry| Arc::clone(&entry.script))
    }
}

impl LiveReleases {
    /// Takes the steps of dispatch, in its order, and notes each.
    fn steps(
        &self,
        app: AppId,
        method: &str,
        authority: &str,
        path: &str,
        explanation: &mut Explanation,
    ) -> Result<(), Miss> {
        let host = HostName::from_authority(authority).map_err(|_| Miss::Malformed)?;
        explanation.host = Some(host.as_str().to_owned());
        if self.admin_host.answers(host.as_str(), path) {
            return Err(Miss::Reserved);
        }
        let snapshot = self.snapshot();
        let claim = snapshot.claim(host.as_str()).ok_or(Miss::UnknownHost)?;
        explanation.claim = Some(ExplainedClaim {
            pattern: claim.pattern.as_str().to_owned(),
            app_id: claim.app.app_id,
        });
        if claim.app.app_id != app {
            return Err(Miss::OtherApp);
        }
        let found = claim
            .app
            .find(claim, host.as_str(), method, path)
            .map_err(|miss| match miss {
                routing::Miss::Malformed => Miss::Malformed,
                routing::Miss::NoRoute => Miss::NoRoute,
                routing::Miss::MethodNotAllowed(methods) if method == "OPTIONS" => {
                    Miss::Options(methods.names())
                }
                routing::Miss::MethodNotAllowed(methods) => Miss::MethodNotAllowed(methods.names()),
            })?;
        let script = &found.route.entry.script;
        explanation.route = Some(found.route.id);
        explanation.script = Some((script.script_id, script.version));
        explanation.params = found
            .params
            .into_iter()
            .map(|(name, value)| (name.to_string(), value))
            .collect();
        if script.suspended {
            return Err(Miss::Suspended);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use picloud_shared::release::{LiveRelease, Manifest, Release};
    use tokio::{select, time::timeout};
    use uuid::Uuid;

    use super::*;

    /// A database that does not tell which release is the newest.
    #[derive(Default)]
    struct Slow {
        asked: Notify,
    }

    #[async_trait]
    impl ReleaseRepository for Slow {
        async fn list_releases(
            &self,
            _app: AppId,
            _limit: u32,
            _before: Option<u32>,
        ) -> Result<Vec<Release>, StoreError> {
            self.asked.notify_one();
            pending().await
        }

        async fn find_release(
            &self,
            _app: AppId,
            _number: u32,
        ) -> Result<Option<(Release, Manifest)>, StoreError> {
            Ok(None)
        }

        async fn live_release(&self, _app: AppId) -> Result<Option<LiveRelease>, StoreError> {
            Ok(None)
        }

        async fn live_releases(&self) -> Result<Vec<LiveRelease>, StoreError> {
            Ok(Vec::new())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_release_waits_for_the_question_whether_a_script_is_gone() {
        let slow = Arc::new(Slow::default());
        let repository = Arc::clone(&slow) as Arc<dyn ReleaseRepository>;
        let live = LiveReleases::load(repository, AppBounds::default(), AdminHost::default());
        let live = live.await.expect("there is none");
        let app = AppId(Uuid::nil());
        let refresh = async {
            slow.asked.notified().await;
            timeout(Duration::from_mins(1), live.refresh(app)).await
        };
        select! {
            _ = live.look_for(app, ScriptId(Uuid::nil())) => panic!("nobody has answered"),
            refreshed = refresh => refreshed.expect("it does not wait").expect("it is read"),
        }
    }
}
