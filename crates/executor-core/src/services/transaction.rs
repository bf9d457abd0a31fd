//! What a run has read and what it will write. Nothing here asks anybody.

use std::{collections::BTreeMap, ops::Bound, rc::Rc};

use super::docs::Docs;
use picloud_shared::services::{Commit, Expiry, KvValue, ReadKey, ReadRange, Write, is_reserved};

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
    /// How many keys, documents and bytes of that were written before the last commit of a run that is only tried.
    tried: (usize, usize),
    /// At how many moments it has read.
    moments: u32,
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
        let bytes = |key: &str, pending: &Pending| {
            key.len() + pending.value.as_ref().map_or(0, |value| value.bytes())
        };
        self.bytes_written += bytes(key, &pending);
        if let Some(before) = self.written.insert(key.to_owned(), pending) {
            self.bytes_written -= bytes(key, &before);
        }
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

    /// How many keys and documents a run that is only tried would have written, with all its early commits.
    pub(super) fn keys_written(&self) -> usize {
        self.all_writes().0
    }

    fn all_writes(&self) -> (usize, usize) {
        let (documents, bytes) = self.docs.writes();
        (self.written.len() + documents, self.bytes_written + bytes)
    }

    /// How many keys and documents it writes, and how many bytes these are.
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
        self.tried = (0, 0);
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
            record: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
