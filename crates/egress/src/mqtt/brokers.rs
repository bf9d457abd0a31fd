//! Which connections there are.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use picloud_shared::{
    id::{AppId, BrokerId},
    mqtt::{Broker, BrokerState, BrokerStatus},
    repository::{BrokerConnections, BrokersHint, StoreError},
    seam::{BrokerTable, EventTable},
    time::Clock,
};
use tokio::{
    sync::{Mutex as AsyncMutex, Notify, watch},
    time::{Instant, timeout},
};

use super::{
    authority::trusting,
    held::{Ended, GOODBYE_TIMEOUT, Held},
    wish::{Wish, at},
};
use crate::Egress;

/// How long a lease lasts, where several servers share a database.
const LEASE: Duration = Duration::from_secs(30);
/// How long after a lease was asked for its connection begins to end, unless it was extended: early enough to be gone when
/// another node may have it.
const STAY: Duration = LEASE.saturating_sub(GOODBYE_TIMEOUT);
/// How often leases are extended, and others are looked at: twice before they end.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// After the database could not be asked, it is asked again.
const RETRY: Duration = Duration::from_secs(5);

/// What [`Brokers`] are made of.
pub struct BrokersParts {
    /// Decides where connections go, and makes them secure.
    pub egress: Egress,
    /// What is set, and what waits.
    pub repository: Arc<dyn BrokerConnections>,
    /// Takes what messages become.
    pub events: Arc<dyn EventTable>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// The connections of this node to the brokers of apps. A cheap handle; all copies are one.
#[derive(Clone)]
pub struct Brokers(Arc<Inner>);

struct Inner {
    parts: Arc<BrokersParts>,
    /// The last connection to each broker; the one before it may be ending.
    held: Mutex<HashMap<BrokerId, Held>>,
    /// Held by whoever says what connections are to be there, so that none brings back an older state. Nobody waits for a
    /// broker meanwhile.
    turn: AsyncMutex<()>,
    /// When to look again, if nothing happens before.
    look_at: Mutex<Option<Instant>>,
    /// Tells that this is another moment.
    looked: Notify,
    stopping: watch::Sender<bool>,
}

impl Brokers {
    /// Connects to all that are set, on the runtime of the caller.
    pub fn start(parts: BrokersParts) -> Self {
        let brokers = Self(Arc::new(Inner {
            parts: Arc::new(parts),
            held: Mutex::default(),
            turn: AsyncMutex::default(),
            look_at: Mutex::default(),
            looked: Notify::new(),
            stopping: watch::channel(false).0,
        }));
        tokio::spawn(brokers.clone().keep_up());
        brokers
    }

    /// Ends all connections; what brokers keep for them they keep. Takes no longer than `most`.
    pub async fn stop(&self, most: Duration) {
        self.0.stopping.send_replace(true);
        let all = async {
            let _turn = self.0.turn.lock().await;
            let is_shared = self.0.parts.repository.is_shared_by_nodes();
            let held: Vec<_> = self.held().drain().collect();
            let ends = held.iter().map(|(id, one)| async move {
                let is_leased = is_shared && one.is_wished();
                one.end(Wish::Leave);
                join_all(one.ending().into_iter().map(Ended::wait)).await;
                if is_leased {
                    self.release(*id).await;
                }
            });
            join_all(ends).await;
        };
        if timeout(most, all).await.is_err() {
            tracing::warn!("some connections to brokers did not end in time");
        }
    }

    /// Looks whenever something may have changed, to the end of the process.
    async fn keep_up(self) {
        let mut stopping = self.0.stopping.subscribe();
        let is_shared = self.0.parts.repository.is_shared_by_nodes();
        self.look(None).await;
        loop {
            let look_at = *self.0.look_at.lock().unwrap_or_else(PoisonError::into_inner);
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return,
                hint = self.0.parts.repository.brokers_hint() => {
                    for one in self.held().values().filter(|one| hint.is_for(one.link.broker.app_id)) {
                        one.link.wake.notify_one();
                    }
                    // Where nobody else changes what is set, there is nothing to be looked at, nor for messages.
                    if !is_shared || matches!(hint, BrokersHint::Messages(_)) {
                        continue;
                    }
                }
                () = self.0.looked.notified() => continue,
                () = at(look_at) => {}
            }
            self.look(None).await;
        }
    }

    /// Looks at what is set, and connects and disconnects accordingly.
    async fn look(&self, anew: Option<AppId>) {
        let _turn = self.0.turn.lock().await;
        if *self.0.stopping.borrow() {
            return;
        }
        let pause = self.look_once(anew).await;
        let mut look_at = self.0.look_at.lock().unwrap_or_else(PoisonError::into_inner);
        *look_at = pause.map(|pause| Instant::now() + pause);
    }

    /// The same by whoever has their turn; tells after how long to look again, if nothing happens before.
    async fn look_once(&self, anew: Option<AppId>) -> Option<Duration> {
        let is_shared = self.0.parts.repository.is_shared_by_nodes();
        let brokers = match self.0.parts.repository.all_brokers().await {
            Ok(brokers) => brokers,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "brokers cannot be read");
                return Some(RETRY);
            }
        };
        self.end_unwanted(&brokers, anew).await;
        let mut is_well = true;
        let wanted = brokers.into_iter().filter(|broker| !broker.settings.is_paused);
        let mut is_any = false;
        for broker in wanted {
            is_any = true;
            if !is_shared {
                self.connect(broker, None);
                continue;
            }
            match self.lease(broker.id).await {
                Ok(Some(until)) => self.connect(broker, Some(until)),
                Ok(None) => {
                    if let Some(one) = self.held().get(&broker.id) {
                        one.end(Wish::Leave);
                    }
                }
                // Its connection ends by itself when nobody extends its time.
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a broker cannot be leased"
                    );
                    is_well = false;
                }
            }
        }
        if !is_well {
            return Some(RETRY);
        }
        (is_any && is_shared).then_some(HEARTBEAT)
    }

    /// Ends connections that nobody wants any more, or not like this.
    async fn end_unwanted(&self, brokers: &[Broker], anew: Option<AppId>) {
        let by_id: HashMap<_, _> = brokers.iter().map(|broker| (broker.id, broker)).collect();
        let mut paused = Vec::new();
        {
            let mut held = self.held();
            held.retain(|id, one| by_id.contains_key(id) || !one.has_ended());
            for (id, one) in held.iter().filter(|(_, one)| one.is_wished()) {
                let before = &one.link.broker;
                match by_id.get(id) {
                    None => one.end(Wish::Forget),
                    Some(now) if now.revision != before.revision => {
                        let stays = now.settings.is_same_session(&before.settings);
                        one.end(if stays { Wish::Leave } else { Wish::Forget });
                        if now.settings.is_paused {
                            paused.push(*id);
                        }
                    }
                    Some(now) if anew == Some(now.app_id) => one.end(Wish::Leave),
                    Some(_) => {}
                }
            }
        }
        if self.0.parts.repository.is_shared_by_nodes() {
            for id in paused {
                self.release(id).await;
            }
        }
    }

    /// Connects to a broker, unless there is a connection.
    fn connect(&self, broker: Broker, until: Option<Instant>) {
        let mut held = self.held();
        let id = broker.id;
        let before = held.get(&id);
        if let Some(one) = before.filter(|one| one.is_wished()) {
            one.may_stay(until);
            return;
        }
        let one = Held::begin(Arc::clone(&self.0.parts), broker, until, before);
        held.insert(id, one);
    }

    /// Until when a broker is this node's, if it is.
    async fn lease(&self, broker: BrokerId) -> Result<Option<Instant>, StoreError> {
        let until = Instant::now() + STAY;
        let is_leased = self.0.parts.repository.lease_broker(broker, LEASE).await?;
        Ok(is_leased.then_some(until))
    }

    async fn release(&self, broker: BrokerId) {
        if let Err(error) = self.0.parts.repository.release_broker(broker).await {
            // It ends by itself.
            tracing::debug!(%error, "a lease of a broker was not given back");
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<BrokerId, Held>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl BrokerTable for Brokers {
    async fn refresh(&self, app: AppId, again: bool) {
        self.look(again.then_some(app)).await;
        self.0.looked.notify_one();
        let ending: Vec<_> = {
            let held = self.held();
            let own = held.values().filter(|one| one.link.broker.app_id == app);
            own.flat_map(Held::ending).collect()
        };
        join_all(ending.into_iter().map(Ended::wait)).await;
    }

    fn takes_authorities(&self, pem: &str) -> bool {
        trusting(pem).is_some()
    }

    fn state(&self, broker: &Broker) -> BrokerState {
        if broker.settings.is_paused {
            return BrokerState::new(BrokerStatus::Paused, broker.updated_at);
        }
        if let Some(one) = self.held().get(&broker.id).filter(|one| one.is_wished()) {
            return one.link.state().clone();
        }
        let status = if self.0.parts.repository.is_shared_by_nodes() {
            BrokerStatus::Elsewhere
        } else {
            BrokerStatus::Connecting
        };
        BrokerState::new(status, broker.updated_at)
    }
}

impl fmt::Debug for Brokers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brokers").finish_non_exhaustive()
    }
}
