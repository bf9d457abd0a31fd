//! What a run read of documents and what it writes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Definition, Entry};

/// What a run read and writes in one collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CollectionCommit {
    /// The name of the collection.
    pub name: String,
    /// Its id; that of the new one, if it is made. Nothing is read or written without one.
    pub id: Option<Uuid>,
    /// The version that its definition had; none if it was not there.
    pub version: Option<i64>,
    /// What is made, if it was not there.
    pub created: Option<Definition>,
    /// Documents that must be as they were read.
    pub documents: Vec<ReadDocument>,
    /// Parts of it that must be as they were looked at.
    pub stretches: Vec<Stretch>,
    /// What is written: each document once.
    pub writes: Vec<DocumentWrite>,
    /// Documents whose places in indexes are written, and not they themselves.
    pub indexed: Vec<Indexed>,
}

/// A document that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadDocument {
    /// Its id.
    pub id: String,
    /// The version that it had; none if it was not there.
    pub version: Option<i64>,
}

/// A part of a collection that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Of which index; of the ids if it is none.
    pub index: Option<i32>,
    /// From this position, which is in it …
    pub low: Vec<u8>,
    /// … up to this one, which is not.
    pub high: Vec<u8>,
    /// How many documents stood there.
    pub count: u64,
    /// The versions of all of them, combined with exclusive or.
    pub mark: i64,
    /// Whether it is about one value of a unique index.
    pub is_claim: bool,
}

/// One document that is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentWrite {
    /// Its id.
    pub id: String,
    /// The new one, as a JSON text; none to delete it.
    pub document: Option<String>,
    /// Where it stands in the indexes, and did not before.
    pub added: Vec<Entry>,
    /// Where it stood in the indexes, and does no longer.
    pub removed: Vec<Entry>,
    /// What it has, or had, that no other document may have.
    pub claims: Vec<Entry>,
}

/// A document that is put into an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indexed {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub entry: Entry,
}

impl CollectionCommit {
    /// Whether it changes nothing.
    pub fn writes_nothing(&self) -> bool {
        self.created.is_none() && self.writes.is_empty() && self.indexed.is_empty()
    }
}
