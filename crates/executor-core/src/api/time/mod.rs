//! `time::…`: moments and calendars.

mod calendar;
mod functions;
mod zone;

pub(super) use self::functions::module;
