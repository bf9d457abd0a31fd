//! What became of each occurrence of a schedule. Every one of them is one row of its ledger.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A row of the ledger. A schedule has at most one for each moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was due.
    pub scheduled_at: Timestamp,
    /// The last one of many that this row stands for; there is such a row only for what was missed very long ago.
    pub until: Option<Timestamp>,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// What became of an occurrence. Only what waits changes once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum Fate {
    /// It was started on time.
    Ran,
    /// It was started late: the server was down, or it waited for another run.
    Late,
    /// It waits for the end of a run.
    Waiting,
    /// It was due while the server was there, and not started.
    Skipped(SkippedWhy),
    /// It was due while the server was down, and not started.
    Missed(MissedWhy),
    /// It waited for longer than its maximum age.
    Expired,
}

/// Why an occurrence was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkippedWhy {
    /// A run was still going.
    StillRunning,
    /// A run was still going, and another one waited already.
    OneWaits,
    /// So many runs were going as there may be.
    TooManyRunning,
    /// A newer one was due at the same time, and replaced it before it began.
    Replaced,
    /// The schedule was paused or deleted while it waited.
    Inactive,
}

/// Why an occurrence that was missed did not run later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissedWhy {
    /// What is missed does not run later.
    NotCaughtUp,
    /// A newer one ran instead, or was missed as well.
    NewerCame,
    /// It was older than the maximum age.
    TooOld,
    /// More were missed than may run later.
    TooMany,
}

impl Fate {
    /// All there are.
    pub const ALL: [Self; 13] = [
        Self::Ran,
        Self::Late,
        Self::Waiting,
        Self::Skipped(SkippedWhy::StillRunning),
        Self::Skipped(SkippedWhy::OneWaits),
        Self::Skipped(SkippedWhy::TooManyRunning),
        Self::Skipped(SkippedWhy::Replaced),
        Self::Skipped(SkippedWhy::Inactive),
        Self::Missed(MissedWhy::NotCaughtUp),
        Self::Missed(MissedWhy::NewerCame),
        Self::Missed(MissedWhy::TooOld),
        Self::Missed(MissedWhy::TooMany),
        Self::Expired,
    ];

    /// Whether a run is started for it now.
    pub fn starts(self) -> bool {
        matches!(self, Self::Ran | Self::Late)
    }

    /// The name of the state, as it is stored.
    pub fn state(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Late => "late",
            Self::Waiting => "waiting",
            Self::Skipped(_) => "skipped",
            Self::Missed(_) => "missed",
            Self::Expired => "expired",
        }
    }

    /// The name of the reason, as it is stored.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Skipped(why) => Some(match why {
                SkippedWhy::StillRunning => "still_running",
                SkippedWhy::OneWaits => "one_waits",
                SkippedWhy::TooManyRunning => "too_many_running",
                SkippedWhy::Replaced => "replaced",
                SkippedWhy::Inactive => "inactive",
            }),
            Self::Missed(why) => Some(match why {
                MissedWhy::NotCaughtUp => "not_caught_up",
                MissedWhy::NewerCame => "newer_came",
                MissedWhy::TooOld => "too_old",
                MissedWhy::TooMany => "too_many",
            }),
            Self::Ran | Self::Late | Self::Waiting | Self::Expired => None,
        }
    }

    /// Reads what [`Self::state`] and [`Self::reason`] wrote.
    pub fn read(state: &str, reason: Option<&str>) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|fate| fate.state() == state && fate.reason() == reason)
    }
}
