//! Schedules, by a clock that stands still unless somebody waits for it.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use picloud_orchestrator_core::{AppBounds, Events, LiveReleases, Scheduler, SchedulerParts};
use picloud_shared::{
    admin_host::AdminHost,
    bindings::{ScheduleSpec, ScheduledScript},
    events::RetryPolicy,
    id::{AppId, ScheduleId},
    release::{LiveRelease, Manifest, Release},
    repository::{
        Decided, LedgerRow, LedgerStep, LedgerWritten, ReleaseRepository, ScheduleRepository,
        ScheduleStanding, StoreError,
    },
    schedule::{EverySeconds, Overlap, Policy, Schedule},
    seam::LiveTable as _,
    time::{Clock, Timestamp},
};
use serde_json::Value;
use tokio::{
    runtime::Builder,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::support::{APP, FakeEvents, script_id};

/// When each test begins: 2026-01-01T00:00:00Z.
const BEGIN: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
const HOUR: Duration = Duration::from_hours(1);

struct PausedClock {
    begun: Instant,
    /// How far it was set ahead, in microseconds.
    ahead: AtomicI64,
}

impl PausedClock {
    fn set_ahead(&self, seconds: i64) {
        self.ahead.store(seconds * 1_000_000, Ordering::Relaxed);
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let shown = BEGIN.plus(self.begun.elapsed());
        Timestamp::from_micros(shown.as_micros() + self.ahead.load(Ordering::Relaxed))
    }
}

/// One app, with schedules.
struct OneApp(Mutex<Vec<ScheduledScript>>);

impl OneApp {
    fn release(&self) -> LiveRelease {
        LiveRelease {
            app_id: APP,
            slug: "test".to_owned(),
            number: 1,
            domains: Vec::new(),
            routes: Vec::new(),
            scripts: Vec::new(),
            subscriptions: Vec::new(),
            schedules: self.0.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

#[async_trait]
impl ReleaseRepository for OneApp {
    async fn list_releases(
        &self,
        _app: AppId,
        _limit: u32,
        _before: Option<u32>,
    ) -> Result<Vec<Release>, StoreError> {
        Ok(Vec::new())
    }

    async fn find_release(
        &self,
        _app: AppId,
        _number: u32,
    ) -> Result<Option<(Release, Manifest)>, StoreError> {
        Ok(None)
    }

    async fn live_release(&self, _app: AppId) -> Result<Option<LiveRelease>, StoreError> {
        Ok(Some(self.release()))
    }

    async fn live_releases(&self) -> Result<Vec<LiveRelease>, StoreError> {
        Ok(vec![self.release()])
    }
}

/// Ledgers in memory.
#[derive(Default)]
struct Ledgers {
    planned: Mutex<HashMap<ScheduleId, Timestamp>>,
    rows: Mutex<HashSet<(ScheduleId, Timestamp)>>,
    /// Those of which something waits at the start.
    waiting: Mutex<Vec<ScheduleId>>,
    /// Those of which nothing waits any more.
    skipped: Mutex<Vec<ScheduleId>>,
    /// How often anything was asked after the start.
    asked: AtomicUsize,
}

impl Ledgers {
    fn count(&self) -> usize {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn skipped(&self) -> Vec<ScheduleId> {
        let skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        skipped.clone()
    }

    fn count_of(&self, schedule: ScheduleId) -> usize {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.iter().filter(|(of, _)| *of == schedule).count()
    }
}

#[async_trait]
impl ScheduleRepository for Ledgers {
    async fn planned_schedules(&self) -> Result<Vec<(ScheduleId, Timestamp)>, StoreError> {
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(planned.iter().map(|(id, until)| (*id, *until)).collect())
    }

    async fn waiting_schedules(&self) -> Result<Vec<ScheduleId>, StoreError> {
        Ok(self
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }

    async fn skip_waiting(&self, schedule: ScheduleId, _now: Timestamp) -> Result<(), StoreError> {
        let mut skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        skipped.push(schedule);
        Ok(())
    }

    async fn schedule_standing(
        &self,
        _app: AppId,
        schedule: ScheduleId,
    ) -> Result<ScheduleStanding, StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(ScheduleStanding {
            planned_until: planned.get(&schedule).copied(),
            ..ScheduleStanding::default()
        })
    }

    async fn write_ledger(&self, step: LedgerStep, _now: Timestamp) -> Result<LedgerWritten, StoreError> {
        let Decided::New { since, until, .. } = step.decided else {
            return Ok(LedgerWritten::Taken);
        };
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        if planned.get(&step.schedule).copied() != since {
            return Ok(LedgerWritten::Taken);
        }
        planned.insert(step.schedule, until);
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        for (entry, event) in &step.rows {
            assert_eq!(entry.fate.starts(), event.is_some(), "{entry:?}");
            assert!(
                rows.insert((step.schedule, entry.scheduled_at)),
                "{entry:?} is there twice"
            );
        }
        Ok(LedgerWritten::Written {
            cancelled: Vec::new(),
        })
    }

    async fn list_ledger(
        &self,
        _app: AppId,
        _schedule: ScheduleId,
        _limit: u32,
        _before: Option<Timestamp>,
    ) -> Result<Vec<LedgerRow>, StoreError> {
        Ok(Vec::new())
    }
}

/// What is due each so many seconds, for the first time so long after the beginning.
fn every(id: u128, seconds: u64, first: Duration) -> ScheduledScript {
    ScheduledScript {
        id: Uuid::from_u128(id),
        app_id: APP,
        name: id.to_string(),
        script_id: script_id("hello"),
        is_paused: false,
        spec: ScheduleSpec {
            schedule: Schedule::Every {
                seconds: EverySeconds::try_from(seconds).expect("an interval"),
                anchor: BEGIN.plus(first),
            },
            arguments: Value::Null,
            policy: Policy::default(),
            retry: RetryPolicy::default(),
            on_success: None,
            on_failure: None,
        },
        created_at: BEGIN,
        updated_at: BEGIN,
    }
}

fn id(number: u128) -> ScheduleId {
    ScheduleId(Uuid::from_u128(number))
}

/// A scheduler, and what is around it.
struct Ground {
    app: Arc<OneApp>,
    live: Arc<LiveReleases>,
    ledgers: Arc<Ledgers>,
    clock: Arc<PausedClock>,
    events: Events,
}

impl Ground {
    async fn new(schedules: Vec<ScheduledScript>) -> Self {
        let app = Arc::new(OneApp(Mutex::new(schedules)));
        let live = LiveReleases::load(app.clone(), AppBounds::default(), AdminHost::default()).await;
        let live = live.expect("what is live");
        let clock = Arc::new(PausedClock {
            begun: Instant::now(),
            ahead: AtomicI64::new(0),
        });
        Self {
            events: Events::new(Arc::new(FakeEvents::default()), live.clone(), clock.clone()),
            live,
            app,
            ledgers: Arc::default(),
            clock,
        }
    }

    fn start(&self) -> Scheduler {
        Scheduler::start(SchedulerParts {
            events: self.events.clone(),
            repository: self.ledgers.clone(),
        })
    }

    /// Makes these live.
    async fn change(&self, schedules: Vec<ScheduledScript>) {
        *self.app.0.lock().unwrap_or_else(PoisonError::into_inner) = schedules;
        self.live.refresh(APP).await.expect("what is live");
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(test);
}

#[test]
fn nothing_is_looked_at_before_the_first_is_due() {
    run(async {
        let hourly = (0..1_000).map(|number| every(number, 3_600, HOUR));
        let ground = Ground::new(hourly.collect()).await;
        let scheduler = ground.start();
        sleep(HOUR.saturating_sub(Duration::from_secs(1))).await;
        assert_eq!(ground.ledgers.asked.load(Ordering::Relaxed), 0);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(ground.ledgers.count(), 1_000);
        assert_eq!(ground.ledgers.asked.load(Ordering::Relaxed), 1_000);
        scheduler.stop(HOUR).await;
    });
}

#[test]
fn each_occurrence_of_a_day_has_one_row() {
    run(async {
        let first = Duration::from_secs(1);
        let ground = Ground::new(vec![
            every(1, 1, first),
            every(2, 7, first),
            every(3, 86_400, first),
        ])
        .await;
        // It stops and starts again each hour, for less than is late.
        for _ in 0..24 {
            let scheduler = ground.start();
            sleep(HOUR.saturating_sub(Duration::from_secs(10))).await;
            scheduler.stop(HOUR).await;
            sleep(Duration::from_secs(10)).await;
        }
        let scheduler = ground.start();
        sleep(Duration::from_millis(500)).await;
        scheduler.stop(HOUR).await;
        assert_eq!(ground.ledgers.count_of(id(1)), 86_400);
        assert_eq!(ground.ledgers.count_of(id(2)), 86_400_usize.div_ceil(7));
        assert_eq!(ground.ledgers.count_of(id(3)), 1);
    });
}

#[test]
fn a_clock_that_is_set_is_looked_at_at_once() {
    run(async {
        let ground = Ground::new(vec![every(1, 3_600, HOUR)]).await;
        let scheduler = ground.start();
        let rows = || ground.ledgers.count_of(id(1));
        let moment = Duration::from_secs(1);
        let (hour, day) = (3_600, 24 * 3_600);
        sleep(moment).await;
        // What is due is there at once, and all that came before it has a row too.
        for (ahead, expected) in [(hour, 1), (2 * day, 48)] {
            ground.clock.set_ahead(ahead);
            ground.events.clock_was_set();
            sleep(moment).await;
            assert_eq!(rows(), expected);
        }
        // Set back, it shows what it has shown before: nothing of that comes again.
        ground.clock.set_ahead(2 * day - hour);
        ground.events.clock_was_set();
        sleep(HOUR).await;
        assert_eq!(rows(), 48);
        sleep(HOUR).await;
        assert_eq!(rows(), 49);
        scheduler.stop(HOUR).await;
    });
}

#[test]
fn a_change_is_taken_over_at_once() {
    run(async {
        let ground = Ground::new(vec![every(1, 86_400, HOUR)]).await;
        let scheduler = ground.start();
        sleep(Duration::from_millis(500)).await;
        let mut sooner = every(1, 10, Duration::from_secs(10));
        sooner.updated_at = BEGIN.plus(Duration::from_millis(500));
        ground.change(vec![sooner.clone()]).await;
        sleep(Duration::from_mins(1)).await;
        assert_eq!(ground.ledgers.count_of(id(1)), 6);
        sooner.is_paused = true;
        sooner.updated_at = BEGIN.plus(Duration::from_secs(61));
        ground.change(vec![sooner.clone()]).await;
        sleep(HOUR).await;
        assert_eq!(
            ground.ledgers.count_of(id(1)),
            6,
            "nothing is due while it is paused"
        );
        // What would have been due meanwhile is not made up for.
        sooner.is_paused = false;
        sooner.updated_at = ground.clock.now();
        ground.change(vec![sooner]).await;
        sleep(Duration::from_secs(20)).await;
        assert_eq!(ground.ledgers.count_of(id(1)), 8);
        scheduler.stop(HOUR).await;
    });
}

#[test]
fn nothing_waits_for_a_schedule_that_is_paused_or_deleted() {
    run(async {
        let mut one = every(1, 86_400, HOUR);
        one.spec.policy.overlap = Overlap::QueueOne;
        let two = ScheduledScript {
            id: Uuid::from_u128(2),
            name: "2".to_owned(),
            ..one.clone()
        };
        // Of this one nothing ever waits.
        let three = every(3, 86_400, HOUR);
        let ground = Ground::new(vec![one.clone(), two.clone(), three]).await;
        // The one with this id was deleted while no server was there.
        *ground
            .ledgers
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = vec![id(1), id(9)];
        let scheduler = ground.start();
        sleep(Duration::from_millis(500)).await;
        assert_eq!(ground.ledgers.skipped(), [id(9)]);
        one.is_paused = true;
        ground.change(vec![one.clone(), two]).await;
        sleep(Duration::from_millis(500)).await;
        assert_eq!(ground.ledgers.skipped(), [id(9), id(1)]);
        ground.change(vec![one]).await;
        sleep(Duration::from_millis(500)).await;
        assert_eq!(ground.ledgers.skipped(), [id(9), id(1), id(2)]);
        scheduler.stop(HOUR).await;
    });
}
