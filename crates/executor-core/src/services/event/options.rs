//! An event as a script describes it.

use std::time::Duration;

use picloud_shared::{
    events::{EVENT_DELAY_MAX, EVENT_KEY_BYTES_MAX, EVENT_SUBJECT_BYTES_MAX},
    time::Timestamp,
};
use rhai::{Dynamic, Map};

use crate::api::{Fallible, fail, now_ms, type_name};

const FUNCTION: &str = "event::emit";

/// What may be said of an event beside its topic and data.
#[derive(Default)]
pub(super) struct Options {
    pub(super) subject: Option<String>,
    pub(super) key: Option<String>,
    pub(super) due: Option<Due>,
}

/// Before when it goes to nobody.
#[derive(Clone, Copy)]
pub(super) enum Due {
    In(Duration),
    At(Timestamp),
}

impl Due {
    /// The moment, for an event that is emitted at `now`.
    pub(super) fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::In(delay) => now.plus(delay),
            Self::At(moment) => moment,
        }
    }
}

impl Options {
    /// Reads `#{key, delay, at, subject}`.
    pub(super) fn read(options: &Map) -> Fallible<Self> {
        let mut read = Self::default();
        let (mut delay, mut at) = (None, None);
        for (name, value) in options.iter().filter(|(_, value)| !value.is_unit()) {
            match name.as_str() {
                "key" => read.key = Some(text("key", value, EVENT_KEY_BYTES_MAX)?),
                "subject" => read.subject = Some(text("subject", value, EVENT_SUBJECT_BYTES_MAX)?),
                "delay" => delay = Some(self::delay(value)?),
                "at" => at = Some(moment(value)?),
                other => {
                    return Err(fail(format!(
                        "{FUNCTION} has no option `{other}`, only key, delay, at and subject"
                    )));
                }
            }
        }
        read.due = match (delay, at) {
            (Some(_), Some(_)) => {
                return Err(fail(format!("{FUNCTION} takes delay or at, not both")));
            }
            (Some(delay), None) => Some(Due::In(delay)),
            (None, at) => at.map(Due::At),
        };
        Ok(read)
    }
}

fn text(option: &str, value: &Dynamic, bytes_max: usize) -> Fallible<String> {
    let Ok(text) = value.as_immutable_string_ref() else {
        return Err(fail(format!(
            "{FUNCTION}: {option} is a string, not {}",
            type_name(value)
        )));
    };
    if !(1..=bytes_max).contains(&text.len()) {
        return Err(fail(format!(
            "{FUNCTION}: {option} has 1 to {bytes_max} bytes, not {}",
            text.len()
        )));
    }
    Ok(text.to_string())
}

fn delay(value: &Dynamic) -> Fallible<Duration> {
    #[expect(clippy::cast_precision_loss, reason = "more than a year is refused")]
    let seconds = value
        .as_float()
        .or_else(|_| value.as_int().map(|whole| whole as f64));
    let most = EVENT_DELAY_MAX.as_secs_f64();
    seconds
        .ok()
        .filter(|seconds| (0.0..=most).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| {
            fail(format!(
                "{FUNCTION}: delay is a number of seconds, from 0 to {most}"
            ))
        })
}

fn moment(value: &Dynamic) -> Fallible<Timestamp> {
    let most = now_ms().saturating_add(i64::try_from(EVENT_DELAY_MAX.as_millis()).unwrap_or(i64::MAX));
    value
        .as_int()
        .ok()
        .filter(|moment| (0..=most).contains(moment))
        .map(|moment| Timestamp::from_micros(moment.saturating_mul(1_000)))
        .ok_or_else(|| {
            fail(format!(
                "{FUNCTION}: at is a moment in milliseconds, as of time::now(), and at most a year from now"
            ))
        })
}
