//! What the guard's verdicts mean to an author.

use picloud_shared::{limits::Limits, outcome::ScriptErrorKind};

use crate::guard::Verdict;

impl Verdict {
    /// The kind of error that it is.
    pub(crate) fn kind(self) -> ScriptErrorKind {
        match self {
            Self::Operations => ScriptErrorKind::Operations,
            Self::CpuTime => ScriptErrorKind::CpuTime,
            Self::Timeout => ScriptErrorKind::Timeout,
            Self::Memory | Self::ServerMemory | Self::Values => ScriptErrorKind::Memory,
            Self::Depth => ScriptErrorKind::Depth,
        }
    }

    /// What happened, for a run within `limits`.
    pub(crate) fn message(self, limits: &Limits) -> String {
        match self {
            Self::Operations => format!("stopped after {} steps (operations_max)", limits.operations_max),
            Self::CpuTime => {
                format!(
                    "stopped after {} ms on the processor (cpu_ms_max)",
                    limits.cpu_ms_max
                )
            }
            Self::Timeout => format!("stopped after {} ms (timeout_ms)", limits.timeout_ms),
            Self::Memory => {
                format!(
                    "stopped with more than {} bytes of memory (memory_bytes_max)",
                    limits.memory_bytes_max
                )
            }
            Self::ServerMemory => {
                "stopped because all that runs on this server holds more memory together than \
                it may (script_memory_bytes_max)"
                    .to_owned()
            }
            Self::Values => format!(
                "stopped with too many values for {} bytes of memory (memory_bytes_max)",
                limits.memory_bytes_max
            ),
            Self::Depth => "stopped: calls or data are nested too deep".to_owned(),
        }
    }

    /// What happened, while a source was compiled.
    pub(crate) fn compile_message(self) -> &'static str {
        match self {
            Self::Memory | Self::Values => "the script takes too much memory to compile; split it up",
            Self::ServerMemory => {
                "the server has no memory left to compile the script; try again in a moment"
            }
            Self::Depth => "the script is nested too deep; split it up",
            Self::Operations | Self::CpuTime | Self::Timeout => {
                "the script takes too long to compile; split it up"
            }
        }
    }
}
