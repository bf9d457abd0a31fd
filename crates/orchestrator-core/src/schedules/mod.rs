//! Schedules: what is due, when it is due.
//!
//! All live schedules are known in memory, with the moment at which each is due next, and there is one timer: for the
//! first of these. What becomes of an occurrence is decided by pure code in [`picloud_shared::schedule`], and is written
//! in one transaction with the events that start its runs; where several servers share a database, the first to write it
//! has decided.
//!
//! Reading order: `agenda` (which schedule is due when), `steps` (one schedule, from what is due to what is written),
//! `scheduler` (the task that has these steps taken when it is time).

mod agenda;
mod scheduler;
mod steps;

pub use self::scheduler::{Scheduler, SchedulerParts};
