//! A server with fakes around it, and a client that speaks plain bytes.

mod client;
mod events;
mod fakes;
mod services;

use std::{
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt as _, Full};
use picloud_orchestrator_core::{
    AppBounds, ControlPlane, EventPump, Events, LiveReleases, PumpParts, Recorder, RecorderConfig,
    RunningServer, Server, ServerConfig,
};
use picloud_shared::{
    admin_host::AdminHost,
    execution::{Execution, Retention},
    memory::MemoryBudget,
    repository::{EventRepository, ReleaseRepository, RunLog},
    seam::{Acknowledged, LiveTable as _, Origin},
    services::HostServices,
};
use tokio::runtime::{Builder, Runtime};

pub(crate) use client::{Answer, Client};
pub(crate) use events::FakeEvents;
pub(crate) use fakes::{APP, FROM_ELSEWHERE, FakeExecutor, FakeRepository, Gate, SystemClock, script_id};

/// A running server. Its scripts are told by their names; see [`FakeExecutor`].
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) gate: Arc<Gate>,
    pub(crate) running: RunningServer,
    pub(crate) live: Arc<LiveReleases>,
    pub(crate) events: Arc<FakeEvents>,
    pub(crate) published: Events,
    pub(crate) repository: Arc<FakeRepository>,
    recorder: Recorder,
    pub(crate) runtime: Runtime,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(configure: impl FnOnce(&mut ServerConfig)) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let entered = runtime.enter();
        let repository = Arc::new(FakeRepository::default());
        let releases = Arc::clone(&repository) as Arc<dyn ReleaseRepository>;
        let live = runtime
            .block_on(LiveReleases::load(
                releases,
                AppBounds::default(),
                AdminHost::default(),
            ))
            .expect("live releases");
        let recorder = Recorder::start(RecorderConfig::new(
            Arc::clone(&repository) as Arc<dyn RunLog>,
            Arc::new(SystemClock::default()),
            "test-node".to_owned(),
            Retention::default(),
        ));
        let stored = Arc::new(FakeEvents::default());
        let events = Events::new(
            Arc::clone(&stored) as Arc<dyn EventRepository>,
            Arc::clone(&live),
            Arc::new(SystemClock::default()),
        );
        let bind = vec!["127.0.0.1:0".parse().expect("an address")];
        let mut config = ServerConfig::new(bind, Arc::new(SystemClock::default()));
        config.threads = 2;
        configure(&mut config);
        let gate = Arc::new(Gate::default());
        let executors = Arc::clone(&gate);
        let running = Server::bind(config)
            .and_then(|server| {
                server.start(
                    move || FakeExecutor::new(Arc::clone(&executors)),
                    &live,
                    &recorder,
                    &events,
                    &(Arc::new(services::OnlySecrets) as Arc<dyn HostServices>),
                    &control_plane(),
                )
            })
            .expect("a server");
        let address = running.local_addrs()[0];
        drop(entered);
        Self {
            address,
            gate,
            running,
            live,
            events: stored,
            published: events,
            repository,
            recorder,
            runtime,
        }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Runs what is due.
    pub(crate) fn pump(&self) -> EventPump {
        self.pump_on(&self.runtime)
    }

    /// The same, with the time of another runtime.
    pub(crate) fn pump_on(&self, runtime: &Runtime) -> EventPump {
        let _entered = runtime.enter();
        EventPump::start(PumpParts {
            events: self.published.clone(),
            threads: self.running.threads(),
            recorder: self.recorder.clone(),
            memory: MemoryBudget::unbounded(),
        })
    }

    /// Sends one request on a connection of its own.
    pub(crate) fn send(&self, request: &str) -> Answer {
        let mut client = self.connect();
        client.send(request);
        client.answer()
    }

    /// `GET` with `Host: test.example`.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: test.example\r\n\r\n"))
    }

    /// All records so far.
    pub(crate) fn records(&self) -> Vec<Execution> {
        self.runtime.block_on(self.recorder.flush());
        self.repository.records()
    }

    /// The end of the first delivery that ends, and the record of its run, which are committed together.
    #[track_caller]
    pub(crate) fn ended(&self) -> (Acknowledged, Box<Execution>) {
        let begun = Instant::now();
        loop {
            let ended = self.gate.ended.lock().expect("no panic").pop();
            if let Some(ended) = ended {
                return ended;
            }
            assert!(begun.elapsed() < events::WAIT_MAX, "nothing has ended");
            thread::yield_now();
        }
    }

    /// The server still answers.
    #[track_caller]
    pub(crate) fn assert_alive(&self) {
        // More connections than threads, so that each thread answers one.
        let mut clients: Vec<_> = (0..4).map(|_| self.connect()).collect();
        for client in &mut clients {
            client.send("GET /hello HTTP/1.1\r\nHost: test.example\r\n\r\n");
        }
        for client in &mut clients {
            assert_eq!(client.answer().status, 200);
        }
    }

    /// Deletes the app in storage, and has the server read it again.
    pub(crate) fn delete_app(&self) {
        self.repository.delete_app();
        self.runtime.block_on(self.live.refresh(APP)).expect("a refresh");
    }

    pub(crate) fn stop(&self, drain: Duration) {
        self.runtime.block_on(self.running.stop(drain));
    }
}

/// Answers with what it was asked, as text.
fn control_plane() -> ControlPlane {
    Arc::new(|request| {
        Box::pin(async move {
            let origin = request.extensions().get::<Origin>().expect("an origin");
            let host = request
                .headers()
                .get("host")
                .map_or("", |host| host.to_str().unwrap_or("?"));
            let text = format!(
                "control {} {} host={host} from={} scheme={} body={}",
                request.method(),
                request.uri(),
                origin.remote_addr,
                origin.scheme,
                if request.uri().path() == "/api/v1/echo" {
                    String::from_utf8_lossy(request.body()).into_owned()
                } else {
                    request.body().len().to_string()
                }
            );
            let body = Full::new(text.into()).map_err(|never| match never {});
            http::Response::new(body.boxed_unsync())
        })
    })
}
