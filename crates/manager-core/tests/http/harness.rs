//! A manager for a test.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
};
use http::{HeaderMap, Method, Request, StatusCode, header};
use picloud_manager_core::{FirstStart, Manager, ManagerParts};
use picloud_shared::{
    admin_host::AdminHost,
    events::{IdempotencyKey, NewEvent, Published},
    execution::{CommittedRun, Execution, ExecutionFilter},
    id::{AppId, DeliveryId, ExecutionId, ScheduleId},
    invocation::Invocation,
    modules::Modules,
    mqtt::{Broker, BrokerState, BrokerStatus},
    outcome::{Diagnostic, Outcome, ScriptResponse, Severity, Usage},
    repository::{PublishError, StoreError},
    seam::{
        BrokerTable, EgressTable, EventTable, Explanation, FollowedRuns, LiveTable, Origin, RunFeed, RunNews,
        Workbench,
    },
    services::{Email, EmailFailure, ServiceError, ServiceUse},
    time::{Clock, Timestamp},
};
use picloud_store::{DataServices, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;
use tower::ServiceExt as _;

use crate::authenticator::code_of_step;

pub(crate) const OWNER: (&str, &str) = ("ada", "correct horse battery");

/// A manager with everything that it needs.
pub(crate) struct TestManager {
    pub(crate) manager: Manager,
    pub(crate) store: Arc<Store>,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Arc<SetClock>,
    router: Router,
    _folder: TempDir,
}

/// One answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl TestManager {
    /// A fresh instance that nobody owns yet.
    pub(crate) async fn fresh() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let secret_key = folder.path().join("secret.key");
        let store = Store::open_sqlite(folder.path(), &secret_key).await;
        let store = Arc::new(store.expect("the store opens"));
        let live = Arc::new(Live::default());
        let clock = Arc::new(SetClock(AtomicI64::new(1_700_000_000_000_000)));
        let manager = Manager::new(ManagerParts {
            give_memory_back: || (),
            repository: Arc::clone(&store) as _,
            live: Arc::clone(&live) as _,
            egress: Arc::new(NoEgress),
            brokers: Arc::new(NoBrokers),
            instance_senders: None,
            workbench: Arc::new(Bench),
            services: Arc::new(DataServices::start(Arc::clone(&store), Arc::clone(&clock) as _)),
            events: Arc::new(NoEvents),
            runs: Arc::new(NoRuns),
            clock: Arc::clone(&clock) as _,
            admin_host: AdminHost::default(),
            session_ttl: Duration::from_hours(24),
            version: "1.2.3".to_owned(),
            commit: "unknown".to_owned(),
        });
        Self {
            router: manager.router(),
            manager,
            store,
            live,
            clock,
            _folder: folder,
        }
    }

    /// One with an owner, and the owner's token.
    pub(crate) async fn owned() -> (Self, String) {
        let this = Self::fresh().await;
        let (username, password) = OWNER;
        this.first_start(Some((username, password))).await;
        let answer = this.log_in(username, password).await;
        let token = answer.json()["token"].as_str().expect("a token").to_owned();
        (this, token)
    }

    pub(crate) async fn first_start(&self, bootstrap: Option<(&str, &str)>) -> FirstStart {
        let bootstrap = bootstrap.map(|(name, password)| (name.to_owned(), password.to_owned()));
        self.manager
            .first_start(bootstrap)
            .await
            .expect("the first start works")
    }

    pub(crate) async fn log_in(&self, username: &str, password: &str) -> Answer {
        let body = json!({ "username": username, "password": password });
        self.send("POST", "/api/v1/admin/auth/login", &[], Some(&body))
            .await
    }

    /// Sends a request with a bearer token.
    pub(crate) async fn call(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let bearer = format!("Bearer {token}");
        self.send(method, path, &[("authorization", &bearer)], body).await
    }

    /// Sends a request from the address that is most often used here.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        self.send_from([192, 0, 2, 1], method, path, headers, body).await
    }

    pub(crate) async fn send_from(
        &self,
        address: [u8; 4],
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).expect("a method"))
            .uri(path)
            .header(header::HOST, "pi.example")
            .extension(Origin {
                request_id: ExecutionId::new(self.clock.now()),
                remote_addr: IpAddr::V4(Ipv4Addr::from(address)),
                scheme: "https",
            });
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.body(body).expect("a request");
        let Ok(response) = self.router.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: to_bytes(body, usize::MAX).await.expect("a body").to_vec(),
        }
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// The problem, after a look at what all of them have in common.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        let this = self.expect(status);
        let problem = this.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["request_id"], this.header("x-request-id"), "{problem}");
        assert_eq!(this.header("content-type"), "application/problem+json");
        problem
    }
}

/// Live releases that only count how often they were read again.
#[derive(Default)]
pub(crate) struct Live {
    pub(crate) refreshes: AtomicU32,
    pub(crate) fails: AtomicBool,
    pub(crate) refreshed: Notify,
}

/// Takes no events.
struct NoEvents;

#[async_trait]
impl EventTable for NoEvents {
    async fn publish(
        &self,
        _: AppId,
        _: Vec<NewEvent>,
        _: Option<IdempotencyKey>,
    ) -> Result<Published, PublishError> {
        Err(PublishError::NoApp)
    }

    fn address(&self, _: AppId, _: &mut [NewEvent]) {}

    fn wake(&self) {}

    fn lose(&self, _: DeliveryId) {}

    fn run_ended(&self, _: AppId, _: ScheduleId) {}
}

/// Nothing leaves.
struct NoEgress;

#[async_trait]
impl EgressTable for NoEgress {
    async fn refresh(&self, _: AppId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn try_email(&self, _: AppId, _: Email) -> Result<Result<String, EmailFailure>, ServiceError> {
        Err(ServiceError::Failed)
    }
}

/// Nobody is connected to.
struct NoBrokers;

#[async_trait]
impl BrokerTable for NoBrokers {
    async fn refresh(&self, _: AppId, _: bool) {}

    fn takes_authorities(&self, _: &str) -> bool {
        true
    }

    fn state(&self, broker: &Broker) -> BrokerState {
        BrokerState::new(BrokerStatus::Connecting, broker.updated_at)
    }
}

#[async_trait]
impl LiveTable for Live {
    async fn refresh(&self, _: AppId) -> Result<(), StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the cable was pulled".into()));
        }
        self.refreshes.fetch_add(1, Ordering::SeqCst);
        self.refreshed.notify_waiters();
        Ok(())
    }

    fn explain(&self, _: AppId, _: &str, _: &str, _: &str) -> Explanation {
        Explanation::default()
    }

    fn is_ready(&self) -> bool {
        true
    }
}

/// A node on which nothing runs.
struct NoRuns;

impl RunFeed for NoRuns {
    fn follow(&self, _: AppId, _: ExecutionFilter) -> Box<dyn FollowedRuns> {
        Box::new(Self)
    }

    fn node(&self) -> &'static str {
        "node"
    }

    fn record(&self, _: Execution) {}

    fn committed(&self, _: CommittedRun) {}

    fn used(&self, _: AppId, _: &[ServiceUse]) {}
}

#[async_trait]
impl FollowedRuns for NoRuns {
    async fn next(&mut self) -> RunNews {
        std::future::pending().await
    }
}

/// A workbench for which `bad` does not compile and `panic` is a defect.
struct Bench;

#[async_trait]
impl Workbench for Bench {
    async fn check(&self, source: Arc<str>, _: Option<Arc<Modules>>) -> Vec<Diagnostic> {
        assert_ne!(&*source, "panic");
        let error = || Diagnostic {
            severity: Severity::Error,
            message: "bad".to_owned(),
            line: 3,
            column: 7,
            end_line: 3,
            end_column: 8,
        };
        (&*source == "bad").then(error).into_iter().collect()
    }

    async fn run(&self, _: Invocation) -> Outcome {
        Outcome {
            result: Ok(ScriptResponse::default()),
            logs: Vec::new(),
            usage: Usage::default(),
            services: Vec::new(),
            commits: 0,
            recorded: false,
            writes_discarded: 0,
            request_path: None,
            retry: None,
        }
    }
}

/// The code of an authenticator app that knows `secret`, `off` steps from now.
pub(crate) fn totp(secret: &str, now: Timestamp, off: i64) -> String {
    code_of_step(secret, now.as_micros() / 30_000_000 + off)
}

/// A clock that stands still until it is set.
pub(crate) struct SetClock(AtomicI64);

impl SetClock {
    pub(crate) fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).expect("a short time");
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
