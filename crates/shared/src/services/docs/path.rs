//! Paths into documents, such as `address.city` or `lines.0.price`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest path in bytes.
pub const PATH_BYTES_MAX: usize = 256;
/// Names in a path.
pub const PATH_NAMES_MAX: usize = 16;

/// A path into documents: names with dots between them. A number is a place in an array, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocPath(String);

/// What is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no path: it has 1 to {PATH_NAMES_MAX} names with dots between them, and at most {PATH_BYTES_MAX} bytes"
)]
pub struct NoPath(String);

impl DocPath {
    /// Reads a path.
    pub fn new(text: &str) -> Result<Self, NoPath> {
        let names = text.split('.');
        let is_path = text.len() <= PATH_BYTES_MAX
            && names.clone().count() <= PATH_NAMES_MAX
            && names.clone().all(|name| !name.is_empty());
        if is_path {
            Ok(Self(text.to_owned()))
        } else {
            // No message grows with what was sent.
            Err(NoPath(text.chars().take(PATH_NAMES_MAX).collect()))
        }
    }

    /// The path as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a document has there.
    pub fn of<'d>(&self, document: &'d Value) -> Option<&'d Value> {
        self.0.split('.').try_fold(document, |value, name| match value {
            Value::Object(fields) => fields.get(name),
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            _ => None,
        })
    }
}

impl fmt::Display for DocPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for DocPath {
    type Error = NoPath;

    fn try_from(text: String) -> Result<Self, NoPath> {
        Self::new(&text)
    }
}

impl From<DocPath> for String {
    fn from(path: DocPath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_goes_through_objects_and_arrays() {
        let document = json!({ "a": { "b": [1, { "c": null }] }, "0": "zero" });
        for (path, expected) in [
            ("a.b.0", Some(json!(1))),
            ("a.b.1.c", Some(json!(null))),
            ("0", Some(json!("zero"))),
            ("a.b.2", None),
            ("a.b.-1", None),
            ("a.x.y", None),
            ("a.b.0.c", None),
        ] {
            let path = DocPath::new(path).unwrap();
            assert_eq!(path.of(&document), expected.as_ref(), "{path}");
        }
    }

    #[test]
    fn what_is_no_path() {
        let long = "a".repeat(PATH_BYTES_MAX + 1);
        let deep = vec!["a"; PATH_NAMES_MAX + 1].join(".");
        for text in ["", ".", "a.", ".a", "a..b", &long, &deep] {
            assert!(DocPath::new(text).is_err(), "{text}");
        }
        assert!(DocPath::new(&"a".repeat(PATH_BYTES_MAX)).is_ok());
    }
}
