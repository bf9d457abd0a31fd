//! What one run has asked: the only place where a script reaches the host.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Instant,
};

use picloud_shared::{
    events::Held,
    id::AppId,
    outcome::{RetryWish, ScriptErrorKind, ScriptResponse},
    services::{
        Answer, BYTES_PER_COMMIT_MAX, CALLS_PER_RUN_MAX, Question, READS_PER_COMMIT_MAX, Recalled, Service,
        ServiceError, ServiceUse, WRITES_PER_COMMIT_MAX,
    },
};
use rhai::EvalAltResult;

use super::{
    Services,
    commit::NotRepeated,
    foreign::{Foreign, ForeignAnswer},
    secret::Got,
    transaction::{Pending, Savepoint, Transaction},
};
use crate::{
    api::{Fallible, fail},
    coroutine::with_current,
    error::failure,
    gate,
};

/// What a run has asked. Takes no memory before it asks something.
pub(crate) struct Session {
    services: Option<Rc<Services>>,
    app: Option<AppId>,
    /// Whether what it writes takes effect.
    keeps_writes: bool,
    /// What the run holds, if that can be lost.
    held: Option<Rc<[Held]>>,
    /// Whether what the run came to was thrown.
    thrown: Cell<bool>,
    /// What becomes of the event of the run, if that fails.
    wished: Cell<Option<RetryWish>>,
    state: RefCell<Option<Box<State>>>,
}

/// What there is of a session that asked something.
#[derive(Default)]
pub(super) struct State {
    pub(super) transaction: Transaction,
    uses: Vec<ServiceUse>,
    calls: u64,
    /// The secrets that the script has got.
    pub(super) secrets: Vec<Got>,
    /// How often the script has committed before its end.
    pub(super) commits: u32,
    /// Whether the run did something outside that a repeat would do again.
    has_acted: bool,
    /// How many requests it has made to other servers.
    pub(super) http_requests: usize,
    /// How many e-mails it has sent.
    pub(super) emails: usize,
    /// How many writes of the run did not take effect, because it is only tried.
    pub(super) writes_discarded: usize,
    /// Why no more is asked, and over which key if it is a conflict. What a script makes of the error changes nothing.
    pub(super) failed: Option<Failed>,
}

impl State {
    fn is_settled(&self) -> bool {
        self.failed.is_none() && self.secrets.is_empty() && !self.transaction.is_to_be_asked()
    }
}

/// Why a session has ended before its run.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) kind: ScriptErrorKind,
    pub(super) message: String,
    pub(super) conflict_over: Option<String>,
}

impl Session {
    /// The session of a run of `app`.
    pub(crate) fn new(
        services: Option<Rc<Services>>,
        app: Option<AppId>,
        keeps_writes: bool,
        held: Option<Rc<[Held]>>,
    ) -> Self {
        Self {
            services,
            app,
            keeps_writes,
            held,
            thrown: Cell::new(false),
            wished: Cell::new(None),
            state: RefCell::new(None),
        }
    }

    /// Whether nothing is left to be done when the run is over: nobody has to be asked whether what it has read is as it
    /// was, or to write something, and it has no secrets to be taken out of what is kept of it.
    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        self.state
            .borrow()
            .as_ref()
            .is_none_or(|state| state.is_settled())
    }

    /// The run threw, be it an answer: forgets what it would have written.
    #[inline]
    pub(crate) fn thrown(&self) {
        self.thrown.set(true);
        self.roll_back();
    }

    /// Whether what the run came to was thrown.
    pub(crate) fn has_thrown(&self) -> bool {
        self.thrown.get()
    }

    /// Notes what becomes of the event of the run, which is about to fail.
    pub(super) fn wish(&self, wish: RetryWish) {
        self.wished.set(Some(wish));
    }

    /// What becomes of the event of the run, if that fails.
    pub(crate) fn wished(&self) -> Option<RetryWish> {
        self.wished.get()
    }

    /// Forgets what the run would have written.
    #[inline]
    pub(crate) fn roll_back(&self) {
        if let Some(state) = &mut *self.state.borrow_mut() {
            state.transaction.roll_back();
        }
    }

    /// Whether it has ended, and so its run will fail.
    pub(crate) fn has_failed(&self) -> bool {
        let state = self.state.borrow();
        state.as_ref().is_some_and(|state| state.failed.is_some())
    }

    /// Begins to note how what is written can be taken back.
    pub(crate) fn begin_part(&self) -> Savepoint {
        self.state(|state| state.transaction.begin_part())
    }

    /// What was written since stays, as far as the transaction does.
    pub(crate) fn keep_part(&self, part: Savepoint) {
        self.state(|state| state.transaction.keep_part(part));
    }

    /// Forgets what was written since. What was read stays: the run has seen it.
    pub(crate) fn roll_back_part(&self, part: Savepoint) {
        self.state(|state| state.transaction.roll_back_part(part));
    }

    /// What the run used.
    pub(crate) fn uses(&self) -> Vec<ServiceUse> {
        let state = self.state.borrow();
        state.as_ref().map(|state| state.uses.clone()).unwrap_or_default()
    }

    /// How many writes did not take effect, because the run was only tried.
    pub(crate) fn writes_discarded(&self) -> usize {
        self.state
            .borrow()
            .as_ref()
            .map_or(0, |state| state.writes_discarded)
    }

    /// How often the script has committed before its end.
    pub(crate) fn commits(&self) -> u32 {
        self.state.borrow().as_ref().map_or(0, |state| state.commits)
    }

    /// Whether something of what the script has written stays, whatever comes.
    pub(super) fn has_committed(&self) -> bool {
        self.commits() > 0
    }

    /// Whether what the run writes takes effect.
    pub(crate) fn keeps_writes(&self) -> bool {
        self.keeps_writes
    }

    /// What the run holds, if that can be lost.
    pub(super) fn held(&self) -> Vec<Held> {
        self.held.as_deref().map_or_else(Vec::new, <[Held]>::to_vec)
    }

    /// Notes that the run does something outside: it is not repeated from now on. Tells whether it had done so before.
    pub(super) fn had_outside_effect(&self) -> bool {
        self.state(|state| std::mem::replace(&mut state.has_acted, true))
    }

    /// Notes that nothing came of what the run was about to do outside, and that it had done nothing else there.
    pub(super) fn had_no_outside_effect(&self) {
        self.state(|state| state.has_acted = false);
    }

    /// Why the run may not be repeated, if it may not: something of it has had an effect.
    pub(super) fn why_not_repeated(&self) -> Option<NotRepeated> {
        self.state(|state| {
            if state.commits > 0 {
                Some(NotRepeated::HasCommitted)
            } else {
                state.has_acted.then_some(NotRepeated::HasActed)
            }
        })
    }

    /// The services, and whose run asks; both are there when anything was asked.
    pub(super) fn host(&self) -> Option<(&Services, AppId)> {
        self.services.as_deref().zip(self.app)
    }

    /// Lends the state, which is there from the first call on. Nothing may be waited for meanwhile.
    pub(super) fn state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(self.state.borrow_mut().get_or_insert_default())
    }

    /// Adds to what was used of a service.
    pub(super) fn meter(&self, service: Service, add: impl FnOnce(&mut ServiceUse)) {
        self.state(|state| {
            let place = state.uses.iter().position(|used| used.service == service);
            let place = place.unwrap_or_else(|| {
                state.uses.push(ServiceUse::none(service));
                state.uses.len() - 1
            });
            add(&mut state.uses[place]);
        });
    }

    /// Asks the host, and waits for the answer.
    pub(super) fn ask(
        &self,
        service: Service,
        question: impl FnOnce() -> Question,
    ) -> Fallible<ForeignAnswer> {
        self.check_failed()?;
        let Some((services, app)) = self.host() else {
            return Err(fail("there are no services here"));
        };
        let begun = Instant::now();
        let answer = gate::wait(Foreign::new(|| services.host.ask(app, question())));
        self.meter(service, |used| used.duration_us += micros(begun));
        match answer? {
            Ok(answer) => Ok(ForeignAnswer::new(answer)),
            Err(error) => Err(self.refused(error)),
        }
    }

    /// What the host knows of a key without being asked. No time passes meanwhile that would be worth measuring.
    pub(super) fn recall(&self, key: &str) -> Recalled {
        let host = self.host();
        host.map_or(Recalled::Nothing, |(services, app)| {
            services.host.recall(app, key)
        })
    }

    /// Counts what is to be written.
    pub(super) fn write(&self, key: &str, pending: Pending) -> Fallible<()> {
        let bytes = key.len() + pending.value.as_ref().map_or(0, |value| value.bytes());
        self.meter(Service::Kv, |used| used.bytes_written += bytes as u64);
        self.state(|state| state.transaction.write(key, pending));
        self.check_writes()
    }

    /// Looks at how much is to be written.
    pub(super) fn check_writes(&self) -> Fallible<()> {
        let (keys, bytes) = self.state(|state| state.transaction.writes());
        if keys > WRITES_PER_COMMIT_MAX || bytes > BYTES_PER_COMMIT_MAX {
            return Err(self.too_much(format!(
                "one transaction may write {WRITES_PER_COMMIT_MAX} keys and documents and {BYTES_PER_COMMIT_MAX} bytes; \
                 call transaction::commit() in between"
            )));
        }
        Ok(())
    }

    /// Looks at how much was read.
    pub(super) fn check_reads(&self) -> Fallible<()> {
        if self.state(|state| state.transaction.reads()) > READS_PER_COMMIT_MAX {
            return Err(self.too_much(format!(
                "one transaction may read {READS_PER_COMMIT_MAX} keys and documents; call transaction::commit() in between"
            )));
        }
        Ok(())
    }

    /// Ends the session, and with it the run.
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the form in which Rhai takes errors"
    )]
    pub(super) fn fail(&self, failed: Failed) -> Box<EvalAltResult> {
        let error = failure(failed.kind, failed.message.clone());
        self.state(|state| state.failed = Some(failed));
        error
    }

    /// Ends the session, because the host refuses.
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the form in which Rhai takes errors"
    )]
    fn refused(&self, error: ServiceError) -> Box<EvalAltResult> {
        let (kind, message) = explained(error, self.has_committed());
        self.fail(Failed {
            kind,
            message,
            conflict_over: None,
        })
    }

    /// Ends the session, because it asks for too much.
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the form in which Rhai takes errors"
    )]
    pub(super) fn too_much(&self, message: String) -> Box<EvalAltResult> {
        self.fail(Failed {
            kind: ScriptErrorKind::Services,
            message,
            conflict_over: None,
        })
    }

    fn check_failed(&self) -> Fallible<()> {
        match self.state(|state| state.failed.clone()) {
            Some(failed) => Err(failure(failed.kind, failed.message)),
            None => Ok(()),
        }
    }

    /// Counts one call of a service, if the app may make it.
    fn begin_call(&self, service: Service) -> Fallible<()> {
        self.check_failed()?;
        if let Some((services, app)) = self.host()
            && let Err(exceeded) = services.host.may_call(app)
        {
            return Err(self.refused(ServiceError::QuotaExceeded(exceeded)));
        }
        self.meter(service, |used| used.calls += 1);
        let calls = self.state(|state| {
            state.calls += 1;
            state.calls
        });
        if calls > CALLS_PER_RUN_MAX {
            return Err(self.too_much(format!(
                "one run may call services {CALLS_PER_RUN_MAX} times; read and write many keys with one call"
            )));
        }
        Ok(())
    }
}

/// Does what a function of a service does, with the session of the current run.
pub(super) fn call<T>(service: Service, act: impl FnOnce(&Session) -> Fallible<T>) -> Fallible<T> {
    with_current(|run| {
        let Some(run) = run else {
            return Err(fail("there are no services here"));
        };
        let session = run.session();
        session.begin_call(service)?;
        act(session)
    })
}

/// What a failure of the host means to the author of a script.
pub(super) fn explained(error: ServiceError, has_committed: bool) -> (ScriptErrorKind, String) {
    let kind = match error {
        ServiceError::Unavailable => ScriptErrorKind::StorageUnavailable,
        ServiceError::Full => ScriptErrorKind::StorageFull,
        ServiceError::QuotaExceeded(_) | ServiceError::QueueFull | ServiceError::MessagesFull => {
            ScriptErrorKind::QuotaExceeded
        }
        ServiceError::LoopDetected => ScriptErrorKind::LoopDetected,
        ServiceError::NoBroker => ScriptErrorKind::Runtime,
        ServiceError::CommitUnknown => ScriptErrorKind::CommitUnknown,
        ServiceError::AppGone => ScriptErrorKind::AppGone,
        ServiceError::Failed => ScriptErrorKind::Internal,
    };
    let message = match error {
        ServiceError::CommitUnknown => error.to_string(),
        _ if has_committed => {
            format!("nothing was written since the last transaction::commit(): {error}")
        }
        _ => format!("nothing was written: {error}"),
    };
    (kind, message)
}

/// Microseconds since `begun`.
pub(super) fn micros(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The answer that it was not asked for: a fault of the host.
#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
pub(super) fn unexpected(answer: &Answer) -> Box<EvalAltResult> {
    let kind = match answer {
        Answer::Entries { .. } => "entries",
        Answer::Page { .. } => "a page",
        Answer::Secret { .. } => "a secret",
        Answer::Docs(_) => "documents",
        Answer::Password(_) => "something about passwords",
        Answer::Committed => "a commit",
        Answer::Conflict { .. } => "a conflict",
        Answer::LeaseLost => "the loss of a lease",
        Answer::Http { .. } => "answers of other servers",
        Answer::Email { .. } => "what became of an e-mail",
    };
    failure(
        ScriptErrorKind::Internal,
        format!("the host answered with {kind}"),
    )
}

/// What a script answered, or why it did not.
pub(super) type ScriptResult = Result<ScriptResponse, picloud_shared::outcome::ScriptError>;
