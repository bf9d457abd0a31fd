//! What every case must do, whatever its verdict.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use nix::sys::resource::{UsageWho, getrusage};
use picloud_executor_core::{Executor, ExecutorConfig, LocalWorkbench, blocks_held, bytes_held};
use picloud_shared::{
    outcome::Outcome,
    seam::{ExecutorClient as _, Workbench as _},
};
use tokio::{runtime::Runtime, task::LocalSet};

use crate::{
    case::{Case, Verdict},
    support::invocation,
};

/// How much processor time a run may take beyond its limit.
///
/// Twice that in a debug build, where a native function takes several times as long from one look at the clock to the next.
const OVERRUN_MS_MAX: u64 = if cfg!(debug_assertions) { 200 } else { 100 };

/// What compiling a source may take, in milliseconds. A short source takes none that counts.
const COMPILE_MS_MAX: u64 = 1_000;

/// Sources up to this are short.
const SHORT_BYTES: usize = 2_048;

/// How many times its limit a run may hold for a moment: a step that begins within it may work on copies of what
/// there is, and a text that grows takes twice its size while it moves.
const MEMORY_OVERSHOOT: u64 = 3;

/// What cases are run on.
pub(crate) struct Bench {
    runtime: Runtime,
    workbench: LocalWorkbench,
    panics: Arc<Panics>,
}

/// Panics since the last case, wherever they were caught.
#[derive(Default)]
struct Panics {
    count: AtomicUsize,
    last: Mutex<String>,
}

impl Bench {
    /// A bench that sees every panic of the process.
    pub(crate) fn new() -> Self {
        let panics = Arc::new(Panics::default());
        let seen = Arc::clone(&panics);
        std::panic::set_hook(Box::new(move |info| {
            seen.count.fetch_add(1, Ordering::Relaxed);
            *seen.last.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string();
        }));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let bench = Self {
            runtime,
            workbench: LocalWorkbench::start(&picloud_shared::memory::MemoryBudget::unbounded(), None, None)
                .expect("threads"),
            panics,
        };
        // What a thread makes once: its engines, its timers.
        bench.execute(&Case::new("warm up", "204", "sleep(0.001)"));
        bench
    }

    /// Runs `case`, and says what is wrong.
    pub(crate) fn examine(&self, case: &Case) -> Result<(), String> {
        let (bytes_before, blocks_before) = (bytes_held(), blocks_held());
        let cpu_before = cpu_ms(UsageWho::RUSAGE_THREAD);
        let outcome = self.execute(case);
        let cpu = cpu_ms(UsageWho::RUSAGE_THREAD) - cpu_before;
        let mut wrong = Vec::new();
        let verdict = Verdict::of(&outcome);
        if !case.verdicts.contains(&verdict) {
            wrong.push(format!(
                "ends in {verdict:?}, not in {:?}: {}",
                case.verdicts,
                told(&outcome)
            ));
        }
        let compile = if case.source.len() > SHORT_BYTES {
            COMPILE_MS_MAX
        } else {
            0
        };
        let cpu_max = case.limits.cpu_ms_max + compile + OVERRUN_MS_MAX;
        if cpu > cpu_max {
            wrong.push(format!(
                "takes {cpu} ms of processor time, and may take {cpu_max}"
            ));
        }
        let (held, held_max) = (
            outcome.usage.memory_bytes_peak,
            MEMORY_OVERSHOOT * case.limits.memory_bytes_max,
        );
        if held > held_max {
            wrong.push(format!("holds {held} bytes at once, and may hold {held_max}"));
        }
        drop(outcome);
        if (bytes_held(), blocks_held()) != (bytes_before, blocks_before) {
            wrong.extend(self.what_it_leaves(case));
        }
        wrong.extend(self.check(case));
        if self.panics.count.swap(0, Ordering::Relaxed) > 0 {
            let last = self.panics.last.lock().unwrap_or_else(PoisonError::into_inner);
            wrong.push(format!("panics: {last}"));
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("; "))
        }
    }

    /// Runs `case` on an executor that has seen no other.
    fn execute(&self, case: &Case) -> Outcome {
        let executor = Executor::new(ExecutorConfig::default());
        let invocation = invocation(&case.source, case.limits, Case::request());
        LocalSet::new().block_on(&self.runtime, executor.execute(invocation))
    }

    /// Something was still held after the first run. It may be kept once for all runs, such as a compiled
    /// pattern; what a second run adds to it is lost.
    fn what_it_leaves(&self, case: &Case) -> Option<String> {
        let (bytes_before, blocks_before) = (bytes_held(), blocks_held());
        drop(self.execute(case));
        let (bytes, blocks) = (bytes_held() - bytes_before, blocks_held() - blocks_before);
        (bytes != 0 || blocks != 0).then(|| format!("each run leaves {bytes} bytes in {blocks} blocks"))
    }

    /// Checks the source as it is checked before it is saved.
    fn check(&self, case: &Case) -> Option<String> {
        let before = cpu_ms(UsageWho::RUSAGE_SELF);
        let remarks = self
            .runtime
            .block_on(self.workbench.check(case.source.as_str().into(), None));
        let cpu = cpu_ms(UsageWho::RUSAGE_SELF) - before;
        drop(remarks);
        let cpu_max = COMPILE_MS_MAX + OVERRUN_MS_MAX;
        (cpu > cpu_max).then(|| format!("takes {cpu} ms to check, and may take {cpu_max}"))
    }
}

fn told(outcome: &Outcome) -> String {
    match &outcome.result {
        Ok(response) => String::from_utf8_lossy(&response.body)
            .chars()
            .take(200)
            .collect(),
        Err(error) => error.message.clone(),
    }
}

/// Processor time that was taken, in milliseconds. On a busy machine it passes more slowly than the clock, and so
/// does what the executor counts: a limit that is kept there is kept here.
fn cpu_ms(who: UsageWho) -> u64 {
    let usage = getrusage(who).expect("the kernel counts");
    let (user, system) = (usage.user_time(), usage.system_time());
    let micros = (user.tv_sec() + system.tv_sec()) * 1_000_000 + user.tv_usec() + system.tv_usec();
    u64::try_from(micros / 1_000).unwrap_or(0)
}
