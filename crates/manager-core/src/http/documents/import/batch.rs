//! Writing many documents in one commit.

use std::collections::{BTreeMap, BTreeSet};

use picloud_shared::{
    audit::Recorded,
    id::ExecutionId,
    problem::Code,
    services::{
        Answer as Answered, Commit, Question,
        docs::{
            Collection, CollectionCommit, DocsAsk, DocsFound, Document, DocumentWrite, Entry, ReadDocument,
            Stretch,
        },
    },
};
use serde_json::Value;

use super::{
    super::{
        ask,
        write::{TRIES_MAX, write_of},
    },
    Target,
    lines::Row,
};
use crate::http::{
    file::Mode,
    import::Steps,
    kv,
    problem::{Answer, FieldError, Refusal, internal, invalid, problem},
};

/// Documents that one commit writes.
const BATCH_DOCUMENTS_MAX: usize = 250;

/// Bytes of documents that one commit writes, but for the last of them.
const BATCH_BYTES_MAX: usize = 1_024 * 1_024;

/// Parts of the file, each for one commit. None has the same id twice.
pub(super) fn batches(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut batches = Vec::new();
    let (mut batch, mut bytes, mut ids) = (Vec::new(), 0, BTreeSet::new());
    for row in rows {
        let is_again = row.id.as_ref().is_some_and(|id| !ids.insert(id.clone()));
        if is_again || batch.len() == BATCH_DOCUMENTS_MAX || bytes > BATCH_BYTES_MAX {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
            ids = row.id.iter().cloned().collect();
        }
        bytes += row.document.len();
        batch.push(row);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

impl Steps for Target<'_> {
    type Row = Row;
    const WHAT: &'static str = "documents";

    async fn write(&self, rows: Vec<Row>, audit: Option<Box<Recorded>>) -> Answer<()> {
        let ids: Vec<String> = rows.iter().map(|row| self.id_of(row)).collect();
        for _ in 0..TRIES_MAX {
            let commit = Question::Commit(Commit {
                docs: vec![self.draft(&rows, &ids).await?],
                writer: Some(self.caller.writer()),
                audit: audit.clone(),
                ..Commit::default()
            });
            match kv::ask(self.manager, self.app, commit).await? {
                Answered::Committed => return Ok(()),
                Answered::Conflict { .. } => {}
                _ => return Err(internal()),
            }
        }
        Err(problem(
            Code::Conflict,
            "Scripts changed the documents all the time. Try again in a moment.",
        ))
    }
}

impl Target<'_> {
    fn id_of(&self, row: &Row) -> String {
        let new = || ExecutionId::new(self.manager.now()).to_string();
        row.id.clone().unwrap_or_else(new)
    }

    async fn draft(&self, rows: &[Row], ids: &[String]) -> Answer<CollectionCommit> {
        let (collection, before) = self.stored(ids).await?;
        let mut writes = Vec::with_capacity(rows.len());
        let mut claimed = Vec::new();
        for (row, id) in rows.iter().zip(ids) {
            let old = before.get(id);
            if old.is_some() && self.mode == Mode::Insert {
                return Err(taken(
                    row,
                    &format!("the collection has a document `{id}` already"),
                ));
            }
            let old: Option<Value> = match old {
                Some(document) => Some(serde_json::from_str(&document.document).map_err(|_| internal())?),
                None => None,
            };
            let new: Value = serde_json::from_str(&row.document).map_err(|_| internal())?;
            let written = write_of(&collection.definition, id, old.as_ref(), Some(&new));
            let (write, claims) = written.map_err(|message| wrong(row, message))?;
            claimed.extend(claims.into_iter().map(|claim| (claim, row)));
            writes.push(write);
        }
        let stretches = self.claim(&collection, &writes, claimed).await?;
        let documents = ids.iter().map(|id| ReadDocument {
            id: id.clone(),
            version: before.get(id).map(|document| document.version),
        });
        Ok(CollectionCommit {
            name: self.collection.as_str().to_owned(),
            id: Some(collection.id),
            version: Some(collection.version),
            created: None,
            documents: documents.collect(),
            stretches,
            writes,
            indexed: Vec::new(),
        })
    }

    async fn stored(&self, ids: &[String]) -> Answer<(Collection, BTreeMap<String, Document>)> {
        let asked = DocsAsk::Get { ids: ids.to_vec() };
        match ask(self.manager, self.app, self.collection, asked).await? {
            (collection, DocsFound::Documents { documents }) => {
                let documents = documents
                    .into_iter()
                    .map(|document| (document.id.clone(), document));
                Ok((collection, documents.collect()))
            }
            _ => Err(internal()),
        }
    }

    /// Looks that nobody else has what is claimed: no stored document but those that give it up, and no two rows.
    async fn claim(
        &self,
        collection: &Collection,
        writes: &[DocumentWrite],
        claimed: Vec<(Entry, &Row)>,
    ) -> Answer<Vec<Stretch>> {
        if claimed.is_empty() {
            return Ok(Vec::new());
        }
        let not_unique = |claim: &Entry, row: &Row| {
            let index = collection.definition.index(claim.index);
            let path = index.map_or("", |index| index.path.as_str());
            taken(
                row,
                &format!("another document has the same value at `{path}`, which is unique"),
            )
        };
        let mut seen = BTreeSet::new();
        if let Some((claim, row)) = claimed.iter().find(|(claim, _)| !seen.insert(claim)) {
            return Err(not_unique(claim, row));
        }
        let asked = DocsAsk::Claims {
            claims: claimed.iter().map(|(claim, _)| claim.clone()).collect(),
        };
        let (_, DocsFound::Claims { claims: found }) =
            ask(self.manager, self.app, self.collection, asked).await?
        else {
            return Err(internal());
        };
        let gives_up = |id: &String, claim: &Entry| {
            let mut writes = writes.iter();
            writes.any(|write| write.id == *id && write.removed.contains(claim))
        };
        for ((claim, row), holders) in claimed.iter().zip(&found) {
            if holders.ids.iter().any(|id| !gives_up(id, claim)) {
                return Err(not_unique(claim, row));
            }
        }
        Ok(found.into_iter().map(|claim| claim.stretch).collect())
    }
}

fn wrong(row: &Row, message: String) -> Refusal {
    invalid(&[FieldError {
        field: format!("line {}", row.line),
        message,
    }])
}

fn taken(row: &Row, message: &str) -> Refusal {
    problem(Code::DocumentTaken, format!("Line {}: {message}.", row.line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u64, id: Option<&str>, bytes: usize) -> Row {
        Row {
            line,
            id: id.map(str::to_owned),
            document: "x".repeat(bytes),
        }
    }

    #[test]
    fn no_part_is_too_large_or_has_an_id_twice() {
        let sizes = |rows| batches(rows).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(Vec::new()), [0_usize; 0]);
        let many = (0..600).map(|line| row(line, None, 1)).collect();
        assert_eq!(sizes(many), [250, 250, 100]);
        let large = (0..5).map(|line| row(line, None, 400_000)).collect();
        assert_eq!(sizes(large), [3, 2]);
        let again = vec![
            row(1, Some("a"), 1),
            row(2, Some("b"), 1),
            row(3, Some("a"), 1),
            row(4, Some("b"), 1),
        ];
        assert_eq!(sizes(again), [2, 2]);
    }
}
