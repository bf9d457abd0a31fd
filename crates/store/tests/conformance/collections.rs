//! Collections that have documents, and how they are changed; and what their indexes take.

use picloud_shared::{
    audit::{AuditFilter, ListedRecord},
    quota::{Quota, QuotaExceeded},
    repository::{
        AuditRepository, CollectionRepository, CreateCollectionError, QuotaRepository, QuotaUpdate,
    },
    services::{
        Answer, Commit, Question, ServiceError,
        docs::{
            COLLECTIONS_MAX, CollectionCommit, CollectionName, Definition, DefinitionChange, DocPath,
            Indexed, ReadDocument,
        },
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    bed::{Bed, cases},
    docs::{People, commit, definition, entry_bytes, nothing},
    fixtures::{app, change, first, now},
};

cases! {
    what_indexes_take_is_counted_whatever_happens,
    an_app_has_so_many_collections,
    a_definition_is_changed_once,
    a_document_is_put_into_an_index_as_it_was_read,
}

async fn what_indexes_take_is_counted_whatever_happens(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let people = People::make(
        store,
        owner,
        definition(&[("a", false), ("b", true), ("c", false)]),
    )
    .await;
    let docs = async || store.app_usage(owner).await.unwrap().unwrap().0.docs.bytes;
    let large = json!({ "a": (0..100).collect::<Vec<_>>(), "b": "é".repeat(300), "c": null });
    let small = json!({ "b": 1 });
    let text_bytes = |id: &str, document: &Value| (id.len() + document.to_string().len()) as u64;
    people.put("ada", None, &large).await;
    people.put("bob", None, &small).await;
    let texts = text_bytes("ada", &large) + text_bytes("bob", &small);
    assert!(entry_bytes(&bed).await > 1_000);
    assert_eq!(docs().await, texts + entry_bytes(&bed).await);
    people.put("bob", Some(&small), &json!({ "a": ["x"] })).await;
    people.delete("ada", &large).await;
    let texts = text_bytes("bob", &json!({ "a": ["x"] }));
    assert_eq!(docs().await, texts + entry_bytes(&bed).await);
    // What is left of an index that is no more goes with it, and a collection with all of its entries.
    while store.sweep_index(people.id, 1).await.unwrap() > 0 {}
    assert_eq!(docs().await, texts + entry_bytes(&bed).await);
    assert!(entry_bytes(&bed).await > 0);
    assert!(store.delete_collection(owner, "people", &change()).await.unwrap());
    assert_eq!((docs().await, entry_bytes(&bed).await), (0, 0));

    // A quota is one of all that is there.
    let people = People::make(store, owner, definition(&[("a", false)])).await;
    let update = QuotaUpdate {
        data_bytes_max: Some(Some(1_000)),
        ..QuotaUpdate::default()
    };
    store.update_quotas(owner, update, &change()).await.unwrap();
    let many = json!({ "a": (0..100).collect::<Vec<_>>() });
    assert!(text_bytes("ada", &many) < 500);
    let commit = Commit {
        docs: vec![CollectionCommit {
            writes: vec![people.write("ada", None, Some(&many))],
            ..people.read()
        }],
        ..Commit::default()
    };
    let refused = store.answer_kv(owner, Question::Commit(commit), now()).await;
    assert!(
        matches!(refused, Err(ServiceError::QuotaExceeded(_))),
        "{refused:?}"
    );
    bed.finish().await;
}

async fn an_app_has_so_many_collections(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let other = app(store, "two").await.id;
    let made = |number: u64| CollectionCommit {
        id: Some(Uuid::new_v4()),
        created: Some(Definition::default()),
        ..nothing(&format!("c{number}"))
    };
    for batch in (0..COLLECTIONS_MAX).collect::<Vec<_>>().chunks(100) {
        let docs = batch.iter().map(|number| made(*number)).collect();
        assert_eq!(commit(store, owner, docs).await, Answer::Committed);
    }
    let one_more = Commit {
        docs: vec![made(COLLECTIONS_MAX)],
        ..Commit::default()
    };
    let refused = store.answer_kv(owner, Question::Commit(one_more), now()).await;
    let exceeded = QuotaExceeded {
        quota: Quota::Collections,
        used: COLLECTIONS_MAX,
        max: COLLECTIONS_MAX,
    };
    assert_eq!(refused, Err(ServiceError::QuotaExceeded(exceeded)));
    let name = CollectionName::new("more").unwrap();
    let declare = async |app| {
        store
            .create_collection(app, &name, Definition::default(), &change())
            .await
    };
    let refused = declare(owner).await;
    assert!(
        matches!(refused, Err(CreateCollectionError::TooMany(_))),
        "{refused:?}"
    );
    declare(other).await.unwrap();
    assert!(store.delete_collection(owner, "c7", &change()).await.unwrap());
    declare(owner).await.unwrap();
    bed.finish().await;
}

async fn a_definition_is_changed_once(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let people = People::make(store, owner, Definition::default()).await;
    let before = store.find_collection(owner, "people").await.unwrap().unwrap();
    let index = DefinitionChange {
        indexes: Some(vec![(DocPath::new("a").unwrap(), false)]),
        ..DefinitionChange::default()
    };
    let begun = before.definition.begin(index);
    let told = change();
    let to = async |before, definition, told| {
        let changed = store.change_collection(owner, before, definition, told, now());
        changed.await.unwrap()
    };
    assert_eq!(store.unfinished_collections().await.unwrap(), []);
    let changed = to(&before, begun.clone(), Some(&told)).await.unwrap();
    assert_eq!((&changed.definition, changed.id), (&begun, people.id));
    assert_ne!(changed.version, before.version);
    assert_eq!(
        store.find_collection(owner, "people").await.unwrap(),
        Some(changed.clone())
    );
    let unfinished = store.unfinished_collections().await.unwrap();
    assert_eq!(unfinished, [(owner, changed.clone())]);
    // Who has seen it as it was neither changes it nor writes to it.
    assert_eq!(to(&before, begun.succeed(), Some(&told)).await, None);
    let write = CollectionCommit {
        writes: vec![people.write("ada", None, Some(&json!({})))],
        ..people.read()
    };
    let answer = commit(store, owner, vec![write]).await;
    assert!(matches!(answer, Answer::Conflict { .. }), "{answer:?}");
    let done = to(&changed, begun.succeed(), None).await.unwrap();
    assert_eq!(done.definition.unfinished, None);
    assert_eq!(store.unfinished_collections().await.unwrap(), []);
    let log = store
        .list_audit(&AuditFilter::default(), first(100))
        .await
        .unwrap();
    let records = log.items.into_iter().filter_map(ListedRecord::read);
    let told = records.filter(|record| record.action == "update_collection");
    assert_eq!(told.count(), 1);
    bed.finish().await;
}

async fn a_document_is_put_into_an_index_as_it_was_read(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let people = People::make(store, owner, definition(&[("a", false)])).await;
    people.put("ada", None, &json!({ "a": 1 })).await;
    while store.sweep_index(people.id, 1).await.unwrap() > 0 {}
    let ada = people.get("ada").await.unwrap();
    let indexed = |version| CollectionCommit {
        documents: vec![ReadDocument {
            id: "ada".to_owned(),
            version: Some(version),
        }],
        indexed: people
            .definition
            .entries(&json!({ "a": 1 }))
            .unwrap()
            .into_iter()
            .map(|entry| Indexed {
                id: "ada".to_owned(),
                entry,
            })
            .collect(),
        ..people.read()
    };
    let found = async || {
        people
            .find(json!({ "a": 1 }), None, 10, None)
            .await
            .documents
            .len()
    };
    assert_eq!(found().await, 0);
    let answer = commit(store, owner, vec![indexed(ada.version + 1)]).await;
    assert!(matches!(answer, Answer::Conflict { .. }), "{answer:?}");
    assert_eq!(found().await, 0);
    for _ in 0..2 {
        let answer = commit(store, owner, vec![indexed(ada.version)]).await;
        assert_eq!((answer, found().await), (Answer::Committed, 1));
    }
    assert_eq!(people.get("ada").await, Some(ada));
    bed.finish().await;
}
