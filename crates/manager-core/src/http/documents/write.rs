//! Writing one document: as a run that only does that would, again if it meets a conflict.

use picloud_shared::{
    audit::{DataChange, Recorded, Target},
    id::AppId,
    problem::Code,
    services::{
        Answer as Answered, Commit, Question,
        docs::{
            Collection, CollectionCommit, CollectionName, DOCUMENT_BYTES_MAX, Definition, DocsAsk, DocsFound,
            Document, DocumentWrite, Entry, ReadDocument, Stretch,
        },
    },
};
use serde_json::{Value, json};

use super::{ask, look_up};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::Precondition,
        kv,
        problem::{Answer, FieldError, internal, invalid, problem},
    },
};

/// How often a change is tried while scripts change what it is about.
pub(super) const TRIES_MAX: usize = 10;

/// Versions of documents are not negative.
const VERSION_OF_NOTHING: i64 = -1;

/// Where a change is made.
pub(super) struct Place<'p> {
    pub(super) manager: &'p Manager,
    pub(super) caller: &'p Caller,
    pub(super) app: AppId,
    pub(super) collection: &'p CollectionName,
    pub(super) id: &'p str,
    pub(super) only_if: Precondition,
}

/// A change that is worked out, and the collection as it was then.
struct Draft {
    collection: Collection,
    before: Option<Document>,
    write: DocumentWrite,
    stretches: Vec<Stretch>,
}

impl Place<'_> {
    /// Makes of the document what `make` says, which is given what it is, and records that. Gives what was written.
    pub(super) async fn change(
        &self,
        action: &'static str,
        make: impl Fn(Option<Value>) -> Answer<Option<Value>>,
    ) -> Answer<Option<Document>> {
        let change = self.caller.change(self.manager, None);
        for _ in 0..TRIES_MAX {
            let draft = self.draft(&make).await?;
            self.manager
                .repository()
                .confirm_data_change(self.app, &change)
                .await?;
            let recorded = Recorded {
                done: self.done(action, &draft),
                change: change.clone(),
            };
            let commit = Question::Commit(Commit {
                docs: vec![self.commit(&draft)],
                writer: Some(self.caller.writer()),
                audit: Some(Box::new(recorded)),
                ..Commit::default()
            });
            match kv::ask(self.manager, self.app, commit).await? {
                Answered::Committed => return Ok(self.written(draft).await),
                Answered::Conflict { .. } => {}
                _ => return Err(internal()),
            }
        }
        Err(problem(
            Code::Conflict,
            "Scripts changed the document all the time. Nothing was changed. Try again in a moment.",
        ))
    }

    /// The document that was written. If it is another one by now, or cannot be read, this is what was written, with a version
    /// that nothing has: nobody takes what they have not seen for what they wrote.
    async fn written(&self, draft: Draft) -> Option<Document> {
        let text = draft.write.document?;
        match look_up(self.manager, self.app, self.collection, self.id).await {
            Ok((_, Some(found))) if found.document == text => Some(found),
            _ => {
                let now = self.manager.now().as_micros();
                Some(Document {
                    id: self.id.to_owned(),
                    document: text,
                    version: VERSION_OF_NOTHING,
                    created_at: draft.before.map_or(now, |before| before.created_at),
                    updated_at: now,
                })
            }
        }
    }

    async fn draft(&self, make: &impl Fn(Option<Value>) -> Answer<Option<Value>>) -> Answer<Draft> {
        let (collection, before) = look_up(self.manager, self.app, self.collection, self.id).await?;
        let version = before.as_ref().map(|document| document.version.to_string());
        self.only_if.check(version.as_deref())?;
        let old: Option<Value> = match &before {
            Some(document) => Some(serde_json::from_str(&document.document).map_err(|_| internal())?),
            None => None,
        };
        let new = make(old.clone())?;
        let (write, claimed) =
            write_of(&collection.definition, self.id, old.as_ref(), new.as_ref()).map_err(wrong)?;
        let stretches = self.claim(&collection, claimed).await?;
        Ok(Draft {
            collection,
            before,
            write,
            stretches,
        })
    }

    /// Looks that no other document has what is claimed.
    async fn claim(&self, collection: &Collection, claims: Vec<Entry>) -> Answer<Vec<Stretch>> {
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let asked = DocsAsk::Claims {
            claims: claims.clone(),
        };
        let (_, DocsFound::Claims { claims: found }) =
            ask(self.manager, self.app, self.collection, asked).await?
        else {
            return Err(internal());
        };
        for (claim, holders) in claims.iter().zip(&found) {
            if holders.ids.iter().any(|other| other != self.id) {
                let index = collection.definition.index(claim.index);
                let path = index.map_or("", |index| index.path.as_str());
                let detail = format!(
                    "Another document of the collection has the same value at `{path}`, which is unique."
                );
                return Err(problem(Code::DocumentTaken, detail));
            }
        }
        Ok(found.into_iter().map(|claim| claim.stretch).collect())
    }

    fn commit(&self, draft: &Draft) -> CollectionCommit {
        CollectionCommit {
            name: self.collection.as_str().to_owned(),
            id: Some(draft.collection.id),
            version: Some(draft.collection.version),
            created: None,
            documents: vec![ReadDocument {
                id: self.id.to_owned(),
                version: draft.before.as_ref().map(|document| document.version),
            }],
            stretches: draft.stretches.clone(),
            writes: vec![draft.write.clone()],
            indexed: Vec::new(),
        }
    }

    /// What the log says: never the document itself, which may hold anything.
    fn done(&self, action: &'static str, draft: &Draft) -> DataChange {
        let state = |text: &str| json!({ "bytes": text.len() });
        let name = format!("{}/{}", self.collection, self.id);
        DataChange {
            action,
            target: Target {
                kind: "document".to_owned(),
                id: Some(name.clone()),
                name: Some(name),
            },
            before: draft.before.as_ref().map(|document| state(&document.document)),
            after: draft.write.document.as_deref().map(state),
        }
    }
}

/// What is written when `before` becomes `after`, and what it claims that it did not before; or what is wrong.
pub(super) fn write_of(
    definition: &Definition,
    id: &str,
    before: Option<&Value>,
    after: Option<&Value>,
) -> Result<(DocumentWrite, Vec<Entry>), String> {
    let text = after.map(Value::to_string);
    if text.as_ref().is_some_and(|text| text.len() > DOCUMENT_BYTES_MAX) {
        return Err(format!("must have at most {DOCUMENT_BYTES_MAX} bytes as JSON"));
    }
    if let (Some(schema), Some(after)) = (&definition.schema, after) {
        schema.check(after).map_err(|error| error.to_string())?;
    }
    let old_entries = before.map_or(Vec::new(), |value| definition.stored_entries(value));
    let new_entries = match after {
        Some(value) => definition.entries(value).map_err(|error| error.to_string())?,
        None => Vec::new(),
    };
    let claims = |value: Option<&Value>| value.map_or(Vec::new(), |value| definition.claims(value));
    let (old_claims, new_claims) = (claims(before), claims(after));
    let only_in = |some: &[Entry], others: &[Entry]| -> Vec<Entry> {
        let some = some.iter().filter(|entry| !others.contains(entry));
        some.cloned().collect()
    };
    let claimed = only_in(&new_claims, &old_claims);
    let write = DocumentWrite {
        id: id.to_owned(),
        document: text,
        added: only_in(&new_entries, &old_entries),
        removed: only_in(&old_entries, &new_entries),
        claims: [old_claims, new_claims].concat(),
    };
    Ok((write, claimed))
}

/// That the document is not as it should be.
fn wrong(message: String) -> crate::http::problem::Refusal {
    invalid(&[FieldError {
        field: "document".to_owned(),
        message,
    }])
}

#[cfg(test)]
mod tests {
    use picloud_shared::services::docs::{DocPath, INDEXED_MEMBERS_MAX, Index};

    use super::*;

    #[test]
    fn a_document_that_does_not_fit_a_new_index_can_be_mended_and_deleted() {
        let index = |id, path| Index {
            id,
            path: DocPath::new(path).unwrap(),
            is_unique: false,
            is_ready: false,
        };
        let definition = Definition {
            indexes: vec![index(0, "tags"), index(1, "n")],
            ..Definition::default()
        };
        let wide = json!({ "n": 1, "tags": vec![0; INDEXED_MEMBERS_MAX + 1] });
        let (deleted, _) = write_of(&definition, "a", Some(&wide), None).unwrap();
        let numbers: Vec<_> = deleted.removed.iter().map(|entry| entry.index).collect();
        assert_eq!(numbers, [1]);
        let mended = json!({ "n": 1, "tags": [0] });
        let (write, _) = write_of(&definition, "a", Some(&wide), Some(&mended)).unwrap();
        assert!(write.removed.is_empty());
        assert!(write.added.iter().all(|entry| entry.index == 0) && write.added.len() == 2);
        assert!(write_of(&definition, "a", Some(&mended), Some(&wide)).is_err());
    }
}
