//! Scripts on real coroutines, with memory counted as the programs count it.

mod budget;
mod calls;
mod contract;
mod docs;
mod emails;
mod errors;
mod events;
mod fairness;
mod hostile;
mod limits;
mod messages;
mod modules;
mod programs;
mod recorded;
mod secrets;
mod services;
mod support;
mod users;
mod workbench;

use picloud_executor_core::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
