//! What files of data are like, and how those are read that are taken in. They are given out by `export`, and written to the
//! database by `import`.

use std::collections::HashSet;

use csv::StringRecord;
use serde::Deserialize;
use tokio::task::spawn_blocking;
use utoipa::{IntoParams, ToSchema};

use super::{
    problem::{Answer, internal},
    validate::Violations,
};

/// Faults of a file that are told at one time.
pub(crate) const FAULTS_MAX: usize = 20;

/// Columns that a CSV file may have; one that is written here has fewer.
const COLUMNS_MAX: usize = 1_000;

/// Longest message about a line, in characters: it may repeat what stands there.
const MESSAGE_CHARS_MAX: usize = 300;

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// One JSON object per line.
    #[default]
    Json,
    /// Comma-separated values, with a line of headings.
    Csv,
}

/// What becomes of what is in a file, and is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// It stays, and the import ends there.
    #[default]
    Insert,
    /// That of the file takes its place.
    Replace,
}

/// How the file is to be.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FileQuery {
    /// `json`, one object per line, or `csv`.
    #[serde(default)]
    #[param(inline, default = "json")]
    pub(crate) format: Format,
}

/// One line of a file that is taken in.
pub(crate) trait Line: Sized {
    /// Reads a line of a JSON file.
    fn from_json(line: &[u8]) -> Result<Self, String>;

    /// Looks at the headings of a CSV file. None of them is there twice.
    fn check_headings(headings: &[String]) -> Result<(), String>;

    /// Reads a row of a CSV file.
    fn from_csv(headings: &[String], row: &StringRecord) -> Result<Self, String>;
}

/// Reads a file where nobody waits for the thread meanwhile.
pub(crate) async fn aside<T: Send + 'static>(read: impl FnOnce() -> Answer<T> + Send + 'static) -> Answer<T> {
    spawn_blocking(read).await.map_err(|error| {
        tracing::error!(%error, "a file could not be read");
        internal()
    })?
}

/// Reads all of a file, and makes of each line, which has a number, what `make` says; or says what is wrong with each.
pub(crate) fn read<L: Line, R>(
    text: &[u8],
    format: Format,
    make: impl Fn(u64, L) -> Result<R, String>,
) -> Answer<Vec<R>> {
    let mut rows = Vec::new();
    let mut violations = Violations::default();
    let mut faults = 0;
    let mut add = |number: u64, line: Result<L, String>| {
        match line.and_then(|line| make(number, line)) {
            Ok(row) => rows.push(row),
            Err(message) => {
                violations.add(&format!("line {number}"), short(&message));
                faults += 1;
            }
        }
        faults < FAULTS_MAX
    };
    // Spreadsheets put it before what they write.
    let text = text.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(text);
    match format {
        Format::Json => {
            for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
                if !line.trim_ascii().is_empty() && !add(number, L::from_json(line)) {
                    break;
                }
            }
        }
        Format::Csv => read_csv(text, &mut add),
    }
    violations.finish()?;
    Ok(rows)
}

fn read_csv<L: Line>(text: &[u8], add: &mut impl FnMut(u64, Result<L, String>) -> bool) {
    if let Some(number) = find_open_quote(text) {
        add(number, Err(OPEN_QUOTE.to_owned()));
        return;
    }
    let mut reader = csv::Reader::from_reader(text);
    let headings = match reader.headers() {
        Ok(headings) => headings.iter().map(str::to_owned).collect::<Vec<_>>(),
        Err(error) => {
            add(1, Err(error.to_string()));
            return;
        }
    };
    let mut seen = HashSet::new();
    let fault = if headings.len() > COLUMNS_MAX {
        Err(format!("must have at most {COLUMNS_MAX} columns"))
    } else if let Some(twice) = headings.iter().find(|name| !seen.insert(name.as_str())) {
        Err(format!("has the column `{twice}` twice"))
    } else {
        L::check_headings(&headings)
    };
    if let Err(message) = fault {
        add(1, Err(message));
        return;
    }
    for record in reader.records() {
        let goes_on = match record {
            Ok(record) => {
                let number = record.position().map_or(0, csv::Position::line);
                add(number, L::from_csv(&headings, &record))
            }
            Err(error) => {
                let number = error.position().map_or(0, csv::Position::line);
                add(number, Err(error.to_string()))
            }
        };
        if !goes_on {
            break;
        }
    }
}

/// What is wrong with the line of which [`find_open_quote`] gives the number.
const OPEN_QUOTE: &str = "has a quote that is not closed";

/// The line where a quoted cell of a CSV file begins that ends nowhere: what follows would all be part of it.
fn find_open_quote(text: &[u8]) -> Option<u64> {
    let (mut line, mut opened) = (1_u64, None);
    let (mut begins_cell, mut may_have_closed) = (true, false);
    for &byte in text {
        match (opened, byte) {
            // It ends the cell, unless another one follows.
            (Some(_), b'"') => may_have_closed = !may_have_closed,
            (Some(_), _) if !may_have_closed => {}
            (None, b'"') if begins_cell => opened = Some(line),
            _ => {
                (opened, may_have_closed) = (None, false);
                begins_cell = matches!(byte, b',' | b'\n' | b'\r');
            }
        }
        if opened.is_some() {
            begins_cell = false;
        }
        line += u64::from(byte == b'\n');
    }
    opened.filter(|_| !may_have_closed)
}

/// A message with as much of it as is told.
fn short(message: &str) -> String {
    match message.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

/// The places of what is wrong with a file.
#[cfg(test)]
pub(crate) fn faults_of<T>(read: Answer<T>) -> Vec<String> {
    use super::problem::Refusal;

    match read {
        Err(Refusal::Problem(problem)) => {
            let errors = problem.extra["errors"].as_array().cloned().unwrap_or_default();
            let field = |error: &serde_json::Value| error["field"].as_str().unwrap_or_default().to_owned();
            errors.iter().map(field).collect()
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_that_is_not_closed_is_found() {
        for fine in [
            "",
            "a,b\n1,2",
            "\"a\"",
            "\"\"",
            "a\"b,c\n",
            "\"a\"\"b\"\n\"c\nd\",e",
            "\"a\"b\"c,d\n",
            "\"a\"b\n\"c\"",
        ] {
            assert_eq!(find_open_quote(fine.as_bytes()), None, "{fine}");
        }
        for (open, line) in [
            ("\"", 1),
            ("a,\"b", 1),
            ("a\n\"b\nc\nd", 2),
            ("\"a\nb\",\"c\n", 2),
            ("\"a\"\"", 1),
            ("a\r\n\"", 2),
        ] {
            assert_eq!(find_open_quote(open.as_bytes()), Some(line), "{open}");
        }
    }

    #[test]
    fn a_long_message_is_cut() {
        assert_eq!(short("ä"), "ä");
        assert_eq!(short(&"ä".repeat(1_000)).chars().count(), MESSAGE_CHARS_MAX + 1);
    }
}
