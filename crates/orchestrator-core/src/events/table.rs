//! Publishing.

use std::{
    collections::HashSet,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use picloud_shared::{
    events::{IdempotencyKey, NewEvent, Published},
    id::{AppId, DeliveryId, ScheduleId},
    repository::{EventRepository, PublishError, StoreError},
    seam::EventTable,
    time::Clock,
};
use tokio::{
    runtime::Handle,
    sync::{Notify, Semaphore},
};

use super::{failed::TELLING_MAX, held::Holdings};
use crate::live::LiveReleases;

/// Takes events. A cheap handle; all copies are one.
#[derive(Clone)]
pub struct Events(Arc<Inner>);

struct Inner {
    repository: Arc<dyn EventRepository>,
    live: Arc<LiveReleases>,
    clock: Arc<dyn Clock>,
    /// Tells the pump that something may be due earlier than it knows.
    woken: Notify,
    /// Where the database is asked.
    runtime: Handle,
    /// The schedules of which a run has ended since somebody asked.
    ended: Mutex<HashSet<(AppId, ScheduleId)>>,
    /// Tells of them.
    run_ended: Notify,
    /// Tells whoever waits for a moment of the clock that it was set.
    clock_set: Notify,
    /// The deliveries that this node holds.
    held: Holdings,
    /// A place for each run that failed of which it is about to be told.
    telling: Arc<Semaphore>,
}

impl Events {
    /// Takes events for the scripts that are live. To be called on the runtime that the store was opened on.
    pub fn new(repository: Arc<dyn EventRepository>, live: Arc<LiveReleases>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            repository,
            live,
            clock,
            woken: Notify::new(),
            runtime: Handle::current(),
            ended: Mutex::default(),
            run_ended: Notify::new(),
            clock_set: Notify::new(),
            held: Holdings::default(),
            telling: Arc::new(Semaphore::new(TELLING_MAX)),
        }))
    }

    /// The same as [`publish`](EventTable::publish), from any thread.
    pub(crate) async fn publish_from_elsewhere(
        &self,
        app: AppId,
        events: Vec<NewEvent>,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Published, PublishError> {
        let here = self.clone();
        let work = async move { here.publish(app, events, idempotency).await };
        self.0.runtime.spawn(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "an event was published without an answer");
            Err(PublishError::Store(StoreError::Failed(Box::new(error))))
        })
    }

    /// Whether anybody subscribes to a topic, as far as that can be said without an event.
    pub(crate) fn is_wanted(&self, app: AppId, topic: &str) -> bool {
        let snapshot = self.0.live.snapshot();
        let subscribers = snapshot.app(app).map(|app| &app.subscribers);
        subscribers.is_some_and(|subscribers| topic.parse().is_ok_and(|topic| subscribers.want(&topic)))
    }

    /// Tells that the clock was set, or that the machine slept: what was due in an hour may be due now.
    pub fn clock_was_set(&self) {
        self.wake();
        self.0.clock_set.notify_one();
    }

    /// Waits until it was. What happens while nobody waits is not forgotten.
    pub(crate) async fn clock_set(&self) {
        self.0.clock_set.notified().await;
    }

    pub(super) fn repository(&self) -> &Arc<dyn EventRepository> {
        &self.0.repository
    }

    pub(crate) fn live(&self) -> &LiveReleases {
        &self.0.live
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    pub(super) fn telling(&self) -> &Arc<Semaphore> {
        &self.0.telling
    }

    pub(super) fn held(&self) -> &Holdings {
        &self.0.held
    }

    /// Waits until runs of schedules have ended; gives the schedules.
    pub(crate) async fn ended_schedules(&self) -> HashSet<(AppId, ScheduleId)> {
        self.0.run_ended.notified().await;
        mem::take(&mut *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until something may be due earlier than was known. What happens while nobody waits is not forgotten.
    pub(super) async fn woken(&self) {
        self.0.woken.notified().await;
    }
}

#[async_trait]
impl EventTable for Events {
    async fn publish(
        &self,
        app: AppId,
        mut events: Vec<NewEvent>,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Published, PublishError> {
        self.address(app, &mut events);
        let now = self.0.clock.now();
        let published = self.0.repository.publish(app, events, idempotency, now).await;
        // Whatever it says: where storage was lost, it may be stored all the same.
        self.wake();
        published
    }

    fn address(&self, app: AppId, events: &mut [NewEvent]) {
        let now = self.0.clock.now();
        let snapshot = self.0.live.snapshot();
        let subscribers = snapshot.app(app).map(|app| &app.subscribers);
        for event in events.iter_mut().filter(|event| event.deliveries.is_empty()) {
            event.deliveries =
                subscribers.map_or_else(Vec::new, |subscribers| subscribers.deliveries(event, now));
        }
    }

    fn wake(&self) {
        self.0.woken.notify_one();
    }

    fn lose(&self, delivery: DeliveryId) {
        self.0.held.cancel(delivery);
    }

    fn run_ended(&self, app: AppId, schedule: ScheduleId) {
        let mut ended = self.0.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.insert((app, schedule));
        drop(ended);
        self.0.run_ended.notify_one();
    }
}
