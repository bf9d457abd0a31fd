//! `regex::…`: patterns in text.

mod cache;
mod functions;
mod pattern;

pub(super) use self::functions::module;
