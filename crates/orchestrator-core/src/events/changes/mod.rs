//! Changes of an app's data, as events that are a part of the commit that makes them.
//!
//! Who subscribes is known from memory. In an app in which nobody wants to know of changes, a commit costs one look at that.
//!
//! Reading order: here (what a commit tells), `data` (what each event carries).

mod data;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use picloud_shared::{
    events::{DEPTH_MAX, NewEvent, Topic},
    id::{AppId, EventId},
    services::{Commit, ServiceError, Write, Writer, docs::CollectionCommit, is_reserved, user_of_key},
    time::Timestamp,
};

use self::data::{By, Changed};
use super::{Events, fan_out::Subscribers};

/// What the topics of changes begin with.
const BEGINNINGS: [&str; 3] = ["picloud.kv.", "picloud.docs.", "picloud.users."];

/// Whether a subscription to `pattern` may want a change of data.
pub(super) fn are_wanted_by(pattern: &str) -> bool {
    // A star that stands for PiCloud's own topics comes after their beginning.
    let own = pattern
        .strip_suffix('*')
        .filter(|prefix| prefix.starts_with("picloud."));
    BEGINNINGS.iter().any(|beginning| {
        pattern.starts_with(beginning) || own.is_some_and(|prefix| beginning.starts_with(prefix))
    })
}

impl Events {
    /// Whether anybody may have to be told of what a commit writes. Every commit of a run is asked this.
    pub(super) fn watch(&self, app: AppId, commit: &Commit) -> bool {
        if commit.writer.is_none() || commit.keeps_data_as_it_is() {
            return false;
        }
        let snapshot = self.live().snapshot();
        snapshot.app(app).is_some_and(|app| app.subscribers.watch_data())
    }

    /// What is told of what a commit writes, to whoever subscribes now.
    pub(super) fn changes(&self, app: AppId, commit: &Commit) -> Result<Vec<NewEvent>, ServiceError> {
        let snapshot = self.live().snapshot();
        match snapshot.app(app) {
            Some(app) => of_commit(commit, &app.subscribers, self.clock().now()),
            None => Ok(Vec::new()),
        }
    }
}

/// What is told of what a commit writes.
fn of_commit(
    commit: &Commit,
    subscribers: &Subscribers,
    now: Timestamp,
) -> Result<Vec<NewEvent>, ServiceError> {
    let Some(writer) = commit.writer.filter(|_| subscribers.watch_data()) else {
        return Ok(Vec::new());
    };
    let mut teller = Teller {
        subscribers,
        writer,
        now,
        events: Vec::new(),
    };
    teller.tell_of_keys(commit);
    for collection in &commit.docs {
        teller.tell_of_documents(collection);
    }
    if writer.lineage.depth >= DEPTH_MAX && !teller.events.is_empty() {
        return Err(ServiceError::LoopDetected);
    }
    Ok(teller.events)
}

/// What is known of something before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    There,
    Absent,
    /// Nobody has looked.
    Unknown,
}

impl Before {
    /// What was read, if it was: the version, if it was there.
    #[expect(
        clippy::option_option,
        reason = "what was not read is another thing than what was not there"
    )]
    fn of(read: Option<Option<i64>>) -> Self {
        match read {
            Some(Some(_)) => Self::There,
            Some(None) => Self::Absent,
            None => Self::Unknown,
        }
    }
}

/// Collects what is told.
struct Teller<'s> {
    subscribers: &'s Subscribers,
    writer: Writer,
    now: Timestamp,
    events: Vec<NewEvent>,
}

impl Teller<'_> {
    fn tell_of_keys(&mut self, commit: &Commit) {
        let read: HashMap<&str, Option<i64>> = commit
            .keys
            .iter()
            .map(|read| (read.key.as_str(), read.version))
            .collect();
        for write in &commit.writes {
            let before = Before::of(read.get(write.key.as_str()).copied());
            if let Some(id) = user_of_key(&write.key) {
                self.tell_of_user(write, &id.to_string(), before);
            } else if !is_reserved(&write.key) {
                self.tell_of_key(write, before);
            }
        }
    }

    fn tell_of_key(&mut self, write: &Write, before: Before) {
        let topic = match (&write.value, before) {
            (Some(_), _) => "picloud.kv.changed",
            // It is not there any more; whether it was, nobody knows who has not read it.
            (None, Before::There | Before::Unknown) => "picloud.kv.deleted",
            (None, Before::Absent) => return,
        };
        let key = write.key.as_str();
        self.tell(topic, "/kv", key, |by| Changed::Key {
            key,
            value: write.value.as_ref().map(data::Value::of),
            by,
        });
    }

    fn tell_of_user(&mut self, write: &Write, id: &str, before: Before) {
        let topic = match (&write.value, before) {
            (Some(_), Before::There) => "picloud.users.changed",
            (Some(_), Before::Absent | Before::Unknown) => "picloud.users.created",
            (None, Before::There) => "picloud.users.deleted",
            // Made and removed in one transaction.
            (None, Before::Absent | Before::Unknown) => return,
        };
        self.tell(topic, "/users", id, |by| Changed::User {
            id,
            user: write.value.as_ref().and_then(data::User::of),
            by,
        });
    }

    fn tell_of_documents(&mut self, commit: &CollectionCommit) {
        let read: HashMap<&str, Option<i64>> = commit
            .documents
            .iter()
            .map(|read| (read.id.as_str(), read.version))
            .collect();
        let collection = commit.name.as_str();
        for write in &commit.writes {
            let before = Before::of(read.get(write.id.as_str()).copied());
            let what = match (&write.document, before) {
                (Some(_), Before::There) => "changed",
                (Some(_), Before::Absent | Before::Unknown) => "inserted",
                (None, Before::There) => "deleted",
                // Inserted and deleted in one transaction.
                (None, Before::Absent | Before::Unknown) => continue,
            };
            let topic = format!("picloud.docs.{collection}.{what}");
            let subject = format!("{collection}/{}", write.id);
            self.tell(&topic, "/docs", &subject, |by| Changed::Document {
                collection,
                id: &write.id,
                document: write.document.as_deref().map(data::Document::of),
                by,
            });
        }
    }

    /// Tells whoever wants it of a change of `subject`, which is the key for those who ask for order, too.
    fn tell<'c>(
        &mut self,
        topic: &str,
        source: &str,
        subject: &str,
        changed: impl FnOnce(By) -> Changed<'c>,
    ) {
        let topic: Topic = match topic.parse() {
            Ok(topic) => topic,
            // Every name of a collection has a place in a topic.
            Err(error) => return tracing::error!(%error, topic, "nobody is told of a change"),
        };
        if !self.subscribers.want(&topic) {
            return;
        }
        let mut event = NewEvent {
            id: EventId::new(self.now),
            topic: Some(topic),
            source: source.to_owned(),
            subject: Some(subject.to_owned()),
            time: self.now,
            extensions: BTreeMap::new(),
            content_type: "application/json".to_owned(),
            data: changed(By::of(&self.writer)).to_bytes(),
            key: Some(subject.to_owned()),
            request: None,
            due_at: None,
            lineage: self.writer.lineage,
            deliveries: Vec::new(),
        };
        event.deliveries = self.subscribers.deliveries(&event, self.now);
        if !event.deliveries.is_empty() {
            self.events.push(event);
        }
    }
}
