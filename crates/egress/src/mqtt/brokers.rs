//! Which connections there are.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use picloud_shared::{
    id::{AppId, BrokerId},
    mqtt::{Broker, BrokerState, BrokerStatus},
    repository::{BrokerConnections, StoreError},
    seam::{BrokerTable, EventTable},
    time::Clock,
};
use tokio::{
    sync::{Mutex as AsyncMutex, Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};

use super::connection::{Link, Wish, hold};
use crate::Egress;

/// How long a lease lasts, where several servers share a database.
const LEASE: Duration = Duration::from_secs(30);
/// How often leases are extended, and others are looked at: twice before they end.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// After the database could not be asked, it is asked again.
const RETRY: Duration = Duration::from_secs(5);
/// How long a connection may take to end, before it is dropped.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// The name of this node.
    pub node: String,
}

/// The connections of this node to the brokers of apps. A cheap handle; all copies are one.
#[derive(Clone)]
pub struct Brokers(Arc<Inner>);

struct Inner {
    parts: Arc<BrokersParts>,
    running: Mutex<HashMap<BrokerId, Running>>,
    /// Held by whoever connects and disconnects, so that none brings back an older state.
    turn: AsyncMutex<()>,
    /// When to look again, if nothing happens before.
    look_at: Mutex<Option<Instant>>,
    /// Tells that this is another moment.
    looked: Notify,
    stopping: watch::Sender<bool>,
}

/// A connection that is there, or is to be.
struct Running {
    link: Arc<Link>,
    wish: watch::Sender<Wish>,
    task: JoinHandle<()>,
    /// Until when it is this node's, where others share the database.
    leased_until: Option<Instant>,
}

impl Brokers {
    /// Connects to all that are set, on the runtime of the caller.
    pub fn start(parts: BrokersParts) -> Self {
        let brokers = Self(Arc::new(Inner {
            parts: Arc::new(parts),
            running: Mutex::default(),
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
            let running: Vec<_> = self.running().drain().collect();
            for (_, one) in &running {
                one.wish.send_replace(Wish::Leave);
            }
            for (id, one) in running {
                end(one.task).await;
                if one.leased_until.is_some() {
                    self.release(id).await;
                }
            }
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
                () = self.0.parts.repository.brokers_hint() => {
                    for one in self.running().values() {
                        one.link.wake.notify_one();
                    }
                    // Nobody else changes what is set here.
                    if !is_shared {
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
                self.end_what_others_may_have().await;
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
                Ok(None) => self.disconnect(vec![(broker.id, Wish::Leave)]).await,
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
            self.end_what_others_may_have().await;
        }
        if !is_well {
            return Some(RETRY);
        }
        (is_any && is_shared).then_some(HEARTBEAT)
    }

    /// Ends connections that nobody wants any more, or not like this.
    async fn end_unwanted(&self, brokers: &[Broker], anew: Option<AppId>) {
        let by_id: HashMap<_, _> = brokers.iter().map(|broker| (broker.id, broker)).collect();
        let mut unwanted = Vec::new();
        for (id, one) in &*self.running() {
            let before = &one.link.broker;
            match by_id.get(id) {
                None => unwanted.push((*id, Wish::Forget)),
                Some(now) if now.revision != before.revision => {
                    let stays = now.settings.is_same_session(&before.settings);
                    unwanted.push((*id, if stays { Wish::Leave } else { Wish::Forget }));
                }
                Some(now) if anew == Some(now.app_id) => unwanted.push((*id, Wish::Leave)),
                Some(_) => {}
            }
        }
        let paused = brokers.iter().filter(|broker| broker.settings.is_paused);
        let paused: HashSet<_> = paused.map(|broker| broker.id).collect();
        let ids: Vec<_> = unwanted.iter().map(|(id, _)| *id).collect();
        self.disconnect(unwanted).await;
        if self.0.parts.repository.is_shared_by_nodes() {
            for id in ids.into_iter().filter(|id| paused.contains(id)) {
                self.release(id).await;
            }
        }
    }

    /// Ends connections whose lease has run out, while the database cannot say whose they are.
    async fn end_what_others_may_have(&self) {
        let soon = Instant::now() + RETRY;
        let is_lost = |one: &Running| one.leased_until.is_some_and(|until| until <= soon);
        let lost: Vec<_> = {
            let running = self.running();
            let lost = running.iter().filter(|(_, one)| is_lost(one));
            lost.map(|(id, _)| (*id, Wish::Leave)).collect()
        };
        self.disconnect(lost).await;
    }

    async fn disconnect(&self, unwanted: Vec<(BrokerId, Wish)>) {
        let mut ending = Vec::new();
        for (id, wish) in unwanted {
            if let Some(one) = self.running().remove(&id) {
                one.wish.send_replace(wish);
                ending.push(one.task);
            }
        }
        for task in ending {
            end(task).await;
        }
    }

    /// Connects to a broker, unless there is a connection.
    fn connect(&self, broker: Broker, leased_until: Option<Instant>) {
        let mut running = self.running();
        if let Some(one) = running.get_mut(&broker.id) {
            one.leased_until = leased_until;
            return;
        }
        let (wish, wished) = watch::channel(Wish::Stay);
        let id = broker.id;
        let link = Arc::new(Link::new(Arc::clone(&self.0.parts), broker));
        let task = tokio::spawn(hold(Arc::clone(&link), wished));
        let one = Running {
            link,
            wish,
            task,
            leased_until,
        };
        running.insert(id, one);
    }

    /// Until when a broker is this node's, if it is.
    async fn lease(&self, broker: BrokerId) -> Result<Option<Instant>, StoreError> {
        let BrokersParts {
            repository,
            clock,
            node,
            ..
        } = &*self.0.parts;
        let until = Instant::now() + LEASE;
        let now = clock.now();
        let is_leased = repository
            .lease_broker(broker, node, now.plus(LEASE), now)
            .await?;
        Ok(is_leased.then_some(until))
    }

    async fn release(&self, broker: BrokerId) {
        let BrokersParts { repository, node, .. } = &*self.0.parts;
        if let Err(error) = repository.release_broker(broker, node).await {
            // It ends by itself.
            tracing::debug!(%error, "a lease of a broker was not given back");
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<BrokerId, Running>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl BrokerTable for Brokers {
    async fn refresh(&self, again: Option<AppId>) {
        self.look(again).await;
        self.0.looked.notify_one();
    }

    fn state(&self, broker: &Broker) -> BrokerState {
        if broker.settings.is_paused {
            return BrokerState::new(BrokerStatus::Paused, broker.updated_at);
        }
        if let Some(one) = self.running().get(&broker.id) {
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

/// Waits for a connection to end; drops it if it takes too long.
async fn end(mut task: JoinHandle<()>) {
    if timeout(GOODBYE_TIMEOUT, &mut task).await.is_err() {
        task.abort();
    }
}

/// Waits for a moment; for ever if there is none.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
