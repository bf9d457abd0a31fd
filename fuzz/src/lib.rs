//! What each fuzz target does with one input. It panics where PiCloud does not keep a promise.
//!
//! The targets hand these functions what libFuzzer makes up; a test hands them every input that was kept. So an
//! input that once broke something is looked at again whenever the tests run, without a fuzzer.

#![expect(
    clippy::missing_panics_doc,
    reason = "that a target panics is how it says that a promise was broken"
)]

mod calls;
mod json;
mod patterns;
mod releases;
mod request;
mod routing;
mod run;
mod script;
mod seeds;

pub use self::{
    calls::{calls, calls_source},
    json::json,
    patterns::patterns,
    request::request,
    routing::routing,
    script::script,
    seeds::{dictionary, seeds},
};

/// What is done with one input.
pub type Target = fn(&[u8]);

/// All targets, by their names.
pub const TARGETS: [(&str, Target); 6] = [
    ("calls", calls),
    ("json", json),
    ("patterns", patterns),
    ("request", request),
    ("routing", routing),
    ("script", script),
];

/// Memory is counted as in the server: the limits of scripts rest on it.
#[global_allocator]
static ALLOCATOR: picloud_executor_core::CountingAllocator = picloud_executor_core::CountingAllocator;
