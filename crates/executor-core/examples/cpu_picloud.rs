//! Times a program of `bench/cpu` as PiCloud runs it: within its limits, as a coroutine of a serving thread.
//! `cargo xtask bench cpu` runs this.

#[path = "cpu/program.rs"]
mod program;

use std::{net::IpAddr, sync::Arc};

use picloud_executor_core::{CountingAllocator, Executor, ExecutorConfig};
use picloud_shared::{
    id::{AppId, ExecutionId, ScriptId},
    invocation::{Invocation, ScriptRequest, Trigger},
    limits::Limits,
    script::{AppScripts, ContentHash, LiveScript},
    seam::ExecutorClient,
    time::Timestamp,
};
use program::Program;
use tokio::{runtime, task::LocalSet};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() {
    let program = Program::of_arguments();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let thread = LocalSet::new();
    let executor = Executor::new(ExecutorConfig::default());
    let invocation = invocation(&program.source);

    let run = || {
        let outcome = thread.block_on(&runtime, executor.execute(invocation.clone()));
        outcome.result.expect("the program runs").body
    };
    program.check(&String::from_utf8_lossy(&run()));
    program.time(|| drop(run()));
}

/// `GET /?name=Ada` to a script with the default limits.
fn invocation(source: &str) -> Invocation {
    let now = Timestamp::from_micros(1_763_670_896_789_123);
    Invocation {
        id: ExecutionId::new(now),
        script: Arc::new(LiveScript {
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
        }),
        keeps_writes: true,
        at_commit: None,
        scripts: AppScripts::default(),
        event: None,
        depth: 0,
        trigger: Trigger::Http,
        request: Arc::new(ScriptRequest {
            method: http::Method::GET,
            uri: "/?name=Ada".parse().expect("a path"),
            scheme: "http",
            host: "example.com".into(),
            params: Vec::new(),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            remote_addr: IpAddr::from([192, 0, 2, 1]),
            webhook: None,
        }),
    }
}
