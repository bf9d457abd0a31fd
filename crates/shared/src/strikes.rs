//! Strikes: what a script gets when the server ends because of it.

use std::time::Duration;

use crate::{
    id::{ExecutionId, ScriptId},
    time::Timestamp,
};

/// A script with so many strikes is suspended.
pub const STRIKES_MAX: u32 = 2;

/// A strike is forgotten when no other one came within this time.
pub const STRIKE_AGE_MAX: Duration = Duration::from_hours(24);

/// One end of the server that a script has to answer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// Which script.
    pub script_id: ScriptId,
    /// The version that ran. A version that is not live any more gets no strike.
    pub version: u32,
    /// The run. A strike for the same run counts once.
    pub execution_id: ExecutionId,
    /// When it was noted.
    pub at: Timestamp,
}

/// The strikes of a script for its live version. A new version begins without any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strikes {
    /// How many came, each within [`STRIKE_AGE_MAX`] of the one before.
    pub count: u32,
    /// When the last one was noted.
    pub last_at: Timestamp,
    /// The run that it was about.
    pub execution_id: ExecutionId,
    /// Since when the script is suspended, if it is.
    pub suspended_at: Option<Timestamp>,
}

impl Strikes {
    /// How many still count at `now`. A suspension does not end by itself, so its strikes stay.
    pub fn count_at(&self, now: Timestamp) -> u32 {
        let forgotten = self.suspended_at.is_none() && self.last_at <= now.minus(STRIKE_AGE_MAX);
        if forgotten { 0 } else { self.count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strike_is_forgotten_after_a_day_and_a_suspension_is_not() {
        let at = Timestamp::from_micros(1_700_000_000_000_000);
        let strikes = Strikes {
            count: 1,
            last_at: at,
            execution_id: ExecutionId::new(at),
            suspended_at: None,
        };
        let later = at.plus(STRIKE_AGE_MAX);
        assert_eq!((strikes.count_at(at), strikes.count_at(later)), (1, 0));
        let suspended = Strikes {
            suspended_at: Some(at),
            ..strikes
        };
        assert_eq!(suspended.count_at(later), 1);
    }
}
