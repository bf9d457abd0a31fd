//! `regex::…`: patterns in text.

mod cache;
mod functions;
mod pattern;
mod recent;

pub(super) use self::functions::module;
pub(crate) use self::recent::RecentPatterns;
