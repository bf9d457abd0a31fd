//! What a commit tells.

use picloud_shared::{
    bindings::{Subscription, SubscriptionSpec},
    events::{CHANGED_VALUE_BYTES_MAX, Lineage, RetryPolicy},
    id::{AppId, ExecutionId, ScriptId, UserId},
    services::{
        Expiry, KvValue, ReadKey,
        docs::{DocumentWrite, ReadDocument},
        user_key, user_name_key,
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const RUN: ExecutionId = ExecutionId(Uuid::from_u128(7));

fn subscribers(topic: &str, filter: Option<Value>) -> Subscribers {
    Subscribers::new(vec![Subscription {
        id: Uuid::from_u128(1),
        app_id: AppId(Uuid::nil()),
        name: "test".to_owned(),
        script_id: ScriptId(Uuid::from_u128(2)),
        is_paused: false,
        spec: SubscriptionSpec {
            topic: topic.parse().expect("a pattern"),
            filter,
            ordered: true,
            batch: None,
            concurrency_max: None,
            retry: RetryPolicy::default(),
            on_success: None,
            on_failure: None,
        },
        created_at: NOW,
        updated_at: NOW,
    }])
}

fn writer(depth: u8) -> Writer {
    Writer {
        lineage: Lineage {
            root: RUN.0,
            cause: Some(RUN),
            depth,
        },
        person: None,
    }
}

fn of_keys(keys: Vec<ReadKey>, writes: Vec<Write>) -> Commit {
    Commit {
        keys,
        writes,
        writer: Some(writer(0)),
        ..Commit::default()
    }
}

fn write(key: &str, value: Option<&str>) -> Write {
    Write {
        key: key.to_owned(),
        value: value.map(|text| KvValue::Json(text.to_owned())),
        expiry: Expiry::Never,
    }
}

fn read(key: &str, version: Option<i64>) -> ReadKey {
    ReadKey {
        key: key.to_owned(),
        version,
    }
}

fn of_document(id: &str, version: Option<i64>, document: Option<&str>) -> Commit {
    Commit {
        docs: vec![CollectionCommit {
            name: "people".to_owned(),
            id: Some(Uuid::nil()),
            version: Some(1),
            created: None,
            documents: vec![ReadDocument {
                id: id.to_owned(),
                version,
            }],
            stretches: Vec::new(),
            writes: vec![DocumentWrite {
                id: id.to_owned(),
                document: document.map(str::to_owned),
                added: Vec::new(),
                removed: Vec::new(),
                claims: Vec::new(),
            }],
            indexed: Vec::new(),
        }],
        writer: Some(writer(0)),
        ..Commit::default()
    }
}

/// What is told to whoever subscribes to `topic`: topics, keys and data.
fn told_to(topic: &str, commit: &Commit) -> Vec<(String, Option<String>, Value)> {
    let events = of_commit(commit, &subscribers(topic, None), NOW).expect("no loop");
    let told = events.into_iter().map(|event| {
        assert_eq!(event.deliveries.len(), 1, "{event:?}");
        assert_eq!(event.key, event.subject);
        let topic = event.topic.map(|topic| topic.as_str().to_owned());
        let data = serde_json::from_slice(&event.data).expect("JSON");
        (topic.expect("a topic"), event.key, data)
    });
    told.collect()
}

#[track_caller]
fn check(commit: &Commit, expected: &[(&str, &str, Value)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(topic, key, data)| ((*topic).to_owned(), Some((*key).to_owned()), data.clone()))
        .collect();
    assert_eq!(told_to("picloud.*", commit), expected);
}

fn by() -> Value {
    json!({ "execution_id": RUN })
}

#[test]
fn each_key_that_is_written_is_told_in_its_order() {
    let commit = of_keys(
        vec![read("b", Some(1)), read("c", None)],
        vec![
            write("a", Some("{\"n\":1.50}")),
            write("b", None),
            // It was not there.
            write("c", None),
            // Nobody has looked.
            write("d", None),
        ],
    );
    let a = json!({ "key": "a", "type": "json", "value": { "n": 1.5 }, "bytes": 10, "truncated": false, "by": by() });
    check(
        &commit,
        &[
            ("picloud.kv.changed", "a", a),
            ("picloud.kv.deleted", "b", json!({ "key": "b", "by": by() })),
            ("picloud.kv.deleted", "d", json!({ "key": "d", "by": by() })),
        ],
    );
    assert_eq!(told_to("picloud.kv.deleted", &commit).len(), 2);
    assert_eq!(told_to("picloud.docs.*", &commit), []);
}

#[test]
fn what_is_large_and_what_is_no_json_is_left_out() {
    let large = format!("\"{}\"", "x".repeat(CHANGED_VALUE_BYTES_MAX - 1));
    let fits = &large[..1 + CHANGED_VALUE_BYTES_MAX - 2];
    let fits = format!("{fits}\"");
    let blob = Write {
        value: Some(KvValue::Blob(vec![0; 3])),
        ..write("blob", None)
    };
    let commit = of_keys(
        Vec::new(),
        vec![write("fits", Some(&fits)), write("large", Some(&large)), blob],
    );
    let told = told_to("picloud.kv.changed", &commit);
    assert_eq!(told[0].2["truncated"], json!(false));
    assert_eq!(
        told[0].2["value"],
        serde_json::from_str::<Value>(&fits).expect("JSON")
    );
    let bytes = CHANGED_VALUE_BYTES_MAX + 1;
    let left_out = json!({ "key": "large", "type": "json", "bytes": bytes, "truncated": true, "by": by() });
    assert_eq!(told[1].2, left_out);
    let blob = json!({ "key": "blob", "type": "blob", "bytes": 3, "truncated": true, "by": by() });
    assert_eq!(told[2].2, blob);
}

#[test]
fn a_document_is_inserted_changed_and_deleted() {
    let here = json!({ "collection": "people", "id": "ada", "document": { "a": 1 }, "bytes": 7,
        "truncated": false, "by": by() });
    let gone = json!({ "collection": "people", "id": "ada", "by": by() });
    for (version, document, expected) in [
        (
            None,
            Some("{\"a\":1}"),
            Some(("picloud.docs.people.inserted", &here)),
        ),
        (
            Some(1),
            Some("{\"a\":1}"),
            Some(("picloud.docs.people.changed", &here)),
        ),
        (Some(1), None, Some(("picloud.docs.people.deleted", &gone))),
        (None, None, None),
    ] {
        let commit = of_document("ada", version, document);
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(topic, data)| (topic, "people/ada", data.clone()))
            .collect();
        check(&commit, &expected);
    }
    let commit = of_document("ada", None, Some("{}"));
    assert_eq!(told_to("picloud.docs.other.*", &commit), []);
    assert_eq!(told_to("picloud.docs.people.*", &commit).len(), 1);
}

#[test]
fn a_user_is_told_of_without_what_signs_them_in() {
    let id = Uuid::from_u128(3);
    let record = json!({ "id": id, "name": "ada", "email": null, "data": { "a": 1 }, "is_active": true,
        "password_hash": "secret", "sessions": [], "created_at": 1, "updated_at": 1, "last_sign_in_at": null });
    let name = write(&user_name_key("ada"), Some(&format!("\"{id}\"")));
    let record = write(&user_key(id), Some(&record.to_string()));
    let here = json!({ "id": id, "name": "ada", "email": null, "is_active": true, "by": by() });
    let id_text = id.to_string();
    let created = of_keys(Vec::new(), vec![name.clone(), record.clone()]);
    check(&created, &[("picloud.users.created", &id_text, here.clone())]);
    let there = vec![read(&user_key(id), Some(1))];
    let changed = of_keys(there.clone(), vec![record]);
    check(&changed, &[("picloud.users.changed", &id_text, here)]);
    let deleted = of_keys(there, vec![write(&user_key(id), None)]);
    let gone = json!({ "id": id, "by": by() });
    check(&deleted, &[("picloud.users.deleted", &id_text, gone)]);
}

#[test]
fn a_person_is_named_and_nobody_is_told_of_what_has_no_writer() {
    let mut commit = of_keys(Vec::new(), vec![write("a", Some("1"))]);
    let person = UserId(Uuid::from_u128(9));
    commit.writer = Some(Writer {
        lineage: Lineage {
            cause: None,
            ..writer(0).lineage
        },
        person: Some(person),
    });
    assert_eq!(
        told_to("picloud.kv.*", &commit)[0].2["by"],
        json!({ "user_id": person })
    );
    commit.writer = None;
    assert_eq!(told_to("picloud.kv.*", &commit), []);
}

#[test]
fn a_change_that_too_many_events_led_to_is_refused_if_anybody_wants_it() {
    let mut commit = of_keys(Vec::new(), vec![write("a", Some("1"))]);
    let wanted = subscribers("picloud.kv.changed", Some(json!({ "data.value": 1 })));
    let not_wanted = subscribers("picloud.kv.changed", Some(json!({ "data.value": 2 })));
    commit.writer = Some(writer(DEPTH_MAX - 1));
    assert_eq!(of_commit(&commit, &wanted, NOW).map(|events| events.len()), Ok(1));
    commit.writer = Some(writer(DEPTH_MAX));
    assert_eq!(of_commit(&commit, &wanted, NOW), Err(ServiceError::LoopDetected));
    assert_eq!(of_commit(&commit, &not_wanted, NOW), Ok(Vec::new()));
}
