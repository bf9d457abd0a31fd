//! What all benchmarks share.

use super::{load::Load, target::Programs};

/// How thoroughly to measure, and what.
pub(crate) struct Setting {
    /// The programs under measurement.
    pub(crate) programs: Programs,
    /// How often each is measured.
    pub(crate) rounds: usize,
    /// How long each measurement under load lasts.
    pub(crate) seconds: u32,
    /// The core that server and load generator share.
    pub(crate) core: usize,
    /// Whether other platforms are measured too.
    pub(crate) peers: bool,
}

/// Connections that the load generator keeps open.
const CONNECTIONS: usize = 64;

impl Setting {
    /// The load of one measurement.
    pub(crate) fn load(&self) -> Load {
        Load {
            connections: CONNECTIONS,
            seconds: self.seconds,
            core: self.core,
        }
    }

    /// How this was measured, for the report.
    pub(crate) fn method(&self) -> String {
        format!(
            "Medians of {} rounds of {} s in turn, {CONNECTIONS} connections, one serving thread; server and wrk \
             share core {}.",
            self.rounds, self.seconds, self.core
        )
    }
}
