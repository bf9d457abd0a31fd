//! Running a script in a test.

pub(crate) mod memory;

use std::{future::Future, net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use picloud_executor_core::{Executor, ExecutorConfig};
use picloud_shared::{
    config::AppConfig,
    id::{AppId, ExecutionId, ScriptId},
    invocation::{Invocation, ScriptRequest, Trigger},
    limits::Limits,
    modules::Linker,
    outcome::{Outcome, ScriptError, ScriptResponse},
    script::{AppScripts, ContentHash, LiveScript, linked},
    seam::ExecutorClient,
    time::Timestamp,
};
use tokio::{runtime, task::LocalSet};

use self::memory::MemoryHost;

/// Limits under which a test that goes wrong ends soon.
pub(crate) const LIMITS: Limits = Limits {
    timeout_ms: 5_000,
    ..Limits::DEFAULT
};

/// `GET http://example.com/`.
pub(crate) fn request() -> ScriptRequest {
    ScriptRequest {
        method: Method::GET,
        uri: "/".parse().expect("a path"),
        scheme: "http",
        host: "example.com".into(),
        params: Vec::new(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        remote_addr: IpAddr::from([192, 0, 2, 1]),
        webhook: None,
    }
}

/// A header that a request has.
pub(crate) fn with_header(mut request: ScriptRequest, name: &str, value: &str) -> ScriptRequest {
    let name = HeaderName::try_from(name).expect("a name");
    request
        .headers
        .append(name, HeaderValue::try_from(value).expect("a value"));
    request
}

const NOW: Timestamp = Timestamp::from_micros(1_763_670_896_789_123);

const GREETING: &str = "`Hello, ${request.argument?.name ?? \"nobody\"}`";

/// The live version of a script.
fn live(name: &str, source: &str, limits: Limits) -> LiveScript {
    LiveScript {
        app_id: AppId::new(NOW),
        script_id: ScriptId::new(NOW),
        name: name.parse().expect("a name"),
        version: 1,
        content_hash: ContentHash::of(source),
        source: source.into(),
        modules: None,
        limits,
        suspended: false,
        config: Arc::default(),
    }
}

/// Everything that is needed to run `source`.
pub(crate) fn invocation(source: &str, limits: Limits, request: ScriptRequest) -> Invocation {
    // The ones of which the examples of the script API speak.
    let mut config = AppConfig::default();
    config.insert("GREETING".to_owned(), "\"Hello\"");
    config.insert("LIMITS".to_owned(), "{\"max\":10}");
    Invocation {
        id: ExecutionId::new(NOW),
        script: Arc::new(LiveScript {
            config: Arc::new(config),
            ..live("test", source, limits)
        }),
        // The one of which the examples of the script API speak, and itself.
        scripts: AppScripts::new([
            Arc::new(live("greeting", GREETING, limits)),
            Arc::new(live("test", source, limits)),
        ]),
        depth: 0,
        trigger: Trigger::Test,
        keeps_writes: true,
        at_commit: None,
        event: None,
        request: Arc::new(request),
    }
}

/// Everything that is needed to run the first of `scripts`, which all belong to one app.
pub(crate) fn invocation_in(scripts: &[(&str, &str)]) -> Invocation {
    let app = Linker::new(
        scripts
            .iter()
            .map(|(name, source)| (name.parse().expect("a name"), (*source).into())),
    );
    let (name, source) = scripts[0];
    let mut invocation = invocation(source, LIMITS, request());
    let live = Arc::get_mut(&mut invocation.script).expect("nobody else has it");
    live.name = name.parse().expect("a name");
    let modules = app.link(&live.name).unwrap_or_else(|fault| panic!("{fault}"));
    live.modules = modules.map(Arc::new);
    let all = scripts
        .iter()
        .map(|(name, source)| self::live(name, source, LIMITS));
    invocation.scripts = AppScripts::new(linked(all.collect()));
    invocation
}

/// The same, where those with these names have limits of their own.
pub(crate) fn invocation_within(scripts: &[(&str, &str)], limits: &[(&str, Limits)]) -> Invocation {
    let mut invocation = invocation_in(scripts);
    let of = |name: &str| {
        limits
            .iter()
            .find(|(other, _)| *other == name)
            .map_or(LIMITS, |(_, limits)| *limits)
    };
    let all = scripts.iter().map(|(name, source)| live(name, source, of(name)));
    let all = linked(all.collect());
    invocation.script = Arc::clone(&all[0]);
    invocation.scripts = AppScripts::new(all);
    invocation
}

/// Runs the first of `scripts` once.
pub(crate) fn run_in(scripts: &[(&str, &str)]) -> Outcome {
    on_serving_thread(|executor| async move { executor.execute(invocation_in(scripts)).await })
}

/// Each line of the log, with the script that wrote it, unless that is the one that was run, and the line there.
pub(crate) fn places_of_logs(outcome: &Outcome) -> Vec<(&str, Option<&str>, u32)> {
    let lines = outcome.logs.iter();
    lines
        .map(|line| (line.message.as_str(), line.script.as_deref(), line.line))
        .collect()
}

/// Runs `test` as a serving thread runs its work.
pub(crate) fn on_serving_thread<F: Future>(test: impl FnOnce(Executor) -> F) -> F::Output {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let host = Arc::<MemoryHost>::default();
    // The one of which the examples of the script API speak.
    host.set_secret("API_KEY", "an example");
    let config = ExecutorConfig {
        services: Some(host.services()),
        ..ExecutorConfig::default()
    };
    LocalSet::new().block_on(&runtime, test(Executor::new(config)))
}

/// Runs what is given once, with `host` to answer what it asks.
pub(crate) fn run_invocation(host: &Arc<MemoryHost>, invocation: Invocation) -> Outcome {
    let services = host.services();
    on_serving_thread(|_| async move {
        let executor = Executor::new(ExecutorConfig {
            services: Some(services),
            ..ExecutorConfig::default()
        });
        executor.execute(invocation).await
    })
}

/// Runs `source` once.
pub(crate) fn run_with(source: &str, limits: Limits, request: ScriptRequest) -> Outcome {
    on_serving_thread(|executor| async move { executor.execute(invocation(source, limits, request)).await })
}

/// Runs `source` once, with nothing special about it.
pub(crate) fn run(source: &str) -> Outcome {
    run_with(source, LIMITS, request())
}

/// The answer of `source`.
#[track_caller]
pub(crate) fn answer(source: &str, request: ScriptRequest) -> ScriptResponse {
    run_with(source, LIMITS, request)
        .result
        .unwrap_or_else(|error| panic!("{source}\n{error:#?}"))
}

/// The error of `source`.
#[track_caller]
pub(crate) fn error(source: &str) -> ScriptError {
    match run(source).result {
        Ok(response) => panic!("{source}\n{response:#?}"),
        Err(error) => error,
    }
}
