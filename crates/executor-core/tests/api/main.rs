//! The script API as authors meet it: on the real engine, in real runs.

mod arguments;
mod bounds;
mod comfort;
mod examples;
mod formats;
mod generated;
mod pages;
mod same;
mod script;
mod secrets;
mod tables;
mod text;
mod times;
mod tokens;

#[path = "../executor/support/mod.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of the executor, which use more of it"
)]
mod support;

use picloud_executor_core::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
