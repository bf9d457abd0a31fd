//! A change of a subscription or a schedule, as it is read: what is wrong with it, and what it puts into what is stored.

use picloud_shared::{id::ScriptId, repository::BindingUpdate};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    name,
    parts::{SetDestination, SetRetry},
};
use crate::http::{
    problem::Answer,
    validate::{Object, Violations},
};

/// A change that is being read.
pub(crate) struct Update {
    pub(crate) violations: Violations,
    name: Option<String>,
    spec: Map<String, Value>,
}

impl Update {
    /// One that gives this name, if any.
    pub(crate) fn new(new_name: Option<String>) -> Self {
        let mut violations = Violations::default();
        if let Some(new) = &new_name {
            name(&mut violations, new);
        }
        Self {
            violations,
            name: new_name,
            spec: Map::new(),
        }
    }

    /// Sets a field of what only its kind has.
    pub(crate) fn set(&mut self, field: &str, value: &impl Serialize) {
        self.spec.insert(field.to_owned(), json!(value));
    }

    /// Sets how often it is tried.
    pub(crate) fn set_retry(&mut self, retry: &SetRetry) {
        let retry = retry.read(&mut self.violations);
        self.set("retry", &retry);
    }

    /// Sets who is told of one kind of its ends, or that nobody is.
    pub(crate) fn set_destination(&mut self, field: &str, destination: Option<Object<SetDestination>>) {
        let destination = destination.and_then(|Object(to)| to.read(field, &mut self.violations));
        self.set(field, &destination);
    }

    /// All of it, unless something is wrong.
    pub(crate) fn finish(self, script: Option<Uuid>, is_paused: Option<bool>) -> Answer<BindingUpdate> {
        self.violations.finish()?;
        Ok(BindingUpdate {
            name: self.name,
            script_id: script.map(ScriptId),
            is_paused,
            spec: self.spec,
        })
    }
}
