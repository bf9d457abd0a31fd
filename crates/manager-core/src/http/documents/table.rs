//! Documents as rows of a table: a column for each field.
//!
//! A text stands as it is, unless it would be read as something else; then it stands in quotes, as JSON. All else stands
//! as JSON, and an empty cell is no field. So a table that people made is read as they mean it, and one that was written
//! here is read as what it was.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, map::Entry};

/// The column of ids.
pub(super) const ID: &str = "_id";

/// The column of what has no column of its own: an object.
pub(super) const MORE: &str = "_more";

/// Columns that fields get, but for [`MORE`].
const COLUMNS_MAX: usize = 256;

/// Longest name of a field that gets a column.
const COLUMN_NAME_BYTES_MAX: usize = 256;

/// The fields that have a column, in their order.
#[derive(Debug, Default)]
pub(super) struct Columns(BTreeSet<String>);

impl Columns {
    /// Makes columns for the fields of a document, as long as there is room.
    pub(super) fn add(&mut self, document: &Map<String, Value>) {
        for name in document.keys() {
            let fits = name.len() <= COLUMN_NAME_BYTES_MAX && name != ID && name != MORE;
            if fits && self.0.len() < COLUMNS_MAX && !self.0.contains(name) {
                self.0.insert(name.clone());
            }
        }
    }

    /// The line of headings.
    pub(super) fn headings(&self) -> impl Iterator<Item = &str> {
        let fields = self.0.iter().map(String::as_str);
        std::iter::once(ID).chain(fields).chain([MORE])
    }

    /// The row of a document.
    pub(super) fn row(&self, id: &str, document: &Map<String, Value>) -> Vec<String> {
        let mut row = Vec::with_capacity(self.0.len() + 2);
        row.push(id.to_owned());
        row.extend(self.0.iter().map(|name| cell(document.get(name))));
        let rest: BTreeMap<_, _> = document
            .iter()
            .filter(|(name, _)| !self.0.contains(*name))
            .collect();
        row.push(if rest.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&rest).unwrap_or_default()
        });
        row
    }
}

/// What stands in a cell.
fn cell(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) if !text.is_empty() && read_cell(text) == Some(value_of(text)) => {
            text.clone()
        }
        Some(value) => value.to_string(),
    }
}

fn value_of(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// What a cell says; nothing if it is empty.
fn read_cell(cell: &str) -> Option<Value> {
    if cell.is_empty() {
        return None;
    }
    let is_long_number = cell.bytes().all(|byte| byte.is_ascii_digit()) && cell.parse::<i64>().is_err();
    // A number that would lose digits is somebody's number, but not one to count with.
    let value = if is_long_number {
        None
    } else {
        serde_json::from_str(cell).ok()
    };
    Some(value.unwrap_or_else(|| value_of(cell)))
}

/// The id of a row, if it has one, and its document; or what is wrong.
pub(super) fn read_row<'r>(
    headings: &[String],
    cells: impl Iterator<Item = &'r str>,
) -> Result<(Option<String>, Map<String, Value>), String> {
    let (mut id, mut document) = (None, Map::new());
    for (name, cell) in headings.iter().zip(cells) {
        match name.as_str() {
            ID => id = Some(cell.to_owned()).filter(|id| !id.is_empty()),
            MORE if cell.is_empty() => {}
            MORE => {
                let more: Map<String, Value> = serde_json::from_str(cell)
                    .map_err(|error| format!("`{MORE}` is no JSON object: {error}"))?;
                for (name, value) in more {
                    put(&mut document, name, value)?;
                }
            }
            _ => {
                if let Some(value) = read_cell(cell) {
                    put(&mut document, name.clone(), value)?;
                }
            }
        }
    }
    Ok((id, document))
}

fn put(document: &mut Map<String, Value>, name: String, value: Value) -> Result<(), String> {
    match document.entry(name) {
        Entry::Vacant(place) => {
            place.insert(value);
            Ok(())
        }
        Entry::Occupied(place) => Err(format!(
            "has `{}` twice: in its column and in `{MORE}`",
            place.key()
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_written_is_read_as_what_it_was() {
        let documents = [
            json!({}),
            json!({ "a": "text", "b": "", "c": "5", "d": 5, "e": -2.5, "f": null, "g": "null", "h": true, "i": "true" }),
            json!({ "a": " 5 ", "b": "\"x\"", "c": "[1]", "d": [1, "x"], "e": { "f": { "g": [] } }, "f": "a,b\n\"c\"" }),
            json!({ "_id": 1, "_more": { "x": 1 }, "": "empty", "007": "007", "a": "12345678901234567890123" }),
            json!({ "a": 9_223_372_036_854_775_807_i64, "b": "9223372036854775808", "c": 1e300, "x".repeat(300): 1 }),
        ];
        let mut columns = Columns::default();
        for document in &documents {
            columns.add(&map(document.clone()));
        }
        let headings: Vec<String> = columns.headings().map(str::to_owned).collect();
        for document in documents {
            let row = columns.row("id", &map(document.clone()));
            assert_eq!(row.len(), headings.len());
            let (id, read) = read_row(&headings, row.iter().map(String::as_str)).unwrap();
            assert_eq!((id.as_deref(), Value::Object(read)), (Some("id"), document));
        }
    }

    #[test]
    fn fields_without_a_column_stand_together() {
        let mut columns = Columns::default();
        let many: Map<_, _> = (0..300)
            .map(|number| (format!("f{number:03}"), json!(number)))
            .collect();
        columns.add(&many);
        assert_eq!(columns.headings().count(), COLUMNS_MAX + 2);
        let row = columns.row("id", &many);
        let rest: Map<String, Value> = serde_json::from_str(row.last().unwrap()).unwrap();
        assert_eq!(rest.len(), 300 - COLUMNS_MAX);
    }

    #[test]
    fn a_table_that_people_made_is_read_as_they_mean_it() {
        let headings = ["name", "age", "zip", "member", "note"].map(str::to_owned);
        let cells = ["Ada", "36", "00123", "true", ""];
        let (id, document) = read_row(&headings, cells.into_iter()).unwrap();
        let expected = json!({ "name": "Ada", "age": 36, "zip": "00123", "member": true });
        assert_eq!((id, Value::Object(document)), (None, expected));
        let wrong = read_row(&[MORE.to_owned()], ["[]"].into_iter());
        assert!(wrong.is_err());
        for headings in [["a", MORE], [MORE, "a"]] {
            let row = |cell: &'static str| {
                let cells = headings.map(|name| if name == MORE { "{\"a\":1}" } else { cell });
                read_row(&headings.map(str::to_owned), cells.into_iter())
            };
            assert!(row("2").is_err());
            assert_eq!(row("").unwrap().1, map(json!({ "a": 1 })));
        }
    }
}
