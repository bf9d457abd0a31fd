//! Nanoseconds per run of small scripts, on one thread, without HTTP: all of them, or the one that is named.
//! Run with `--release`.

use std::{hint::black_box, net::IpAddr, sync::Arc, time::Instant};

use picloud_executor_core::{CountingAllocator, Executor, ExecutorConfig};
use picloud_shared::{
    id::{AppId, ExecutionId, ScriptId},
    invocation::{Invocation, ScriptRequest, Trigger},
    limits::Limits,
    script::{AppScripts, ContentHash, LiveScript},
    seam::ExecutorClient,
    time::Timestamp,
};
use tokio::{runtime, task::LocalSet};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const ROUNDS: u32 = 500;
const RUNS: u32 = 1_000;

const SCRIPTS: [(&str, &str); 5] = [
    ("constant", "\"Hello, World\""),
    ("handler", "fn handle(request) { \"Hello, World\" }"),
    ("query", "\"Hello, \" + (request.query.name ?? \"World\")"),
    ("json", "#{hello: \"World\", n: [1, 2, 3]}"),
    ("params", "fn handle(request) { `Hello, ${request.params.name}` }"),
];

fn main() {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let executor = Executor::new(ExecutorConfig::default());
    LocalSet::new().block_on(&runtime, async {
        let wanted = std::env::args().nth(1);
        for (name, source) in SCRIPTS
            .into_iter()
            .filter(|(name, _)| wanted.as_deref().is_none_or(|wanted| wanted == *name))
        {
            let best = best_round(&executor, source).await;
            #[expect(clippy::print_stdout, reason = "that is what it is for")]
            {
                println!("{name:10} {best:7.0} ns");
            }
        }
    });
}

async fn best_round(executor: &Executor, source: &str) -> f64 {
    let now = Timestamp::from_micros(1_763_670_896_789_123);
    let script = Arc::new(LiveScript {
        app_id: AppId::new(now),
        script_id: ScriptId::new(now),
        name: "bench".parse().expect("a name"),
        version: 1,
        content_hash: ContentHash::of(source),
        source: source.into(),
        modules: None,
        limits: Limits::DEFAULT,
        suspended: false,
        config: Arc::default(),
    });
    let request = Arc::new(ScriptRequest {
        method: http::Method::GET,
        uri: "/hello/Ada?name=Ada".parse().expect("a path"),
        scheme: "http",
        host: "example.com".into(),
        params: vec![("name".into(), "Ada".to_owned())],
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
        remote_addr: IpAddr::from([192, 0, 2, 1]),
        webhook: None,
    });
    let id = ExecutionId::new(now);
    let invocation = || Invocation {
        id,
        script: Arc::clone(&script),
        keeps_writes: true,
        at_commit: None,
        scripts: AppScripts::default(),
        event: None,
        depth: 0,
        trigger: Trigger::Http,
        request: Arc::clone(&request),
    };
    let mut best = f64::MAX;
    let mut best_without_run = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..RUNS {
            let outcome = executor.execute(invocation()).await;
            assert!(outcome.result.is_ok());
        }
        best = best.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        for _ in 0..RUNS {
            black_box(invocation());
        }
        best_without_run = best_without_run.min(start.elapsed().as_secs_f64());
    }
    (best - best_without_run) * 1e9 / f64::from(RUNS)
}
