//! What is recorded, counted and dropped, with storage that obeys the test.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use picloud_shared::{
    calls::AppUse,
    durations::{DurationBand, Durations},
    execution::{
        CommittedRun, Execution, ExecutionFilter, ExecutionStatus, RequestSummary, Retention, RunBatch,
        UnrecordedRuns,
    },
    id::{AppId, ExecutionId, ScriptId},
    invocation::Trigger,
    outcome::{ScriptError, ScriptErrorKind, Usage},
    repository::{RunLog, StoreError},
    seam::{RunFeed, RunNews},
    services::{Service, ServiceUse},
    time::{Clock, Timestamp},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{Counted, NodeRate, Recorder, RecorderConfig, Tally};

/// Storage that lets a write through for each permit.
struct Storage {
    permits: Semaphore,
    down: AtomicBool,
    refuses: Option<ExecutionId>,
    records: Mutex<Vec<Execution>>,
    committed: Mutex<Vec<CommittedRun>>,
    counts: Mutex<Vec<UnrecordedRuns>>,
    used: Mutex<Vec<AppUse>>,
    writes: AtomicU64,
    purges: AtomicU64,
    /// What is told after each deletion, the last one first.
    kept_until: Mutex<Vec<Timestamp>>,
}

impl Storage {
    fn new() -> Self {
        Self {
            permits: Semaphore::new(Semaphore::MAX_PERMITS),
            down: AtomicBool::new(false),
            refuses: None,
            records: Mutex::default(),
            committed: Mutex::default(),
            counts: Mutex::default(),
            used: Mutex::default(),
            writes: AtomicU64::new(0),
            purges: AtomicU64::new(0),
            kept_until: Mutex::default(),
        }
    }

    fn recorded(&self) -> usize {
        self.records.lock().expect("no panic").len()
    }

    fn counted(&self) -> u64 {
        self.counts
            .lock()
            .expect("no panic")
            .iter()
            .map(|runs| runs.durations.count())
            .sum()
    }
}

#[async_trait]
impl RunLog for Storage {
    async fn record_executions(
        &self,
        RunBatch {
            records,
            committed,
            unrecorded,
            used,
        }: RunBatch<'_>,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        self.permits.acquire().await.expect("never closed").forget();
        self.writes.fetch_add(1, Ordering::SeqCst);
        if self.down.swap(false, Ordering::SeqCst) {
            return Err(StoreError::Unavailable("down".into()));
        }
        if records.iter().any(|record| Some(record.id) == self.refuses) {
            return Err(StoreError::Failed("refused".into()));
        }
        self.records.lock().expect("no panic").extend_from_slice(records);
        self.committed
            .lock()
            .expect("no panic")
            .extend_from_slice(committed);
        self.counts
            .lock()
            .expect("no panic")
            .extend_from_slice(unrecorded);
        self.used.lock().expect("no panic").extend_from_slice(used);
        Ok(())
    }

    async fn purge_executions(&self, _retention: Retention, _now: Timestamp) -> Result<u64, StoreError> {
        self.purges.fetch_add(1, Ordering::SeqCst);
        Ok(0)
    }

    async fn executions_kept_until(&self, _retention: Retention) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.kept_until.lock().expect("no panic").pop())
    }
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000)
    }
}

/// Goes on from noon with the time of the test.
struct FromNoon(Instant);

impl Clock for FromNoon {
    fn now(&self) -> Timestamp {
        Noon.now().plus(self.0.elapsed())
    }
}

/// The only script.
struct Script(Tally);

impl Script {
    fn new() -> Arc<Self> {
        Arc::new(Self(Tally::new(NodeRate::default().app())))
    }
}

impl Counted for Script {
    fn ids(&self) -> (AppId, ScriptId) {
        (AppId(Uuid::nil()), ScriptId(Uuid::nil()))
    }

    fn tally(&self) -> &Tally {
        &self.0
    }
}

fn start(storage: &Arc<Storage>, records_waiting_max: usize) -> Recorder {
    let repository = Arc::clone(storage) as Arc<dyn RunLog>;
    let defaults = RecorderConfig::new(
        repository,
        Arc::new(Noon),
        "node".to_owned(),
        Retention::default(),
    );
    Recorder::start(RecorderConfig {
        records_waiting_max,
        ..defaults
    })
}

fn execution(number: u64, failed: bool) -> Execution {
    let error = failed.then(|| ScriptError::nowhere(ScriptErrorKind::Runtime, "no".to_owned()));
    Execution {
        id: ExecutionId(Uuid::from_u64_pair(0, number)),
        app_id: AppId(Uuid::nil()),
        script_id: ScriptId(Uuid::nil()),
        script_name: "script".to_owned(),
        version: 1,
        trigger: Trigger::Http,
        status: ExecutionStatus::of(error.as_ref()),
        started_at: Noon.now(),
        usage: Usage::default(),
        services: Vec::new(),
        request: RequestSummary {
            method: "GET".to_owned(),
            host: "a.example".to_owned(),
            path: "/".to_owned(),
            body_bytes: 0,
            remote_addr: "::1".to_owned(),
        },
        response_status: 200,
        logs: Vec::new(),
        error,
        node: "node".to_owned(),
        delivery: None,
    }
}

/// How long each run took.
const DURATION_US: u64 = 7;

#[tokio::test(start_paused = true)]
async fn what_gathers_is_written_at_once_and_old_records_are_deleted_at_the_start() {
    let storage = Arc::new(Storage::new());
    let (recorder, script) = (start(&storage, 100), Script::new());
    for number in 0..50 {
        recorder.record(&script, execution(number, true));
    }
    recorder.flush().await;
    assert_eq!(
        (storage.recorded(), storage.writes.load(Ordering::SeqCst)),
        (50, 1)
    );
    assert_eq!(storage.purges.load(Ordering::SeqCst), 1);
    // Nothing to write: no write.
    recorder.flush().await;
    assert_eq!(storage.writes.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_deleted_while_nothing_runs() {
    const MINUTE: Duration = Duration::from_mins(1);
    let in_hours = |hours: u32| Noon.now().plus(60 * hours * MINUTE);
    let storage = Arc::new(Storage {
        // From the third time on nothing is there.
        kept_until: Mutex::new(vec![in_hours(3), in_hours(3)]),
        ..Storage::new()
    });
    let _recorder = Recorder::start(RecorderConfig::new(
        Arc::clone(&storage) as Arc<dyn RunLog>,
        Arc::new(FromNoon(Instant::now())),
        "node".to_owned(),
        Retention::default(),
    ));
    let purges = async |after: Duration| {
        sleep(after).await;
        storage.purges.load(Ordering::SeqCst)
    };
    assert_eq!(purges(179 * MINUTE).await, 1, "at the start");
    assert_eq!(purges(2 * MINUTE).await, 2);
    assert_eq!(purges(58 * MINUTE).await, 2, "an hour after that at the earliest");
    assert_eq!(purges(2 * MINUTE).await, 3);
    assert_eq!(purges(100 * 24 * 60 * MINUTE).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_record_is_deleted_when_it_is_too_old_also_if_it_was_the_last_one() {
    let storage = Arc::new(Storage::new());
    let retention = Retention::default();
    let recorder = Recorder::start(RecorderConfig::new(
        Arc::clone(&storage) as Arc<dyn RunLog>,
        Arc::new(FromNoon(Instant::now())),
        "node".to_owned(),
        retention,
    ));
    recorder.record(&Script::new(), execution(1, true));
    recorder.flush().await;
    let margin = Duration::from_mins(1);
    sleep(retention.age_max().saturating_sub(margin)).await;
    assert_eq!(storage.purges.load(Ordering::SeqCst), 1);
    sleep(margin * 2).await;
    assert_eq!(storage.purges.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_record_is_written_without_anybody_asking() {
    let storage = Arc::new(Storage::new());
    storage.permits.forget_permits(Semaphore::MAX_PERMITS);
    let (recorder, script) = (start(&storage, 100), Script::new());
    recorder.record(&script, execution(1, false));
    // The writer takes the permit and the record with it; then the second one proves that it waits for more.
    storage.permits.add_permits(1);
    while storage.recorded() == 0 {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    assert_eq!(storage.recorded(), 1);
}

#[tokio::test(start_paused = true)]
async fn successful_runs_beyond_the_rate_are_counted_exactly() {
    let storage = Arc::new(Storage::new());
    let (recorder, script) = (start(&storage, 1_000), Script::new());
    let mut admitted = 0;
    for number in 0..500 {
        if Recorder::admits(&*script, Noon.now()) {
            recorder.record(&script, execution(number, false));
            admitted += 1;
        } else {
            recorder.count(&script, DURATION_US);
        }
    }
    recorder.flush().await;
    assert_eq!(admitted, 100);
    assert_eq!((storage.recorded(), storage.counted()), (100, 400));
    let counts = storage.counts.lock().expect("no panic").clone();
    let mut expected = Durations::default();
    expected.add(DurationBand::of(DURATION_US), 400);
    assert_eq!(
        counts.iter().map(|runs| &runs.durations).collect::<Vec<_>>(),
        [&expected]
    );
    assert_eq!(recorder.dropped(), 0);
}

#[tokio::test(start_paused = true)]
async fn storage_that_blocks_costs_records_and_nothing_else() {
    let storage = Arc::new(Storage::new());
    storage.permits.forget_permits(Semaphore::MAX_PERMITS);
    let (recorder, script) = (start(&storage, 10), Script::new());
    for number in 0..40 {
        recorder.record(&script, execution(number, number % 2 == 0));
    }
    assert_eq!(recorder.dropped(), 30);
    storage.permits.add_permits(100);
    recorder.flush().await;
    // Those that succeeded are counted all the same; of the failures only the number is known.
    assert_eq!((storage.recorded(), storage.counted()), (10, 15));
    recorder.record(&script, execution(41, true));
    recorder.flush().await;
    assert_eq!((storage.recorded(), recorder.dropped()), (11, 30));
}

#[tokio::test(start_paused = true)]
async fn what_storage_could_not_take_is_tried_again() {
    let storage = Arc::new(Storage::new());
    storage.down.store(true, Ordering::SeqCst);
    let (recorder, script) = (start(&storage, 10), Script::new());
    recorder.record(&script, execution(1, true));
    recorder.flush().await;
    assert_eq!((storage.recorded(), recorder.dropped()), (1, 0));
    assert_eq!(storage.writes.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_storage_refuses_takes_no_other_with_it() {
    let storage = Arc::new(Storage {
        refuses: Some(execution(3, true).id),
        ..Storage::new()
    });
    let (recorder, script) = (start(&storage, 10), Script::new());
    for number in 0..6 {
        recorder.record(&script, execution(number, true));
    }
    for _ in 0..100 {
        recorder.count(&script, DURATION_US);
    }
    recorder.flush().await;
    assert_eq!(
        (storage.recorded(), storage.counted(), recorder.dropped()),
        (5, 100, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_with_its_commit_is_counted_and_told_of_and_not_written_again() {
    let storage = Arc::new(Storage::new());
    let (recorder, script) = (start(&storage, 10), Script::new());
    let mut all = recorder.follow(AppId(Uuid::nil()), ExecutionFilter::default());
    let runs: Vec<_> = (0..12)
        .map(|number| CommittedRun {
            record: execution(number, false),
            duration_us: DURATION_US,
        })
        .collect();
    for run in &runs {
        recorder.committed(&script, run.clone());
    }
    recorder.flush().await;
    assert_eq!(*storage.committed.lock().expect("no panic"), runs[..10]);
    // Two found no room: nothing of them is lost but their way into the feed.
    assert_eq!(
        (storage.recorded(), storage.counted(), recorder.dropped()),
        (0, 2, 0)
    );
    for run in &runs[..10] {
        let told = RunNews::Recorded(Arc::new(run.record.clone()));
        assert_eq!(all.next().await, told);
    }
    assert_eq!(all.next().now_or_never(), None);
}

#[tokio::test(start_paused = true)]
async fn what_runs_use_of_the_services_is_written_in_sums() {
    let storage = Arc::new(Storage::new());
    let (recorder, script) = (start(&storage, 10), Script::new());
    let used = |service, calls| ServiceUse {
        calls,
        ..ServiceUse::none(service)
    };
    for _ in 0..3 {
        recorder.used(&script, &[used(Service::Kv, 2), used(Service::Http, 1)]);
    }
    let tried = AppId(Uuid::max());
    for _ in 0..2 {
        RunFeed::used(&recorder, tried, &[used(Service::Docs, 5)]);
    }
    recorder.flush().await;
    let of = |app_id, service, calls| AppUse {
        app_id,
        used: used(service, calls),
    };
    let app = AppId(Uuid::nil());
    let expected = [
        of(tried, Service::Docs, 10),
        of(app, Service::Kv, 6),
        of(app, Service::Http, 3),
    ];
    assert_eq!(*storage.used.lock().expect("no panic"), expected);
    assert_eq!(storage.writes.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_follows_is_told_of_what_is_kept() {
    let storage = Arc::new(Storage::new());
    let (recorder, script) = (start(&storage, 10_000), Script::new());
    let (app, other) = (AppId(Uuid::nil()), AppId(Uuid::max()));
    let failures = ExecutionFilter {
        status: Some(ExecutionStatus::Error),
        ..ExecutionFilter::default()
    };
    let mut all = recorder.follow(app, ExecutionFilter::default());
    let mut failed = recorder.follow(app, failures);
    let mut elsewhere = recorder.follow(other, ExecutionFilter::default());
    for number in 0..4 {
        recorder.record(&script, execution(number, number == 2));
    }
    recorder.flush().await;
    for number in 0..4 {
        let told = RunNews::Recorded(Arc::new(execution(number, number == 2)));
        assert_eq!(all.next().await, told);
    }
    let told = RunNews::Recorded(Arc::new(execution(2, true)));
    assert_eq!(failed.next().await, told);
    for following in [&mut all, &mut failed, &mut elsewhere] {
        assert_eq!(following.next().now_or_never(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_who_is_slow_learns_how_much_is_missing() {
    let storage = Arc::new(Storage::new());
    let (recorder, script) = (start(&storage, 10_000), Script::new());
    let mut slow = recorder.follow(AppId(Uuid::nil()), ExecutionFilter::default());
    for number in 0..300 {
        recorder.record(&script, execution(number, true));
    }
    recorder.flush().await;
    for number in 0..256 {
        let told = RunNews::Recorded(Arc::new(execution(number, true)));
        assert_eq!(slow.next().await, told);
    }
    assert_eq!(slow.next().await, RunNews::Skipped(44));
    recorder.record(&script, execution(300, true));
    recorder.flush().await;
    let told = RunNews::Recorded(Arc::new(execution(300, true)));
    assert_eq!(slow.next().await, told);
}
