//! Documents of apps: what both databases share.
//!
//! What is looked at, and what of it matches, is decided by [`walk`], and where a document stands in the indexes by
//! `picloud_shared::services::docs`. A database only fetches rows between two positions, and commits.

pub(crate) mod collections;
pub(crate) mod walk;

use picloud_shared::{
    repository::StoreError,
    services::docs::{Collection, CollectionCommit, DocsAnswer, DocsFound, Document},
};
use uuid::Uuid;

use self::walk::WalkError;
use crate::{convert::from_json, kv::text};

/// The collection of a row.
pub(crate) fn collection(id: Uuid, version: i64, definition: &str) -> Result<Collection, StoreError> {
    Ok(Collection {
        id,
        version,
        definition: from_json("definition of a collection", definition)?,
    })
}

/// The document of a row.
pub(crate) fn document(
    id: Vec<u8>,
    document: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
) -> Result<Document, StoreError> {
    Ok(Document {
        id: text("id of a document", id)?,
        document,
        version,
        created_at,
        updated_at,
    })
}

/// What is there of a collection that is not.
pub(crate) fn nothing() -> DocsAnswer {
    DocsAnswer {
        collection: None,
        found: DocsFound::Documents {
            documents: Vec::new(),
        },
    }
}

/// Why a walk has ended, for who asked; or for the log.
pub(crate) fn refused(error: &WalkError) -> Result<DocsFound, StoreError> {
    match error {
        WalkError::Filter(_) | WalkError::TooMany { .. } => Ok(DocsFound::Refused {
            message: error.to_string(),
        }),
        WalkError::OtherOrder => Ok(DocsFound::OtherOrder),
        WalkError::Damaged(_) => Err(StoreError::Corrupt(error.to_string())),
    }
}

/// What a conflict in a collection is over.
pub(crate) fn conflict_key(commit: &CollectionCommit, id: &str) -> String {
    if id.is_empty() {
        commit.name.clone()
    } else {
        format!("{}/{id}", commit.name)
    }
}
