//! From text to a table.

use csv::{ReaderBuilder, StringRecord, Trim};
use rhai::{Array, Dynamic, Identifier, ImmutableString, Map};

use super::options::Options;
use crate::{
    api::{
        argument::{Fallible, fail, with_bytes},
        bounded::BoundedArray,
    },
    gate,
};

/// The table in a string or a blob.
pub(super) fn parse(data: &Dynamic, options: &Options) -> Fallible<Array> {
    with_bytes("csv::parse", data, |bytes| {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut lines = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(options.separator)
            .trim(if options.trim { Trim::All } else { Trim::None })
            .from_reader(text);
        let mut line = StringRecord::new();
        let mut next = |line: &mut StringRecord| {
            lines
                .read_record(line)
                .map_err(|error| fail(format!("csv::parse: {error}")))
        };
        let mut columns = Vec::new();
        if options.header && next(&mut line)? {
            columns = line.iter().map(Identifier::from).collect();
        }
        let mut rows = BoundedArray::default();
        while next(&mut line)? {
            rows.push(row(&line, options.header, &columns)?)?;
        }
        Ok(rows.finish())
    })
}

fn row(line: &StringRecord, header: bool, columns: &[Identifier]) -> Fallible<Dynamic> {
    /// A cell of a few bytes in a map takes a part of a tree node and a string.
    const CELL_BYTES: usize = 128;
    let cells = line.len().max(columns.len());
    gate::reserve(cells * CELL_BYTES + line.as_slice().len())?;
    gate::spend(cells as u64 / 4)?;
    let cell = |text: &str| Dynamic::from(ImmutableString::from(text));
    if !header {
        return Ok(line.iter().map(cell).collect::<Array>().into());
    }
    if line.len() > columns.len() {
        let number = line.position().map_or(0, csv::Position::line);
        return Err(fail(format!(
            "csv::parse: line {number} has {} cells, but there are {} columns",
            line.len(),
            columns.len()
        )));
    }
    let pairs = columns.iter().enumerate().map(|(index, name)| {
        let value = line.get(index).map_or(Dynamic::UNIT, cell);
        (name.clone(), value)
    });
    Ok(pairs.collect::<Map>().into())
}
