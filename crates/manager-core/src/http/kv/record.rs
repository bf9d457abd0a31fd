//! Changes of data, and what the audit log says of them.

use picloud_shared::{
    audit::{DataChange, Recorded, Target},
    id::AppId,
    problem::Code,
    services::{Answer as Answered, Commit, Expiry, KvEntry, KvValue, Question, ReadKey, Write},
};
use serde_json::{Value, json};

use super::{Key, KvKind, ask, version};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::Precondition,
        problem::{Answer, internal, not_found, problem},
    },
};

/// How often a change is tried while scripts write the same key.
const TRIES_MAX: usize = 10;

/// A change of one key.
pub(super) struct Change<'c> {
    pub(super) manager: &'c Manager,
    pub(super) caller: &'c Caller,
    pub(super) app: AppId,
    /// Its name in the log.
    pub(super) action: &'static str,
    pub(super) key: &'c Key,
    pub(super) only_if: Precondition,
}

impl Change<'_> {
    /// Writes the key, or deletes it if there is no value, and records that.
    pub(super) async fn write(&self, value: Option<&KvValue>, expiry: Expiry) -> Answer<()> {
        let repository = self.manager.repository();
        let change = self.caller.change(self.manager, None);
        for tries_left in (0..TRIES_MAX).rev() {
            let before = self.key.find(self.manager, self.app).await?;
            self.only_if.check(before.as_ref().map(version).as_deref())?;
            if before.is_none() && value.is_none() {
                return Err(not_found("key"));
            }
            repository.confirm_data_change(self.app, &change).await?;
            let recorded = Recorded {
                done: self.done(before.as_ref(), value),
                change: change.clone(),
            };
            // What is asked for is compared once more where it is written, and nothing is deleted twice. Who writes whatever
            // is there does so at last, however often scripts write the key meanwhile.
            let compares = tries_left > 0 || value.is_none() || self.only_if.is_some();
            let commit = Question::Commit(Commit {
                keys: compares.then(|| self.read(before.as_ref())).into_iter().collect(),
                audit: Some(Box::new(recorded)),
                ..self.commit(value, expiry)
            });
            match ask(self.manager, self.app, commit).await? {
                Answered::Committed => return Ok(()),
                Answered::Conflict { .. } => {}
                _ => return Err(internal()),
            }
        }
        Err(problem(
            Code::Conflict,
            "Scripts changed the key all the time. Nothing was changed. Try again in a moment.",
        ))
    }

    fn read(&self, before: Option<&KvEntry>) -> ReadKey {
        ReadKey {
            key: self.key.0.clone(),
            version: before.map(|entry| entry.version),
        }
    }

    fn commit(&self, value: Option<&KvValue>, expiry: Expiry) -> Commit {
        let write = Write {
            key: self.key.0.clone(),
            value: value.cloned(),
            expiry,
        };
        Commit {
            writes: vec![write],
            writer: Some(self.caller.writer()),
            ..Commit::default()
        }
    }

    fn done(&self, before: Option<&KvEntry>, value: Option<&KvValue>) -> DataChange {
        DataChange {
            action: self.action,
            target: Target {
                kind: "key".to_owned(),
                id: Some(self.key.0.clone()),
                name: Some(self.key.0.clone()),
            },
            before: before.map(|entry| state(&entry.value)),
            after: value.map(state),
        }
    }
}

/// What the log says of a value: never the value itself, which may be anybody's secret.
fn state(value: &KvValue) -> Value {
    json!({ "type": KvKind::of(value), "bytes": value.bytes() })
}
