//! What one run may use: in full in answers, in part in requests.

use picloud_shared::limits::Limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::validate::Violations;

/// What one run of a script may use.
#[derive(Serialize, ToSchema)]
#[schema(as = Limits)]
pub(crate) struct LimitsBody {
    /// Steps of the script.
    operations_max: u64,
    /// Time on the processor, in milliseconds. Waiting is free.
    cpu_ms_max: u64,
    /// Time from start to end, in milliseconds, waiting included.
    timeout_ms: u64,
    /// Memory held at one time, in bytes.
    memory_bytes_max: u64,
    /// Depth of calls from function to function.
    call_depth_max: u32,
    /// Size of the response body, in bytes.
    response_bytes_max: u64,
    /// Size of all log text, in bytes; what comes after it is dropped.
    log_bytes_max: u64,
    /// Runs of the script at one time, on one node; 1,000,000 means as many as the app may have.
    concurrency_max: u32,
}

impl From<Limits> for LimitsBody {
    fn from(limits: Limits) -> Self {
        Self {
            operations_max: limits.operations_max,
            cpu_ms_max: limits.cpu_ms_max,
            timeout_ms: limits.timeout_ms,
            memory_bytes_max: limits.memory_bytes_max,
            call_depth_max: limits.call_depth_max,
            response_bytes_max: limits.response_bytes_max,
            log_bytes_max: limits.log_bytes_max,
            concurrency_max: limits.concurrency_max,
        }
    }
}

/// Limits to set; those that are absent or null stay as they are.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SetLimits {
    /// 1 to 1,000,000,000; 10,000,000 unless set.
    operations_max: Option<u64>,
    /// 1 to 60,000; 2,000 unless set.
    cpu_ms_max: Option<u64>,
    /// 1 to 300,000; 10,000 unless set.
    timeout_ms: Option<u64>,
    /// 1 to 268,435,456 (256 MiB); 33,554,432 (32 MiB) unless set.
    memory_bytes_max: Option<u64>,
    /// 1 to 128; 64 unless set.
    call_depth_max: Option<u32>,
    /// 1 to 33,554,432 (32 MiB); 6,291,456 (6 MiB) unless set.
    response_bytes_max: Option<u64>,
    /// 1 to 1,048,576 (1 MiB); 65,536 (64 KiB) unless set.
    log_bytes_max: Option<u64>,
    /// 1 to 1,000,000; unless set, only what the app may have counts.
    concurrency_max: Option<u32>,
}

impl SetLimits {
    /// These limits over `base`; notes each one that is out of range.
    pub(crate) fn over(&self, base: Limits, violations: &mut Violations) -> Limits {
        let limits = Limits {
            operations_max: self.operations_max.unwrap_or(base.operations_max),
            cpu_ms_max: self.cpu_ms_max.unwrap_or(base.cpu_ms_max),
            timeout_ms: self.timeout_ms.unwrap_or(base.timeout_ms),
            memory_bytes_max: self.memory_bytes_max.unwrap_or(base.memory_bytes_max),
            call_depth_max: self.call_depth_max.unwrap_or(base.call_depth_max),
            response_bytes_max: self.response_bytes_max.unwrap_or(base.response_bytes_max),
            log_bytes_max: self.log_bytes_max.unwrap_or(base.log_bytes_max),
            concurrency_max: self.concurrency_max.unwrap_or(base.concurrency_max),
        };
        if let Some((field, cap)) = limits.out_of_range() {
            violations.add(&format!("limits.{field}"), format!("must be 1 to {cap}"));
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_stays() {
        let set = SetLimits {
            timeout_ms: Some(500),
            ..SetLimits::default()
        };
        let base = Limits {
            operations_max: 7,
            ..Limits::DEFAULT
        };
        let mut violations = Violations::default();
        let limits = set.over(base, &mut violations);
        let expected = Limits {
            timeout_ms: 500,
            ..base
        };
        assert_eq!(limits, expected);
        assert!(violations.finish().is_ok());
    }

    #[test]
    fn caps_hold() {
        for timeout_ms in [0, Limits::CAPS.timeout_ms + 1] {
            let set = SetLimits {
                timeout_ms: Some(timeout_ms),
                ..SetLimits::default()
            };
            let mut violations = Violations::default();
            set.over(Limits::DEFAULT, &mut violations);
            assert!(violations.finish().is_err(), "{timeout_ms}");
        }
    }
}
