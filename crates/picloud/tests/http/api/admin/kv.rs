//! `/api/v1/admin/apps/{app}/kv`: keys and values as people see and change them.

use std::thread;

use serde_json::{Value, json};

use crate::harness::{Answer, App, TestCloud, rounds};

fn put(app: &App<'_>, key: &str, body: &Value) -> Answer {
    let path = format!("/api/v1{}", app.path(&format!("/kv/{key}")));
    app.cloud.owner().call("PUT", &path).json(body).send()
}

fn import(app: &App<'_>, query: &str, file: impl Into<Vec<u8>>) -> Answer {
    let path = format!("/api/v1{}", app.path(&format!("/kv:import{query}")));
    let call = app.cloud.owner().call("POST", &path);
    call.header("content-type", "application/x-ndjson")
        .body(file)
        .send()
}

fn export(app: &App<'_>, query: &str) -> String {
    let path = app.path(&format!("/kv:export{query}"));
    app.cloud.owner().get(&path).expect(200).text()
}

#[test]
fn what_people_write_scripts_read_and_the_other_way_round() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/read/{*key}", "kv::get(request.params.key) ?? \"nothing\"");
    app.serve(
        "/write",
        "kv::set(\"b\", blob(2, 255)); kv::set(\"m\", #{a: [1, ()]}); \"\"",
    );
    let get = |key: &str| cloud.owner().get(&app.path(&format!("/kv/{key}")));

    get("user%2Fada").problem(404, "not_found");
    let item = put(&app, "user%2Fada", &json!({ "value": "Ada" }))
        .expect(200)
        .json();
    let expected = json!({
        "key": "user/ada", "type": "json", "value": "Ada", "bytes": 5, "version": item["version"],
        "truncated": false, "expires_at": null,
    });
    assert_eq!(item, expected);
    assert_eq!(get("user%2Fada").expect(200).json(), expected);
    cloud.get("a.test", "/read/user/ada").says("Ada");

    cloud.get("a.test", "/write").says("");
    let blob = get("b").expect(200).json();
    assert_eq!((&blob["type"], &blob["value"]), (&json!("blob"), &Value::Null));
    assert_eq!(blob["blob_base64"], "//8=");
    assert_eq!(get("m").expect(200).json()["value"], json!({ "a": [1, null] }));

    let brief = json!({ "blob_base64": "AAE=", "ttl_seconds": 3_600 });
    let brief = put(&app, "brief", &brief).expect(200).json();
    assert!(brief["expires_at"].is_string(), "{brief}");
    assert_eq!(get("brief").expect(200).json(), brief);

    let delete = || cloud.owner().delete(&app.path("/kv/user%2Fada"));
    delete().expect(204);
    delete().problem(404, "not_found");
    cloud.get("a.test", "/read/user/ada").says("nothing");
}

#[test]
fn a_key_that_clients_take_for_a_step_is_reached() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve(
        "/",
        "for key in [\".\", \"..\", \"~.\"] { kv::set(key, key) } \"\"",
    );
    cloud.get("a.test", "/").says("");
    for (text, key) in [("~.", "."), ("~..", ".."), ("%7E%2E%2E", ".."), ("~~.", "~.")] {
        let item = put(&app, text, &json!({ "value": text })).expect(200).json();
        assert_eq!(item["key"], key);
        let path = app.path(&format!("/kv/{text}"));
        assert_eq!(cloud.owner().get(&path).expect(200).json(), item);
    }
    for text in ["~.", "~..", "~~."] {
        let path = app.path(&format!("/kv/{text}"));
        cloud.owner().delete(&path).expect(204);
        cloud.owner().get(&path).problem(404, "not_found");
    }
    assert_eq!(export(&app, ""), "");
}

#[test]
fn if_match_guards_against_overwriting_what_was_not_seen() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/incr", "kv::incr(\"n\"); \"\"");
    app.serve("/again", "kv::set(\"n\", kv::get(\"n\")); \"\"");
    let path = app.path("/kv/n");
    let get = || cloud.owner().get(&path).expect(200);
    let version_of = |answer: &Answer| answer.json()["version"].as_str().expect("a version").to_owned();
    let call = |method: &str, header: &str, tag: &str| {
        let call = cloud.owner().call(method, &format!("/api/v1{path}"));
        call.header(header, tag)
    };
    let put = |header: &str, tag: &str, value: u32| {
        call("PUT", header, tag).json(&json!({ "value": value })).send()
    };

    // Only where nothing is, or only where something is.
    put("if-match", "*", 1).problem(412, "version_mismatch");
    let made = put("if-none-match", "*", 1).expect(200);
    put("if-none-match", "*", 2).problem(412, "version_mismatch");
    put("if-none-match", "\"x\"", 2).problem(400, "bad_request");
    let tag = format!("\"{}\"", version_of(&made));
    assert_eq!(made.header("etag"), Some(tag.as_str()));
    assert_eq!(get().header("etag"), Some(tag.as_str()));
    let listed = cloud.owner().get(&app.path("/kv")).expect(200).json();
    assert_eq!(listed["items"][0]["version"], made.json()["version"]);

    // What a script writes meanwhile is not lost; what it writes as it was is no change.
    cloud.get("a.test", "/again").says("");
    let saved = put("if-match", &tag, 5).expect(200);
    cloud.get("a.test", "/incr").says("");
    let tag = format!("\"{}\"", version_of(&saved));
    put("if-match", &tag, 7).problem(412, "version_mismatch");
    call("DELETE", "if-match", &tag)
        .send()
        .problem(412, "version_mismatch");
    assert_eq!(get().json()["value"], 6);

    // With another end it is something else, too.
    let tag = format!("\"{}\"", version_of(&get()));
    let brief = json!({ "value": 6, "ttl_seconds": 3_600 });
    call("PUT", "if-match", &tag).json(&brief).send().expect(200);
    let late = call("PUT", "if-match", &tag).json(&brief).send();
    late.problem(412, "version_mismatch");

    let tag = format!("W/\"{0}\", \"{0}\"", version_of(&get()));
    call("DELETE", "if-match", &tag).send().expect(204);
    let again = call("DELETE", "if-match", &tag).send();
    again.problem(412, "version_mismatch");
    put("if-match", &tag, 1).problem(412, "version_mismatch");
    cloud.owner().delete(&path).problem(404, "not_found");
}

#[test]
fn one_of_many_who_have_seen_the_same_key_writes_it() {
    const ONE: [u16; 8] = [200, 412, 412, 412, 412, 412, 412, 412];
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let path = format!("/api/v1{}", app.path("/kv/n"));
    let statuses = |header: &str, tag: &str, from: u32| -> Vec<u16> {
        let write = |number: u32| {
            let call = cloud.owner().call("PUT", &path).header(header, tag);
            call.json(&json!({ "value": number })).send().status
        };
        let mut statuses: Vec<u16> = thread::scope(|scope| {
            let writers: Vec<_> = (from..from + 8)
                .map(|number| scope.spawn(move || write(number)))
                .collect();
            writers
                .into_iter()
                .map(|writer| writer.join().expect("no request fails"))
                .collect()
        });
        statuses.sort_unstable();
        statuses
    };
    assert_eq!(statuses("if-none-match", "*", 0), ONE);
    let seen = cloud.owner().get(&app.path("/kv/n")).expect(200);
    // Others than before: a value that is written as it is leaves the tag as it is.
    let tag = seen.header("etag").expect("a tag");
    assert_eq!(statuses("if-match", tag, 8), ONE);
}

#[test]
fn a_key_is_deleted_once_however_many_delete_it() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let path = app.path("/kv/n");
    let delete = || cloud.owner().delete(&path).status;
    for _ in 0..rounds(5) {
        put(&app, "n", &json!({ "value": 1 })).expect(200);
        let mut statuses: Vec<u16> = thread::scope(|scope| {
            let ends: Vec<_> = (0..4).map(|_| scope.spawn(delete)).collect();
            ends.into_iter()
                .map(|end| end.join().expect("no request fails"))
                .collect()
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 404, 404, 404]);
    }
}

#[test]
fn keys_are_listed_page_by_page() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    for key in ["user:1", "user:2", "user:%C3%A9", "other", "%F0%9F%A6%80"] {
        put(&app, key, &json!({ "value": key })).expect(200);
    }
    put(&app, "user:large", &json!({ "value": "x".repeat(5_000) })).expect(200);
    let page = |query: &str| cloud.owner().get(&app.path(&format!("/kv{query}"))).expect(200);
    let keys_of = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("items");
        let key = |item: &Value| item["key"].as_str().expect("a text").to_owned();
        items.iter().map(key).collect()
    };
    assert_eq!(keys_of(&page("").json()).len(), 6);
    let first = page("?prefix=user:&limit=3").json();
    assert_eq!(keys_of(&first), ["user:1", "user:2", "user:large"]);
    let cursor = first["next_cursor"].as_str().expect("there is more");
    let rest = page(&format!("?prefix=user:&limit=3&cursor={cursor}")).json();
    assert_eq!(rest["items"][0]["key"], "user:é");
    assert_eq!(rest["next_cursor"], Value::Null);
    let large = &first["items"][2];
    assert_eq!(
        (&large["truncated"], &large["value"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(large["bytes"], 5_002);
    let of_another = format!("?prefix=o&cursor={cursor}");
    for query in [
        "?limit=0",
        "?limit=201",
        "?cursor=*",
        "?other=1",
        of_another.as_str(),
    ] {
        cloud
            .owner()
            .get(&app.path(&format!("/kv{query}")))
            .problem(422, "validation_failed");
    }
}

#[test]
fn what_cannot_be_stored_is_refused() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    for body in [
        json!({}),
        json!({ "value": 1, "blob_base64": "" }),
        json!({ "blob_base64": "?" }),
        json!({ "value": 1, "ttl_seconds": 0 }),
        json!({ "value": 1, "ttl_seconds": 400_000_000 }),
        json!({ "value": "x".repeat(256 * 1_024) }),
        json!({ "value": 1, "more": 1 }),
    ] {
        put(&app, "a", &body).problem(422, "validation_failed");
    }
    put(&app, &"k".repeat(513), &json!({ "value": 1 })).problem(422, "validation_failed");
    put(&app, &"k".repeat(512), &json!({ "value": null })).expect(200);
    cloud
        .owner()
        .patch(&app.path("/quotas"), &json!({ "data_rows_max": 1 }))
        .expect(200);
    let problem = put(&app, "a", &json!({ "value": 1 })).problem(507, "quota_exceeded");
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("1 rows")),
        "{problem}"
    );
}

#[test]
fn no_run_overwrites_what_people_wrote_since_it_read() {
    const MANY: u64 = 1_000_000;
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/incr", "`${kv::incr(\"n\")}`");
    let incr = || cloud.get("a.test", "/incr").expect(200).text();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20).for_each(|_| drop(incr())));
        }
        put(&app, "n", &json!({ "value": MANY })).expect(200);
    });
    let last: u64 = incr().parse().expect("a number");
    assert!((MANY + 1..=MANY + 81).contains(&last), "{last}");
}

#[test]
fn what_is_exported_can_be_imported() {
    let cloud = TestCloud::start();
    let (one, two) = (cloud.app("one"), cloud.app("two"));
    put(
        &one,
        "a",
        &json!({ "value": { "n": [1, 2.5, "é\n\"x\",", null] } }),
    )
    .expect(200);
    put(&one, "b%00%2F", &json!({ "blob_base64": "AP8=" })).expect(200);
    put(&one, "brief", &json!({ "value": 1, "ttl_seconds": 3_600 })).expect(200);
    for query in ["", "?format=json", "?format=csv"] {
        let file = export(&one, query);
        let imported = import(&two, query, file.clone()).expect(200).json();
        assert_eq!(imported, json!({ "written": 3, "skipped": 0 }));
        assert_eq!(export(&two, query), file);
        for key in ["a", "b%00%2F", "brief"] {
            cloud.owner().delete(&two.path(&format!("/kv/{key}"))).expect(204);
        }
    }
    assert_eq!(export(&two, ""), "");
    assert_eq!(export(&two, "?format=csv"), "key,type,value,expires_at\n");
}

#[test]
fn many_keys_are_imported_and_exported_in_steps() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let line = |number: usize| format!("{{\"key\":\"k{number:05}\",\"value\":{number}}}\n");
    let file: String = (0..2_500).map(line).collect();
    let imported = import(&app, "", file.clone()).expect(200).json();
    assert_eq!(imported, json!({ "written": 2_500, "skipped": 0 }));
    assert_eq!(export(&app, ""), file);

    let faulty = format!("{}{{\"key\":\"x\"}}\nno\n", line(9_000));
    let problem = import(&app, "", faulty).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "line 2");
    assert_eq!(problem["errors"][1]["field"], "line 3");
    cloud
        .owner()
        .get(&app.path("/kv/k09000"))
        .problem(404, "not_found");

    let set = json!({ "data_rows_max": 3_500 });
    cloud.owner().patch(&app.path("/quotas"), &set).expect(200);
    let more: String = (3_000..5_000).map(line).collect();
    let problem = import(&app, "", more).problem(507, "quota_exceeded");
    assert_eq!(problem["written"], 1_000);
    assert_eq!(
        cloud.owner().get(&app.path("/usage")).expect(200).json()["kv"]["rows"],
        3_500
    );
}
