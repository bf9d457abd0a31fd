//! What holds for every script: it takes the same steps wherever and whenever it runs, and a run that was ended
//! leaves nothing to those after it. Run as `cargo xtask test` does it, in both profiles, this also says that the
//! profiles count alike.

mod generator;
mod operations;
mod traces;

#[path = "../executor/support/mod.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of the executor, which use more of it"
)]
mod support;

use picloud_executor_core::CountingAllocator;
use picloud_shared::{limits::Limits, outcome::Outcome};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Limits under which steps run out before time does, on any machine.
const LIMITS: Limits = Limits {
    operations_max: 100_000,
    cpu_ms_max: 60_000,
    timeout_ms: 120_000,
    ..Limits::DEFAULT
};

/// All of an outcome that a script decides: not its times, and not where its data happened to lie.
fn decided(outcome: &Outcome) -> String {
    let lines = outcome
        .logs
        .iter()
        .map(|line| (line.level, &line.message, line.line));
    format!(
        "{:?}\n{:?}\n{} operations",
        outcome.result,
        lines.collect::<Vec<_>>(),
        outcome.usage.operations
    )
}
