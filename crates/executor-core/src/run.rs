//! What the host knows of one run, from its start to its end.

use std::{
    cell::{OnceCell, RefCell},
    net::IpAddr,
    ops::Range,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use picloud_shared::{
    config::AppConfig,
    events::{Held, Lineage},
    id::{AppId, ExecutionId},
    invocation::Invocation,
    memory::MemoryAccount,
    outcome::{LogLevel, LogLine, Outcome, ScriptError, ScriptResponse, Usage},
    script::{LiveScript, ScriptName},
    services::Writer,
};
use uuid::Uuid;

use crate::{
    api::RecentPatterns,
    bounds::Bounds,
    captured::Captured,
    coroutine::{Entry, Link},
    declared::Declared,
    executor::Caller,
    guard::Guard,
    log::{Log, Place},
    modules::ModuleSet,
    prepare::Renaming,
    services::{Services, Session},
};

/// What the host's functions need to know of a run, beside its guard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    entry: Entry,
    log_bytes_max: u64,
    response_bytes_max: usize,
    https: bool,
    client: Option<IpAddr>,
    keeps_writes: bool,
    /// What it runs under, if that can be lost.
    held: Option<Rc<[Held]>>,
    depth: u8,
    chain: Chain,
    /// Whose run it is.
    pub(crate) app: Option<AppId>,
}

/// The chain of runs and events that a run stands in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chain {
    /// What began it.
    pub(crate) root: Uuid,
    /// The run, of the script that was not called by another one.
    pub(crate) run: Option<ExecutionId>,
}

impl Chain {
    fn of(invocation: &Invocation) -> Self {
        let event = invocation.event.as_ref();
        Self {
            root: event.map_or(invocation.id.0, |delivered| delivered.event.lineage.root),
            run: Some(invocation.id),
        }
    }
}

impl Settings {
    /// For running a script.
    pub(crate) fn of(invocation: &Invocation) -> Self {
        let limits = &invocation.script.limits;
        Self {
            entry: Entry::of(invocation),
            app: Some(invocation.script.app_id),
            log_bytes_max: limits.log_bytes_max,
            response_bytes_max: usize::try_from(limits.response_bytes_max).unwrap_or(usize::MAX),
            https: invocation.request.scheme == "https",
            client: Some(invocation.request.remote_addr),
            keeps_writes: invocation.keeps_writes,
            held: invocation
                .at_commit
                .as_ref()
                .map(|more| more.held())
                .filter(|held| !held.is_empty())
                .map(Rc::from),
            chain: Chain::of(invocation),
            depth: invocation.depth,
        }
    }

    /// For running `script`, which `run` calls.
    pub(crate) fn of_call(run: &Run, script: &LiveScript) -> Self {
        Self {
            entry: run.entry.of_script(script),
            app: Some(script.app_id),
            // The lines go to the log of the run that calls.
            log_bytes_max: 0,
            response_bytes_max: usize::try_from(script.limits.response_bytes_max).unwrap_or(usize::MAX),
            https: run.https,
            client: run.client,
            keeps_writes: run.session().keeps_writes(),
            // It commits nothing itself.
            held: None,
            chain: run.chain,
            depth: run.depth.saturating_add(1),
        }
    }

    /// For compiling the same script.
    pub(crate) fn to_compile(&self) -> Self {
        Self {
            entry: self.entry,
            app: self.app,
            ..Self::default()
        }
    }
}

/// One run. Only its own thread ever sees it.
pub(crate) struct Run {
    /// Keeps the run within its limits.
    pub(crate) guard: Guard,
    /// Suspends it.
    pub(crate) link: Link,
    /// What the in-flight journal says of it.
    pub(crate) entry: Entry,
    /// The largest body of a response.
    pub(crate) response_bytes_max: usize,
    /// Whether the client came over HTTPS.
    pub(crate) https: bool,
    /// Where the client is.
    pub(crate) client: Option<IpAddr>,
    /// The patterns that it has paid for.
    pub(crate) patterns: RecentPatterns,
    /// The variables that its closures captured.
    pub(crate) captured: Captured,
    /// What its script imports.
    pub(crate) modules: RefCell<ModuleSet>,
    /// How the names in the source that it compiles are changed, if they are.
    pub(crate) renaming: RefCell<Option<Renaming>>,
    /// What the source declares that it compiles.
    pub(crate) declared: Declared,
    /// The configuration of its app, if it has any.
    pub(crate) config: OnceCell<Arc<AppConfig>>,
    /// The script that runs.
    pub(crate) live: OnceCell<Arc<LiveScript>>,
    /// What led to it.
    pub(crate) chain: Chain,
    /// What it has asked of the services.
    session: Session,
    log: RefCell<Log>,
    /// What it needs to call other scripts, if it may do that.
    pub(crate) caller: OnceCell<Caller>,
    /// The call that it is, if it is one.
    call: Option<Call>,
    /// How many steps of other runs led to it.
    pub(crate) depth: u8,
    /// What the last script threw that it has called.
    pub(crate) thrown: RefCell<Option<Box<ScriptError>>>,
}

/// A run that another one has called.
pub(crate) struct Call {
    /// The other one.
    pub(crate) by: Rc<Run>,
    /// The script that is called.
    pub(crate) name: ScriptName,
}

impl Run {
    /// A run that starts at `now`, on a stack with these addresses.
    pub(crate) fn new(
        bounds: Bounds,
        settings: Settings,
        call: Option<Call>,
        account: Rc<MemoryAccount>,
        services: Option<Rc<Services>>,
        now: Instant,
        stack: &Range<usize>,
    ) -> Self {
        Self {
            guard: Guard::new(bounds, account, now, stack.start, stack.end),
            link: Link::new(),
            entry: settings.entry,
            response_bytes_max: settings.response_bytes_max,
            https: settings.https,
            client: settings.client,
            patterns: RecentPatterns::default(),
            captured: Captured::default(),
            modules: RefCell::default(),
            renaming: RefCell::default(),
            declared: Declared::default(),
            config: OnceCell::new(),
            live: OnceCell::new(),
            chain: settings.chain,
            session: Session::new(services, settings.app, settings.keeps_writes, settings.held),
            log: RefCell::new(Log::new(settings.log_bytes_max)),
            caller: OnceCell::new(),
            call,
            depth: settings.depth,
            thrown: RefCell::default(),
        }
    }

    /// Who writes what it commits: the script that no other one has called.
    pub(crate) fn writer(&self) -> Writer {
        let root = self.root();
        Writer {
            lineage: Lineage {
                root: root.chain.root,
                cause: root.chain.run,
                depth: root.depth,
            },
            person: None,
        }
    }

    /// What the run has asked of the services: all that one invocation leads to is one transaction.
    #[inline]
    pub(crate) fn session(&self) -> &Session {
        &self.root().session
    }

    /// Whether it was called by another run.
    pub(crate) fn is_called(&self) -> bool {
        self.call.is_some()
    }

    /// What it still holds belongs to the run that has called it, which is on the processor.
    pub(crate) fn hand_over(&self) {
        if let Some(call) = &self.call {
            call.by.guard.take_over(&self.guard);
        }
    }

    /// The run that the invocation began with.
    fn root(&self) -> &Self {
        self.call.as_ref().map_or(self, |call| call.by.root())
    }

    /// Adds a line to the run's log, or to that of the run that it belongs to.
    pub(crate) fn log(&self, level: LogLevel, message: &str, place: Place<'_>) {
        let root = self.root();
        let mut log = root.log.borrow_mut();
        if log.is_full() {
            log.drop_line();
            return;
        }
        log.push(LogLine {
            level,
            // What a script caught tells of its functions.
            message: Log::cut(&self.modules.borrow().without_marks(message)),
            offset_us: micros(root.guard.started().elapsed()),
            line: place.line(),
            script: place
                .script
                .or_else(|| self.call.as_ref().map(|call| call.name.as_str()))
                .map(str::to_owned),
        });
    }

    /// What is left of the run when it is over.
    pub(crate) fn finish(&self, result: Result<ScriptResponse, ScriptError>) -> Outcome {
        let duration_us = micros(self.guard.paused_at() - self.guard.started());
        Outcome {
            result,
            logs: self.log.take().into_lines(duration_us),
            usage: self.usage(),
            services: self.session.uses(),
            commits: self.session.commits(),
            recorded: false,
            writes_discarded: self.session.writes_discarded(),
            request_path: None,
            retry: self.session().wished(),
        }
    }

    /// What it used, up to the last pause.
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            operations: self.guard.operations(),
            duration_us: micros(self.guard.paused_at() - self.guard.started()),
            cpu_us: micros(self.guard.cpu()),
            memory_bytes_peak: self.guard.memory_bytes_peak(),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
