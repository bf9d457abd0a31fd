//! What a run has read and what it will write. Nothing here asks anybody.

use std::{collections::BTreeMap, ops::Bound, rc::Rc};

use picloud_shared::services::{
    Commit, Expiry, KvValue, ReadKey, ReadRange, Write, docs::Collection, is_reserved,
};

use super::{
    docs::{Docs, Pending as PendingDocument},
    event::PendingEvent,
    mqtt::PendingMessage,
};

/// A value that a run has read.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) value: Rc<KvValue>,
    pub(super) version: i64,
    pub(super) expires_at: Option<i64>,
}

/// What a run will write to a key.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    /// None to delete it.
    pub(super) value: Option<Rc<KvValue>>,
    pub(super) expiry: Expiry,
}

impl Pending {
    fn bytes(&self, key: &str) -> usize {
        key.len() + self.value.as_ref().map_or(0, |value| value.bytes())
    }
}

/// A key as the run sees it: its own write if there is one, or what it has read.
#[derive(Clone, Debug)]
pub(super) enum Known {
    Written(Pending),
    Read(Option<Seen>),
}

impl Known {
    /// The value.
    pub(super) fn value(&self) -> Option<&Rc<KvValue>> {
        match self {
            Self::Written(pending) => pending.value.as_ref(),
            Self::Read(seen) => seen.as_ref().map(|seen| &seen.value),
        }
    }

    /// How long it is there.
    pub(super) fn expiry(&self) -> Expiry {
        match self {
            Self::Written(pending) => pending.expiry,
            Self::Read(seen) => seen
                .as_ref()
                .and_then(|seen| seen.expires_at)
                .map_or(Expiry::Never, Expiry::At),
        }
    }
}

/// The transaction of a run.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    read: BTreeMap<String, Option<Seen>>,
    ranges: Vec<ReadRange>,
    written: BTreeMap<String, Pending>,
    bytes_written: usize,
    pub(super) docs: Docs,
    events: Vec<PendingEvent>,
    messages: Vec<PendingMessage>,
    /// How many keys, documents, events and messages, and bytes of that, were written before the last commit of a run that is only tried.
    tried: (usize, usize),
    /// How many events.
    tried_events: usize,
    /// How many messages.
    tried_messages: usize,
    /// At how many moments it has read.
    moments: u32,
    /// How what was written in parts is taken back, the last write last; empty while no part is open.
    undo: Vec<Undo>,
    /// How many parts are open.
    parts: usize,
}

/// Where a part of a transaction begins, of which the writes may be taken back alone. Parts nest.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) struct Savepoint {
    undo: usize,
    parts: usize,
}

/// How one write is taken back.
#[derive(Debug)]
enum Undo {
    Key(String, Option<Pending>),
    Document(String, String, Option<PendingDocument>),
    Collection(String),
    Event,
    Message,
}

impl Transaction {
    /// What is known of a key.
    pub(super) fn known(&self, key: &str) -> Option<Known> {
        match self.written.get(key) {
            Some(pending) => Some(Known::Written(pending.clone())),
            None => self.read.get(key).cloned().map(Known::Read),
        }
    }

    /// Begins to note what was read at one more moment.
    pub(super) fn begin_moment(&mut self) {
        self.moments += 1;
    }

    /// Notes what was read of a key. What was read first stays.
    pub(super) fn note_key(&mut self, key: &str, seen: Option<Seen>) {
        self.read.entry(key.to_owned()).or_insert(seen);
    }

    /// Notes what was listed.
    pub(super) fn note_range(&mut self, range: ReadRange) {
        self.ranges.push(range);
    }

    /// Writes a key.
    pub(super) fn write(&mut self, key: &str, pending: Pending) {
        self.bytes_written += pending.bytes(key);
        let before = self.written.insert(key.to_owned(), pending);
        if let Some(before) = &before {
            self.bytes_written -= before.bytes(key);
        }
        if self.parts > 0 {
            self.undo.push(Undo::Key(key.to_owned(), before));
        }
    }

    /// Writes a document.
    pub(super) fn write_document(&mut self, collection: &str, id: &str, pending: PendingDocument) {
        let before = self.docs.write(collection, id, pending);
        if self.parts > 0 {
            self.undo
                .push(Undo::Document(collection.to_owned(), id.to_owned(), before));
        }
    }

    /// Makes a collection that is not there.
    pub(super) fn create_collection(&mut self, name: &str, collection: Rc<Collection>) {
        self.docs.known_mut(name).created = Some(collection);
        if self.parts > 0 {
            self.undo.push(Undo::Collection(name.to_owned()));
        }
    }

    /// Begins a part.
    pub(super) fn begin_part(&mut self) -> Savepoint {
        self.parts += 1;
        Savepoint {
            undo: self.undo.len(),
            parts: self.parts - 1,
        }
    }

    /// Ends a part, and those within it: its writes belong to what is around it.
    pub(super) fn keep_part(&mut self, part: Savepoint) {
        self.parts = part.parts;
        if self.parts == 0 {
            self.undo = Vec::new();
        }
    }

    /// Ends a part, and those within it, and takes its writes back.
    pub(super) fn roll_back_part(&mut self, part: Savepoint) {
        while self.undo.len() > part.undo {
            match self.undo.pop() {
                Some(Undo::Key(key, before)) => self.restore_key(key, before),
                Some(Undo::Document(collection, id, before)) => self.docs.restore(&collection, id, before),
                Some(Undo::Collection(name)) => self.docs.known_mut(&name).created = None,
                Some(Undo::Event) => drop(self.events.pop()),
                Some(Undo::Message) => drop(self.messages.pop()),
                None => break,
            }
        }
        self.keep_part(part);
    }

    fn restore_key(&mut self, key: String, before: Option<Pending>) {
        let now = self.written.remove(&key);
        self.bytes_written -= now.map_or(0, |now| now.bytes(&key));
        if let Some(before) = before {
            self.bytes_written += before.bytes(&key);
            self.written.insert(key, before);
        }
    }

    /// Emits an event.
    pub(super) fn emit(&mut self, event: PendingEvent) {
        self.events.push(event);
        if self.parts > 0 {
            self.undo.push(Undo::Event);
        }
    }

    /// How many events it emits.
    pub(super) fn events(&self) -> usize {
        self.events.len() - self.tried_events
    }

    /// Publishes a message.
    pub(super) fn publish(&mut self, message: PendingMessage) {
        self.messages.push(message);
        if self.parts > 0 {
            self.undo.push(Undo::Message);
        }
    }

    /// How many messages it publishes.
    pub(super) fn messages(&self) -> usize {
        self.messages.len() - self.tried_messages
    }

    /// Its writes to keys with this prefix, after one key and up to another, in order.
    pub(super) fn written_in(
        &self,
        prefix: &str,
        after: Option<&str>,
        until: Option<&str>,
    ) -> impl Iterator<Item = (&str, &Pending)> {
        let written = self
            .written
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(key, pending)| (key.as_str(), pending));
        let in_prefix = written.take_while(move |(key, _)| key.starts_with(prefix));
        in_prefix.filter(move |(key, _)| {
            is_reserved(key) == is_reserved(prefix)
                && after.is_none_or(|after| *key > after)
                && until.is_none_or(|until| *key <= until)
        })
    }

    /// How many keys, documents, events and messages a run that is only tried would have written, with all its early commits.
    pub(super) fn keys_written(&self) -> usize {
        self.all_writes().0
    }

    fn all_writes(&self) -> (usize, usize) {
        let (documents, bytes) = self.docs.writes();
        let events: usize = self.events.iter().map(PendingEvent::bytes).sum();
        let messages: usize = self.messages.iter().map(PendingMessage::bytes).sum();
        (
            self.written.len() + documents + self.events.len() + self.messages.len(),
            self.bytes_written + bytes + events + messages,
        )
    }

    /// How many keys, documents, events and messages it writes, and how many bytes these are.
    pub(super) fn writes(&self) -> (usize, usize) {
        let ((all, all_bytes), (keys, bytes)) = (self.all_writes(), self.tried);
        (all.saturating_sub(keys), all_bytes.saturating_sub(bytes))
    }

    /// Begins the next transaction of a run that is only tried, which still sees what it has written.
    pub(super) fn begin_anew(&mut self) {
        self.read.clear();
        self.ranges.clear();
        self.moments = 0;
        self.docs.begin_anew();
        self.tried = self.all_writes();
        self.tried_events = self.events.len();
        self.tried_messages = self.messages.len();
    }

    /// How many keys and ranges it has read.
    pub(super) fn reads(&self) -> usize {
        self.read.len() + self.ranges.len() + self.docs.reads()
    }

    /// Forgets what it would have written.
    pub(super) fn roll_back(&mut self) {
        self.written.clear();
        self.bytes_written = 0;
        self.docs.roll_back();
        self.events.clear();
        self.messages.clear();
        (self.tried, self.tried_events, self.tried_messages) = ((0, 0), 0, 0);
        self.undo = Vec::new();
    }

    /// Whether its commit has to ask anybody. What was read at one moment is right by itself.
    pub(super) fn is_to_be_asked(&self) -> bool {
        self.all_writes().0 > 0 || self.moments > 1
    }

    /// A copy of all of it, to be committed.
    pub(super) fn to_commit(&self) -> Commit {
        let keys = self.read.iter().map(|(key, seen)| ReadKey {
            key: key.clone(),
            version: seen.as_ref().map(|seen| seen.version),
        });
        let writes = self.written.iter().map(|(key, pending)| Write {
            key: key.clone(),
            value: pending.value.as_deref().cloned(),
            expiry: pending.expiry,
        });
        Commit {
            keys: keys.collect(),
            ranges: self.ranges.clone(),
            writes: writes.collect(),
            docs: self.docs.to_commit(),
            emits: self.events.iter().map(PendingEvent::to_event).collect(),
            messages: self.messages.iter().map(PendingMessage::to_message).collect(),
            ..Commit::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use picloud_shared::services::docs::Definition;

    use super::*;
    use crate::services::docs::{Parsed, Places};

    fn pending(text: &str) -> Pending {
        Pending {
            value: Some(Rc::new(KvValue::Json(text.to_owned()))),
            expiry: Expiry::Never,
        }
    }

    #[test]
    fn own_writes_hide_what_was_read() {
        let mut transaction = Transaction::default();
        assert!(transaction.known("a").is_none());
        transaction.note_key("a", None);
        assert!(matches!(transaction.known("a"), Some(Known::Read(None))));
        transaction.write("a", pending("1"));
        assert!(
            transaction
                .known("a")
                .is_some_and(|known| known.value().is_some())
        );
        transaction.roll_back();
        assert!(matches!(transaction.known("a"), Some(Known::Read(None))));
    }

    #[test]
    fn bytes_are_those_of_the_last_write_to_each_key() {
        let mut transaction = Transaction::default();
        transaction.write("a", pending("1234"));
        transaction.write("a", pending("1"));
        transaction.write("b", pending("12"));
        assert_eq!(transaction.writes(), (2, 5));
    }

    #[test]
    fn reading_at_one_moment_asks_nobody() {
        let mut transaction = Transaction::default();
        transaction.begin_moment();
        transaction.note_key("a", None);
        transaction.note_key("b", None);
        assert!(!transaction.is_to_be_asked());
        transaction.begin_moment();
        assert!(transaction.is_to_be_asked());
        assert_eq!(transaction.to_commit().keys.len(), 2);
        transaction = Transaction::default();
        transaction.write("a", pending("1"));
        assert!(transaction.is_to_be_asked());
    }

    #[test]
    fn a_part_is_taken_back_alone() {
        let mut transaction = Transaction::default();
        transaction.write("a", pending("1"));
        transaction.write("b", pending("1"));
        let before = (transaction.to_commit(), transaction.writes());
        let part = transaction.begin_part();
        transaction.write("a", pending("1234"));
        transaction.write("a", pending("12345"));
        transaction.write("c", pending("1"));
        let inner = transaction.begin_part();
        transaction.write("c", pending("123"));
        transaction.write("d", pending("1"));
        transaction.keep_part(inner);
        transaction.note_key("read", None);
        assert_eq!(transaction.writes().0, 4);
        transaction.roll_back_part(part);
        let after = transaction.to_commit();
        assert_eq!(after.writes, before.0.writes);
        assert_eq!(transaction.writes(), before.1);
        assert_eq!(after.keys.len(), 1, "what was read stays");
    }

    #[test]
    fn what_is_kept_of_a_part_goes_with_what_is_around_it() {
        let mut transaction = Transaction::default();
        let outer = transaction.begin_part();
        transaction.write("a", pending("1"));
        let inner = transaction.begin_part();
        transaction.write("b", pending("1"));
        transaction.roll_back_part(inner);
        assert!(transaction.known("b").is_none() && transaction.known("a").is_some());
        let _left_open = transaction.begin_part();
        transaction.write("c", pending("1"));
        transaction.keep_part(outer);
        assert_eq!(transaction.writes(), (2, 4));
        assert!(transaction.undo.is_empty() && transaction.parts == 0);
        transaction.write("d", pending("1"));
        assert!(transaction.undo.is_empty(), "nobody would take it back");
    }

    #[test]
    fn documents_and_collections_of_a_part_are_taken_back() {
        let document = |text: &str| PendingDocument {
            document: Some(Parsed {
                text: text.into(),
                value: Rc::default(),
            }),
            before: Rc::default(),
            after: Places::default(),
        };
        let collection = || {
            Rc::new(Collection {
                id: uuid::Uuid::nil(),
                version: 0,
                definition: Definition::default(),
            })
        };
        let mut transaction = Transaction::default();
        transaction.create_collection("old", collection());
        transaction.write_document("old", "1", document("{}"));
        let before = transaction.writes();
        let part = transaction.begin_part();
        transaction.write_document("old", "1", document("{\"a\":1}"));
        transaction.write_document("old", "2", document("{}"));
        transaction.create_collection("new", collection());
        transaction.write_document("new", "1", document("{}"));
        assert_eq!(transaction.writes().0, 3);
        transaction.roll_back_part(part);
        assert_eq!(transaction.writes(), before);
        let known = |name| transaction.docs.known(name);
        assert!(known("new").is_some_and(|new| new.created.is_none() && new.written.is_empty()));
        let old = known("old").and_then(|old| old.written.get("1")?.document.as_ref());
        assert_eq!(old.map(|document| &*document.text), Some("{}"));
    }

    #[test]
    fn writes_are_found_by_range() {
        let mut transaction = Transaction::default();
        for key in ["a", "b/1", "b/2", "b/3", "c"] {
            transaction.write(key, pending("1"));
        }
        let found = |after, until| -> Vec<_> {
            let found = transaction.written_in("b/", after, until);
            found.map(|(key, _)| key.to_owned()).collect()
        };
        assert_eq!(found(None, None), ["b/1", "b/2", "b/3"]);
        assert_eq!(found(Some("b/1"), Some("b/2")), ["b/2"]);
    }
}
