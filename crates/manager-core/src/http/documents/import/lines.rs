//! What stands in a file of documents.

use csv::StringRecord;
use picloud_shared::services::docs::{DOCUMENT_BYTES_MAX, DOCUMENT_ID_BYTES_MAX, is_document_id};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::table;
use crate::http::{
    file::{self, Format},
    problem::Answer,
};

/// A document of the file.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    /// The number of its line.
    pub(super) line: u64,
    pub(super) id: Option<String>,
    pub(super) document: String,
}

/// One line of a JSON file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    id: Option<String>,
    document: Map<String, Value>,
}

/// Reads all of it; says what is wrong with each line.
pub(super) fn read(text: &[u8], format: Format) -> Answer<Vec<Row>> {
    file::read(text, format, row)
}

impl file::Line for Line {
    fn from_json(line: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|error| format!("cannot be read: {error}"))
    }

    fn check_headings(_: &[String]) -> Result<(), String> {
        Ok(())
    }

    fn from_csv(headings: &[String], row: &StringRecord) -> Result<Self, String> {
        let (id, document) = table::read_row(headings, row.iter())?;
        Ok(Self { id, document })
    }
}

fn row(line: u64, Line { id, document }: Line) -> Result<Row, String> {
    if id.as_deref().is_some_and(|id| !is_document_id(id)) {
        return Err(format!("an id must have 1 to {DOCUMENT_ID_BYTES_MAX} bytes"));
    }
    let document = Value::Object(document).to_string();
    if document.len() > DOCUMENT_BYTES_MAX {
        return Err(format!(
            "a document must have at most {DOCUMENT_BYTES_MAX} bytes as JSON"
        ));
    }
    Ok(Row { line, id, document })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::file::{FAULTS_MAX, faults_of};

    fn faults(text: &str, format: Format) -> Vec<String> {
        faults_of(read(text.as_bytes(), format))
    }

    #[test]
    fn documents_have_an_id_or_none() {
        let text = "\u{FEFF}{\"id\":\"a\",\"document\":{\"n\":1}}\r\n\n{\"document\":{}}";
        let row = |line, id: Option<&str>, document: &str| Row {
            line,
            id: id.map(str::to_owned),
            document: document.to_owned(),
        };
        let expected = vec![row(1, Some("a"), "{\"n\":1}"), row(3, None, "{}")];
        assert_eq!(read(text.as_bytes(), Format::Json).expect("it is fine"), expected);
        let text = "_id,n\na,1\n\"\",\n";
        let expected = vec![row(2, Some("a"), "{\"n\":1}"), row(3, None, "{}")];
        assert_eq!(read(text.as_bytes(), Format::Csv).expect("it is fine"), expected);
    }

    #[test]
    fn each_fault_names_its_line() {
        let text = "{\"document\":{}}\n{\"document\":1}\n{\"id\":\"\",\"document\":{}}\nno\n{\"document\":{},\"x\":1}";
        assert_eq!(
            faults(text, Format::Json),
            ["line 2", "line 3", "line 4", "line 5"]
        );
        assert_eq!(faults(&"no\n".repeat(100), Format::Json).len(), FAULTS_MAX);
        assert_eq!(faults("a,b,a\n1,2,3\n", Format::Csv), ["line 1"]);
        assert_eq!(
            faults("_id,_more\na,{}\nb,[]\nc\n", Format::Csv),
            ["line 3", "line 4"]
        );
    }
}
