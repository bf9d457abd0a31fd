//! What is found, in which order, and through which index.

use picloud_shared::{
    repository::CollectionRepository,
    services::docs::{Definition, DocsAsk, DocsFound, Find, LOOKED_AT_MAX, Plan},
};
use serde_json::{Value, json};

use super::{People, ask, definition, find, ids};
use crate::{
    bed::{Bed, Raw, cases},
    fixtures::{app, now},
};

cases! {
    every_filter_is_answered_like_a_look_at_everything,
    pages_go_on_at_their_cursor,
    a_page_does_not_go_on_in_another_order,
    too_many_candidates_are_refused_with_advice,
    finding_uses_the_indexes,
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

async fn a_page_does_not_go_on_in_another_order(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let people = People::make(store, owner, definition(&[("a", false)])).await;
    people.put_all(&various()).await;
    let filter = json!({ "a": { "gte": 1 } });
    let all = people.find(filter.clone(), Some("a"), 100, None).await;
    for next in [Definition::default(), people.definition.clone()] {
        let page = people.find(filter.clone(), None, 2, None).await;
        let sorted = people.find(filter.clone(), Some("a"), 2, None).await;
        let before = store.find_collection(owner, "people").await.unwrap().unwrap();
        let changed = store.change_collection(owner, &before, next, None, now());
        assert!(changed.await.unwrap().is_some());
        let rest = find(filter.clone(), None, 100, page.until);
        assert_eq!(
            ask(store, owner, DocsAsk::Find(rest)).await.found,
            DocsFound::OtherOrder
        );
        let rest = people.find(filter.clone(), Some("a"), 100, sorted.until).await;
        assert_eq!(rest.documents[..], all.documents[2..]);
    }
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
