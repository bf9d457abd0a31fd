//! When the log is cut.
//!
//! The log grows only when somebody does something, so that is when it is looked at: nothing ticks.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use picloud_shared::{audit::AuditRetention, time::Timestamp};

use crate::Manager;

/// While something is done, the log is cut at least this often.
const INTERVAL_MAX: Duration = Duration::from_hours(1);
/// The least time from one cut to the next.
const INTERVAL_MIN: Duration = Duration::from_mins(1);
/// After this much that was done, the log is cut before its time.
const RECORDS_MAX: u32 = 1_000;

/// Knows when the log was cut.
#[derive(Default)]
pub(crate) struct Upkeep(Mutex<Option<Last>>);

#[derive(Clone, Copy)]
struct Last {
    at: Timestamp,
    records_since: u32,
}

impl Upkeep {
    /// Notes that something may have left a record, and has the log cut, beside everything else, if it is time.
    pub(crate) fn note(&self, manager: &Manager) {
        if !self.is_due(manager.now()) {
            return;
        }
        let manager = manager.clone();
        tokio::spawn(async move {
            let purged = manager
                .repository()
                .purge_audit(AuditRetention::default(), manager.now())
                .await;
            match purged {
                Ok(0) => {}
                Ok(records) => tracing::info!(records, "old records of the audit log are cut off"),
                Err(error) => tracing::warn!(%error, "old records of the audit log are not cut off"),
            }
        });
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| {
            let many = last.records_since >= RECORDS_MAX && now >= last.at.plus(INTERVAL_MIN);
            many || now >= last.at.plus(INTERVAL_MAX)
        });
        if is_due {
            *last = Some(Last {
                at: now,
                records_since: 0,
            });
        } else if let Some(last) = last.as_mut() {
            last.records_since = last.records_since.saturating_add(1);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_time_at_first_then_once_an_hour_or_after_much() {
        let upkeep = Upkeep::default();
        let start = Timestamp::from_micros(1_700_000_000_000_000);
        assert!(upkeep.is_due(start));
        assert!(!upkeep.is_due(start.plus(Duration::from_mins(59))));
        assert!(upkeep.is_due(start.plus(INTERVAL_MAX)));
        let second = start.plus(INTERVAL_MAX);
        for _ in 0..RECORDS_MAX {
            assert!(!upkeep.is_due(second));
        }
        assert!(!upkeep.is_due(second), "too soon");
        assert!(upkeep.is_due(second.plus(INTERVAL_MIN)));
    }
}
