//! Why a text is no pattern of cron, and where.

use std::fmt;

use super::CRON_BYTES_MAX;

/// Why a text is no pattern; each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCron {
    /// Longer than any pattern has to be.
    #[error("a pattern has at most {CRON_BYTES_MAX} bytes")]
    TooLong,
    /// Not five or six fields.
    #[error(
        "a pattern has five fields (minute, hour, day of month, month, day of week), or six with the second in front; this one has {0}"
    )]
    Fields(usize),
    /// `@something`.
    #[error("`{0}` is not known; there are @yearly, @monthly, @weekly, @daily and @hourly")]
    Nickname(String),
    /// A part of a field.
    #[error("`{part}` in field {position} ({field}): {problem}")]
    Field {
        /// Which of its fields.
        field: CronField,
        /// Counted from 1, in the order in which they are written.
        position: usize,
        /// What stands there between two commas.
        part: String,
        /// What is wrong with it.
        problem: FieldProblem,
    },
    /// Such as 30 February.
    #[error("no year has such a day: the months named have no such day of month or week")]
    Never,
}

/// A field of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CronField {
    /// 0 to 59; only in patterns of six fields.
    Second,
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31, `L`, `LW`, `15W`.
    DayOfMonth,
    /// 1 to 12 or JAN to DEC.
    Month,
    /// 0 to 7 or SUN to SAT (0 and 7 are both Sunday), `5L`, `5#2`.
    DayOfWeek,
}

/// What is wrong with a part of a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// Nothing between two commas, or before or after one.
    #[error("something is missing before or after a comma")]
    Empty,
    /// Neither a number nor a name that the field knows.
    #[error("expected {0}")]
    Unknown(&'static str),
    /// A number that the field does not have.
    #[error("the numbers of this field go from {min} to {max}")]
    OutOfRange {
        /// The smallest.
        min: u8,
        /// The largest.
        max: u8,
    },
    /// `5-3`.
    #[error("the range runs backwards; write two ranges with a comma between them")]
    Backwards,
    /// `*/0`, `*/x` or `*/100`.
    #[error("a step is a number from 1 to {max}")]
    Step {
        /// The largest that makes sense.
        max: u8,
    },
    /// `5/10`.
    #[error("a step follows * or a range; write `{0}-{1}/…`")]
    StepOfNumber(u8, u8),
    /// `1#6`.
    #[error("after # comes which of the month's it is: 1 to 5")]
    Nth,
}

impl CronField {
    /// The smallest and the largest number, as they are written.
    pub const fn bounds(self) -> (u8, u8) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 7),
        }
    }

    /// What can stand in it.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => "a number from 0 to 59, a range such as 5-10, * or */15",
            Self::Hour => "a number from 0 to 23, a range such as 9-17, * or */6",
            Self::DayOfMonth => {
                "a number from 1 to 31, a range such as 1-7, *, L (the last day), LW (the last weekday) or 15W"
            }
            Self::Month => "a number from 1 to 12, a name such as JAN, a range such as JUN-AUG or *",
            Self::DayOfWeek => {
                "a number from 0 to 7, a name such as MON, a range such as MON-FRI, *, FRIL (the last Friday) or FRI#2 (the second)"
            }
        }
    }
}

impl fmt::Display for CronField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}
