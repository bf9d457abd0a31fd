//! What the program does, one file per command.

pub(crate) mod admin;
pub(crate) mod audit;
mod database;
pub(crate) mod serve;

use std::{
    fmt,
    io::{self, Write as _},
};

/// Writes a line for a person to standard error. That nobody can read it is no reason to fail.
pub(crate) fn tell(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}
