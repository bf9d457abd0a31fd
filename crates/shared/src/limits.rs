//! How much one run of a script may use.

use serde::{Deserialize, Serialize};

/// Longest source of a script in bytes.
pub const SOURCE_BYTES_MAX: usize = 256 * 1_024;

/// As many runs of a script at one time as its app may have: the default of
/// [`concurrency_max`](Limits::concurrency_max), and its cap.
pub const CONCURRENCY_UNBOUNDED: u32 = 1_000_000;

/// The bounds of one run, and of how many there are at one time. Each has a default and a cap; see [`Limits::CAPS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Steps of the script. The same script takes the same number on every machine.
    pub operations_max: u64,
    /// Time on the processor, in milliseconds. Waiting is free.
    pub cpu_ms_max: u64,
    /// Time from start to end, in milliseconds, waiting included.
    pub timeout_ms: u64,
    /// Memory held at one time, in bytes.
    pub memory_bytes_max: u64,
    /// Depth of calls from function to function.
    pub call_depth_max: u32,
    /// Size of the response body, in bytes.
    pub response_bytes_max: u64,
    /// Size of all log text, in bytes. What comes after it is dropped and marked; the run goes on.
    pub log_bytes_max: u64,
    /// Runs of the script at one time, on one node. More wait for a place; see [`CONCURRENCY_UNBOUNDED`].
    pub concurrency_max: u32,
}

impl Limits {
    /// What a script has that sets nothing.
    pub const DEFAULT: Self = Self {
        operations_max: 10_000_000,
        cpu_ms_max: 2_000,
        timeout_ms: 10_000,
        memory_bytes_max: 32 * 1_024 * 1_024,
        call_depth_max: 64,
        response_bytes_max: 6 * 1_024 * 1_024,
        log_bytes_max: 64 * 1_024,
        concurrency_max: CONCURRENCY_UNBOUNDED,
    };

    /// The most that a script may set.
    pub const CAPS: Self = Self {
        operations_max: 1_000_000_000,
        cpu_ms_max: 60_000,
        timeout_ms: 300_000,
        memory_bytes_max: 256 * 1_024 * 1_024,
        call_depth_max: 128,
        response_bytes_max: 32 * 1_024 * 1_024,
        log_bytes_max: 1_024 * 1_024,
        concurrency_max: CONCURRENCY_UNBOUNDED,
    };

    /// The first field that is zero or above its cap, with that cap.
    pub fn out_of_range(&self) -> Option<(&'static str, u64)> {
        let caps = Self::CAPS;
        [
            ("operations_max", self.operations_max, caps.operations_max),
            ("cpu_ms_max", self.cpu_ms_max, caps.cpu_ms_max),
            ("timeout_ms", self.timeout_ms, caps.timeout_ms),
            ("memory_bytes_max", self.memory_bytes_max, caps.memory_bytes_max),
            (
                "call_depth_max",
                self.call_depth_max.into(),
                caps.call_depth_max.into(),
            ),
            (
                "response_bytes_max",
                self.response_bytes_max,
                caps.response_bytes_max,
            ),
            ("log_bytes_max", self.log_bytes_max, caps.log_bytes_max),
            (
                "concurrency_max",
                self.concurrency_max.into(),
                caps.concurrency_max.into(),
            ),
        ]
        .into_iter()
        .find(|(_, value, cap)| *value == 0 || value > cap)
        .map(|(name, _, cap)| (name, cap))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_caps_are_in_range() {
        assert_eq!(Limits::DEFAULT.out_of_range(), None);
        assert_eq!(Limits::CAPS.out_of_range(), None);
        let zero = Limits {
            timeout_ms: 0,
            ..Limits::DEFAULT
        };
        assert_eq!(zero.out_of_range(), Some(("timeout_ms", 300_000)));
    }
}
