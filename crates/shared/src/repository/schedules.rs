//! Storage of what became of the occurrences of schedules.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    events::NewEvent,
    id::{AppId, DeliveryId, ScheduleId},
    schedule::Entry,
    time::Timestamp,
};

/// Storage of the ledgers of schedules: what became of each occurrence, and the events that came of it, in one transaction.
#[async_trait]
pub trait ScheduleRepository: Send + Sync {
    /// Up to when each schedule that was ever due is planned, those that are gone included.
    async fn planned_schedules(&self) -> Result<Vec<(ScheduleId, Timestamp)>, StoreError>;

    /// The schedules of which an occurrence waits for a run.
    async fn waiting_schedules(&self) -> Result<Vec<ScheduleId>, StoreError>;

    /// Where a schedule stands now.
    async fn schedule_standing(
        &self,
        app: AppId,
        schedule: ScheduleId,
    ) -> Result<ScheduleStanding, StoreError>;

    /// Writes rows of a ledger, cancels the runs that are replaced, and publishes events, all or nothing.
    async fn write_ledger(&self, step: LedgerStep, now: Timestamp) -> Result<LedgerWritten, StoreError>;

    /// Of a schedule that was paused or deleted, nothing waits any more.
    async fn skip_waiting(&self, schedule: ScheduleId, now: Timestamp) -> Result<(), StoreError>;

    /// Lists the rows of a ledger, newest first; `before` leaves out that moment and all later ones.
    async fn list_ledger(
        &self,
        app: AppId,
        schedule: ScheduleId,
        limit: u32,
        before: Option<Timestamp>,
    ) -> Result<Vec<LedgerRow>, StoreError>;
}

/// Where a schedule stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleStanding {
    /// Up to when each occurrence has its row; none if it was never due.
    pub planned_until: Option<Timestamp>,
    /// How many of its runs are going, or wait for their turn.
    pub running: u32,
    /// The occurrences that wait for the end of a run, in order.
    pub waiting: Vec<Timestamp>,
}

/// A step of a schedule.
#[derive(Clone, Debug)]
pub struct LedgerStep {
    /// Whose it is.
    pub app_id: AppId,
    /// Which.
    pub schedule: ScheduleId,
    /// What is decided.
    pub decided: Decided,
    /// The rows, each with the event that starts its run, if one is started.
    pub rows: Vec<(Entry, Option<NewEvent>)>,
    /// What else is published.
    pub tells: Vec<NewEvent>,
}

/// What the rows of a step are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// Occurrences that have no rows yet.
    New {
        /// Up to when the schedule was planned. If it is not so, somebody else was first.
        since: Option<Timestamp>,
        /// Up to when it is planned now.
        until: Timestamp,
        /// What waits is replaced, and runs that are going or wait for their turn are cancelled: what they would have
        /// written is lost.
        replaces: bool,
        /// Rows that are too old are deleted.
        prunes: bool,
    },
    /// Occurrences that have waited. Those that do not wait any more are left out.
    Waiting,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerWritten {
    /// It is on disk.
    Written {
        /// The runs that were cancelled, as they are replaced.
        cancelled: Vec<DeliveryId>,
    },
    /// Somebody else was first, or the app is gone; nothing was written or cancelled.
    Taken,
    /// The app has as many events waiting as it may; nothing was written or cancelled.
    QueueFull,
}

/// A row of a ledger, as it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// What became of an occurrence.
    pub entry: Entry,
    /// What was started for it.
    pub delivery: Option<DeliveryId>,
    /// When it was decided.
    pub decided_at: Timestamp,
}

/// Rows that a schedule keeps at least, if they are not older than [`LEDGER_DAYS_MAX`]; it may be a few more.
pub const LEDGER_ROWS_MAX: u32 = 10_000;

/// Days for which rows are kept.
pub const LEDGER_DAYS_MAX: u32 = 90;
