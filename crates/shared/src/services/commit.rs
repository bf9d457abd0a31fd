//! What a run read and what it writes.

use serde::{Deserialize, Serialize};

use super::{KvValue, docs::CollectionCommit};
use crate::{
    audit::Recorded,
    events::{Ack, Held, Lineage, NewEvent},
    execution::Execution,
    id::UserId,
    mqtt::NewMessage,
};

/// The end of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// Keys that must be as they were read.
    pub keys: Vec<ReadKey>,
    /// Ranges that must be as they were listed.
    pub ranges: Vec<ReadRange>,
    /// What is written: each key once.
    pub writes: Vec<Write>,
    /// What was read and is written in collections of documents: each collection once, in the order of their names.
    pub docs: Vec<CollectionCommit>,
    /// The record of the run, if this is its end: written if all of this takes effect, and only then. A commit that
    /// writes nothing carries none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<Execution>>,
    /// What is published, if all of this takes effect: at most
    /// [`EMITS_PER_COMMIT_MAX`](crate::events::EMITS_PER_COMMIT_MAX).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emits: Vec<NewEvent>,
    /// What goes to brokers, if all of this takes effect: at most
    /// [`MESSAGES_PER_COMMIT_MAX`](crate::mqtt::MESSAGES_PER_COMMIT_MAX).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<NewMessage>,
    /// The ends of the deliveries that began the run, if this is its end: all of them, or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acks: Vec<Ack>,
    /// The leases under which the run goes on, if it is one for events and this is not its end: if one is lost, nothing
    /// of this takes effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
    /// Who writes, for those who subscribe to changes of data; without it nobody is told of what is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<Writer>,
    /// What the audit log has of it, if all of this takes effect, and only then. It is of a person whom this server has let
    /// through, so it is taken from nowhere else.
    #[serde(skip)]
    pub audit: Option<Box<Recorded>>,
}

/// Who writes what a commit writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// What the events follow from that tell of it.
    pub lineage: Lineage,
    /// The person, if it is no run.
    pub person: Option<UserId>,
}

impl Commit {
    /// Whether it changes nothing.
    pub fn writes_nothing(&self) -> bool {
        self.keeps_data_as_it_is()
            && self.emits.is_empty()
            && self.messages.is_empty()
            && self.acks.is_empty()
            && self.audit.is_none()
    }

    /// Whether it changes no key and no document.
    pub fn keeps_data_as_it_is(&self) -> bool {
        self.writes.is_empty() && self.docs.iter().all(CollectionCommit::writes_nothing)
    }
}

/// A key that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadKey {
    /// The key.
    pub key: String,
    /// The version that it had; none if it was not there.
    pub version: Option<i64>,
}

/// A range of keys that was listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRange {
    /// Keys with this prefix …
    pub prefix: String,
    /// … after this one …
    pub after: Option<String>,
    /// … and up to this one; to the end if none.
    pub until: Option<String>,
    /// How many there were.
    pub count: u64,
    /// The versions of all of them, combined with exclusive or.
    pub mark: i64,
}

/// One key that is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// The key.
    pub key: String,
    /// The new value; none to delete it.
    pub value: Option<KvValue>,
    /// How long it is there.
    pub expiry: Expiry,
}

/// How long a value is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// Until it is deleted.
    #[default]
    Never,
    /// For so many microseconds from the commit.
    After(u64),
    /// Until this moment, in microseconds since 1970.
    At(i64),
}

impl Expiry {
    /// The moment, for a commit at `now`.
    pub fn moment(self, now: i64) -> Option<i64> {
        match self {
            Self::Never => None,
            Self::After(micros) => Some(now.saturating_add(i64::try_from(micros).unwrap_or(i64::MAX))),
            Self::At(moment) => Some(moment),
        }
    }
}

impl ReadRange {
    /// The bounds of the range, as bytes: from the first, which is in it, to the second, which is not.
    pub fn bounds(&self) -> (Vec<u8>, Vec<u8>) {
        let (low, high) = bounds(&self.prefix, self.after.as_deref());
        match &self.until {
            Some(until) => (low, just_after(until)),
            None => (low, high),
        }
    }
}

/// The bounds of the keys that begin with `prefix` and come after `after`, as bytes: from the first, which is among
/// them, to the second, which is not.
pub(super) fn bounds(prefix: &str, after: Option<&str>) -> (Vec<u8>, Vec<u8>) {
    // No text holds the byte 0xFF.
    let high = [prefix.as_bytes(), &[0xFF]].concat();
    // Every key begins with an empty prefix but those that are reserved, which begin with 0.
    let low = if prefix.is_empty() {
        vec![1]
    } else {
        prefix.as_bytes().to_vec()
    };
    match after.map(just_after) {
        Some(after) if after > low => (after, high),
        _ => (low, high),
    }
}

/// The smallest key after `key`.
fn just_after(key: &str) -> Vec<u8> {
    [key.as_bytes(), &[0]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_what_was_listed_and_no_more() {
        let range = |after: Option<&str>, until: Option<&str>| ReadRange {
            prefix: "user/".to_owned(),
            after: after.map(str::to_owned),
            until: until.map(str::to_owned),
            count: 0,
            mark: 0,
        };
        let holds = |range: &ReadRange, key: &str| {
            let (low, high) = range.bounds();
            low.as_slice() <= key.as_bytes() && key.as_bytes() < high.as_slice()
        };
        let all = range(None, None);
        for (key, expected) in [
            ("user/", true),
            ("user/\u{10FFFF}", true),
            ("user", false),
            ("user0", false),
        ] {
            assert_eq!(holds(&all, key), expected, "{key}");
        }
        let part = range(Some("user/b"), Some("user/d"));
        for (key, expected) in [
            ("user/b", false),
            ("user/b\0", true),
            ("user/d", true),
            ("user/d\0", false),
        ] {
            assert_eq!(holds(&part, key), expected, "{key}");
        }
        let every = ReadRange {
            prefix: String::new(),
            ..range(None, None)
        };
        assert!(holds(&every, "a") && !holds(&every, "\0users/id/a"));
        // A cursor before the prefix is no cursor.
        assert!(holds(&range(Some("a"), None), "user/"));
    }

    #[test]
    fn a_time_to_live_begins_with_the_commit() {
        assert_eq!(Expiry::Never.moment(5), None);
        assert_eq!(Expiry::After(3).moment(5), Some(8));
        assert_eq!(Expiry::After(u64::MAX).moment(5), Some(i64::MAX));
        assert_eq!(Expiry::At(3).moment(5), Some(3));
    }
}
