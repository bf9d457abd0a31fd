//! The gates that a run goes through: of its script and of its app.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use picloud_shared::limits::Limits;
use tokio::time::timeout;

use super::{
    AppBounds,
    places::{Place, Places, Turn},
};

/// The gate of an app. One for all releases of the app, so that runs of an older one count too.
pub(crate) struct AppGate {
    places: Places,
    bounds: AppBounds,
    waiting: AtomicU32,
}

/// The gate of a script: its app's, and one of its own if it has fewer places than the app.
pub(crate) struct ScriptGate {
    app: Arc<AppGate>,
    own: Option<Arc<Places>>,
}

/// A run that has its places; gives them back with this value.
#[must_use]
pub(crate) struct Running<'g> {
    _own: Option<Place<'g>>,
    _app: Place<'g>,
}

/// Why there is no place for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// As many wait already as may.
    Queue,
    /// It has waited as long as it may.
    Waited,
}

/// A run of an app that waits; ends with this value.
struct Waiting<'g>(&'g AppGate);

impl AppGate {
    pub(crate) fn new(bounds: AppBounds) -> Self {
        Self {
            places: Places::new(bounds.runs_max),
            bounds,
            waiting: AtomicU32::new(0),
        }
    }

    fn begin_waiting(&self) -> Result<Waiting<'_>, Full> {
        self.waiting
            .try_update(Relaxed, Relaxed, |waiting| {
                (waiting < self.bounds.waiting_max).then_some(waiting + 1)
            })
            .map_err(|_| Full::Queue)?;
        Ok(Waiting(self))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

impl ScriptGate {
    /// The gate of a script with these limits, after `before` if the script was live already.
    pub(crate) fn new(app: &Arc<AppGate>, limits: &Limits, before: Option<&Self>) -> Self {
        let max = limits.concurrency_max;
        let own = (max < app.bounds.runs_max).then(|| {
            let known = before.and_then(|before| before.own.as_ref());
            known.map_or_else(
                || Arc::new(Places::new(max)),
                |own| {
                    own.set_max(max);
                    Arc::clone(own)
                },
            )
        });
        Self {
            app: Arc::clone(app),
            own,
        }
    }

    /// Lets a run in, if there is a place for it and nobody waits.
    #[inline]
    pub(crate) fn enter(&self) -> Option<Running<'_>> {
        let own = match &self.own {
            Some(own) => Some(own.take()?),
            None => None,
        };
        let app = self.app.places.take()?;
        Some(Running { _own: own, _app: app })
    }

    /// Lets a run in when it is its turn.
    pub(crate) async fn wait(&self) -> Result<Running<'_>, Full> {
        let _waiting = self.app.begin_waiting()?;
        timeout(self.app.bounds.wait_max, self.enter_in(Turn::Own))
            .await
            .map_err(|_| Full::Waited)
    }

    /// Lets a run in that nobody waits for: behind those that somebody waits for, however long that takes.
    pub(crate) async fn wait_patiently(&self) -> Running<'_> {
        self.enter_in(Turn::Patient).await
    }

    async fn enter_in(&self, turn: Turn) -> Running<'_> {
        // The script's place first: who waits for that must not hold one that other scripts could use.
        let own = match &self.own {
            Some(own) => Some(own.wait(turn).await),
            None => None,
        };
        let app = self.app.places.wait(turn).await;
        Running { _own: own, _app: app }
    }
}
