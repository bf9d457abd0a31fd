//! Schedules as a whole: texts, all time zones, plans, and a long life with restarts.

mod life;
mod plans;
mod texts;
mod zones;

use super::{CronPattern, Schedule};
use crate::time::Timestamp;

fn cron(pattern: &str, zone: &str) -> Schedule {
    Schedule::Cron {
        pattern: pattern.parse::<CronPattern>().unwrap(),
        zone: zone.parse().unwrap(),
    }
}

fn every(seconds: u64, anchor: &str) -> Schedule {
    Schedule::Every {
        seconds: seconds.try_into().unwrap(),
        anchor: at(anchor),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
