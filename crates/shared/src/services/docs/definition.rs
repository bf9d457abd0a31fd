//! What a collection is declared to be: its indexes, and the form of its documents.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DocPath, Schema, Unfinished, key};

/// Longest name of a collection in bytes.
pub const COLLECTION_NAME_BYTES_MAX: usize = 64;
/// Collections of one app.
pub const COLLECTIONS_MAX: u64 = 1_000;
/// Indexes of one collection.
pub const INDEXES_MAX: usize = 16;
/// Members of an array at a path that has an index.
pub const INDEXED_MEMBERS_MAX: usize = 100;

/// The name of a collection that an app's scripts may use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CollectionName(String);

/// What is no name of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCollectionName {
    /// It has another form.
    #[error(
        "the name of a collection has 1 to {COLLECTION_NAME_BYTES_MAX} letters a-z and A-Z, digits, `_` or `-`, and \
         begins with a letter"
    )]
    Form,
    /// It is PiCloud's own.
    #[error("names that begin with `_` are reserved for PiCloud")]
    Reserved,
}

impl CollectionName {
    /// Reads a name.
    pub fn new(text: &str) -> Result<Self, NoCollectionName> {
        if text.starts_with('_') {
            return Err(NoCollectionName::Reserved);
        }
        let is_name = text.len() <= COLLECTION_NAME_BYTES_MAX
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if is_name {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoCollectionName::Form)
        }
    }

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CollectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CollectionName {
    type Error = NoCollectionName;

    fn try_from(text: String) -> Result<Self, NoCollectionName> {
        Self::new(&text)
    }
}

impl FromStr for CollectionName {
    type Err = NoCollectionName;

    fn from_str(text: &str) -> Result<Self, NoCollectionName> {
        Self::new(text)
    }
}

impl From<CollectionName> for String {
    fn from(name: CollectionName) -> Self {
        name.0
    }
}

/// What a collection is declared to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Its indexes.
    pub indexes: Vec<Index>,
    /// What its documents have to be like.
    pub schema: Option<Schema>,
    /// What is still to be done, if it is being changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<Box<Unfinished>>,
}

/// An index over one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Its number within the collection.
    pub id: i32,
    /// What it is about.
    pub path: DocPath,
    /// Whether no two documents may have the same text, number or truth value there.
    pub is_unique: bool,
    /// Whether it knows all documents. It is not used before.
    pub is_ready: bool,
}

/// Why a document cannot be in an index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` has an index, so an array there has at most {INDEXED_MEMBERS_MAX} members")]
pub struct TooManyMembers(DocPath);

/// That a document is in an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// In which.
    pub index: i32,
    /// At which key.
    pub key: Vec<u8>,
}

impl Definition {
    /// Where `document` is in the indexes: once in each, and once more for each member of an array.
    pub fn entries(&self, document: &Value) -> Result<Vec<Entry>, TooManyMembers> {
        let mut entries = Vec::with_capacity(self.indexes.len());
        for index in &self.indexes {
            index.enter(document, &mut entries)?;
        }
        Ok(once_each(entries))
    }

    /// Where a document that is stored is in the indexes. One that was there before an index may not fit it, and is not in
    /// it then.
    pub fn stored_entries(&self, document: &Value) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(self.indexes.len());
        for index in &self.indexes {
            // It adds all or nothing.
            index.enter(document, &mut entries).unwrap_or_default();
        }
        once_each(entries)
    }

    /// What `document` has that no other document may have.
    pub fn claims(&self, document: &Value) -> Vec<Entry> {
        let unique = self.indexes.iter().filter(|index| index.is_unique);
        let claims = unique.filter_map(|index| {
            let value = index.path.of(document)?;
            let counts = !value.is_null() && key::is_scalar(value);
            counts.then(|| Entry {
                index: index.id,
                key: key::key(Some(value)),
            })
        });
        claims.collect()
    }

    /// The index with this id.
    pub fn index(&self, id: i32) -> Option<&Index> {
        self.indexes.iter().find(|index| index.id == id)
    }
}

impl Index {
    /// Adds where `document` is in this index; nothing if it cannot be there.
    fn enter(&self, document: &Value, entries: &mut Vec<Entry>) -> Result<(), TooManyMembers> {
        let value = self.path.of(document);
        let members = match value {
            Some(Value::Array(members)) => members.as_slice(),
            _ => &[],
        };
        if members.len() > INDEXED_MEMBERS_MAX {
            return Err(TooManyMembers(self.path.clone()));
        }
        let entry = |key| Entry { index: self.id, key };
        entries.push(entry(key::key(value)));
        entries.extend(members.iter().filter_map(key::element_key).map(entry));
        Ok(())
    }
}

fn once_each(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_unstable();
    entries.dedup();
    entries
}

impl Entry {
    /// Where a document stands in its index: no two stand at one place.
    pub fn position(&self, id: &str) -> Vec<u8> {
        position(&self.key, id)
    }
}

/// Where the document `id` stands among others when they are sorted by `key`.
pub(super) fn position(key: &[u8], id: &str) -> Vec<u8> {
    [key, id.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_have_one_form() {
        for name in ["a", "Users-2", "a_b", &"a".repeat(COLLECTION_NAME_BYTES_MAX)] {
            assert_eq!(CollectionName::new(name).unwrap().as_str(), name);
        }
        for name in [
            "",
            "1",
            "-a",
            "a b",
            "é",
            "a/b",
            &"a".repeat(COLLECTION_NAME_BYTES_MAX + 1),
        ] {
            assert_eq!(CollectionName::new(name), Err(NoCollectionName::Form), "{name}");
        }
        assert_eq!(CollectionName::new("_users"), Err(NoCollectionName::Reserved));
    }

    #[test]
    fn each_document_is_in_each_index() {
        let index = |path: &str, is_unique| Index {
            id: i32::from(path.as_bytes()[0]),
            path: DocPath::new(path).unwrap(),
            is_unique,
            is_ready: true,
        };
        let definition = Definition {
            indexes: vec![index("a", true), index("b", false), index("c", true)],
            ..Definition::default()
        };
        let document = json!({ "a": 1, "b": ["x", "x", [], 2], "c": null });
        let entries = definition.entries(&document).unwrap();
        // One each, and two different members that have a key.
        assert_eq!(entries.len(), 5);
        let claims = definition.claims(&document);
        assert_eq!(claims.len(), 1);
        assert!(entries.contains(&claims[0]));
        assert_eq!(definition.entries(&json!({})).unwrap().len(), 3);
        assert!(definition.claims(&json!({ "a": {}, "c": [1] })).is_empty());
        let members = |count| json!({ "b": vec![1; count], "d": vec![1; count] });
        assert!(definition.entries(&members(INDEXED_MEMBERS_MAX)).is_ok());
        assert!(definition.entries(&members(INDEXED_MEMBERS_MAX + 1)).is_err());
        // What does not fit one index is in the others.
        let stored = definition.stored_entries(&members(INDEXED_MEMBERS_MAX + 1));
        let numbers: Vec<_> = stored.iter().map(|entry| entry.index).collect();
        assert_eq!(numbers, [i32::from(b'a'), i32::from(b'c')]);
        assert_eq!(definition.stored_entries(&document), entries);
    }
}
