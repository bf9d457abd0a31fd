//! Who may run, who waits, and where: how many runs an app and a script have at one time, and on which thread one
//! starts.
//!
//! Each app has so many places for runs, and a script may have fewer of its own. Whoever finds no place waits for
//! one in the order of arrival; how many wait and how long is bounded, and beyond it the answer is 429. Every app
//! waits in a queue of its own, so that a busy one keeps nobody else waiting.

mod gate;
mod handover;
mod places;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::handover::ServingThreads;
pub(crate) use self::{
    gate::{AppGate, Full, ScriptGate},
    handover::{Guest, Host, Hosts},
};

/// Most runs of an app at one time, unless configured.
const RUNS_MAX: u32 = 12_000;
/// Most runs of an app that wait for a place, unless configured.
const WAITING_MAX: u32 = 1_000;
/// How long a run waits for a place, unless configured.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// What one app may have of the server at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppBounds {
    /// Most runs, of all its scripts.
    pub runs_max: u32,
    /// Most runs that wait for a place.
    pub waiting_max: u32,
    /// How long a run waits for a place.
    pub wait_max: Duration,
}

impl Default for AppBounds {
    fn default() -> Self {
        Self {
            runs_max: RUNS_MAX,
            waiting_max: WAITING_MAX,
            wait_max: WAIT_MAX,
        }
    }
}
