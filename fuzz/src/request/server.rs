//! A server with one app, whose script reads all that there is to read of a request.

use std::{
    net::SocketAddr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use picloud_executor_core::{Executor, ExecutorConfig};
use picloud_orchestrator_core::{
    AppBounds, ControlPlane, Events, LiveReleases, Recorder, RecorderConfig, RunningServer, Server,
    ServerConfig,
};
use picloud_shared::{
    admin_host::AdminHost,
    execution::Retention,
    limits::Limits,
    services::HostServices,
    time::{Clock, Timestamp},
    webhook::{WEBHOOK_TOLERANCE_S_MAX, Webhook, WebhookRespond, WebhookScheme},
};
use tokio::runtime::{Builder, Runtime};

use super::{events::NoEvents, services::OnlyKeys};
use crate::releases::{App, AppRoute, Releases};

/// Each field is read for itself, so that what is wrong with one hides no other.
const SCRIPT: &str = r#"
let out = #{};
try { out.line = [request.method, request.url, request.path, request.host, request.scheme, request.params] } catch (e) { out.line = `${e}` }
try { out.client = request.remote_addr } catch (e) { out.client = `${e}` }
try { out.query = [request.query, request.query_all("a")] } catch (e) { out.query = `${e}` }
try { out.cookies = request.cookies } catch (e) { out.cookies = `${e}` }
try { out.headers = [request.headers.to_map(), request.headers.keys(), request.headers.get_all("a")] } catch (e) { out.headers = `${e}` }
try { out.lines = []; for line in request.headers { out.lines.push(line) } } catch (e) { out.lines = `${e}` }
try { out.form = [request.form(), request.form_all("a")] } catch (e) { out.form = `${e}` }
try { out.json = json::stringify(request.json()) } catch (e) { out.json = `${e}` }
try { out.body = request.body } catch (e) { out.body = `${e}` }
try { out.event = request.event } catch (e) { out.event = `${e}` }
try { out.webhook = request.webhook } catch (e) { out.webhook = `${e}` }
try { out.bytes = request.bytes.len() } catch (e) { out.bytes = `${e}` }
json(out)
"#;

/// How long a client may take for anything. What the fuzzer sends is there at once.
const PACE: Duration = Duration::from_millis(500);

struct Running {
    server: RunningServer,
    _control: Runtime,
}

/// Where the server listens. The first call starts it.
pub(super) fn address() -> SocketAddr {
    static SERVER: LazyLock<Running> = LazyLock::new(start);
    SERVER.server.local_addrs()[0]
}

fn start() -> Running {
    let control = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let entered = control.enter();
    let releases = Releases::of(&[app()], Limits::DEFAULT);
    let live = control
        .block_on(LiveReleases::load(
            Arc::clone(&releases) as Arc<_>,
            AppBounds::default(),
            AdminHost::default(),
        ))
        .expect("releases in memory are there");
    let clock = Arc::new(CountingClock::default());
    let events = Events::new(
        Arc::new(NoEvents),
        Arc::clone(&live),
        Arc::clone(&clock) as Arc<_>,
    );
    let recorder = Recorder::start(RecorderConfig::new(
        releases,
        Arc::clone(&clock) as Arc<_>,
        "fuzz".to_owned(),
        Retention::default(),
    ));
    let mut config = ServerConfig::new(vec![SocketAddr::from(([127, 0, 0, 1], 0))], clock);
    config.threads = 1;
    config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    config.request_body_bytes_max = 4 * 1_024;
    config.header_timeout = PACE;
    config.idle_timeout = PACE;
    config.body_grace = PACE;
    let server = Server::bind(config)
        .and_then(|server| {
            server.start(
                || Executor::new(ExecutorConfig::default()),
                &live,
                &recorder,
                &events,
                &(Arc::new(OnlyKeys) as Arc<dyn HostServices>),
                &control_plane(),
            )
        })
        .expect("a server");
    drop(entered);
    Running {
        server,
        _control: control,
    }
}

fn app() -> App {
    let route = |methods: &str, path: &str| AppRoute {
        methods: methods.parse().expect("methods"),
        host: None,
        path: path.parse().expect("a path"),
        source: SCRIPT,
        webhook: None,
    };
    let hook = |path: &str, scheme: WebhookScheme| AppRoute {
        webhook: Some(Webhook {
            scheme,
            secret: "KEY".parse().expect("a name"),
            tolerance_s: WEBHOOK_TOLERANCE_S_MAX,
            respond: WebhookRespond::Run,
        }),
        ..route("*", path)
    };
    App {
        claims: ["a.test", "*.a.test", "{tenant}.b.test", "localhost"]
            .map(|pattern| pattern.parse().expect("a pattern"))
            .into(),
        routes: vec![
            route("*", "/all/{*rest}"),
            route("GET", "/{first}"),
            route("POST, PUT", "/a/{b}/c"),
            hook("/hook/github", WebhookScheme::Github),
            hook("/hook/stripe", WebhookScheme::Stripe),
            hook("/hook/slack", WebhookScheme::Slack),
            hook("/hook/standard", WebhookScheme::Standard),
        ],
    }
}

/// Takes everything, and says so.
fn control_plane() -> ControlPlane {
    Arc::new(|request| {
        Box::pin(async move {
            let text = format!("{{\"control\": {}}}", request.body().len());
            let body = Full::new(text.into()).map_err(|never| match never {});
            let mut response = Response::new(body.boxed_unsync());
            *response.status_mut() = StatusCode::ACCEPTED;
            response
        })
    })
}

/// A clock that moves by a microsecond each time it is looked at.
struct CountingClock(AtomicI64);

impl Default for CountingClock {
    fn default() -> Self {
        Self(AtomicI64::new(1_700_000_000_000_000))
    }
}

impl Clock for CountingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }
}
