//! Runs scripts: source in, answer out, within limits that no script escapes.
//!
//! This is the only crate that knows Rhai. It refuses to know where a request came from and where its answer
//! goes: it meets the other services in `picloud_shared::seam` alone.
//!
//! Reading order: `executor` (the door for serving threads) and `workbench` (the one for the control plane);
//! then what a run is made of: `prepare`, `modules` and `cache` (source to prepared script), `run`, `scopes`, `coroutine` (how
//! a run waits and shares its thread), `steps`, `guard` and `bounds` (how it is kept within its limits), `allocator` (how its
//! memory is counted), `captured` (how what holds itself is freed), `gate` (what native functions ask of the run);
//! then what scripts see: `request`, `response`, `natives`, `json`, `api` and `services`; and last `error`, which explains what
//! went wrong.

mod allocator;
mod api;
mod bounds;
mod cache;
mod captured;
mod coroutine;
mod declared;
mod engine;
mod error;
mod executor;
mod gate;
mod guard;
mod json;
mod log;
mod modules;
mod natives;
mod prepare;
mod request;
mod response;
mod run;
mod scopes;
mod services;
mod steps;
mod workbench;

pub use self::{
    allocator::{CountingAllocator, give_memory_back},
    api::{ScriptFunction, definitions, functions, reference_json, reference_markdown},
    coroutine::{InFlight, InFlightJournal, SystemState},
    executor::{Executor, ExecutorConfig},
    services::Services,
    workbench::LocalWorkbench,
};

/// Bytes that this thread holds, if [`CountingAllocator`] is installed.
pub fn bytes_held() -> isize {
    allocator::bytes()
}

/// Blocks of memory that this thread holds, if [`CountingAllocator`] is installed.
pub fn blocks_held() -> isize {
    allocator::blocks()
}

/// Unit tests count memory as the programs do.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
