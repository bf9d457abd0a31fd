//! How the definition of a collection that has documents becomes another one.
//!
//! A new index is kept by whoever writes from the beginning, and used when it has all documents. A new schema holds for
//! whoever writes from the beginning, too, until it is found that what is there does not fit. What is taken away stays until
//! all else is done, so that a change that is refused leaves nothing.

use serde::{Deserialize, Serialize};

use super::{Definition, DocPath, Index, Schema};

/// What is still to be done in a collection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Unfinished {
    /// What the definition is to become; none if it is there, and only has something left to be removed.
    pub goal: Option<Goal>,
    /// Indexes that are no more, and of which there are still entries.
    pub dropped: Vec<i32>,
}

/// What a definition is to become.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// The indexes.
    pub indexes: Vec<Index>,
    /// The schema that returns if the change is refused.
    pub schema_before: Option<Schema>,
    /// Whether what is there has to be as the new schema says.
    pub checks_schema: bool,
}

/// A change that is asked for. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DefinitionChange {
    /// The paths of all indexes, each once, and whether they are unique.
    pub indexes: Option<Vec<(DocPath, bool)>>,
    /// The schema, or that there is none.
    pub schema: Option<Option<Schema>>,
    /// Whether documents that are not as the new schema says stay as they are.
    pub keeps_existing: bool,
    /// Whether documents are looked at also if the schema is the one that was there: they may have been left as they were.
    pub checks_existing: bool,
}

impl Definition {
    /// This definition on its way to another one, or that one if nothing stands between them.
    #[must_use]
    pub fn begin(&self, change: DefinitionChange) -> Self {
        let dropped = self.dropped();
        let used = self.indexes.iter().map(|index| index.id).chain(dropped.clone());
        let mut next = used.max().map_or(0, |last| last.saturating_add(1));
        let mut new = Vec::new();
        let indexes = match change.indexes {
            None => self.indexes.clone(),
            Some(wanted) => {
                let wanted = wanted.into_iter().map(|(path, is_unique)| {
                    let before = self.indexes.iter().find(|index| index.path == path);
                    match before {
                        Some(before) if before.is_unique || !is_unique => Index {
                            is_unique,
                            ..before.clone()
                        },
                        // That it is unique has to be found out: it is another index until then.
                        _ => {
                            let index = Index {
                                id: next,
                                path,
                                is_unique,
                                is_ready: true,
                            };
                            next = next.saturating_add(1);
                            new.push(Index {
                                is_ready: false,
                                ..index.clone()
                            });
                            index
                        }
                    }
                });
                wanted.collect()
            }
        };
        let schema = change.schema.unwrap_or_else(|| self.schema.clone());
        let is_compared = change.checks_existing || schema != self.schema;
        let checks_schema = !change.keeps_existing && schema.is_some() && is_compared;
        let begun = Self {
            indexes: self.indexes.iter().cloned().chain(new.iter().cloned()).collect(),
            schema,
            unfinished: Some(Box::new(Unfinished {
                goal: Some(Goal {
                    indexes,
                    schema_before: self.schema.clone(),
                    checks_schema,
                }),
                dropped,
            })),
        };
        if new.is_empty() && !checks_schema {
            begun.succeed()
        } else {
            begun
        }
    }

    /// Whether it is what `change` asks for.
    pub fn is_as(&self, change: DefinitionChange) -> bool {
        let unchecked = DefinitionChange {
            keeps_existing: true,
            ..change
        };
        self.begin(unchecked) == *self
    }

    /// What it becomes when all documents are as they have to be.
    #[must_use]
    pub fn succeed(&self) -> Self {
        match self.goal() {
            None => self.clone(),
            Some(goal) => self.leave(goal.indexes.clone(), self.schema.clone()),
        }
    }

    /// What it becomes again when they are not.
    #[must_use]
    pub fn refuse(&self) -> Self {
        match self.goal() {
            None => self.clone(),
            Some(goal) => {
                let ready = self.indexes.iter().filter(|index| index.is_ready);
                self.leave(ready.cloned().collect(), goal.schema_before.clone())
            }
        }
    }

    /// What it is when nothing is left of indexes that are no more.
    #[must_use]
    pub fn swept(&self) -> Self {
        let goal = self.goal().cloned();
        Self {
            unfinished: goal.map(|goal| {
                Box::new(Unfinished {
                    goal: Some(goal),
                    dropped: Vec::new(),
                })
            }),
            ..self.clone()
        }
    }

    /// What it is to become, if that is not there yet.
    pub fn goal(&self) -> Option<&Goal> {
        self.unfinished
            .as_ref()
            .and_then(|unfinished| unfinished.goal.as_ref())
    }

    /// The indexes as they were declared last, whether they are ready or not.
    pub fn declared(&self) -> &[Index] {
        self.goal().map_or(&self.indexes, |goal| &goal.indexes)
    }

    /// Indexes that are no more, and of which there are still entries.
    pub fn dropped(&self) -> Vec<i32> {
        let unfinished = self.unfinished.as_ref();
        unfinished.map_or_else(Vec::new, |unfinished| unfinished.dropped.clone())
    }

    /// The indexes that do not have all documents yet.
    #[must_use]
    pub fn new_indexes(&self) -> Self {
        let new = self.indexes.iter().filter(|index| !index.is_ready);
        Self {
            indexes: new.cloned().collect(),
            ..Self::default()
        }
    }

    fn leave(&self, indexes: Vec<Index>, schema: Option<Schema>) -> Self {
        let mut dropped = self.dropped();
        let gone = self.indexes.iter().map(|index| index.id);
        dropped.extend(gone.filter(|id| !indexes.iter().any(|index| index.id == *id)));
        let is_done = dropped.is_empty();
        Self {
            indexes,
            schema,
            unfinished: (!is_done).then(|| Box::new(Unfinished { goal: None, dropped })),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(indexes: &[(&str, bool)]) -> DefinitionChange {
        let indexes = indexes.iter();
        let indexes = indexes.map(|(path, is_unique)| (DocPath::new(path).unwrap(), *is_unique));
        DefinitionChange {
            indexes: Some(indexes.collect()),
            ..DefinitionChange::default()
        }
    }

    fn with_schema(schema: serde_json::Value) -> DefinitionChange {
        DefinitionChange {
            schema: Some(Some(Schema::read(schema).unwrap())),
            ..DefinitionChange::default()
        }
    }

    /// Numbers, paths, and whether they are unique and ready.
    fn indexes(definition: &Definition) -> Vec<(i32, &str, bool, bool)> {
        let indexes = definition.indexes.iter();
        let of = |index: &Index| (index.id, index.is_unique, index.is_ready);
        indexes
            .map(|index| {
                let (id, is_unique, is_ready) = of(index);
                (id, index.path.as_str(), is_unique, is_ready)
            })
            .collect()
    }

    #[test]
    fn an_index_is_used_when_it_is_ready_and_gone_when_all_else_is_done() {
        let first = Definition::default().begin(change(&[("a", false), ("b", true)]));
        assert_eq!(indexes(&first), [(0, "a", false, false), (1, "b", true, false)]);
        let first = first.succeed();
        assert_eq!(indexes(&first), [(0, "a", false, true), (1, "b", true, true)]);
        assert_eq!(first.unfinished, None);
        assert_eq!(first.begin(change(&[("a", false), ("b", true)])), first);

        let second = first.begin(change(&[("c", false), ("b", true)]));
        let expected = [
            (0, "a", false, true),
            (1, "b", true, true),
            (2, "c", false, false),
        ];
        assert_eq!(indexes(&second), expected);
        assert_eq!(indexes(&second.new_indexes()), [(2, "c", false, false)]);
        let refused = second.refuse();
        assert_eq!((indexes(&refused), refused.dropped()), (indexes(&first), vec![2]));
        assert_eq!(refused.swept(), first);
        let done = second.succeed();
        assert_eq!(indexes(&done), [(2, "c", false, true), (1, "b", true, true)]);
        assert_eq!(done.dropped(), [0]);
        // A number is free again when nothing is left of the index.
        assert_eq!(indexes(&done.begin(change(&[("d", false)])))[2].0, 3);
        assert_eq!(done.swept().unfinished, None);
    }

    #[test]
    fn an_index_that_becomes_unique_is_another_one() {
        let before = Definition::default().begin(change(&[("a", false)])).succeed();
        let begun = before.begin(change(&[("a", true)]));
        assert_eq!(indexes(&begun), [(0, "a", false, true), (1, "a", true, false)]);
        let done = begun.succeed();
        assert_eq!(
            (indexes(&done), done.dropped()),
            (vec![(1, "a", true, true)], vec![0])
        );
        assert_eq!(begun.refuse().swept(), before);
        // The other way round it is the same.
        let back = done.swept().begin(change(&[("a", false)]));
        assert_eq!(
            (indexes(&back), &back.unfinished),
            (vec![(1, "a", false, true)], &None)
        );
    }

    #[test]
    fn a_schema_is_compared_with_what_is_there_unless_that_is_to_stay() {
        let before = Definition::default();
        let schema = json!({ "required": ["a"] });
        let begun = before.begin(with_schema(schema.clone()));
        assert!(begun.schema.is_some() && begun.goal().is_some_and(|goal| goal.checks_schema));
        assert_eq!(begun.refuse(), before);
        let done = begun.succeed();
        assert_eq!(done.unfinished, None);
        assert_eq!(done.begin(with_schema(schema.clone())), done);
        let kept = DefinitionChange {
            keeps_existing: true,
            ..with_schema(schema)
        };
        assert_eq!(before.begin(kept), done);
        // Documents that were left as they were are looked at when that is asked for.
        let checked = DefinitionChange {
            checks_existing: true,
            ..DefinitionChange::default()
        };
        assert_eq!(before.begin(checked.clone()), before);
        let begun = done.begin(checked);
        assert!(begun.goal().is_some_and(|goal| goal.checks_schema));
        assert_eq!((begun.refuse(), begun.succeed()), (done.clone(), done.clone()));
        let none = DefinitionChange {
            schema: Some(None),
            ..DefinitionChange::default()
        };
        assert_eq!(done.begin(none), before);
    }

    #[test]
    fn what_came_of_a_change_is_seen() {
        let before = Definition::default().begin(change(&[("a", false)])).succeed();
        let wanted = DefinitionChange {
            checks_existing: true,
            schema: with_schema(json!({ "required": ["a"] })).schema,
            ..change(&[("b", true), ("a", false)])
        };
        let begun = before.begin(wanted.clone());
        assert!(!begun.is_as(wanted.clone()));
        assert!(!begun.refuse().swept().is_as(wanted.clone()));
        assert!(begun.succeed().swept().is_as(wanted));
    }

    #[test]
    fn an_older_definition_is_read() {
        let text = r#"{"indexes":[{"id":0,"path":"a","is_unique":false,"is_ready":true}],"schema":null}"#;
        let read: Definition = serde_json::from_str(text).unwrap();
        assert_eq!(read.unfinished, None);
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}
