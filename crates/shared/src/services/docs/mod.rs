//! Collections of JSON documents of an app.
//!
//! Reading order: `path` (a place in a document), `key` (values as bytes in order), `filter` (what is looked for),
//! `definition` (the indexes of a collection, and where a document stands in them), `plan` (how a filter is found
//! through an index), `schema` and `merge` (what documents have to be like, and how parts of one are changed), `change` (how
//! a definition becomes another one), `commit` (what a run read and writes). All of it is pure: both databases and a run's own writes are judged by the same code.

mod change;
mod commit;
mod definition;
mod filter;
mod key;
mod merge;
mod path;
mod plan;
mod schema;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::{
    change::{DefinitionChange, Goal, Unfinished},
    commit::{CollectionCommit, DocumentWrite, Indexed, ReadDocument, Stretch},
    definition::{
        COLLECTION_NAME_BYTES_MAX, COLLECTIONS_MAX, CollectionName, Definition, Entry, INDEXED_MEMBERS_MAX,
        INDEXES_MAX, Index, NoCollectionName, TooManyMembers,
    },
    filter::{FILTER_BYTES_MAX, FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX, Filter, FilterError, Test},
    key::{TEXT_BYTES_KEPT, after_all, key},
    merge::merge,
    path::{DocPath, NoPath, PATH_BYTES_MAX, PATH_NAMES_MAX},
    plan::{Plan, Selection, check_filter_size},
    schema::{SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX, Schema, SchemaError},
};

/// Largest document in bytes, as a JSON text.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1_024;

/// Longest id of a document in bytes.
pub const DOCUMENT_ID_BYTES_MAX: usize = 128;

/// Documents that one call may find.
pub const FIND_DOCUMENTS_MAX: u32 = 1_000;

/// Documents that a call finds unless it says how many.
pub const FIND_DOCUMENTS_DEFAULT: u32 = 100;

/// Bytes of documents after which what is found goes on in the next call.
pub const FIND_BYTES_MAX: usize = 1_024 * 1_024;

/// Documents that one call looks at to find some.
pub const LOOKED_AT_MAX: usize = 10_000;

/// Bytes of documents that one call looks at.
pub const LOOKED_AT_BYTES_MAX: usize = 32 * 1_024 * 1_024;

/// A collection that is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collection {
    /// Names it; one that was deleted and made again has another.
    pub id: Uuid,
    /// Names this form of its definition; every other has another.
    pub version: i64,
    /// What it is declared to be.
    pub definition: Definition,
}

/// A document that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its id.
    pub id: String,
    /// The JSON text.
    pub document: String,
    /// Names this writing of it; every other has another.
    pub version: i64,
    /// When it was first written, in microseconds since 1970.
    pub created_at: i64,
    /// When it was last written.
    pub updated_at: i64,
}

/// What a run asks about the documents of one collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DocsQuestion {
    /// The name of the collection.
    pub collection: String,
    /// What about it.
    pub ask: DocsAsk,
}

/// What is asked about a collection. Each is answered as of one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocsAsk {
    /// These documents.
    Get {
        /// Their ids.
        ids: Vec<String>,
    },
    /// Who stands at these keys of unique indexes.
    Claims {
        /// The keys.
        claims: Vec<Entry>,
    },
    /// What matches.
    Find(Find),
}

/// A page of what matches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Find {
    /// What is looked for.
    pub selection: Selection,
    /// Only what stands after this place, which is the end of the page before.
    pub after: Option<Vec<u8>>,
    /// At most so many.
    pub limit: u32,
    /// Without these: the run has written them itself.
    pub except: Vec<String>,
    /// Whether only their number is asked for, without any limit to it.
    pub only_count: bool,
}

/// What is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DocsAnswer {
    /// The collection; none if there is none of this name.
    pub collection: Option<Collection>,
    /// What was asked about it. Nothing if it is not there.
    pub found: DocsFound,
}

/// The answer to a [`DocsAsk`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocsFound {
    /// To [`DocsAsk::Get`]: those that are there, in no order.
    Documents {
        /// They.
        documents: Vec<Document>,
    },
    /// To [`DocsAsk::Claims`]: one for each key.
    Claims {
        /// In the order of the keys.
        claims: Vec<Claim>,
    },
    /// To [`DocsAsk::Find`].
    Page(FoundPage),
    /// To [`DocsAsk::Find`]: the place after which to go on is one of another order, of an index that is used no longer or
    /// was not used before.
    OtherOrder,
    /// What was asked cannot be answered, and why; in words for who asked.
    Refused {
        /// Why.
        message: String,
    },
}

/// Who stands at a key of a unique index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The ids: one at most in an index that is ready.
    pub ids: Vec<String>,
    /// What was looked at.
    pub stretch: Stretch,
}

/// A part of what matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundPage {
    /// In the order that was asked for.
    pub documents: Vec<Document>,
    /// How many match, if only that was asked.
    pub count: u64,
    /// What was looked at.
    pub stretches: Vec<Stretch>,
    /// The place where looking stopped; none if there is nothing behind it.
    pub until: Option<Vec<u8>>,
}

/// The text of a place among what `selection` finds, for whoever comes back for the next page.
pub fn cursor_text(selection: &Selection, place: &[u8]) -> String {
    hex::encode(selection.stamp().cursor(place))
}

/// The place that a cursor is about; none if it is no cursor, a damaged one, or one of another selection.
pub fn read_cursor(selection: &Selection, text: &str) -> Option<Vec<u8>> {
    let cursor = hex::decode(text).ok()?;
    selection.stamp().position(&cursor).map(<[u8]>::to_vec)
}

/// Whether `id` may be that of a document.
pub fn is_document_id(id: &str) -> bool {
    (1..=DOCUMENT_ID_BYTES_MAX).contains(&id.len())
}
