//! The documents of a collection, as people see and change them.

use serde_json::{Value, json};

use crate::harness::{App, TestCloud};

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
