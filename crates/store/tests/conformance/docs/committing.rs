//! What is committed, what conflicts, and what it takes.

use picloud_shared::{
    quota::{AppUsage, Quotas},
    repository::{AppRepository, QuotaRepository, QuotaUpdate},
    services::{
        Answer, Commit, Expiry, KvValue, Question, ServiceError, Write,
        docs::{CollectionCommit, Definition, DocsAsk, DocsFound, ReadDocument, Stretch},
    },
};
use serde_json::json;
use uuid::Uuid;

use super::{People, ask, commit, definition, entry_bytes, find, ids, nothing};
use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, now},
};

cases! {
    what_is_committed_is_there,
    a_commit_is_refused_as_a_whole,
    keys_and_documents_are_committed_together,
    a_collection_is_made_once,
    a_stretch_conflicts_with_what_changes_in_it,
    a_claim_is_made_once,
    apps_do_not_see_each_other,
    deleting_an_app_deletes_its_documents,
    what_documents_take_is_counted_and_bounded,
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
