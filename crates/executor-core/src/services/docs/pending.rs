//! What a run has read of documents and what it will write. Nothing here asks anybody.

use std::{collections::BTreeMap, rc::Rc};

use picloud_shared::services::docs::{
    Collection, CollectionCommit, DocumentWrite, Entry, ReadDocument, Stretch,
};
use serde_json::Value;

/// A document that a run has read.
#[derive(Clone, Debug)]
pub(in crate::services) struct Seen {
    pub(in crate::services) text: Rc<str>,
    pub(in crate::services) version: i64,
}

/// A document as it is in memory.
#[derive(Clone, Debug)]
pub(in crate::services) struct Parsed {
    pub(in crate::services) text: Rc<str>,
    pub(in crate::services) value: Rc<Value>,
}

/// Where a document stands in the indexes, and what no other may have.
#[derive(Clone, Debug, Default)]
pub(in crate::services) struct Places {
    pub(in crate::services) entries: Vec<Entry>,
    pub(in crate::services) claims: Vec<Entry>,
}

/// What a run will write of a document.
#[derive(Clone, Debug)]
pub(in crate::services) struct Pending {
    /// None to delete it.
    pub(in crate::services) document: Option<Parsed>,
    /// Its places as it is stored.
    pub(in crate::services) before: Rc<Places>,
    /// Its places when it is written.
    pub(in crate::services) after: Places,
}

/// The documents in the transaction of a run.
#[derive(Debug, Default)]
pub(in crate::services) struct Docs {
    collections: BTreeMap<String, Known>,
    documents_written: usize,
    bytes_written: usize,
}

/// What a run knows of a collection, as soon as it has asked for anything in it.
#[derive(Debug, Default)]
pub(in crate::services) struct Known {
    /// The collection as it was seen; none if it was not there.
    pub(in crate::services) seen: Option<Rc<Collection>>,
    /// The collection that the run makes, if it was not there.
    pub(in crate::services) created: Option<Rc<Collection>>,
    read: BTreeMap<String, Option<Seen>>,
    stretches: Vec<Stretch>,
    pub(in crate::services) written: BTreeMap<String, Pending>,
}

impl Known {
    /// The collection, if there is one for this run.
    pub(in crate::services) fn collection(&self) -> Option<&Rc<Collection>> {
        self.seen.as_ref().or(self.created.as_ref())
    }

    /// What was read of a document; none if it was not asked for, though it has to be.
    #[expect(
        clippy::option_option,
        reason = "unknown is another thing than known not to be there"
    )]
    pub(in crate::services) fn read(&self, id: &str) -> Option<Option<&Seen>> {
        match self.read.get(id) {
            Some(seen) => Some(seen.as_ref()),
            // Where there is no collection there is no document.
            None => self.seen.is_none().then_some(None),
        }
    }

    /// Notes what was read of a document. What was read first stays.
    pub(in crate::services) fn note_document(&mut self, id: &str, seen: Option<Seen>) {
        self.read.entry(id.to_owned()).or_insert(seen);
    }

    /// Notes what was looked at.
    pub(in crate::services) fn note_stretch(&mut self, stretch: Stretch) {
        self.stretches.push(stretch);
    }

    fn to_commit(&self, name: &str) -> CollectionCommit {
        let documents = self.read.iter().map(|(id, seen)| ReadDocument {
            id: id.clone(),
            version: seen.as_ref().map(|seen| seen.version),
        });
        let writes = self.written.iter().map(|(id, pending)| pending.to_write(id));
        CollectionCommit {
            name: name.to_owned(),
            id: self.collection().map(|collection| collection.id),
            version: self.seen.as_ref().map(|collection| collection.version),
            created: self
                .created
                .as_ref()
                .map(|collection| collection.definition.clone()),
            documents: documents.collect(),
            stretches: self.stretches.clone(),
            writes: writes.collect(),
            indexed: Vec::new(),
        }
    }
}

impl Pending {
    fn bytes(&self, id: &str) -> usize {
        id.len() + self.document.as_ref().map_or(0, |document| document.text.len())
    }

    fn to_write(&self, id: &str) -> DocumentWrite {
        let (before, after) = (&self.before.entries, &self.after.entries);
        let without = |entries: &[Entry], others: &[Entry]| {
            let entries = entries.iter().filter(|entry| !others.contains(entry));
            entries.cloned().collect()
        };
        DocumentWrite {
            id: id.to_owned(),
            document: self.document.as_ref().map(|document| document.text.to_string()),
            added: without(after, before),
            removed: without(before, after),
            claims: [self.before.claims.as_slice(), &self.after.claims].concat(),
        }
    }
}

impl Docs {
    /// What is known of a collection, if anything was asked in it.
    pub(in crate::services) fn known(&self, name: &str) -> Option<&Known> {
        self.collections.get(name)
    }

    /// The same, to note something.
    pub(in crate::services) fn known_mut(&mut self, name: &str) -> &mut Known {
        self.collections.entry(name.to_owned()).or_default()
    }

    /// Writes a document; gives what would have been written before.
    pub(in crate::services) fn write(&mut self, name: &str, id: &str, pending: Pending) -> Option<Pending> {
        self.bytes_written += pending.bytes(id);
        let before = self.known_mut(name).written.insert(id.to_owned(), pending);
        match &before {
            Some(before) => self.bytes_written -= before.bytes(id),
            None => self.documents_written += 1,
        }
        before
    }

    /// Takes a write back, which gave `before`.
    pub(in crate::services) fn restore(&mut self, name: &str, id: String, before: Option<Pending>) {
        if let Some(now) = self.known_mut(name).written.remove(&id) {
            self.bytes_written -= now.bytes(&id);
            self.documents_written -= 1;
        }
        if let Some(before) = before {
            self.bytes_written += before.bytes(&id);
            self.documents_written += 1;
            self.known_mut(name).written.insert(id, before);
        }
    }

    /// How many documents it writes, and how many bytes these are.
    pub(in crate::services) fn writes(&self) -> (usize, usize) {
        (self.documents_written, self.bytes_written)
    }

    /// How many documents and stretches it has read.
    pub(in crate::services) fn reads(&self) -> usize {
        let collections = self.collections.values();
        collections
            .map(|known| known.read.len() + known.stretches.len())
            .sum()
    }

    /// Begins the next transaction of a run that is only tried, which still sees what it has written.
    pub(in crate::services) fn begin_anew(&mut self) {
        for known in self.collections.values_mut() {
            known.read.clear();
            known.stretches.clear();
        }
    }

    /// Forgets what it would have written.
    pub(in crate::services) fn roll_back(&mut self) {
        for known in self.collections.values_mut() {
            known.written.clear();
            known.created = None;
        }
        self.documents_written = 0;
        self.bytes_written = 0;
    }

    /// A copy of all of it, to be committed.
    pub(in crate::services) fn to_commit(&self) -> Vec<CollectionCommit> {
        let collections = self.collections.iter();
        collections.map(|(name, known)| known.to_commit(name)).collect()
    }
}
