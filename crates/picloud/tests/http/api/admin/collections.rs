//! Collections that are declared: their indexes, and what their documents have to be like.

use std::{sync::Mutex, thread};

use serde_json::json;

use crate::harness::TestCloud;

const CLIENTS: usize = 64;

#[test]
fn a_collection_is_declared_once_and_deleted_with_its_documents() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let owner = cloud.owner();
    let people = json!({
        "name": "people",
        "indexes": [{ "path": "name", "unique": true }, { "path": "address.city" }],
        "schema": { "type": "object", "required": ["name"] },
    });
    let made = owner.post(&app.path("/collections"), &people).expect(201).json();
    assert_eq!(
        made["indexes"][1],
        json!({ "path": "address.city", "unique": false })
    );
    owner
        .post(&app.path("/collections"), &people)
        .problem(409, "collection_taken");
    assert_eq!(
        owner.get(&app.path("/collections/people")).expect(200).json(),
        made
    );
    app.serve(
        "/write",
        "docs::insert(\"people\", #{name: request.query.name}); docs::insert(\"others\", #{}); \"\"",
    );
    cloud.get("a.test", "/write?name=ada").says("");
    let listed = owner.get(&app.path("/collections")).expect(200).json();
    let names: Vec<_> = listed["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, ["people", "others"]);

    owner.delete(&app.path("/collections/people")).expect(204);
    owner
        .delete(&app.path("/collections/people"))
        .problem(404, "not_found");
    owner
        .get(&app.path("/collections/people"))
        .problem(404, "not_found");
    app.serve("/count", "docs::count(\"people\")");
    cloud.get("a.test", "/count").says("0");
}

#[test]
fn what_is_wrong_with_a_declaration_is_said() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    for body in [
        json!({ "name": "_people" }),
        json!({ "name": "a b" }),
        json!({ "name": "a", "indexes": [{ "path": "a..b" }] }),
        json!({ "name": "a", "indexes": [{ "path": "a" }, { "path": "a", "unique": true }] }),
        json!({ "name": "a", "schema": { "pattern": "x" } }),
    ] {
        cloud
            .owner()
            .post(&app.path("/collections"), &body)
            .problem(422, "validation_failed");
    }
}

#[test]
fn a_document_that_is_not_as_the_schema_says_is_refused_with_the_place() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let schema = json!({ "properties": { "age": { "type": "integer", "minimum": 0 } } });
    let people = json!({ "name": "people", "schema": schema });
    cloud.owner().post(&app.path("/collections"), &people).expect(201);
    app.serve(
        "/",
        "docs::insert(\"people\", \"ada\", #{age: 36});
         try { docs::patch(\"people\", \"ada\", #{age: -1}) } catch (error) { return `${error}` }",
    );
    let said = cloud.get("a.test", "/").expect(200).text();
    assert!(said.contains("document.age: has minimum 0"), "{said}");
}

#[test]
fn a_unique_name_is_claimed_once_by_many_clients() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let names = json!({ "name": "names", "indexes": [{ "path": "name", "unique": true }] });
    cloud.owner().post(&app.path("/collections"), &names).expect(201);
    app.serve(
        "/claim/{client}",
        "try { docs::insert(\"names\", #{name: \"ada\", by: request.params.client}) }
         catch (error) { throw #{status: 423, message: `${error}`} }
         \"mine\"",
    );
    app.serve(
        "/found",
        "docs::find(\"names\", #{filter: #{name: #{\"in\": [\"ada\", \"bob\"]}}, sort: \"-name\"}).items.len",
    );
    let statuses = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (statuses, cloud) = (&statuses, &cloud);
            scope.spawn(move || {
                let status = cloud.get_in_turn("a.test", &format!("/claim/{client}")).status;
                statuses.lock().expect("no client panics").push(status);
            });
        }
    });
    let statuses = statuses.into_inner().expect("no client panics");
    let claimed = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(claimed, 1, "{statuses:?}");
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 409 | 423)),
        "{statuses:?}"
    );
    cloud.get("a.test", "/found").says("1");
}
