//! The executor of one serving thread.

mod caller;

use std::{
    cell::RefCell,
    future::Future,
    io,
    panic::{self, AssertUnwindSafe},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use picloud_shared::{
    invocation::Invocation,
    limits::Limits,
    memory::MemoryBudget,
    modules::{Module, Modules},
    outcome::{Diagnostic, Outcome, ScriptError, ScriptResponse},
    script::{AppScripts, LiveScript},
    seam::{AtCommit, BusyRuns, ExecutorClient},
};
use rhai::Engine;

pub(crate) use self::caller::Caller;
use crate::{
    bounds::Bounds,
    cache::Cache,
    captured::{self, Captured, EmptiedAtEnd},
    coroutine::{Home, Task, with_current},
    engine,
    error::{Explainer, ModuleFault, answer_in, compile_error, internal_error, is_exit, placed},
    gate,
    modules::{ModuleSet, PreparedModule},
    prepare::{self, Prepared},
    request::Request,
    response,
    run::{Run, Settings},
    scopes::ScopePool,
    services::{self, Next, Repeats, Services, Settled},
};

/// What an executor may keep for the next run, and what its runs may hold.
#[derive(Clone, Debug)]
pub struct ExecutorConfig {
    /// Memory for prepared scripts, in bytes.
    pub cache_bytes_max: usize,
    /// Stacks that are kept for reuse. Each holds the few pages that its last run touched.
    pub stacks_kept_max: usize,
    /// What all runs of all executors of the server may hold together.
    pub memory: Arc<MemoryBudget>,
    /// What runs may ask; without it every question fails.
    pub services: Option<Services>,
}

impl Default for ExecutorConfig {
    fn default() -> Self {
        Self {
            cache_bytes_max: 32 * 1_024 * 1_024,
            stacks_kept_max: 128,
            memory: MemoryBudget::unbounded(),
            services: None,
        }
    }
}

/// Runs scripts on the thread that made it, each as a coroutine that shares the thread with everything else on
/// its runtime. Cheap to clone; clones share all they have.
#[derive(Clone)]
pub struct Executor {
    shared: Rc<Shared>,
}

/// What a run is given. It comes back from it, in case that it has to run again.
struct Given {
    live: Arc<LiveScript>,
    /// What it may call.
    scripts: AppScripts,
    script: Rc<Prepared>,
    request: Request,
}

/// What comes back from a run.
struct Ended {
    result: Result<ScriptResponse, ScriptError>,
    given: Given,
}

/// Why there is no set of modules.
enum Unprepared {
    /// One of them cannot be imported.
    Module(ModuleFault),
    /// There is no memory for a stack.
    NoStack,
}

struct Shared {
    /// One engine for each form that is in use.
    engines: RefCell<Vec<(Form, Rc<Engine>)>>,
    cache: Cache,
    /// What the last script that was checked imports: the next one often imports the same.
    checked: RefCell<ModuleSet>,
    home: Rc<Home>,
    scopes: ScopePool,
}

impl Executor {
    /// An executor for this thread.
    pub fn new(config: ExecutorConfig) -> Self {
        Self {
            shared: Rc::new(Shared {
                engines: RefCell::default(),
                cache: Cache::new(config.cache_bytes_max),
                checked: RefCell::default(),
                home: Rc::new(Home::new(config.stacks_kept_max, config.memory, config.services)),
                scopes: ScopePool::default(),
            }),
        }
    }

    /// Everything that is to be said about `source`, which imports `modules`.
    pub(crate) async fn check(&self, source: Arc<str>, modules: Option<Arc<Modules>>) -> Vec<Diagnostic> {
        let modules = match self
            .shared
            .modules(modules.as_deref(), &Settings::default())
            .await
        {
            Ok(modules) => modules,
            Err(Unprepared::Module(fault)) => return vec![fault.seen_from(&source, modules.as_deref())],
            Err(Unprepared::NoStack) => return vec![prepare::no_memory()],
        };
        self.shared.remember(&modules);
        let shared = Rc::clone(&self.shared);
        let check = move |_: &Run| {
            let engine = shared.engine(Form::compiling(&Limits::DEFAULT));
            match shared.catch(|| {
                let script = prepare::prepare(&engine, &source, modules)?;
                Ok(prepare::lint(&engine, &source, &script))
            }) {
                Some(Ok(remarks)) => remarks,
                Some(Err(fault)) => vec![fault],
                None => vec![prepare::compiler_panicked(&source)],
            }
        };
        match Task::new(&self.shared.home, Bounds::COMPILE, Settings::default(), check) {
            Ok(task) => task.await.0,
            Err(_) => vec![prepare::no_memory()],
        }
    }
}

impl ExecutorClient for Executor {
    fn busy(&self) -> BusyRuns {
        self.shared.home.busy().clone()
    }

    fn execute(&self, invocation: Invocation) -> impl Future<Output = Outcome> {
        let shared = Rc::clone(&self.shared);
        let settings = Settings::of(&invocation);
        let Invocation {
            id,
            script: live,
            scripts,
            request,
            at_commit,
            event,
            ..
        } = invocation;
        let request = Request::new(id, request, event);
        let ends_something = at_commit.as_ref().is_some_and(|more| more.ends_something());
        async move {
            let script = match shared.cache.get(live.prepared_hash()) {
                Some(script) => script,
                // In a box, so that the rare way does not make every future larger.
                None => match Box::pin(shared.prepare(&live, &settings)).await {
                    Ok(script) => script,
                    Err(outcome) => return *outcome,
                },
            };
            let given = Given {
                live,
                scripts,
                script,
                request,
            };
            let bounds = Bounds::of(&given.live.limits);
            match shared.start(given, bounds, settings.clone()) {
                Ok(task) => {
                    let (ended, run) = task.await;
                    if run.session().is_settled() && !ends_something {
                        run.finish(ended.result)
                    } else {
                        Box::pin(shared.settle(ended, run, settings, at_commit)).await
                    }
                }
                Err(_) => failed(no_stack()),
            }
        }
    }
}

impl Shared {
    async fn prepare(
        self: &Rc<Self>,
        live: &Arc<LiveScript>,
        settings: &Settings,
    ) -> Result<Rc<Prepared>, Box<Outcome>> {
        let modules = match self.modules(live.modules.as_deref(), settings).await {
            Ok(modules) => modules,
            Err(Unprepared::Module(fault)) => return Err(Box::new(failed(fault.into_error()))),
            Err(Unprepared::NoStack) => return Err(Box::new(failed(no_stack()))),
        };
        let (shared, script) = (Rc::clone(self), Arc::clone(live));
        let compile = move |_: &Run| {
            let engine = shared.engine(Form::compiling(&script.limits));
            shared
                .catch(|| prepare::prepare(&engine, &script.source, modules).map(Rc::new))
                .unwrap_or_else(|| Err(prepare::compiler_panicked(&script.source)))
        };
        let task = Task::new(&self.home, Bounds::COMPILE, settings.to_compile(), compile)
            .map_err(|_| Box::new(failed(no_stack())))?;
        let (result, run) = task.await;
        match result {
            Ok(script) => {
                // A script that is called is prepared while its caller runs; what others then lose is nothing of it.
                gate::not_counting(|| self.cache.insert(*live.prepared_hash(), &script));
                Ok(script)
            }
            Err(fault) => Err(Box::new(run.finish(Err(compile_error(&live.source, fault))))),
        }
    }

    /// Prepares what a script imports, each module in a run of its own.
    async fn modules(
        self: &Rc<Self>,
        modules: Option<&Modules>,
        settings: &Settings,
    ) -> Result<ModuleSet, Unprepared> {
        let mut prepared: Vec<Rc<PreparedModule>> = Vec::new();
        for module in modules.into_iter().flat_map(|modules| &modules.in_order) {
            if let Some(module) = self.prepared_module(module) {
                prepared.push(module);
                continue;
            }
            let (shared, wanted) = (Rc::clone(self), module.clone());
            // Those that it imports came before it.
            let imported = ModuleSet::new(prepared.clone());
            let compile = move |run: &Run| {
                run.modules.replace(imported.clone());
                let engine = shared.engine(Form::compiling(&Limits::DEFAULT));
                shared
                    .catch(|| prepare::prepare_module(&engine, &wanted, &imported).map(Rc::new))
                    .unwrap_or_else(|| Err(prepare::compiler_panicked(&wanted.source)))
            };
            let task = Task::new(&self.home, Bounds::COMPILE, settings.to_compile(), compile)
                .map_err(|_| Unprepared::NoStack)?;
            let module_fault = |fault| Unprepared::Module(ModuleFault::new(module, fault));
            prepared.push(task.await.0.map_err(module_fault)?);
        }
        Ok(ModuleSet::new(prepared))
    }

    fn prepared_module(&self, module: &Module) -> Option<Rc<PreparedModule>> {
        let checked = self.checked.borrow();
        let checked = || checked.iter().find(|other| other.hash == module.hash).cloned();
        self.cache.module(&module.hash).or_else(checked)
    }

    /// Keeps the modules of a script that was checked, unless they are too large.
    fn remember(&self, modules: &ModuleSet) {
        let bytes: usize = modules.iter().map(|module| module.bytes).sum();
        if self.cache.has_room_for(bytes) {
            self.checked.replace(modules.clone());
        }
    }

    fn start(self: &Rc<Self>, given: Given, bounds: Bounds, settings: Settings) -> io::Result<Task<Ended>> {
        let shared = Rc::clone(self);
        let body = move |run: &Run| Ended {
            result: shared.run(run, &given),
            given,
        };
        Task::new(&self.home, bounds, settings, body)
    }

    /// Commits what a run has done, and repeats it as long as that meets a conflict.
    async fn settle(
        self: Rc<Self>,
        mut ended: Ended,
        mut run: Rc<Run>,
        settings: Settings,
        at_commit: Option<Arc<dyn AtCommit>>,
    ) -> Outcome {
        let timeout = Duration::from_millis(ended.given.live.limits.timeout_ms);
        let mut repeats = Repeats::new(run.guard.started(), timeout);
        loop {
            let Ended { result, given } = ended;
            let session = run.session();
            let ends_something = at_commit.as_ref().is_some_and(|more| more.ends_something());
            let (result, next) = session.end(result, ends_something);
            let mut outcome = run.finish(result);
            outcome.usage = repeats.used_with(outcome.usage);
            session.scrub(&mut outcome, given.request.path()).await;
            let settled = match next {
                Next::Answer => return repeats.conclude(session, outcome),
                Next::Repeat(key) => Settled::Repeat(key),
                Next::Commit(mut commit) => {
                    commit.writer = Some(run.writer());
                    let ended = at_commit.as_ref().filter(|_| !session.has_thrown());
                    if let Some(ended) = ended.and_then(|more| more.ended(&outcome)) {
                        commit.emits.extend(ended.emits);
                        commit.acks = ended.acks;
                    }
                    if !commit.writes_nothing() {
                        commit.record = at_commit.as_ref().and_then(|more| more.record(&outcome));
                    }
                    outcome.recorded = commit.record.is_some();
                    session.commit(*commit).await
                }
            };
            let error = match settled {
                Settled::Committed => return repeats.conclude(session, outcome),
                Settled::Failed(error) => Some(error),
                Settled::Repeat(key) => repeats
                    .wait(session, &key, run.usage())
                    .await
                    .err()
                    .map(|why| services::gave_up(&key, why)),
            };
            if let Some(mut error) = error {
                session.scrub_error(&mut error);
                outcome.result = Err(error);
                outcome.recorded = false;
                return repeats.conclude(session, outcome);
            }
            let bounds = repeats.left_of(Bounds::of(&given.live.limits));
            match self.start(given, bounds, settings.clone()) {
                Ok(task) => (ended, run) = task.await,
                Err(_) => return failed(no_stack()),
            }
        }
    }

    /// Runs a script on the coroutine that this is called on. Every value of the script is made and dropped
    /// here.
    fn run(self: &Rc<Self>, run: &Run, given: &Given) -> Result<ScriptResponse, ScriptError> {
        let Given {
            live,
            script,
            request,
            ..
        } = given;
        let _emptied = self.begin(run, given);
        let engine = self.engine(Form::running(&live.limits, script));
        self.catch(|| {
            let mut scope = self.scopes.take();
            let result = script
                .run(&engine, &mut scope, request.clone())
                .and_then(|value| {
                    let place = |fault| placed(fault, script.place_of_answer(&live.source), None);
                    response::of_returned(value).map_err(place)
                })
                .or_else(|error| {
                    let exits = is_exit(&error);
                    let answer = answer_in(error);
                    if !exits || answer.is_err() {
                        // Whatever was thrown, even an answer: nothing that was written takes effect.
                        run.session().thrown();
                    }
                    answer
                });
            self.scopes.give(scope);
            match (result, run.guard.verdict()) {
                (Ok(response), None) => Ok(response),
                (result, verdict) => {
                    let explainer = Explainer {
                        engine: &engine,
                        ast: script.ast(),
                        source: &live.source,
                        modules: script.modules(),
                    };
                    explainer.conclude(
                        result,
                        verdict.map(|verdict| (verdict.kind(), verdict.message(&live.limits))),
                    )
                }
            }
        })
        .unwrap_or_else(|| Err(internal_error(BROKE_PICLOUD)))
    }

    /// Gives a run what its script needs, and empties at its end what holds itself.
    fn begin<'r>(self: &Rc<Self>, run: &'r Run, given: &Given) -> Option<EmptiedAtEnd<'r>> {
        let Given { live, script, .. } = given;
        let _ = run.live.set(Arc::clone(live));
        if !live.config.is_empty() {
            let _ = run.config.set(Arc::clone(&live.config));
        }
        if !script.modules().is_empty() {
            run.modules.replace(script.modules().clone());
        }
        if script.calls_scripts() {
            let _ = run.caller.set(Caller::new(self, given));
        }
        Captured::of_run(run, script.captured())
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

    /// The engine of this form.
    fn engine(&self, form: Form) -> Rc<Engine> {
        let mut engines = self.engines.borrow_mut();
        if let Some((_, engine)) = engines.iter().find(|(other, _)| *other == form) {
            return Rc::clone(engine);
        }
        let mut engine = engine::build(form.call_depth_max);
        if form.captures {
            captured::watch(&mut engine);
        }
        let engine = Rc::new(engine);
        engines.push((form, Rc::clone(&engine)));
        engine
    }
}

/// What Rhai has once for each engine.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Form {
    call_depth_max: u32,
    captures: bool,
}

impl Form {
    fn compiling(limits: &Limits) -> Self {
        Self {
            call_depth_max: limits.call_depth_max,
            captures: false,
        }
    }

    fn running(limits: &Limits, script: &Prepared) -> Self {
        Self {
            captures: !script.captured().is_empty(),
            ..Self::compiling(limits)
        }
    }
}

const NO_STACK: &str = "there is no memory for a stack";

const BROKE_PICLOUD: &str = "the script broke PiCloud's own code; this was logged";

fn no_stack() -> ScriptError {
    internal_error(NO_STACK)
}

/// A run that never began.
pub(crate) fn failed(error: ScriptError) -> Outcome {
    Outcome::failed(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_panic_the_engines_are_new() {
        let executor = Executor::new(ExecutorConfig::default());
        let shared = &executor.shared;
        let form = Form::compiling(&Limits::DEFAULT);
        let before = shared.engine(form);
        assert!(Rc::ptr_eq(&before, &shared.engine(form)));
        assert_eq!(shared.catch(|| 1), Some(1));
        assert!(Rc::ptr_eq(&before, &shared.engine(form)));
        assert_eq!(shared.catch(|| panic!("as a test")), None::<()>);
        assert!(!Rc::ptr_eq(&before, &shared.engine(form)));
    }
}
