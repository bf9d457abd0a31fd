//! What stands in a file of documents.

use csv::StringRecord;
use picloud_shared::services::docs::{DOCUMENT_BYTES_MAX, DOCUMENT_ID_BYTES_MAX, is_document_id};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

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

/// A line of either kind.
struct Line {
    id: Option<String>,
    document: Map<String, Value>,
}

/// One line of a JSON file. The document is read on its own: it may be as deep as if nothing stood around it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonLine {
    #[serde(default)]
    id: Option<String>,
    document: Box<RawValue>,
}

/// Reads all of it; says what is wrong with each line.
pub(super) fn read(text: &[u8], format: Format) -> Answer<Vec<Row>> {
    file::read(text, format, row)
}

impl file::Line for Line {
    fn from_json(line: &[u8]) -> Result<Self, String> {
        let line: JsonLine =
            serde_json::from_slice(line).map_err(|error| format!("cannot be read: {error}"))?;
        let document = serde_json::from_str(line.document.get())
            .map_err(|error| format!("`document` cannot be read: {error}"))?;
        Ok(Self {
            id: line.id,
            document,
        })
    }

    /// Fields may have any names; but what begins like a line of a JSON file is one.
    fn check_headings(headings: &[String]) -> Result<(), String> {
        match headings.first() {
            Some(first) if first.trim_start().starts_with('{') => {
                Err("is no line of headings but JSON; send the file with `format=json`".to_owned())
            }
            _ => Ok(()),
        }
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
            faults("{\"id\":\"a\",\"document\":{}}\n", Format::Csv),
            ["line 1"]
        );
        assert_eq!(faults("a,b\n1,2\n3,\"4\n", Format::Csv), ["line 3"]);
        let columns = |count: usize| (0..count).map(|at| at.to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(faults(&columns(1_000), Format::Csv), [""; 0]);
        assert_eq!(faults(&columns(1_001), Format::Csv), ["line 1"]);
        assert_eq!(
            faults("_id,_more\na,{}\nb,[]\nc\n", Format::Csv),
            ["line 3", "line 4"]
        );
    }

    #[test]
    fn a_document_is_as_deep_as_it_may_be_elsewhere() {
        let line = |levels: usize| {
            let document = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
            format!("{{\"id\":\"a\",\"document\":{document}}}\n")
        };
        assert_eq!(faults(&line(127), Format::Json), [""; 0]);
        for wrong in [line(128), line(20_000), "{\"document\":{\"a\":1e400}}".to_owned()] {
            assert_eq!(faults(&wrong, Format::Json), ["line 1"]);
        }
    }
}
