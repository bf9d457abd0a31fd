//! Documents in memory: collections that nobody declared, without indexes.

use std::collections::BTreeMap;

use picloud_shared::{
    id::AppId,
    services::docs::{
        Collection, CollectionCommit, DocsAnswer, DocsAsk, DocsFound, DocsQuestion, Document, Find,
        FoundPage, Plan, Stretch,
    },
};

/// The documents of all apps.
#[derive(Default)]
pub(super) struct Documents {
    collections: BTreeMap<(AppId, String), (Collection, BTreeMap<String, Document>)>,
    version: i64,
}

impl Documents {
    /// How many there are, of all apps.
    pub(super) fn len(&self) -> usize {
        self.collections
            .values()
            .map(|(_, documents)| documents.len())
            .sum()
    }

    pub(super) fn answer(&self, app: AppId, question: DocsQuestion) -> DocsAnswer {
        let Some((collection, documents)) = self.collections.get(&(app, question.collection)) else {
            return DocsAnswer {
                collection: None,
                found: DocsFound::Documents {
                    documents: Vec::new(),
                },
            };
        };
        let found = match question.ask {
            DocsAsk::Get { ids } => DocsFound::Documents {
                documents: ids.iter().filter_map(|id| documents.get(id)).cloned().collect(),
            },
            DocsAsk::Claims { .. } => panic!("there is no unique index"),
            DocsAsk::Find(find) => DocsFound::Page(page(collection, documents, &find)),
        };
        DocsAnswer {
            collection: Some(collection.clone()),
            found,
        }
    }

    /// The collection or document that is not as it was read, if there is one.
    pub(super) fn stale(&self, app: AppId, commit: &CollectionCommit) -> Option<String> {
        let present = self.collections.get(&(app, commit.name.clone()));
        if present.map(|(collection, _)| collection.version) != commit.version {
            return Some(commit.name.clone());
        }
        let nothing = BTreeMap::new();
        let documents = present.map_or(&nothing, |(_, documents)| documents);
        for read in &commit.documents {
            if documents.get(&read.id).map(|document| document.version) != read.version {
                return Some(format!("{}/{}", commit.name, read.id));
            }
        }
        let all = everything(documents);
        let is_stale = |stretch: &&Stretch| **stretch != all;
        commit
            .stretches
            .iter()
            .find(is_stale)
            .map(|_| commit.name.clone())
    }

    pub(super) fn write(&mut self, app: AppId, commit: CollectionCommit) {
        self.version += 1;
        let version = self.version;
        if let Some(definition) = commit.created {
            let collection = Collection {
                id: commit.id.expect("an id"),
                version,
                definition,
            };
            self.collections
                .insert((app, commit.name.clone()), (collection, BTreeMap::new()));
        }
        let Some((_, documents)) = self.collections.get_mut(&(app, commit.name)) else {
            return;
        };
        for write in commit.writes {
            self.version += 1;
            match write.document {
                Some(document) => {
                    let document = Document {
                        id: write.id.clone(),
                        document,
                        version: self.version,
                        created_at: 1,
                        updated_at: 1,
                    };
                    documents.insert(write.id, document);
                }
                None => drop(documents.remove(&write.id)),
            }
        }
    }
}

/// All of a collection, as what was looked at.
fn everything(documents: &BTreeMap<String, Document>) -> Stretch {
    Stretch {
        index: None,
        low: Vec::new(),
        high: vec![u8::MAX; 2],
        count: documents.len() as u64,
        mark: documents
            .values()
            .fold(0, |mark, document| mark ^ document.version),
        is_claim: false,
    }
}

/// What a page has, found by looking at everything.
fn page(collection: &Collection, documents: &BTreeMap<String, Document>, find: &Find) -> FoundPage {
    let plan = Plan::new(&collection.definition, &find.selection).expect("it was checked");
    let mut found: Vec<_> = documents
        .values()
        .filter(|document| !find.except.contains(&document.id))
        .filter_map(|document| {
            let value = serde_json::from_str(&document.document).expect("JSON");
            plan.matches(&value)
                .then(|| (plan.position(&document.id, &value), document.clone()))
        })
        .filter(|(position, _)| {
            find.after.as_deref().is_none_or(|place| {
                let after = plan.position_of(place).expect("the ids are the only order");
                plan.is_behind(position, after)
            })
        })
        .collect();
    found.sort_by(|left, right| plan.compare(&left.0, &right.0));
    let count = found.len() as u64;
    let limit = find.limit as usize;
    let end = (found.len() > limit && limit > 0).then(|| plan.just_behind(&found[limit - 1].0));
    let until = end.map(|end| plan.place(&end));
    found.truncate(limit);
    FoundPage {
        documents: found.into_iter().map(|(_, document)| document).collect(),
        count,
        stretches: vec![everything(documents)],
        until: until.filter(|_| !find.only_count),
    }
}
