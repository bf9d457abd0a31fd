//! What one run is for, from its lease to its end.

use std::{future::Future, sync::Arc, time::Duration};

use picloud_shared::{
    events::{DeadReason, Failure, Leased, NewEvent, Next, Verdict},
    id::ExecutionId,
    memory::{MemoryBudget, Pressure},
    outcome::{ScriptError, ScriptErrorKind},
    repository::StoreError,
    seam::EventTable as _,
    time::Timestamp,
};
use tokio::{
    sync::{oneshot, watch},
    time::sleep,
};
use uuid::Uuid;

use super::{
    Events, PumpParts,
    at_commit::EventRun,
    decision,
    deliveries::{Deliveries, frees_another},
    destinations,
    pump::{is_stopping, stopped},
};
use crate::{admission::ServingThreads, recorder::Recorder, routing::LiveEntry};

/// The first pause after storage failed; each further one is twice as long.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// The longest pause between two tries.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Runs scripts for deliveries.
pub(super) struct Deliverer {
    events: Events,
    threads: ServingThreads,
    recorder: Recorder,
    memory: Arc<MemoryBudget>,
    /// Whether nothing more is to begin.
    stopping: watch::Receiver<bool>,
}

/// Deliveries that are not held any more.
pub(super) struct Ended {
    /// How many there were.
    pub(super) deliveries: u32,
    /// When something is due because of it: itself again, or what waited for it.
    pub(super) due_at: Option<Timestamp>,
    /// Whether it is over, for whatever waits until no run of its schedule goes on.
    pub(super) is_over: bool,
}

impl Ended {
    /// One delivery that is over.
    fn over(due_at: Option<Timestamp>) -> Self {
        Self {
            deliveries: 1,
            due_at,
            is_over: true,
        }
    }

    /// One that is tried again.
    fn again(due_at: Option<Timestamp>) -> Self {
        Self {
            is_over: false,
            ..Self::over(due_at)
        }
    }

    /// Both.
    fn and(self, other: &Self) -> Self {
        Self {
            deliveries: self.deliveries.saturating_add(other.deliveries),
            due_at: [self.due_at, other.due_at].into_iter().flatten().min(),
            is_over: self.is_over && other.is_over,
        }
    }
}

/// How a run went.
enum Went {
    /// It ended its deliveries, in its commit.
    Well,
    /// It did not.
    Wrong(Wrong),
    /// It has not begun, or was dropped with the server.
    Nowhere,
    /// Somebody else has a delivery of it by now.
    Lost,
}

/// What is told of a run that did not go well.
struct Wrong {
    run: Option<ExecutionId>,
    error: String,
    what: What,
}

enum What {
    /// What follows is a matter of its policy.
    Verdict(Verdict),
    /// There is nothing to be tried again.
    Dead(DeadReason),
}

impl Deliverer {
    pub(super) fn new(parts: PumpParts, stopping: watch::Receiver<bool>) -> Self {
        let PumpParts {
            events,
            threads,
            recorder,
            memory,
        } = parts;
        Self {
            events,
            threads,
            recorder,
            memory,
            stopping,
        }
    }

    /// Runs the script of deliveries, and ends each lease in any case but one: that somebody else has it, or nobody any
    /// more.
    pub(super) async fn deliver(&self, deliveries: Deliveries, lost: oneshot::Receiver<()>) -> Ended {
        let deliveries = Arc::new(deliveries);
        let count = u32::try_from(deliveries.len()).unwrap_or(u32::MAX);
        let ended = match self.run(&deliveries, lost).await {
            Went::Wrong(wrong) => return self.fail(&deliveries, &wrong).await,
            Went::Well => Ended::over(deliveries.free_another().then(|| self.events.clock().now())),
            // It may have been cancelled, and then nobody has it. Nothing is known against the others.
            Went::Lost if deliveries.are_several() => Ended::again(Some(self.give_back(&deliveries).await)),
            Went::Lost => Ended::over(None),
            Went::Nowhere => {
                self.give_back(&deliveries).await;
                Ended::again(None)
            }
        };
        Ended {
            deliveries: count,
            ..ended
        }
    }

    /// Gives back what is still held, as if it had never been; it is due from this moment on.
    async fn give_back(&self, deliveries: &Deliveries) -> Timestamp {
        let now = self.events.clock().now();
        let release = || self.events.repository().release(deliveries.held(), now);
        tried("to be given back", release).await;
        now
    }

    async fn run(&self, deliveries: &Arc<Deliveries>, mut lost: oneshot::Receiver<()>) -> Went {
        let now = self.events.clock().now();
        // Those of a run for several have never run.
        let leased = &deliveries.first;
        let counts = leased.counts_alone();
        if let Some(reason) = leased.retry.dead_before_run(counts, leased.since, now) {
            let error = match reason {
                DeadReason::Poison => "the server ended while it ran, each time that it was tried",
                _ => "it is older than it may be",
            };
            return wrong(error, What::Dead(reason));
        }
        let found = match self.live(leased).await {
            Ok(live) => live,
            Err(went) => return went,
        };
        let mut stopping = self.stopping.clone();
        let _admitted = if let Some(running) = found.gate.enter() {
            running
        } else {
            tokio::select! {
                running = found.gate.wait_patiently() => running,
                () = stopped(&mut stopping) => return Went::Nowhere,
                _ = &mut lost => return Went::Lost,
            }
        };
        if is_stopping(&stopping) {
            return Went::Nowhere;
        }
        // There may be another version by now.
        let live = match self.live(leased).await {
            Ok(live) => live,
            Err(went) => return went,
        };
        if self.memory.pressure() > Pressure::None {
            let error = "all that runs on the server held all the memory that it may";
            return wrong(error, What::Verdict(Verdict::Fault));
        }
        // What only waits for its turn ends no server. What was cut off before is watched more closely.
        if leased.counts.aborts > 0 {
            match self.events.repository().begin(leased.held()).await {
                Ok(true) => {}
                Ok(false) => return Went::Lost,
                Err(error) => {
                    tracing::warn!(%error, "an event waits for storage");
                    return wrong(
                        "storage was away when it was to begin",
                        What::Verdict(Verdict::Fault),
                    );
                }
            }
        }
        self.execute(deliveries, &live, lost).await
    }

    /// The script as it is now. That one is gone is said by the database: this node may not have heard of it yet.
    async fn live(&self, leased: &Leased) -> Result<Arc<LiveEntry>, Went> {
        let found = self.events.live().look_for(leased.app_id, leased.script_id);
        match found.await {
            Ok(None) => Err(wrong("its script is gone", What::Dead(DeadReason::ScriptGone))),
            Ok(Some(live)) if live.script.suspended => {
                Err(wrong("its script is suspended", What::Verdict(Verdict::Fault)))
            }
            Ok(Some(live)) => Ok(live),
            Err(error) => {
                tracing::warn!(%error, "an event waits for storage");
                Err(wrong(
                    "storage was away when its script was looked for",
                    What::Verdict(Verdict::Fault),
                ))
            }
        }
    }

    async fn execute(
        &self,
        deliveries: &Arc<Deliveries>,
        live: &Arc<LiveEntry>,
        lost: oneshot::Receiver<()>,
    ) -> Went {
        let run = EventRun::begin(deliveries, live, &self.events, &self.recorder);
        let outcome = tokio::select! {
            outcome = self.threads.execute(run.invocation()) => outcome,
            _ = lost => {
                run.record_given_up(cancelled("another run has its event by now, or it was cancelled"));
                return Went::Lost;
            }
        };
        let Some(outcome) = outcome else {
            // It may have committed: then there is nothing to give back any more.
            run.record_given_up(cancelled("the server stopped before the script ended"));
            return Went::Nowhere;
        };
        if outcome.recorded {
            run.record_end(outcome);
            return Went::Well;
        }
        let wrong = Wrong {
            run: Some(run.id),
            error: decision::explained(&outcome),
            what: What::Verdict(decision::verdict(&outcome)),
        };
        run.record_end(outcome);
        Went::Wrong(wrong)
    }

    /// Ends the leases after what went wrong.
    async fn fail(&self, deliveries: &Deliveries, wrong: &Wrong) -> Ended {
        let is_alone = !deliveries.are_several();
        let mut ended = self.fail_one(&deliveries.first, is_alone, wrong).await;
        for other in deliveries.iter().skip(1) {
            ended = ended.and(&self.fail_one(other, is_alone, wrong).await);
        }
        ended
    }

    async fn fail_one(&self, leased: &Leased, is_alone: bool, wrong: &Wrong) -> Ended {
        let now = self.events.clock().now();
        let Leased {
            retry, counts, since, ..
        } = *leased;
        let (next, is_fault) = match wrong.what {
            What::Dead(reason) => (Next::Dead(reason), true),
            What::Verdict(verdict) if is_alone => {
                let is_fault = verdict == Verdict::Fault;
                let counts = if is_fault { leased.counts_alone() } else { counts };
                let next = retry.next(counts, verdict, since, now, chance());
                (next, is_fault)
            }
            What::Verdict(verdict) => {
                let next = retry.next_alone(counts, verdict, since, now, chance());
                (next, verdict == Verdict::Fault)
            }
        };
        let emits = match next {
            Next::RetryAt(_) => Vec::new(),
            Next::Dead(reason) => self.told(leased, wrong.run, (reason, &wrong.error), now),
        };
        let failure = Failure {
            execution: wrong.run,
            error: wrong.error.clone(),
            is_fault,
            next,
            emits,
        };
        let is_told = !failure.emits.is_empty();
        let fail = || self.events.repository().fail(leased.held(), failure.clone(), now);
        let was_held = tried("to be ended", fail).await;
        match next {
            _ if !was_held => Ended::over(None),
            Next::RetryAt(due) => Ended::again(Some(due)),
            // Whoever is told runs at once.
            Next::Dead(_) => Ended::over((is_told || frees_another(leased)).then_some(now)),
        }
    }

    /// What is published because a delivery is dead.
    fn told(
        &self,
        leased: &Leased,
        run: Option<ExecutionId>,
        why: (DeadReason, &str),
        now: Timestamp,
    ) -> Vec<NewEvent> {
        let live = self.events.live().snapshot().script(leased.script_id).cloned();
        let script = live.as_ref().map(|live| &*live.script);
        let mut events = destinations::of_dead(leased, script, run, why, now);
        self.events.address(leased.app_id, &mut events);
        events
    }
}

/// Asks storage until it answers: until then the lease does not end.
async fn tried<T, F: Future<Output = Result<T, StoreError>>>(what: &str, ask: impl Fn() -> F) -> T {
    let mut pause = RETRY_MIN;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error @ (StoreError::Unavailable(_) | StoreError::Contended(_) | StoreError::Full(_))) => {
                tracing::warn!(%error, what, "an event waits for storage");
            }
            Err(error) => tracing::error!(%error, what, "an event waits for storage"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
}

fn wrong(error: impl Into<String>, what: What) -> Went {
    Went::Wrong(Wrong {
        run: None,
        error: error.into(),
        what,
    })
}

fn cancelled(message: &str) -> ScriptError {
    ScriptError::nowhere(ScriptErrorKind::Cancelled, message.to_owned())
}

/// Any number.
fn chance() -> u32 {
    Uuid::new_v4().as_fields().0
}
