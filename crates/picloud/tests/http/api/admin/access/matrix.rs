//! The table of access: every operation, and what it answers to everybody.
//!
//! `table.txt` has one line per operation of the API's description: what it says about who may call it, and what
//! became of one call by each of the callers. `yes` is a success; anything else is the status of the refusal. An
//! operation without a line fails, and so does a line that is not what happened. `UPDATE_ACCESS=1` writes what happened
//! to the file: then read the difference.

use std::{env, fmt::Write as _, fs};

use super::{attempt::attempt, ground::Ground};
use crate::harness::Schema;

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/http/api/admin/access/table.txt"
);

#[test]
fn everybody_may_what_the_table_says() {
    let ground = Ground::prepare();
    let document = ground
        .cloud
        .get("localhost", "/api/v1/openapi.json")
        .expect(200)
        .json();
    let mut rows = vec![heading(&ground)];
    for (method, template) in Schema::new(document.clone()).operations() {
        let access = &document["paths"][&template][method.to_lowercase()]["x-access"];
        let mut row = vec![
            format!("{method} {template}"),
            access.as_str().unwrap_or("everybody").to_owned(),
        ];
        for caller in &ground.callers {
            let answer = attempt(&ground, caller, &method, &template);
            row.push(match answer.status {
                200..300 => "yes".to_owned(),
                status @ 400..500 => status.to_string(),
                status => panic!("{}: {} answered {status}", caller.column, answer.request),
            });
        }
        rows.push(row);
    }
    let found = table(&rows);
    if env::var_os("UPDATE_ACCESS").is_some() {
        fs::write(FILE, &found).expect("the table can be written");
    }
    let expected = fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        expected == found,
        "access is not as the table says; if it should be as it is, write the table anew with UPDATE_ACCESS=1\n{}",
        difference(&expected, &found)
    );
}

fn heading(ground: &Ground) -> Vec<String> {
    let columns = ground.callers.iter().map(|caller| caller.column);
    ["operation", "access"]
        .into_iter()
        .chain(columns)
        .map(str::to_owned)
        .collect()
}

/// The rows in columns of their own.
fn table(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let _ = write!(line, "{cell:<width$}  ", width = width(column));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The lines that are in one of both only.
fn difference(expected: &str, found: &str) -> String {
    let only = |sign: &str, of: &str, not_in: &str| -> Vec<String> {
        of.lines()
            .filter(|line| !not_in.lines().any(|other| other == *line))
            .map(|line| format!("{sign} {line}"))
            .collect()
    };
    let heading = found.lines().next().unwrap_or_default();
    let mut lines = vec![format!("  {heading}")];
    lines.extend(only("-", expected, found));
    lines.extend(only("+", found, expected));
    lines.join("\n")
}
