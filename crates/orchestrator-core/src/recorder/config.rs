//! Settings of the recorder.

use std::{sync::Arc, time::Duration};

use picloud_shared::{execution::Retention, repository::RunLog, time::Clock};

/// Most records that wait to be written.
const RECORDS_WAITING_MAX: usize = 10_000;
/// Most bytes of records that wait to be written.
const BYTES_WAITING_MAX: usize = 16 * 1_024 * 1_024;
/// How long the first record after a quiet time waits for others.
const GATHER_MS: u64 = 50;
/// The least time from one write to the next, so that a busy server does not wear out its disk.
const WRITE_INTERVAL_MS: u64 = 500;

/// What the recorder needs.
pub struct RecorderConfig {
    /// Where records go.
    pub repository: Arc<dyn RunLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The name of this node, which stands in each record.
    pub node: String,
    /// How much is kept.
    pub retention: Retention,
    /// Most records that wait to be written; more are dropped.
    pub records_waiting_max: usize,
    /// Most bytes of records that wait to be written; more are dropped.
    pub bytes_waiting_max: usize,
    /// How long the first record after a quiet time waits for others.
    pub gather: Duration,
    /// The least time from one write to the next.
    pub write_interval: Duration,
}

impl RecorderConfig {
    /// The defaults.
    pub fn new(
        repository: Arc<dyn RunLog>,
        clock: Arc<dyn Clock>,
        node: String,
        retention: Retention,
    ) -> Self {
        Self {
            repository,
            clock,
            node,
            retention,
            records_waiting_max: RECORDS_WAITING_MAX,
            bytes_waiting_max: BYTES_WAITING_MAX,
            gather: Duration::from_millis(GATHER_MS),
            write_interval: Duration::from_millis(WRITE_INTERVAL_MS),
        }
    }
}
