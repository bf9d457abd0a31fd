//! The hostile corpus: scripts made to hurt the process that runs them, each with the verdict that it must end in.
//!
//! The scripts stand in `scripts/`, one file for each topic; where a topic is all combinations of some parts, it
//! is a table in `generated/`. Each case runs in a process of its own kind (`child`), so that one that ends the
//! process is seen (`parent`) and named. What a case must do is in `examine`.
//!
//! Words on the command line choose the cases whose names have one of them:
//! `cargo test -p picloud-executor-core --test hostile -- loops cycles`

mod case;
mod child;
mod corpus;
mod examine;
mod generated;
mod parent;

#[path = "../executor/support/mod.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of the executor, which use more of it"
)]
mod support;

use std::{env, process::ExitCode};

use picloud_executor_core::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Says to the program that it is a child.
const CHILD: &str = "PICLOUD_HOSTILE_CHILD";

fn main() -> ExitCode {
    let cases = corpus::all();
    if env::var_os(CHILD).is_some() {
        child::run(&cases);
        return ExitCode::SUCCESS;
    }
    let words: Vec<String> = env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    parent::run(&cases, &words)
}
