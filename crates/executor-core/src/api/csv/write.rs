//! From a table to text.

use rhai::{Array, Dynamic, ImmutableString};

use super::options::Options;
use crate::api::{
    argument::{Fallible, fail, type_name},
    bounded::BoundedText,
    form,
};

/// The text of a table.
pub(super) fn stringify(rows: &Array, options: &Options) -> Fallible<String> {
    let mut out = BoundedText::default();
    let columns = options.columns.clone().or_else(|| columns_of(rows.first()?));
    if let Some(columns) = columns.as_ref().filter(|_| options.header) {
        write_line(&mut out, options, columns.iter().cloned().map(Dynamic::from))?;
    }
    for row in rows {
        if let Ok(cells) = row.as_array_ref() {
            write_line(&mut out, options, cells.iter().cloned())?;
        } else if let (Ok(map), Some(columns)) = (row.as_map_ref(), &columns) {
            let cells = columns
                .iter()
                .map(|name| map.get(name.as_str()).cloned().unwrap_or_default());
            write_line(&mut out, options, cells)?;
        } else {
            let given = type_name(row);
            return Err(fail(format!(
                "csv::stringify: rows must be all maps or all arrays; one is {given}"
            )));
        }
    }
    Ok(out.finish())
}

fn columns_of(row: &Dynamic) -> Option<Vec<ImmutableString>> {
    let map = row.as_map_ref().ok()?;
    Some(map.keys().map(|name| name.as_str().into()).collect())
}

fn write_line(
    out: &mut BoundedText,
    options: &Options,
    cells: impl Iterator<Item = Dynamic>,
) -> Fallible<()> {
    let mut separator = [0; 4];
    let separator = char::from(options.separator).encode_utf8(&mut separator);
    let mut cells = cells.peekable();
    let mut is_first = true;
    while let Some(cell) = cells.next() {
        let text = form::scalar("csv::stringify", &cell)?;
        if is_first && text.is_empty() && cells.peek().is_none() {
            // An empty line is no row.
            out.push("\"\"")?;
        }
        if !std::mem::take(&mut is_first) {
            out.push(separator)?;
        }
        write_cell(out, &text, separator)?;
    }
    out.push("\r\n")
}

fn write_cell(out: &mut BoundedText, text: &str, separator: &str) -> Fallible<()> {
    let needs_quotes = text.contains(['"', '\r', '\n'])
        || text.contains(separator)
        || text.starts_with(' ')
        || text.ends_with(' ');
    if !needs_quotes {
        return out.push(text);
    }
    out.push("\"")?;
    for (index, piece) in text.split('"').enumerate() {
        out.push(if index == 0 { "" } else { "\"\"" })?;
        out.push(piece)?;
    }
    out.push("\"")
}
