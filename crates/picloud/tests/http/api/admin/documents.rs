//! The documents of a collection, as people see and change them.

use std::thread;

use serde_json::{Value, json};

use crate::harness::{Answer, App, TestCloud, rounds};

const PEOPLE: &str = "/collections/people/documents";

fn with_people(cloud: &TestCloud) -> App<'_> {
    let app = cloud.app_with_domain("a");
    let people = json!({
        "name": "people",
        "indexes": [{ "path": "email", "unique": true }, { "path": "age" }],
        "schema": { "properties": { "age": { "type": "integer" } } },
    });
    cloud.owner().post(&app.path("/collections"), &people).expect(201);
    app
}

#[test]
fn a_document_is_written_changed_found_and_deleted() {
    let cloud = TestCloud::start();
    let app = with_people(&cloud);
    let owner = cloud.owner();
    let ada = json!({ "id": "ada/1", "document": { "email": "ada@example.com", "age": 36 } });
    let made = owner.post(&app.path(PEOPLE), &ada).expect(201).json();
    assert_eq!((&made["id"], &made["document"]), (&ada["id"], &ada["document"]));
    owner.post(&app.path(PEOPLE), &ada).problem(409, "document_taken");

    let path = app.path(&format!("{PEOPLE}/ada%2F1"));
    assert_eq!(owner.get(&path).expect(200).json(), made);
    let change = json!({ "document": { "age": 37, "address": { "city": "Rome" } } });
    let patched = owner.patch(&path, &change).expect(200).json();
    let expected = json!({ "email": "ada@example.com", "age": 37, "address": { "city": "Rome" } });
    assert_eq!(patched["document"], expected);
    assert_ne!(patched["version"], made["version"]);

    // Scripts see it, and the API sees what they write.
    app.serve(
        "/",
        "docs::insert(\"people\", \"bob\", #{email: \"bob@example.com\", age: 17});
         docs::find(\"people\", #{filter: #{age: #{gt: 18}}}).items.map(|item| item.id)",
    );
    assert_eq!(cloud.get("a.test", "/").expect(200).json(), json!(["ada/1"]));
    let replaced = owner.call("PUT", &format!("/api/v1{path}"));
    replaced
        .json(&json!({ "document": { "age": 40 } }))
        .send()
        .expect(200);

    owner.delete(&path).expect(204);
    owner.delete(&path).problem(404, "not_found");
    owner.get(&path).problem(404, "not_found");
}

#[test]
fn a_document_whose_id_clients_take_for_a_step_is_reached() {
    let cloud = TestCloud::start();
    let app = with_people(&cloud);
    let owner = cloud.owner();
    let step = json!({ "id": "..", "document": {} });
    let made = owner.post(&app.path(PEOPLE), &step).expect(201);
    let location = made.header("location").expect("a location").to_owned();
    assert!(location.ends_with("/%7E%2E%2E"), "{location}");
    let path = location.strip_prefix("/api/v1").expect("a path of the API");
    assert_eq!(owner.get(path).expect(200).json()["id"], "..");
    owner.delete(&app.path(&format!("{PEOPLE}/~.."))).expect(204);
    owner.get(path).problem(404, "not_found");
}

#[test]
fn if_match_guards_against_overwriting_a_document_that_was_not_seen() {
    let cloud = TestCloud::start();
    let app = with_people(&cloud);
    app.serve("/", "docs::patch(\"people\", \"ada\", #{age: 40}); \"\"");
    let ada = json!({ "id": "ada", "document": { "age": 36 } });
    let made = cloud.owner().post(&app.path(PEOPLE), &ada).expect(201);
    let path = app.path(&format!("{PEOPLE}/ada"));
    let call = |method: &str, tag: &str| {
        let call = cloud.owner().call(method, &format!("/api/v1{path}"));
        let call = call.header("if-match", tag);
        match method {
            "DELETE" => call.send(),
            _ => call.json(&json!({ "document": { "name": method } })).send(),
        }
    };
    let seen = made.header("etag").expect("a tag").to_owned();
    assert_eq!(
        seen,
        format!("\"{}\"", made.json()["version"].as_str().expect("a text"))
    );
    assert_eq!(cloud.owner().get(&path).header("etag"), Some(seen.as_str()));

    cloud.get("a.test", "/").says("");
    for method in ["PUT", "PATCH", "DELETE"] {
        call(method, &seen).problem(412, "version_mismatch");
        call(method, "ada").problem(400, "bad_request");
    }
    let there = cloud.owner().get(&path).expect(200);
    assert_eq!(there.json()["document"], json!({ "age": 40 }));

    let patched = call("PATCH", there.header("etag").expect("a tag")).expect(200);
    assert_eq!(patched.json()["document"], json!({ "age": 40, "name": "PATCH" }));
    let replaced = call("PUT", patched.header("etag").expect("a tag")).expect(200);
    let tag = replaced.header("etag").expect("a tag").to_owned();
    call("DELETE", &tag).expect(204);
    for method in ["PUT", "PATCH", "DELETE"] {
        call(method, &tag).problem(412, "version_mismatch");
    }
    cloud.owner().delete(&path).problem(404, "not_found");
}

#[test]
fn one_of_many_who_have_seen_the_same_document_replaces_it() {
    let cloud = TestCloud::start();
    let app = with_people(&cloud);
    let ada = json!({ "id": "ada", "document": {} });
    let made = cloud.owner().post(&app.path(PEOPLE), &ada).expect(201);
    let seen = made.header("etag").expect("a tag");
    let path = format!("/api/v1{}", app.path(&format!("{PEOPLE}/ada")));
    let replace = |age: u32| {
        let call = cloud.owner().call("PUT", &path).header("if-match", seen);
        call.json(&json!({ "document": { "age": age } })).send().status
    };
    let mut statuses: Vec<u16> = thread::scope(|scope| {
        let writers: Vec<_> = (1..=8).map(|age| scope.spawn(move || replace(age))).collect();
        writers
            .into_iter()
            .map(|writer| writer.join().expect("no request fails"))
            .collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
}

#[test]
fn whoever_writes_a_document_is_answered_with_what_they_wrote() {
    let cloud = TestCloud::start();
    let app = with_people(&cloud);
    let ada = json!({ "id": "ada", "document": {} });
    cloud.owner().post(&app.path(PEOPLE), &ada).expect(201);
    let path = app.path(&format!("{PEOPLE}/ada"));
    let replace = |age: usize| {
        let body = json!({ "document": { "age": age } });
        let written = cloud.owner().put(&path, &body);
        // Whoever meets others each time is told so.
        if written.status != 409 {
            assert_eq!(written.expect(200).json()["document"], body["document"]);
        }
    };
    let rounds = rounds(10);
    thread::scope(|scope| {
        for writer in 0..4 {
            scope.spawn(move || (0..rounds).for_each(|round| replace(writer * rounds + round)));
        }
    });
}

#[test]
fn documents_are_listed_by_filter_a_page_at_a_time() {
    let cloud = TestCloud::start();
    let app = with_people(&cloud);
    let owner = cloud.owner();
    for age in [20, 30, 40, 50] {
        let document = json!({ "id": format!("{age}"), "document": { "age": age } });
        owner.post(&app.path(PEOPLE), &document).expect(201);
    }
    let list = |query: &str| {
        owner
            .get(&app.path(&format!("{PEOPLE}?{query}")))
            .expect(200)
            .json()
    };
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("items").iter();
        items
            .map(|item| item["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    let filter = "filter=%7B%22age%22%3A%7B%22gte%22%3A30%7D%7D&sort=-age&limit=2";
    let first = list(filter);
    assert_eq!(ids(&first), ["50", "40"]);
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = list(&format!("{filter}&cursor={cursor}"));
    assert_eq!(
        (ids(&second), &second["next_cursor"]),
        (vec!["30".to_owned()], &Value::Null)
    );
    for wrong in ["filter=x", "filter=%5B%5D", "sort=a..b", "cursor=%25", "limit=0"] {
        let answer = owner.get(&app.path(&format!("{PEOPLE}?{wrong}")));
        answer.problem(422, "validation_failed");
    }
    // A cursor is one of its filter and its order, however many are asked for.
    let all = "filter=%7B%22age%22%3A%7B%22gte%22%3A30%7D%7D";
    let the_other_way = format!("{all}&sort=age");
    for other in [all, "sort=-age", "limit=2", the_other_way.as_str()] {
        let answer = owner.get(&app.path(&format!("{PEOPLE}?{other}&cursor={cursor}")));
        let problem = answer.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], "cursor", "{other}: {problem}");
    }
    let more = list(&format!("{all}&sort=-age&limit=9&cursor={cursor}"));
    assert_eq!(ids(&more), ["30"]);
}

#[test]
fn what_a_collection_demands_holds_for_people_too() {
    let cloud = TestCloud::start();
    let app = with_people(&cloud);
    let owner = cloud.owner();
    let post = |document: Value| owner.post(&app.path(PEOPLE), &json!({ "document": document }));
    post(json!({ "email": "ada@example.com" })).expect(201);
    post(json!({ "email": "ada@example.com" })).problem(409, "document_taken");
    let problem = post(json!({ "age": "old" })).problem(422, "validation_failed");
    assert!(problem.to_string().contains("document.age"), "{problem}");
    let nowhere = app.path("/collections/nothing/documents");
    owner
        .post(&nowhere, &json!({ "document": {} }))
        .problem(404, "not_found");
    owner.get(&nowhere).problem(404, "not_found");
}

fn import(app: &App<'_>, query: &str, file: impl Into<Vec<u8>>) -> Answer {
    let path = format!(
        "/api/v1{}",
        app.path(&format!("/collections/people/documents:import{query}"))
    );
    let call = app.cloud.owner().call("POST", &path);
    call.header("content-type", "application/x-ndjson")
        .body(file)
        .send()
}

fn export(app: &App<'_>, query: &str) -> String {
    let path = app.path(&format!("/collections/people/documents:export{query}"));
    app.cloud.owner().get(&path).expect(200).text()
}

#[test]
fn documents_that_are_exported_can_be_imported() {
    let cloud = TestCloud::start();
    let app = with_people(&cloud);
    let other = cloud.app("b");
    let people = json!({ "name": "people", "indexes": [{ "path": "email", "unique": true }] });
    let documents = [
        json!({ "email": "ada@example.com", "age": 36, "tags": ["x", 1, null], "at": { "city": "Rome" } }),
        json!({ "email": "5", "age": 5, "note": "", "none": null, "yes": true, "zip": "00123" }),
        json!({ "_id": "mine", "text": "a,\"b\"\né", "number": -2.5 }),
        json!({}),
    ];
    for (number, document) in documents.iter().enumerate() {
        let body = json!({ "id": format!("d{number}"), "document": document });
        cloud.owner().post(&app.path(PEOPLE), &body).expect(201);
    }
    for query in ["", "?format=json", "?format=csv"] {
        cloud
            .owner()
            .post(&other.path("/collections"), &people)
            .expect(201);
        let file = export(&app, query);
        let imported = import(&other, query, file.clone()).expect(200).json();
        assert_eq!(imported, json!({ "written": documents.len() }));
        assert_eq!(export(&other, query), file);
        assert_eq!(export(&other, ""), export(&app, ""));
        cloud
            .owner()
            .delete(&other.path("/collections/people"))
            .expect(204);
    }
    let nowhere = cloud.app("c");
    import(&nowhere, "", "{\"document\":{}}").problem(404, "not_found");
    let path = nowhere.path("/collections/people/documents:export");
    cloud.owner().get(&path).problem(404, "not_found");
}

#[test]
fn many_documents_are_imported_in_steps_until_one_is_refused() {
    let cloud = TestCloud::start();
    let app = with_people(&cloud);
    let line =
        |number: usize| format!("{{\"id\":\"k{number:05}\",\"document\":{{\"email\":\"{number}\"}}}}\n");
    let file: String = (0..1_100).map(line).collect();
    assert_eq!(
        import(&app, "", file.clone()).expect(200).json(),
        json!({ "written": 1_100 })
    );
    assert_eq!(export(&app, ""), file);
    assert_eq!(export(&app, "?format=csv").lines().count(), 1_101);
    let told = |expected: &[Value]| {
        let records = cloud.owner().get("/admin/audit?action=import_documents");
        let records = records.expect(200).json();
        let records = records["items"].as_array().expect("records").clone();
        let mut told: Vec<_> = records.iter().map(|record| record["after"].to_string()).collect();
        let mut expected: Vec<_> = expected.iter().map(Value::to_string).collect();
        told.sort();
        expected.sort();
        assert_eq!(told, expected);
    };
    let begun = json!({ "documents_to_write": 1_100 });
    let ended = json!({ "documents_written": 1_100 });
    told(&[begun.clone(), ended.clone()]);

    // What is there already ends the import, with what stands before it in the file written.
    let again: String = (2_000..2_300).chain([7]).map(line).collect();
    let problem = import(&app, "", again.clone()).problem(409, "document_taken");
    assert_eq!(problem["written"], 250);
    let begun_again = json!({ "documents_to_write": 301 });
    let ended_early = json!({ "documents_written": 250 });
    told(&[begun, ended, begun_again, ended_early]);
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("Line 301")),
        "{problem}"
    );
    let replaced = import(&app, "?mode=replace", again).expect(200).json();
    assert_eq!(replaced, json!({ "written": 301 }));

    // A value that another document has, in the collection or in the file; and what the schema refuses.
    let twice = "{\"document\":{\"email\":\"x\"}}\n{\"document\":{\"email\":\"x\"}}\n";
    let problem = import(&app, "", twice).problem(409, "document_taken");
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("Line 2")),
        "{problem}"
    );
    import(&app, "?format=csv", "email,zip\n7x,007\n,\n").expect(200);
    import(&app, "", "{\"document\":{\"email\":\"7\"}}").problem(409, "document_taken");
    let problem = import(
        &app,
        "",
        "{\"document\":{}}\n\n{\"document\":{\"age\":\"old\"}}\n",
    )
    .problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "line 3");

    // Documents may take each other's values in one step.
    let swapped = "{\"id\":\"k00001\",\"document\":{\"email\":\"2\"}}\n{\"id\":\"k00002\",\"document\":{\"email\":\"1\"}}\n";
    import(&app, "?mode=replace", swapped).expect(200);
    let found = "filter=%7B%22email%22%3A%221%22%7D";
    let page = cloud
        .owner()
        .get(&app.path(&format!("{PEOPLE}?{found}")))
        .expect(200)
        .json();
    assert_eq!(page["items"][0]["id"], "k00002");

    for (query, file) in [
        ("", "no"),
        ("", "{\"document\":[]}"),
        ("?format=csv", "a,a\n1,2\n"),
        ("?format=other", ""),
        ("?mode=other", ""),
    ] {
        import(&app, query, file).problem(422, "validation_failed");
    }
    cloud
        .owner()
        .patch(&app.path("/quotas"), &json!({ "data_rows_max": 1_402 }))
        .expect(200);
    import(&app, "", "{\"document\":{}}").problem(507, "quota_exceeded");
}
