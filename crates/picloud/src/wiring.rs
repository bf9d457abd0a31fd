//! The picture of the system: which implementation stands behind which seam. The only place that chooses.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use picloud_egress::{Brokers, BrokersParts, Egress, EgressParts, SystemResolver};
use picloud_executor_core::{Executor, ExecutorConfig, InFlight, LocalWorkbench, Services};
use picloud_manager_core::{Manager, ManagerParts, PasswordServices};
use picloud_orchestrator_core::{
    BoxError, ControlBody, ControlPlane, EventPump, EventServices, Events, LiveReleases, PumpParts, Recorder,
    RecorderConfig, RunningServer, Scheduler, SchedulerParts, Server, ServerConfig,
};
use picloud_shared::{memory::MemoryBudget, services::HostServices, time::Clock as _};
use picloud_store::{DataServices, Store};
use tokio::{runtime::Handle, time::timeout};
use tower::ServiceExt as _;

use crate::{
    clock::{SystemClock, tell_when_set},
    config::{Config, Database},
    in_flight::Journal,
};

/// The running system.
pub(crate) struct System {
    store: Arc<Store>,
    manager: Manager,
    recorder: Recorder,
    server: RunningServer,
    pump: EventPump,
    scheduler: Scheduler,
    brokers: Brokers,
    setup_code: Option<String>,
    /// The last to go: it is closed when all else has ended.
    _journal: Journal,
}

/// How long records that still wait may take to be written when the server stops.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts everything, on the runtime of the caller and the threads that the parts make for themselves.
pub(crate) async fn start(config: &Config) -> anyhow::Result<System> {
    let clock = Arc::new(SystemClock);
    let memory = MemoryBudget::new(config.script_memory_bytes_max);
    let defaults = ServerConfig::new(config.bind.clone(), clock.clone());
    let server = Server::bind(ServerConfig {
        threads: config.serving_threads,
        trusted_proxies: config.trusted_proxies.clone(),
        request_body_bytes_max: config.request_body_bytes_max,
        header_timeout: config.header_timeout,
        connections_per_client_max: config
            .connections_per_client_max
            .unwrap_or(defaults.connections_per_client_max),
        memory: memory.clone(),
        ..defaults
    })?;

    let store = Arc::new(open_store(config).await?);
    let data = Arc::new(DataServices::start(store.clone(), clock.clone()));
    let data = Arc::new(PasswordServices::new(
        data,
        clock.clone(),
        picloud_executor_core::give_memory_back,
    ));
    let egress = start_egress(config, &store, &data, server.local_addrs(), &memory).await?;
    let journal = Journal::start(config, &store).await?;
    let live = LiveReleases::load(store.clone(), config.app_bounds, config.admin_host.clone()).await?;
    let events = Events::new(store.clone(), live.clone(), clock.clone());
    let services = Services::new(Arc::new(EventServices::new(
        Arc::new(egress.clone()),
        events.clone(),
    )));
    let recorder = start_recorder(config, store.clone(), clock.clone());
    let secrets: Arc<dyn HostServices> = data.clone();
    let brokers = Brokers::start(BrokersParts {
        egress: egress.clone(),
        repository: store.clone(),
        events: Arc::new(events.clone()),
        clock: clock.clone(),
    });
    let manager = Manager::new(ManagerParts {
        repository: store.clone(),
        live: live.clone(),
        egress: Arc::new(egress),
        brokers: Arc::new(brokers.clone()),
        instance_senders: config.mail_server.as_ref().map(|server| server.senders.clone()),
        workbench: Arc::new(LocalWorkbench::start(
            &memory,
            journal.in_flight(),
            Some(services.clone()),
        )?),
        services: Arc::new(EventServices::new(data, events.clone())),
        events: Arc::new(events.clone()),
        runs: Arc::new(recorder.clone()),
        clock,
        admin_host: config.admin_host.clone(),
        session_ttl: config.session_ttl,
        give_memory_back: picloud_executor_core::give_memory_back,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: option_env!("PICLOUD_COMMIT").unwrap_or("unknown").to_owned(),
    });
    let first_start = manager.first_start(config.first_owner.clone()).await?;
    manager.finish_collections().await?;
    let in_flight = journal.in_flight().cloned();
    let script_memory = memory.clone();
    let make_executor = move || {
        in_flight.iter().for_each(InFlight::join);
        Executor::new(ExecutorConfig {
            memory: script_memory.clone(),
            services: Some(services.clone()),
            ..ExecutorConfig::default()
        })
    };
    let control = control_plane(&manager);
    let server = server.start(make_executor, &live, &recorder, &events, &secrets, &control)?;
    let scheduler = Scheduler::start(SchedulerParts {
        events: events.clone(),
        repository: store.clone(),
    });
    tell_when_set(events.clone());
    let pump = EventPump::start(PumpParts {
        events,
        threads: server.threads(),
        recorder: recorder.clone(),
        memory,
    });

    Ok(System {
        store,
        manager,
        recorder,
        server,
        pump,
        scheduler,
        brokers,
        setup_code: first_start.setup_code,
        _journal: journal,
    })
}

impl System {
    /// Where it listens.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        self.server.local_addrs()
    }

    /// What makes the first owner, while nobody exists.
    pub(crate) fn setup_code(&self) -> Option<&str> {
        self.setup_code.as_deref()
    }

    /// Lets requests and events in flight finish for up to `drain`, gives back the events that did not, then writes what
    /// was recorded and closes the database.
    pub(crate) async fn stop(self, drain: Duration) {
        self.manager.end_streams();
        self.pump.stop_claiming();
        self.scheduler.stop(FLUSH_TIMEOUT).await;
        self.brokers.stop(FLUSH_TIMEOUT).await;
        self.server.stop(drain).await;
        self.pump.stop(FLUSH_TIMEOUT).await;
        if timeout(FLUSH_TIMEOUT, self.recorder.flush()).await.is_err() {
            tracing::warn!("the last execution records could not be written");
        }
        if timeout(FLUSH_TIMEOUT, self.manager.summarize_denials())
            .await
            .is_err()
        {
            tracing::warn!("the last refused attempts could not be counted in the audit log");
        }
        self.store.close().await;
    }
}

fn start_recorder(config: &Config, store: Arc<Store>, clock: Arc<SystemClock>) -> Recorder {
    let node = config.node_name.clone();
    Recorder::start(RecorderConfig::new(store, clock, node, config.retention))
}

/// What leaves the server.
async fn start_egress(
    config: &Config,
    store: &Arc<Store>,
    data: &Arc<PasswordServices>,
    listeners: &[SocketAddr],
    memory: &Arc<MemoryBudget>,
) -> anyhow::Result<Egress> {
    let egress = Egress::start(EgressParts {
        others: data.clone(),
        repository: store.clone(),
        resolver: Arc::new(SystemResolver::default()),
        listeners: listeners.to_vec(),
        mail_server: config.mail_server.clone(),
        mail_servers: store.clone(),
        authorities: Vec::new(),
        memory: memory.clone(),
    });
    Ok(egress.await?)
}

async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let secret_key = &config.secret_key_file;
    let store = match &config.database {
        Database::Sqlite(folder) => Store::open_sqlite(folder, secret_key).await?,
        Database::Postgres(url) => Store::open_postgres(url, secret_key).await?,
    };
    store.prepare_secrets(SystemClock.now()).await?;
    Ok(store)
}

/// The manager as the orchestrator sees it. Its work is done on the runtime of the caller, where the database
/// connections live; a serving thread only waits for it. What has begun runs to its end, even if the client
/// goes away meanwhile.
fn control_plane(manager: &Manager) -> ControlPlane {
    let (control, router) = (Handle::current(), manager.router());
    Arc::new(move |request: Request<Bytes>| {
        let answer = router.clone().oneshot(request.map(axum::body::Body::from));
        let work = control.spawn(answer);
        async move {
            match work.await {
                Ok(Ok::<_, Infallible>(response)) => {
                    response.map(|body| body.map_err(BoxError::from).boxed_unsync())
                }
                Err(error) => {
                    tracing::error!(%error, "a request to the control plane ended without an answer");
                    unanswered()
                }
            }
        }
        .boxed()
    })
}

fn unanswered() -> Response<ControlBody> {
    let mut response = Response::new(Empty::new().map_err(BoxError::from).boxed_unsync());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
