//! Documents of apps, and the commits of their scripts.

use picloud_shared::{
    id::AppId,
    quota::{AppUsage, Quotas},
    repository::{AppRepository, QuotaRepository, QuotaUpdate},
    services::{
        Answer, Commit, Expiry, KvValue, Question, ServiceError, Write,
        docs::{
            CollectionCommit, Definition, DocPath, DocsAnswer, DocsAsk, DocsFound, DocsQuestion, Document,
            DocumentWrite, Find, FoundPage, Index, LOOKED_AT_MAX, Plan, ReadDocument, Selection, Stretch,
        },
    },
};
use picloud_store::Store;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    bed::{Bed, Raw, cases},
    fixtures::{app, change, now},
};

cases! {
    what_is_committed_is_there,
    a_commit_is_refused_as_a_whole,
    keys_and_documents_are_committed_together,
    a_collection_is_made_once,
    every_filter_is_answered_like_a_look_at_everything,
    pages_go_on_at_their_cursor,
    a_stretch_conflicts_with_what_changes_in_it,
    a_claim_is_made_once,
    too_many_candidates_are_refused_with_advice,
    apps_do_not_see_each_other,
    deleting_an_app_deletes_its_documents,
    what_documents_take_is_counted_and_bounded,
    finding_uses_the_indexes,
}

/// A collection of one app, and how a run commits to it.
pub(crate) struct People<'s> {
    store: &'s Store,
    app: AppId,
    pub(crate) id: Uuid,
    version: i64,
    pub(crate) definition: Definition,
}

pub(crate) fn definition(indexes: &[(&str, bool)]) -> Definition {
    let indexes = indexes.iter().zip(1..).map(|((path, is_unique), id)| Index {
        id,
        path: DocPath::new(path).unwrap(),
        is_unique: *is_unique,
        is_ready: true,
    });
    Definition {
        indexes: indexes.collect(),
        ..Definition::default()
    }
}

pub(crate) fn nothing(name: &str) -> CollectionCommit {
    CollectionCommit {
        name: name.to_owned(),
        id: None,
        version: None,
        created: None,
        documents: Vec::new(),
        stretches: Vec::new(),
        writes: Vec::new(),
        indexed: Vec::new(),
    }
}

async fn ask(store: &Store, app: AppId, ask: DocsAsk) -> DocsAnswer {
    let question = Question::Docs(DocsQuestion {
        collection: "people".to_owned(),
        ask,
    });
    match store.answer_kv(app, question, now()).await.unwrap() {
        Answer::Docs(answer) => answer,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn commit(store: &Store, app: AppId, docs: Vec<CollectionCommit>) -> Answer {
    let commit = Commit {
        docs,
        ..Commit::default()
    };
    store
        .answer_kv(app, Question::Commit(commit), now())
        .await
        .unwrap()
}

impl<'s> People<'s> {
    /// Makes the collection.
    pub(crate) async fn make(store: &'s Store, app: AppId, definition: Definition) -> Self {
        let made = CollectionCommit {
            id: Some(Uuid::new_v4()),
            created: Some(definition),
            ..nothing("people")
        };
        assert_eq!(commit(store, app, vec![made]).await, Answer::Committed);
        let collection = ask(store, app, DocsAsk::Get { ids: Vec::new() })
            .await
            .collection
            .unwrap();
        Self {
            store,
            app,
            id: collection.id,
            version: collection.version,
            definition: collection.definition,
        }
    }

    /// A commit that has read the collection.
    pub(crate) fn read(&self) -> CollectionCommit {
        CollectionCommit {
            id: Some(self.id),
            version: Some(self.version),
            ..nothing("people")
        }
    }

    /// The write of a document that was `before`.
    pub(crate) fn write(&self, id: &str, before: Option<&Value>, document: Option<&Value>) -> DocumentWrite {
        let entries = |document: Option<&Value>| {
            document.map_or(Vec::new(), |document| self.definition.entries(document).unwrap())
        };
        let claims = |document: Option<&Value>| {
            document.map_or(Vec::new(), |document| self.definition.claims(document))
        };
        DocumentWrite {
            id: id.to_owned(),
            document: document.map(Value::to_string),
            added: entries(document),
            removed: entries(before),
            claims: [claims(before), claims(document)].concat(),
        }
    }

    async fn put_all(&self, documents: &[(String, Value)]) {
        for some in documents.chunks(500) {
            let writes = some
                .iter()
                .map(|(id, document)| self.write(id, None, Some(document)));
            let all = CollectionCommit {
                writes: writes.collect(),
                ..self.read()
            };
            assert_eq!(commit(self.store, self.app, vec![all]).await, Answer::Committed);
        }
    }

    pub(crate) async fn put(&self, id: &str, before: Option<&Value>, document: &Value) {
        let all = CollectionCommit {
            writes: vec![self.write(id, before, Some(document))],
            ..self.read()
        };
        assert_eq!(commit(self.store, self.app, vec![all]).await, Answer::Committed);
    }

    pub(crate) async fn delete(&self, id: &str, before: &Value) {
        let all = CollectionCommit {
            writes: vec![self.write(id, Some(before), None)],
            ..self.read()
        };
        assert_eq!(commit(self.store, self.app, vec![all]).await, Answer::Committed);
    }

    pub(crate) async fn get(&self, id: &str) -> Option<Document> {
        let ids = vec![id.to_owned()];
        match ask(self.store, self.app, DocsAsk::Get { ids }).await.found {
            DocsFound::Documents { mut documents } => documents.pop(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn find(
        &self,
        filter: Value,
        sort: Option<&str>,
        limit: u32,
        after: Option<Vec<u8>>,
    ) -> FoundPage {
        let find = find(filter, sort, limit, after);
        match ask(self.store, self.app, DocsAsk::Find(find)).await.found {
            DocsFound::Page(page) => page,
            other => panic!("{other:?}"),
        }
    }
}

fn find(filter: Value, sort: Option<&str>, limit: u32, after: Option<Vec<u8>>) -> Find {
    Find {
        selection: Selection {
            filter,
            sort: sort.map(str::to_owned),
        },
        after,
        limit,
        except: Vec::new(),
        only_count: false,
    }
}

fn ids(page: &FoundPage) -> Vec<&str> {
    page.documents
        .iter()
        .map(|document| document.id.as_str())
        .collect()
}

async fn what_is_committed_is_there(mut bed: Bed) {
    let owner = app(&bed.store, "one").await.id;
    let (id, version) = {
        let people = People::make(&bed.store, owner, definition(&[("name", false)])).await;
        people.put("ada", None, &json!({ "name": "Ada\0é" })).await;
        people.put("bob", None, &json!({ "name": "Bob" })).await;
        (people.id, people.version)
    };
    bed.reopen().await;
    let people = People {
        store: &bed.store,
        app: owner,
        id,
        version,
        definition: definition(&[("name", false)]),
    };
    let ada = people.get("ada").await.unwrap();
    assert_eq!(ada.document, json!({ "name": "Ada\0é" }).to_string());
    assert_eq!(ada.created_at, ada.updated_at);
    people
        .put(
            "ada",
            Some(&json!({ "name": "Ada\0é" })),
            &json!({ "name": "Ada" }),
        )
        .await;
    let again = people.get("ada").await.unwrap();
    assert_eq!(
        (again.created_at, again.updated_at > ada.updated_at),
        (ada.created_at, true)
    );
    assert_ne!(again.version, ada.version);
    people.delete("bob", &json!({ "name": "Bob" })).await;
    assert_eq!(people.get("bob").await, None);
    assert_eq!(
        ids(&people.find(json!({ "name": "Ada" }), None, 10, None).await),
        ["ada"]
    );
    assert!(
        people
            .find(json!({ "name": { "in": ["Bob", "Ada\0é"] } }), None, 10, None)
            .await
            .documents
            .is_empty()
    );
    // Of what was deleted or changed nothing remains in the index.
    assert_eq!(
        bed.raw()
            .await
            .number("SELECT count(*) FROM document_index")
            .await,
        1
    );
    bed.finish().await;
}

async fn a_commit_is_refused_as_a_whole(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let people = People::make(store, owner, definition(&[])).await;
    people.put("ada", None, &json!({ "n": 1 })).await;
    let seen = people.get("ada").await.unwrap();
    people.put("ada", None, &json!({ "n": 1 })).await;
    let stale = CollectionCommit {
        documents: vec![ReadDocument {
            id: "ada".to_owned(),
            version: Some(seen.version),
        }],
        writes: vec![people.write("bob", None, Some(&json!({})))],
        ..people.read()
    };
    let conflict = |key: &str| Answer::Conflict { key: key.to_owned() };
    assert_eq!(
        commit(store, owner, vec![stale.clone()]).await,
        conflict("people/ada")
    );
    let only_read = CollectionCommit {
        writes: Vec::new(),
        ..stale
    };
    assert_eq!(
        commit(store, owner, vec![only_read]).await,
        conflict("people/ada")
    );
    let old_form = CollectionCommit {
        version: Some(people.version ^ 1),
        writes: vec![people.write("bob", None, Some(&json!({})))],
        ..people.read()
    };
    assert_eq!(commit(store, owner, vec![old_form]).await, conflict("people"));
    let other_id = CollectionCommit {
        id: Some(Uuid::new_v4()),
        ..people.read()
    };
    assert_eq!(commit(store, owner, vec![other_id]).await, conflict("people"));
    let not_there = CollectionCommit {
        documents: vec![ReadDocument {
            id: "ada".to_owned(),
            version: None,
        }],
        ..people.read()
    };
    assert_eq!(
        commit(store, owner, vec![not_there]).await,
        conflict("people/ada")
    );
    assert_eq!(people.get("bob").await, None);
    bed.finish().await;
}

async fn keys_and_documents_are_committed_together(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let people = People::make(store, owner, definition(&[])).await;
    let key = |version| Commit {
        keys: vec![picloud_shared::services::ReadKey {
            key: "k".to_owned(),
            version,
        }],
        writes: vec![Write {
            key: "k".to_owned(),
            value: Some(KvValue::Json("1".to_owned())),
            expiry: Expiry::Never,
        }],
        docs: vec![
            CollectionCommit {
                id: Some(Uuid::new_v4()),
                created: Some(Definition::default()),
                ..nothing("others")
            },
            CollectionCommit {
                writes: vec![people.write("ada", None, Some(&json!({})))],
                ..people.read()
            },
        ],
        ..Commit::default()
    };
    let answer = store
        .answer_kv(owner, Question::Commit(key(Some(7))), now())
        .await
        .unwrap();
    assert_eq!(answer, Answer::Conflict { key: "k".to_owned() });
    assert_eq!(people.get("ada").await, None);
    assert_eq!(
        bed.raw().await.number("SELECT count(*) FROM collections").await,
        1
    );
    let answer = store
        .answer_kv(owner, Question::Commit(key(None)), now())
        .await
        .unwrap();
    assert_eq!(answer, Answer::Committed);
    assert!(people.get("ada").await.is_some());
    assert_eq!(bed.raw().await.number("SELECT count(*) FROM kv").await, 1);
    bed.finish().await;
}

async fn a_collection_is_made_once(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let making = (0..8).map(|_| async {
        let made = CollectionCommit {
            id: Some(Uuid::new_v4()),
            created: Some(Definition::default()),
            ..nothing("people")
        };
        commit(store, owner, vec![made]).await
    });
    let answers = futures_util::future::join_all(making).await;
    let made = answers
        .iter()
        .filter(|answer| **answer == Answer::Committed)
        .count();
    let conflict = Answer::Conflict {
        key: "people".to_owned(),
    };
    let refused = answers.iter().filter(|answer| **answer == conflict).count();
    assert_eq!((made, refused), (1, 7), "{answers:?}");
    bed.finish().await;
}

/// Documents with all kinds of values, in no order.
fn various() -> Vec<(String, Value)> {
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(1.0),
        json!(1.5),
        json!(2),
        json!("a"),
        json!("b"),
        json!(["a", 1]),
        json!([]),
        json!({ "b": 1 }),
    ];
    let mut documents = Vec::new();
    for (number, value) in values.iter().enumerate() {
        for (other, text) in ["x", "y", "z"].iter().enumerate() {
            let id = format!("{:02}", (number * 3 + other) * 17 % 39);
            documents.push((id, json!({ "a": value, "b": text, "c": number })));
        }
    }
    documents.push(("no".to_owned(), json!({ "b": "x" })));
    documents
}

async fn every_filter_is_answered_like_a_look_at_everything(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let people = People::make(store, owner, definition(&[("a", false), ("b", false)])).await;
    let documents = various();
    people.put_all(&documents).await;
    for filter in [
        json!({}),
        json!({ "a": 1 }),
        json!({ "a": null }),
        json!({ "a": { "in": [1, "a", null] } }),
        json!({ "a": { "gt": 0, "lte": 1.5 } }),
        json!({ "a": { "lt": "b" } }),
        json!({ "a": { "contains": "a" } }),
        json!({ "a": { "eq": { "b": 1 } } }),
        json!({ "a": { "ne": 1 }, "b": "x" }),
        json!({ "c": { "gte": 5 } }),
        json!({ "or": [{ "a": 1 }, { "b": "z" }] }),
        json!({ "a.b": 1 }),
    ] {
        for sort in [
            None,
            Some("a"),
            Some("-a"),
            Some("c"),
            Some("-c"),
            Some("_id"),
            Some("-_id"),
            Some("none"),
        ] {
            let selection = find(filter.clone(), sort, 0, None).selection;
            let plan = Plan::new(&people.definition, &selection).unwrap();
            let mut expected: Vec<_> = documents
                .iter()
                .filter(|(_, document)| plan.matches(document))
                .map(|(id, document)| (plan.position(id, document), id.as_str()))
                .collect();
            expected.sort_by(|left, right| plan.compare(&left.0, &right.0));
            let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).collect();
            let page = people.find(filter.clone(), sort, 100, None).await;
            assert_eq!(ids(&page), expected, "{filter} {sort:?}");
            assert_eq!(page.until, None);
            let counted = Find {
                only_count: true,
                except: vec!["no".to_owned()],
                ..find(filter.clone(), sort, 0, None)
            };
            let DocsFound::Page(counted) = ask(store, owner, DocsAsk::Find(counted)).await.found else {
                panic!("no page")
            };
            let others = expected.iter().filter(|id| **id != "no").count();
            assert_eq!(counted.count, others as u64, "{filter} {sort:?}");
        }
    }
    bed.finish().await;
}

async fn pages_go_on_at_their_cursor(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let people = People::make(store, owner, definition(&[("a", false)])).await;
    people.put_all(&various()).await;
    for filter in [
        json!({}),
        json!({ "a": { "in": [1, 2, "a"] } }),
        json!({ "c": { "gt": 3 } }),
    ] {
        for sort in [None, Some("a"), Some("-a"), Some("b"), Some("-b"), Some("-_id")] {
            let whole = people.find(filter.clone(), sort, 1_000, None).await;
            let mut found = Vec::new();
            let mut after = None;
            loop {
                let page = people.find(filter.clone(), sort, 3, after).await;
                assert!(page.documents.len() <= 3);
                found.extend(page.documents);
                after = page.until;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, whole.documents, "{filter} {sort:?}");
        }
    }
    bed.finish().await;
}

async fn a_stretch_conflicts_with_what_changes_in_it(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let people = People::make(store, owner, definition(&[("age", false)])).await;
    let young = json!({ "age": 10 });
    for (id, age) in [("a", 10), ("b", 20), ("c", 30), ("d", 40)] {
        people.put(id, None, &json!({ "age": age })).await;
    }
    let seen = |stretches: Vec<Stretch>| CollectionCommit {
        stretches,
        ..people.read()
    };
    let page = people
        .find(json!({ "age": { "gte": 20, "lt": 40 } }), None, 10, None)
        .await;
    assert_eq!(ids(&page), ["b", "c"]);
    let stretches = page.stretches;
    assert_eq!(
        commit(store, owner, vec![seen(stretches.clone())]).await,
        Answer::Committed
    );
    // What is outside of it changes nothing, what comes into it does.
    people.put("a", Some(&young), &json!({ "age": 11 })).await;
    assert_eq!(
        commit(store, owner, vec![seen(stretches.clone())]).await,
        Answer::Committed
    );
    people
        .put("a", Some(&json!({ "age": 11 })), &json!({ "age": 25 }))
        .await;
    let conflict = Answer::Conflict {
        key: "people".to_owned(),
    };
    assert_eq!(commit(store, owner, vec![seen(stretches)]).await, conflict);

    // A document that is not in the order of the index, but in it, counts as well.
    let page = people
        .find(json!({ "age": { "gte": 20, "lt": 40 } }), Some("-age"), 2, None)
        .await;
    assert_eq!(ids(&page), ["c", "a"]);
    people
        .put("b", Some(&json!({ "age": 20 })), &json!({ "age": 20, "x": 1 }))
        .await;
    assert_eq!(
        commit(store, owner, vec![seen(page.stretches.clone())]).await,
        Answer::Committed
    );
    people
        .put("c", Some(&json!({ "age": 30 })), &json!({ "age": 30, "x": 1 }))
        .await;
    assert_eq!(commit(store, owner, vec![seen(page.stretches)]).await, conflict);

    let page = people.find(json!({}), None, 2, None).await;
    assert_eq!(ids(&page), ["a", "b"]);
    people
        .put("c", Some(&json!({ "age": 30 })), &json!({ "age": 30 }))
        .await;
    assert_eq!(
        commit(store, owner, vec![seen(page.stretches.clone())]).await,
        Answer::Committed
    );
    people.delete("b", &json!({ "age": 20 })).await;
    assert_eq!(commit(store, owner, vec![seen(page.stretches)]).await, conflict);
    bed.finish().await;
}

async fn a_claim_is_made_once(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let people = People::make(store, owner, definition(&[("name", true)])).await;
    let document = json!({ "name": "ada" });
    let people = &people;
    let claiming = (0..8).map(|number| {
        let document = &document;
        async move {
            let write = people.write(&format!("{number}"), None, Some(document));
            let claims = write.claims.clone();
            let DocsFound::Claims { claims } = ask(store, owner, DocsAsk::Claims { claims }).await.found
            else {
                panic!("no claims")
            };
            if !claims[0].ids.is_empty() {
                return false;
            }
            let claim = CollectionCommit {
                stretches: vec![claims[0].stretch.clone()],
                writes: vec![write],
                ..people.read()
            };
            commit(store, owner, vec![claim]).await == Answer::Committed
        }
    });
    let claimed = futures_util::future::join_all(claiming).await;
    assert_eq!(
        claimed.iter().filter(|claimed| **claimed).count(),
        1,
        "{claimed:?}"
    );
    assert_eq!(bed.raw().await.number("SELECT count(*) FROM documents").await, 1);
    bed.finish().await;
}

async fn too_many_candidates_are_refused_with_advice(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let people = People::make(store, owner, definition(&[("even", false)])).await;
    let documents: Vec<_> = (0..=LOOKED_AT_MAX)
        .map(|number| {
            (
                format!("{number:06}"),
                json!({ "n": number, "even": number % 2 == 0 }),
            )
        })
        .collect();
    people.put_all(&documents).await;
    let last = json!({ "n": LOOKED_AT_MAX });
    let refused = ask(store, owner, DocsAsk::Find(find(last.clone(), None, 10, None)))
        .await
        .found;
    let DocsFound::Refused { message } = refused else {
        panic!("{refused:?}")
    };
    assert!(message.contains("declare an index on `n`"), "{message}");
    // Through the index half of them are enough, and so is a page that is full before.
    let narrower = json!({ "n": LOOKED_AT_MAX, "even": LOOKED_AT_MAX.is_multiple_of(2) });
    assert_eq!(people.find(narrower, None, 10, None).await.documents.len(), 1);
    assert_eq!(
        people
            .find(json!({ "n": { "gt": 5 } }), None, 10, None)
            .await
            .documents
            .len(),
        10
    );
    assert_eq!(
        people.find(json!({}), Some("-_id"), 1, None).await.documents[0].id,
        format!("{LOOKED_AT_MAX:06}")
    );
    bed.finish().await;
}

async fn apps_do_not_see_each_other(bed: Bed) {
    let store = &bed.store;
    let (one, two) = (app(store, "one").await.id, app(store, "two").await.id);
    let people = People::make(store, one, definition(&[("a", false)])).await;
    people.put("ada", None, &json!({ "a": "canary" })).await;
    for question in [
        DocsAsk::Get {
            ids: vec!["ada".to_owned()],
        },
        DocsAsk::Find(find(json!({}), None, 10, None)),
        DocsAsk::Claims {
            claims: people.definition.entries(&json!({ "a": "canary" })).unwrap(),
        },
    ] {
        let answer = ask(store, two, question).await;
        assert_eq!(
            (answer.collection, answer.found),
            (
                None,
                DocsFound::Documents {
                    documents: Vec::new()
                }
            )
        );
    }
    // Not even who names its id gets at it.
    let theft = CollectionCommit {
        writes: vec![people.write("ada", None, None)],
        ..people.read()
    };
    let conflict = Answer::Conflict {
        key: "people".to_owned(),
    };
    assert_eq!(commit(store, two, vec![theft]).await, conflict);
    assert!(people.get("ada").await.is_some());
    bed.finish().await;
}

async fn deleting_an_app_deletes_its_documents(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    let people = People::make(store, owner.id, definition(&[("a", false)])).await;
    people.put("ada", None, &json!({ "a": 1 })).await;
    store.delete_app(owner.id, true, &change()).await.unwrap();
    for table in ["collections", "documents", "document_index"] {
        let count = bed
            .raw()
            .await
            .number(&format!("SELECT count(*) FROM {table}"))
            .await;
        assert_eq!(count, 0, "{table}");
    }
    bed.finish().await;
}

async fn what_documents_take_is_counted_and_bounded(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let people = People::make(store, owner, definition(&[("a", false)])).await;
    people.put("ada", None, &json!({ "a": "é" })).await;
    people.put("bob", None, &json!({ "a": "much" })).await;
    people
        .put("ada", Some(&json!({ "a": "é" })), &json!({ "a": "éé" }))
        .await;
    people
        .put("ada", Some(&json!({ "a": "éé" })), &json!({ "a": "eeee" }))
        .await;
    people.put("cy", None, &json!({})).await;
    people.delete("bob", &json!({ "a": "much" })).await;
    let docs = |usage: Option<(AppUsage, Quotas)>| usage.unwrap().0.docs;
    let bytes = "ada{\"a\":\"eeee\"}cy{}".len() as u64 + entry_bytes(&bed).await;
    let kept = docs(store.app_usage(owner).await.unwrap());
    assert_eq!((kept.bytes, kept.rows), (bytes, 2));

    let update = QuotaUpdate {
        data_rows_max: Some(Some(2)),
        ..QuotaUpdate::default()
    };
    store.update_quotas(owner, update, &change()).await.unwrap();
    let more = Commit {
        docs: vec![CollectionCommit {
            writes: vec![people.write("dan", None, Some(&json!({})))],
            ..people.read()
        }],
        ..Commit::default()
    };
    let refused = store.answer_kv(owner, Question::Commit(more), now()).await;
    assert!(
        matches!(refused, Err(ServiceError::QuotaExceeded(_))),
        "{refused:?}"
    );
    assert_eq!(people.get("dan").await, None);
    people.delete("cy", &json!({})).await;
    people.put("dan", None, &json!({})).await;
    assert_eq!(docs(store.app_usage(owner).await.unwrap()).rows, 2);
    bed.finish().await;
}

/// What all entries in indexes take.
pub(crate) async fn entry_bytes(bed: &Bed) -> u64 {
    let sum =
        "SELECT CAST(COALESCE(SUM(length(position) + length(document_id)), 0) AS BIGINT) FROM document_index";
    u64::try_from(bed.raw().await.number(sum).await).unwrap()
}

/// Ten thousand documents, with one index.
const MANY: &str = "INSERT INTO collections SELECT md5('c')::uuid, id, 'many', '{\"indexes\":[],\"schema\":null}', 1, 1, 1 \
    FROM apps; \
    INSERT INTO documents SELECT c.id, convert_to(n::text, 'UTF8'), c.app_id, '{}', n, 1, 1 \
    FROM collections c, generate_series(1, 10000) n; \
    INSERT INTO document_index SELECT collection_id, 1, id, id FROM documents; ANALYZE documents, document_index";

async fn finding_uses_the_indexes(bed: Bed) {
    app(&bed.store, "one").await;
    let mut raw = bed.raw().await;
    if !bed.is_sqlite() {
        raw.run(MANY).await;
    }
    let of = if bed.is_sqlite() { "sqlite" } else { "postgres" };
    let statements = picloud_store::all_statements(of);
    let by_id = ["DOCUMENTS_BY_ID", "DOCUMENTS_BY_ID_DOWN"];
    let by_index = [
        "DOCUMENTS_BY_INDEX",
        "DOCUMENTS_BY_INDEX_DOWN",
        "VERSIONS_BY_INDEX",
    ];
    for name in by_id.into_iter().chain(by_index) {
        let statement = statements
            .iter()
            .find(|statement| statement.name == name)
            .unwrap();
        let plan = match &mut raw {
            Raw::Sqlite(connection) => crate::schema::plan_of_sqlite(connection, statement.sql).await,
            Raw::Postgres(connection) => crate::schema::plan_of_postgres(connection, statement.sql).await,
        };
        let is_through = if by_index.contains(&name) {
            plan.contains("document_index_pkey") || plan.contains("SEARCH i USING PRIMARY KEY (collection_id=? AND index_id=? AND position>? AND position<?)")
        } else {
            plan.contains("documents_pkey")
                || plan.contains("SEARCH documents USING PRIMARY KEY (collection_id=? AND id>? AND id<?)")
        };
        assert!(is_through, "{name}:\n{plan}");
        assert!(
            !plan.contains("TEMP B-TREE") && !plan.contains("Seq Scan"),
            "{name}:\n{plan}"
        );
    }
    bed.finish().await;
}
