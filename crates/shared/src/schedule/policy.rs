//! What the owner of a schedule wants when a run is still going, and when an occurrence was missed.

use serde::{Deserialize, Serialize};

/// An occurrence that is found within so many seconds is on time: a restart of the server is no downtime.
pub const ON_TIME_S: u32 = 30;
/// How late a missed occurrence may run, in seconds, if nothing else is said: an hour.
pub const MAX_AGE_S_DEFAULT: u32 = 60 * 60;
/// How late a missed occurrence may ever run, in seconds: a week.
pub const MAX_AGE_S_MAX: u32 = 7 * 24 * 60 * 60;
/// Most missed occurrences that run after one downtime.
pub const CAUGHT_UP_MAX: u32 = 100;
/// Most runs of one schedule at one time.
pub const RUNNING_MAX: u32 = 100;

/// What is done about an occurrence while a run of the same schedule is going.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is skipped.
    #[default]
    Skip,
    /// It waits for the end of the run; one that comes while another one waits is skipped.
    QueueOne,
    /// It runs beside the other.
    Allow,
    /// The run is stopped, and it runs instead.
    Replace,
}

/// Which occurrences run late, of those that came while the server was down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// None of them.
    None,
    /// The latest one, unless the next one is due already.
    #[default]
    Latest,
    /// All of them, but not more than the latest so many. They run one after the other, unless runs may overlap.
    All,
}

/// Both, with their bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// While a run is going.
    pub overlap: Overlap,
    /// After a downtime.
    pub missed: Missed,
    /// How late an occurrence may run, in seconds, from [`ON_TIME_S`] to [`MAX_AGE_S_MAX`]; one that waited for longer
    /// expires.
    pub max_age_s: u32,
    /// With [`Missed::All`], how many run at most; from 1 to [`CAUGHT_UP_MAX`].
    pub caught_up_max: u32,
}

/// A bound that is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// `max_age_s`
    #[error("`max_age_s` is from {ON_TIME_S} to {MAX_AGE_S_MAX}, a week")]
    MaxAge,
    /// `caught_up_max`
    #[error("`caught_up_max` is from 1 to {CAUGHT_UP_MAX}")]
    CaughtUp,
}

impl Policy {
    /// Whether both bounds are within theirs.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        if !(ON_TIME_S..=MAX_AGE_S_MAX).contains(&self.max_age_s) {
            return Err(InvalidPolicy::MaxAge);
        }
        if !(1..=CAUGHT_UP_MAX).contains(&self.caught_up_max) {
            return Err(InvalidPolicy::CaughtUp);
        }
        Ok(())
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            overlap: Overlap::default(),
            missed: Missed::default(),
            max_age_s: MAX_AGE_S_DEFAULT,
            caught_up_max: CAUGHT_UP_MAX,
        }
    }
}
