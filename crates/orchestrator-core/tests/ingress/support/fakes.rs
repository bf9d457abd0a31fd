//! An executor that does what the script's name says, and a repository in memory.

use std::{
    fmt::Write as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use picloud_shared::{
    domain::DomainClaim,
    execution::{Execution, Retention, RunBatch},
    id::{AppId, DomainId, RouteId, ScriptId},
    invocation::Invocation,
    limits::Limits,
    outcome::{Outcome, ScriptError, ScriptErrorKind, ScriptResponse, Usage},
    release::{LiveRelease, Manifest, Release},
    repository::{ReleaseRepository, RunLog, StoreError},
    route::Route,
    script::{ContentHash, LiveScript},
    seam::{Acknowledged, BusyRuns, ExecutorClient},
    time::{Clock, Timestamp},
    webhook::{Webhook, WebhookRespond, WebhookScheme},
};
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

/// The one app.
pub(crate) const APP: AppId = AppId(Uuid::from_u128(1));

/// Each script: its name, its path, its methods.
const SCRIPTS: [(&str, &str, &str); 14] = [
    ("hello", "/hello", "GET"),
    ("echo", "/echo/{*rest}", "*"),
    ("post", "/post", "POST"),
    ("wait", "/wait", "GET"),
    ("fail", "/fail", "GET"),
    ("timeout", "/timeout", "GET"),
    ("limit", "/limit", "GET"),
    ("framing", "/framing", "GET"),
    ("panic", "/panic", "GET"),
    ("spin", "/spin", "GET"),
    ("thread", "/thread", "GET"),
    ("hooked", "/hook", "*"),
    ("keyless", "/keyless", "POST"),
    ("away", "/away", "POST"),
];

/// A script that another node releases.
pub(crate) const FROM_ELSEWHERE: ScriptId = ScriptId(Uuid::from_u128(99));

/// The secrets of the scripts whose requests are signed, as GitHub does it.
const SECRETS: [(&str, &str); 3] = [("hooked", "KEY"), ("keyless", "ABSENT"), ("away", "AWAY")];

/// The id of a script, by its name.
pub(crate) fn script_id(name: &str) -> ScriptId {
    let index = SCRIPTS
        .iter()
        .position(|(known, ..)| *known == name)
        .expect("a script");
    ScriptId(Uuid::from_u128(100 + index as u128))
}

/// A clock that moves by a microsecond each time it is looked at.
pub(crate) struct SystemClock(AtomicI64);

impl Default for SystemClock {
    fn default() -> Self {
        Self(AtomicI64::new(1_700_000_000_000_000))
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Holds the scripts `wait` and `spin` until a test lets it go.
pub(crate) struct Gate {
    /// A permit for each run that began to wait.
    pub(crate) waiting: Semaphore,
    /// A permit for each run that may end.
    pub(crate) open: Semaphore,
    /// How many runs were dropped while they waited.
    pub(crate) dropped: AtomicUsize,
    /// Notified with each of them.
    pub(crate) dropping: Notify,
    /// The ends of deliveries that were committed, and the records of their runs.
    pub(crate) ended: Mutex<Vec<(Acknowledged, Box<Execution>)>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            waiting: Semaphore::new(0),
            open: Semaphore::new(0),
            dropped: AtomicUsize::new(0),
            dropping: Notify::new(),
            ended: Mutex::default(),
        }
    }
}

/// Does what the name of the script says.
pub(crate) struct FakeExecutor {
    gate: Arc<Gate>,
    busy: BusyRuns,
}

impl FakeExecutor {
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            busy: BusyRuns::default(),
        }
    }

    /// Waits until the test lets it go.
    async fn wait(&self) {
        let dropped = OnDrop(Some(&self.gate));
        self.gate.waiting.add_permits(1);
        self.gate.open.acquire().await.expect("never closed").forget();
        dropped.defuse();
    }
}

/// A run that keeps its thread busy.
struct Busy<'b>(&'b BusyRuns);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl ExecutorClient for FakeExecutor {
    fn busy(&self) -> BusyRuns {
        self.busy.clone()
    }

    async fn execute(&self, invocation: Invocation) -> Outcome {
        let result = match invocation.script.name.as_str() {
            "hello" | "post" | "from-elsewhere" => Ok(text("Hello")),
            "echo" | "hooked" => Ok(text(&describe(&invocation))),
            "wait" => {
                self.wait().await;
                Ok(text("waited"))
            }
            "spin" => {
                self.busy.begin();
                let _busy = Busy(&self.busy);
                self.wait().await;
                Ok(thread_name())
            }
            "thread" => Ok(thread_name()),
            "fail" => Err(error(ScriptErrorKind::Runtime)),
            "timeout" => Err(error(ScriptErrorKind::CpuTime)),
            "limit" => Err(error(ScriptErrorKind::Memory)),
            "framing" => Ok(framing()),
            name => panic!("the script {name} makes the executor panic, as the test wants"),
        };
        let mut outcome = Outcome {
            result,
            logs: Vec::new(),
            usage: Usage {
                duration_us: 5,
                ..Usage::default()
            },
            services: Vec::new(),
            commits: 0,
            recorded: false,
            writes_discarded: 0,
            request_path: None,
            retry: None,
        };
        if let Some(more) = invocation.at_commit.filter(|more| more.ends_something())
            && outcome.result.is_ok()
        {
            let record = more.record(&outcome);
            outcome.recorded = record.is_some();
            let mut ended = self.gate.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.extend(more.ended(&outcome).zip(record));
        }
        outcome
    }
}

/// Counts a run that is dropped before it ends.
struct OnDrop<'g>(Option<&'g Gate>);

impl OnDrop<'_> {
    fn defuse(mut self) {
        self.0 = None;
    }
}

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.0 {
            gate.dropped.fetch_add(1, Ordering::SeqCst);
            gate.dropping.notify_one();
        }
    }
}

fn text(text: &str) -> ScriptResponse {
    let mut headers = HeaderMap::new();
    headers.insert(
        "content-type",
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    ScriptResponse {
        status: StatusCode::OK,
        headers,
        body: Bytes::copy_from_slice(text.as_bytes()),
    }
}

fn thread_name() -> ScriptResponse {
    text(std::thread::current().name().unwrap_or_default())
}

fn framing() -> ScriptResponse {
    let mut response = text("framed");
    for (name, value) in [
        ("content-length", "3"),
        ("transfer-encoding", "chunked"),
        ("connection", "upgrade"),
        ("keep-alive", "timeout=1"),
        ("upgrade", "websocket"),
        ("x-request-id", "mine"),
    ] {
        response.headers.append(name, HeaderValue::from_static(value));
    }
    response
}

fn error(kind: ScriptErrorKind) -> ScriptError {
    let message = "a secret of the script".to_owned();
    ScriptError {
        kind,
        message,
        script: None,
        line: Some(3),
        column: None,
        excerpt: None,
        trace: Vec::new(),
    }
}

fn describe(invocation: &Invocation) -> String {
    let request = &invocation.request;
    let mut text = format!(
        "{} {} host={} scheme={} from={} trigger={} body={}",
        request.method,
        request.uri,
        request.host,
        request.scheme,
        request.remote_addr,
        invocation.trigger.as_str(),
        String::from_utf8_lossy(&request.body),
    );
    for (name, value) in &request.params {
        let _ = write!(text, " {name}={value}");
    }
    text
}

/// Storage in memory.
#[derive(Default)]
pub(crate) struct FakeRepository {
    records: Mutex<Vec<Execution>>,
    /// The app is gone.
    deleted: Mutex<bool>,
    /// Another node has made a release, with one script more.
    released: AtomicBool,
    /// How often releases are not told before they are.
    faults: AtomicUsize,
    /// How often the live release of the app was read after the start.
    read: AtomicUsize,
}

impl FakeRepository {
    pub(crate) fn records(&self) -> Vec<Execution> {
        self.records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn delete_app(&self) {
        *self.deleted.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    pub(crate) fn is_released_elsewhere(&self) {
        self.released.store(true, Ordering::SeqCst);
    }

    pub(crate) fn fail_once(&self) {
        self.faults.store(1, Ordering::SeqCst);
    }

    /// How often the live release of the app was read after the start.
    pub(crate) fn reads(&self) -> usize {
        self.read.load(Ordering::SeqCst)
    }

    fn is_deleted(&self) -> bool {
        *self.deleted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self) -> LiveRelease {
        release(self.released.load(Ordering::SeqCst))
    }
}

fn webhook(script: &str) -> Option<Webhook> {
    let (_, secret) = SECRETS.iter().find(|(known, _)| *known == script)?;
    Some(Webhook {
        scheme: WebhookScheme::Github,
        secret: secret.parse().expect("a name"),
        tolerance_s: 300,
        respond: WebhookRespond::Run,
    })
}

fn release(is_from_elsewhere: bool) -> LiveRelease {
    let at = Timestamp::from_micros(0);
    let script = |name: &str, id: ScriptId| {
        Arc::new(LiveScript {
            app_id: APP,
            script_id: id,
            name: name.parse().expect("a name"),
            version: 1,
            content_hash: ContentHash([0; 32]),
            source: "".into(),
            modules: None,
            limits: Limits::DEFAULT,
            suspended: false,
            config: Arc::default(),
        })
    };
    let route = |(name, path, methods): &(&str, &str, &str)| Route {
        id: RouteId::new(at),
        app_id: APP,
        script_id: script_id(name),
        host: None,
        path: path.parse().expect("a path"),
        methods: methods.parse().expect("methods"),
        webhook: webhook(name),
        created_at: at,
        updated_at: at,
    };
    let claim = |pattern: &str| DomainClaim {
        id: DomainId::new(at),
        app_id: APP,
        pattern: pattern.parse().expect("a pattern"),
        created_at: at,
    };
    LiveRelease {
        app_id: APP,
        slug: "test".to_owned(),
        number: if is_from_elsewhere { 2 } else { 1 },
        domains: vec![
            claim("test.example"),
            claim("{tenant}.test.example"),
            claim("bücher.example"),
            claim("localhost"),
        ],
        routes: SCRIPTS.iter().map(route).collect(),
        scripts: SCRIPTS
            .iter()
            .map(|(name, ..)| script(name, script_id(name)))
            .chain(is_from_elsewhere.then(|| script("from-elsewhere", FROM_ELSEWHERE)))
            .collect(),
        subscriptions: Vec::new(),
        schedules: Vec::new(),
    }
}

#[async_trait]
impl ReleaseRepository for FakeRepository {
    async fn list_releases(
        &self,
        app: AppId,
        _limit: u32,
        _before: Option<u32>,
    ) -> Result<Vec<Release>, StoreError> {
        if self
            .faults
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok()
        {
            return Err(StoreError::Unavailable("told to be".into()));
        }
        let newest = (app == APP && !self.is_deleted()).then(|| Release {
            app_id: app,
            number: self.release().number,
            author: None,
            author_name: None,
            note: None,
            summary: String::new(),
            created_at: Timestamp::from_micros(0),
        });
        Ok(newest.into_iter().collect())
    }

    async fn find_release(
        &self,
        _app: AppId,
        _number: u32,
    ) -> Result<Option<(Release, Manifest)>, StoreError> {
        Ok(None)
    }

    async fn live_release(&self, app: AppId) -> Result<Option<LiveRelease>, StoreError> {
        self.read.fetch_add(1, Ordering::SeqCst);
        Ok((app == APP && !self.is_deleted()).then(|| self.release()))
    }

    async fn live_releases(&self) -> Result<Vec<LiveRelease>, StoreError> {
        Ok(vec![self.release()])
    }
}

#[async_trait]
impl RunLog for FakeRepository {
    async fn record_executions(&self, batch: RunBatch<'_>, _now: Timestamp) -> Result<(), StoreError> {
        self.records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(batch.records);
        Ok(())
    }

    async fn purge_executions(&self, _retention: Retention, _now: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn executions_kept_until(&self, _retention: Retention) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }
}
