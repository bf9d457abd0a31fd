//! `csv::…`: tables as text.

mod functions;
mod options;
mod read;
mod write;

pub(super) use self::functions::module;
