//! Checks and tries scripts away from the serving threads.

use std::{io, sync::Arc, thread};

use async_trait::async_trait;
use picloud_shared::{
    invocation::Invocation,
    memory::MemoryBudget,
    modules::Modules,
    outcome::{Diagnostic, Outcome},
    seam::{ExecutorClient as _, Workbench},
};
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
    task::{LocalSet, spawn_local},
};

use crate::{Executor, ExecutorConfig, InFlight, Services, error::internal_error, executor::failed, prepare};

/// What the threads of a workbench may keep: what is tried is rarely tried again as it is.
const CACHE_BYTES_MAX: usize = 4 * 1_024 * 1_024;
const STACKS_KEPT_MAX: usize = 4;

/// Jobs that may wait for a thread before the next caller has to.
const JOBS_WAITING_MAX: usize = 64;

/// A workbench with two threads of its own: one that checks and one that runs, so that a source that is slow to
/// compile holds up no run. Idle threads sleep. They end when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct LocalWorkbench {
    checks: mpsc::Sender<Job>,
    runs: mpsc::Sender<Job>,
}

#[derive(Debug)]
enum Job {
    Check(Arc<str>, Option<Arc<Modules>>, oneshot::Sender<Vec<Diagnostic>>),
    Run(Box<Invocation>, oneshot::Sender<Outcome>),
}

impl LocalWorkbench {
    /// How many threads it has.
    pub const THREADS: usize = 2;

    /// Starts the threads. What they hold counts in `memory`, and what they do is noted in `journal`, if there is
    /// one. What is tried may ask `services`.
    pub fn start(
        memory: &Arc<MemoryBudget>,
        journal: Option<&InFlight>,
        services: Option<Services>,
    ) -> io::Result<Self> {
        Ok(Self {
            checks: start_thread("script-check", memory, journal, None)?,
            runs: start_thread("script-try", memory, journal, services)?,
        })
    }
}

#[async_trait]
impl Workbench for LocalWorkbench {
    async fn check(&self, source: Arc<str>, modules: Option<Arc<Modules>>) -> Vec<Diagnostic> {
        let (answer, answered) = oneshot::channel();
        // If the thread is gone, so is the sender of the answer, and that is noticed below.
        let _ = self.checks.send(Job::Check(source, modules, answer)).await;
        answered
            .await
            .unwrap_or_else(|_| vec![prepare::compiler_panicked("")])
    }

    async fn run(&self, invocation: Invocation) -> Outcome {
        let (answer, answered) = oneshot::channel();
        let _ = self.runs.send(Job::Run(Box::new(invocation), answer)).await;
        answered
            .await
            .unwrap_or_else(|_| failed(internal_error("the workbench has stopped")))
    }
}

fn start_thread(
    name: &str,
    memory: &Arc<MemoryBudget>,
    journal: Option<&InFlight>,
    services: Option<Services>,
) -> io::Result<mpsc::Sender<Job>> {
    let (sender, jobs) = mpsc::channel(JOBS_WAITING_MAX);
    let runtime = runtime::Builder::new_current_thread().enable_time().build()?;
    let journal = journal.cloned();
    let config = ExecutorConfig {
        cache_bytes_max: CACHE_BYTES_MAX,
        stacks_kept_max: STACKS_KEPT_MAX,
        memory: Arc::clone(memory),
        services,
    };
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        if let Some(journal) = journal {
            journal.join();
        }
        let tasks = LocalSet::new();
        tasks.block_on(&runtime, work(config, jobs));
    })?;
    Ok(sender)
}

async fn work(config: ExecutorConfig, mut jobs: mpsc::Receiver<Job>) {
    let executor = Executor::new(config);
    while let Some(job) = jobs.recv().await {
        let executor = executor.clone();
        spawn_local(async move {
            // A caller that does not wait any more needs no answer.
            match job {
                Job::Check(source, modules, mut answer) => tokio::select! {
                    remarks = executor.check(source, modules) => drop(answer.send(remarks)),
                    () = answer.closed() => {}
                },
                Job::Run(invocation, mut answer) => tokio::select! {
                    outcome = executor.execute(*invocation) => drop(answer.send(outcome)),
                    () = answer.closed() => {}
                },
            }
        });
    }
}
