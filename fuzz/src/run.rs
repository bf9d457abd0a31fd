//! Runs scripts, and holds what is left of a run against what the sandbox promises.

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use nix::time::{ClockId, clock_gettime};
use picloud_executor_core::{Executor, ExecutorConfig};
use picloud_shared::{
    id::{AppId, ExecutionId, ScriptId},
    invocation::{Invocation, ScriptRequest, Trigger},
    limits::Limits,
    outcome::{Outcome, ScriptErrorKind},
    script::{AppScripts, ContentHash, LiveScript},
    seam::ExecutorClient as _,
    time::Timestamp,
};
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

/// Tight, so that a run ends soon and its verdicts are met often.
pub(crate) const LIMITS: Limits = Limits {
    operations_max: 50_000,
    cpu_ms_max: 200,
    timeout_ms: 1_000,
    memory_bytes_max: 4 * 1_024 * 1_024,
    call_depth_max: 32,
    response_bytes_max: 256 * 1_024,
    log_bytes_max: 16 * 1_024,
    ..Limits::DEFAULT
};

/// How much more processor time than its limit a run may take. What runs here is instrumented, and several times
/// slower than the server.
const CPU_OVERRUN_MAX: Duration = Duration::from_millis(500);

/// How much more than its limit of memory a run may hold for a moment: what one native function takes before
/// the next look.
const MEMORY_OVERRUN: u64 = 4;

/// The line that says how much was dropped may stand beside the others.
const LOG_OVERRUN_BYTES: usize = 64;

thread_local! {
    /// Keeps no scripts, so that every run compiles its own.
    static EXECUTOR: Executor = Executor::new(ExecutorConfig {
        cache_bytes_max: 0,
        stacks_kept_max: 4,
        ..ExecutorConfig::default()
    });
}

/// Runs `source` once, as a serving thread does.
pub(crate) fn run(source: &str, request: ScriptRequest) -> Outcome {
    let invocation = invocation(source, request);
    let executor = EXECUTOR.with(Clone::clone);
    let began = processor_time();
    let outcome = runtime().block_on(executor.execute(invocation));
    let took = processor_time().saturating_sub(began);
    let allowed = Duration::from_millis(LIMITS.cpu_ms_max) + CPU_OVERRUN_MAX;
    assert!(took <= allowed, "the run took {took:?} of processor time");
    keeps_its_limits(&outcome);
    outcome
}

/// A runtime whose clock moves only when there is nothing else to do, so that nobody waits for a sleeping script. It
/// is a new one each time, as its clock runs ahead of the machine's once something has slept.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// `POST /shop/42?q=tea&q=%C3%BC&empty=`, with something in every field.
pub(crate) fn request(body: Bytes) -> ScriptRequest {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::HOST, "example.com"),
        (header::ACCEPT, "text/html, */*;q=0.1"),
        (header::COOKIE, "session=abc%20d; theme=\"dark\""),
        (header::COOKIE, "theme=light; ="),
    ] {
        headers.append(name, HeaderValue::from_static(value));
    }
    ScriptRequest {
        method: Method::POST,
        uri: "/shop/42?q=tea&q=%C3%BC&empty=".parse().expect("a path"),
        scheme: "https",
        host: "example.com".into(),
        params: vec![("id".into(), "42".to_owned())],
        headers,
        body,
        remote_addr: IpAddr::from([192, 0, 2, 1]),
        webhook: None,
    }
}

fn invocation(source: &str, request: ScriptRequest) -> Invocation {
    let now = Timestamp::from_micros(1_763_670_896_789_123);
    Invocation {
        // Scripts see it, and are to do the same each time.
        id: ExecutionId(Uuid::from_u128(1)),
        script: Arc::new(LiveScript {
            app_id: AppId::new(now),
            script_id: ScriptId::new(now),
            name: "fuzzed".parse().expect("a name"),
            version: 1,
            content_hash: ContentHash::of(source),
            source: source.into(),
            modules: None,
            limits: LIMITS,
            suspended: false,
            config: Arc::default(),
        }),
        scripts: AppScripts::default(),
        depth: 0,
        keeps_writes: true,
        at_commit: None,
        event: None,
        trigger: Trigger::Test,
        request: Arc::new(request),
    }
}

fn keeps_its_limits(outcome: &Outcome) {
    let usage = outcome.usage;
    assert!(usage.operations <= LIMITS.operations_max, "{usage:?}");
    assert!(
        usage.memory_bytes_peak <= LIMITS.memory_bytes_max * MEMORY_OVERRUN,
        "{usage:?}"
    );
    let logged: usize = outcome.logs.iter().map(|line| line.message.len()).sum();
    let allowed = usize::try_from(LIMITS.log_bytes_max).unwrap_or(usize::MAX) + LOG_OVERRUN_BYTES;
    assert!(logged <= allowed, "{logged} bytes of log");
    match &outcome.result {
        Ok(response) => {
            let bytes = response.body.len() as u64;
            assert!(bytes <= LIMITS.response_bytes_max, "a body of {bytes} bytes");
            assert!(
                (200..=599).contains(&response.status.as_u16()),
                "{}",
                response.status
            );
        }
        Err(error) => {
            let faulty = matches!(error.kind, ScriptErrorKind::Internal | ScriptErrorKind::Cancelled);
            assert!(!faulty, "{error:?}");
            assert!(!error.message.is_empty(), "{error:?}");
        }
    }
}

fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("the machine has this clock");
    now.into()
}
