//! The executor of one serving thread.

use std::{
    cell::RefCell,
    future::Future,
    panic::{self, AssertUnwindSafe},
    rc::Rc,
    sync::Arc,
};

use picloud_shared::{
    invocation::Invocation,
    limits::Limits,
    outcome::{Diagnostic, Outcome, ScriptError, ScriptResponse, Usage},
    script::LiveScript,
    seam::ExecutorClient,
};
use rhai::Engine;

use crate::{
    bounds::Bounds,
    cache::Cache,
    coroutine::{StackPool, Task, with_current},
    engine,
    error::{Explainer, compile_error, internal_error},
    prepare::{self, Prepared},
    request::Request,
    response,
    run::{Run, Settings},
};

/// What an executor may keep for the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutorConfig {
    /// Memory for prepared scripts, in bytes.
    pub cache_bytes_max: usize,
    /// Stacks that are kept for reuse. Each holds the few pages that its last run touched.
    pub stacks_kept_max: usize,
}

impl Default for ExecutorConfig {
    fn default() -> Self {
        Self {
            cache_bytes_max: 32 * 1_024 * 1_024,
            stacks_kept_max: 128,
        }
    }
}

/// Runs scripts on the thread that made it, each as a coroutine that shares the thread with everything else on
/// its runtime. Cheap to clone; clones share all they have.
#[derive(Clone)]
pub struct Executor {
    shared: Rc<Shared>,
}

struct Shared {
    /// One engine for each bound on call depth that is in use, since Rhai has that bound per engine.
    engines: RefCell<Vec<(u32, Rc<Engine>)>>,
    cache: Cache,
    stacks: Rc<StackPool>,
}

impl Executor {
    /// An executor for this thread.
    pub fn new(config: ExecutorConfig) -> Self {
        Self {
            shared: Rc::new(Shared {
                engines: RefCell::default(),
                cache: Cache::new(config.cache_bytes_max),
                stacks: Rc::new(StackPool::new(config.stacks_kept_max)),
            }),
        }
    }

    /// Everything that is to be said about `source`.
    pub(crate) async fn check(&self, source: Arc<str>) -> Vec<Diagnostic> {
        let shared = Rc::clone(&self.shared);
        let check = move |_: &Run| {
            let engine = shared.engine(&Limits::DEFAULT);
            match shared.catch(|| {
                let script = prepare::prepare(&engine, &source)?;
                Ok(prepare::lint(&engine, &source, &script))
            }) {
                Some(Ok(remarks)) => remarks,
                Some(Err(fault)) => vec![fault],
                None => vec![prepare::compiler_panicked(&source)],
            }
        };
        match Task::new(&self.shared.stacks, Bounds::COMPILE, Settings::default(), check) {
            Ok(task) => task.await.0,
            Err(_) => vec![prepare::no_memory()],
        }
    }
}

impl ExecutorClient for Executor {
    fn execute(&self, invocation: Invocation) -> impl Future<Output = Outcome> {
        let shared = Rc::clone(&self.shared);
        async move {
            let script = match shared.cache.get(&invocation.script.content_hash) {
                Some(script) => script,
                None => match shared.prepare(&invocation.script).await {
                    Ok(script) => script,
                    Err(outcome) => return *outcome,
                },
            };
            shared.run(script, invocation).await
        }
    }
}

impl Shared {
    async fn prepare(self: &Rc<Self>, live: &Arc<LiveScript>) -> Result<Rc<Prepared>, Box<Outcome>> {
        let (shared, script) = (Rc::clone(self), Arc::clone(live));
        let compile = move |_: &Run| {
            let engine = shared.engine(&script.limits);
            shared
                .catch(|| prepare::prepare(&engine, &script.source).map(Rc::new))
                .unwrap_or_else(|| Err(prepare::compiler_panicked(&script.source)))
        };
        let task = Task::new(&self.stacks, Bounds::COMPILE, Settings::default(), compile)
            .map_err(|_| Box::new(failed(internal_error("there is no memory for a stack"))))?;
        let (result, run) = task.await;
        match result {
            Ok(script) => {
                self.cache.insert(live.content_hash, &script);
                Ok(script)
            }
            Err(fault) => Err(Box::new(run.finish(Err(compile_error(&live.source, fault))))),
        }
    }

    async fn run(self: Rc<Self>, script: Rc<Prepared>, invocation: Invocation) -> Outcome {
        let limits = invocation.script.limits;
        let settings = Settings::of(&invocation);
        let stacks = Rc::clone(&self.stacks);
        let body = move |run: &Run| self.run_here(run, &script, invocation);
        match Task::new(&stacks, Bounds::of(&limits), settings, body) {
            Ok(task) => {
                let (result, run) = task.await;
                run.finish(result)
            }
            Err(_) => failed(internal_error("there is no memory for a stack")),
        }
    }

    /// Runs a script on the coroutine that this is called on. Every value of the script is made and dropped
    /// here.
    fn run_here(
        &self,
        run: &Run,
        script: &Prepared,
        invocation: Invocation,
    ) -> Result<ScriptResponse, ScriptError> {
        let Invocation {
            id,
            script: live,
            request,
            ..
        } = invocation;
        let engine = self.engine(&live.limits);
        self.catch(|| {
            let result = script
                .run(&engine, Request::new(id, request))
                .and_then(response::of_returned);
            let verdict = run.guard.verdict();
            match (result, verdict) {
                (Ok(response), None) => Ok(response),
                (result, verdict) => {
                    let explainer = Explainer {
                        engine: &engine,
                        ast: script.ast(),
                        source: &live.source,
                    };
                    explainer.conclude(
                        result,
                        verdict.map(|verdict| (verdict.kind(), verdict.message(&live.limits))),
                    )
                }
            }
        })
        .unwrap_or_else(|| {
            Err(internal_error(
                "the script broke PiCloud's own code; this was logged",
            ))
        })
    }

    /// Calls `f`. After a panic in it, which would be a fault of PiCloud or Rhai, the engines of this thread
    /// are not trusted any more.
    fn catch<T>(&self, f: impl FnOnce() -> T) -> Option<T> {
        let result = panic::catch_unwind(AssertUnwindSafe(f));
        let given_up = with_current(|run| run.is_some_and(|run| run.link.is_dropping()));
        if result.is_err() && !given_up {
            tracing::error!("a panic ended a script; new engines take the place of this thread's");
            self.engines.borrow_mut().clear();
        }
        result.ok()
    }

    /// The engine for scripts with these limits.
    fn engine(&self, limits: &Limits) -> Rc<Engine> {
        let mut engines = self.engines.borrow_mut();
        if let Some((_, engine)) = engines.iter().find(|(depth, _)| *depth == limits.call_depth_max) {
            return Rc::clone(engine);
        }
        let engine = Rc::new(engine::build(limits.call_depth_max));
        engines.push((limits.call_depth_max, Rc::clone(&engine)));
        engine
    }
}

/// A run that never began.
pub(crate) fn failed(error: ScriptError) -> Outcome {
    Outcome {
        result: Err(error),
        logs: Vec::new(),
        usage: Usage::default(),
    }
}
