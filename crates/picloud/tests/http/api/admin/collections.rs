//! Collections that are declared: their indexes, and what their documents have to be like.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::harness::{Answer, App, TestCloud, items};

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
        json!({ "path": "address.city", "unique": false, "ready": true })
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

/// Documents of a collection that nobody declared: `{n, even, text}`, under the ids 00000 and so on.
fn with_documents(cloud: &TestCloud, count: usize) -> App<'_> {
    let app = cloud.app_with_domain("a");
    cloud
        .owner()
        .post(&app.path("/collections"), &json!({ "name": "d" }))
        .expect(201);
    let lines: Vec<String> = (0..count)
        .map(|n| {
            let document = json!({ "n": n, "even": n % 2 == 0, "text": format!("t{n}") });
            json!({ "id": format!("{n:05}"), "document": document }).to_string()
        })
        .collect();
    let path = format!("/api/v1{}", app.path("/collections/d/documents:import"));
    for part in lines.chunks(5_000) {
        let call = cloud.owner().call("POST", &path);
        call.header("content-type", "application/x-ndjson")
            .body(part.join("\n"))
            .send()
            .expect(200);
    }
    app
}

fn change(app: &App<'_>, body: &Value) -> Answer {
    app.cloud.owner().patch(&app.path("/collections/d"), body)
}

/// The ids of documents that match, through whatever index there is.
fn found(app: &App<'_>, filter: &Value) -> Vec<String> {
    let filter = percent_encoded(&filter.to_string());
    let path = app.path(&format!(
        "/collections/d/documents?filter={filter}&sort=_id&limit=200"
    ));
    let id = |item: &Value| item["id"].as_str().expect("an id").to_owned();
    items(app.cloud.owner().get(&path)).iter().map(id).collect()
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |encoded, byte| encoded + &format!("%{byte:02X}"))
}

#[test]
fn a_collection_with_documents_gets_indexes_and_loses_them() {
    const COUNT: usize = 10_500;
    let cloud = TestCloud::start();
    let app = with_documents(&cloud, COUNT);
    let few = json!({ "n": 10_400 });
    // So many are too many to look at.
    let path = app.path(&format!(
        "/collections/d/documents?filter={}",
        percent_encoded(&few.to_string())
    ));
    cloud.owner().get(&path).problem(422, "validation_failed");
    let usage = || {
        let usage = cloud.owner().get(&app.path("/usage")).expect(200).json();
        usage["docs"]["bytes"].as_u64().expect("a number")
    };
    let before = usage();

    let indexes = json!({ "indexes": [{ "path": "n", "unique": true }, { "path": "text" }] });
    let changed = change(&app, &indexes).expect(200).json();
    let ready = |path: &str, unique: bool| json!({ "path": path, "unique": unique, "ready": true });
    assert_eq!(
        changed["indexes"],
        json!([ready("n", true), ready("text", false)])
    );
    assert_eq!(changed["changing"], false);
    assert_eq!(
        cloud.owner().get(&app.path("/collections/d")).expect(200).json(),
        changed
    );
    assert_eq!(found(&app, &few), ["10400"]);
    assert_eq!(found(&app, &json!({ "text": "t77" })), ["00077"]);
    assert!(usage() > before + 10 * COUNT as u64, "indexes count");
    // Asked for once more it is what it is.
    assert_eq!(change(&app, &indexes).expect(200).json(), changed);
    let post = |document: Value| {
        let body = json!({ "document": document });
        cloud.owner().post(&app.path("/collections/d/documents"), &body)
    };
    post(json!({ "n": 5 })).problem(409, "document_taken");

    let changed = change(&app, &json!({ "indexes": [{ "path": "n" }] }))
        .expect(200)
        .json();
    assert_eq!(changed["indexes"], json!([ready("n", false)]));
    post(json!({ "n": 10_400 })).expect(201);
    assert_eq!(found(&app, &few).len(), 2);
    change(&app, &json!({ "indexes": [] })).expect(200);
    cloud.owner().get(&path).problem(422, "validation_failed");
    let more = r#"{"n":10400}"#.len() as u64 + 36;
    assert_eq!(usage(), before + more);
}

#[test]
fn a_page_does_not_go_on_through_another_index() {
    let cloud = TestCloud::start();
    let app = with_documents(&cloud, 6);
    // One of what it finds it has written itself.
    app.serve(
        "/page",
        "docs::patch(\"d\", \"00005\", #{text: \"new\"});
         let page = #{items: [], cursor: ()};
         let said = \"\";
         try {
             page = docs::find(\"d\", #{filter: #{n: #{gte: 2}}, limit: 2, cursor: request.query.cursor});
         } catch (error) { said = `${error}` }
         #{ids: page.items.map(|item| item.id), cursor: page.cursor, said: said}",
    );
    let page = |cursor: &str| {
        let answer = cloud.get("a.test", &format!("/page{cursor}"));
        answer.expect(200).json()
    };
    let filter = percent_encoded(&json!({ "n": { "gte": 2 } }).to_string());
    let listed = |cursor: &str| {
        let path = format!("/collections/d/documents?filter={filter}&limit=2{cursor}");
        cloud.owner().get(&app.path(&path))
    };
    for indexes in [json!([{ "path": "n" }]), json!([])] {
        let first = page("");
        assert_eq!(first["ids"], json!(["00002", "00003"]));
        let of_script = format!("?cursor={}", first["cursor"].as_str().expect("a cursor"));
        let rest = page(&of_script);
        assert_eq!(
            (&rest["ids"], &rest["cursor"]),
            (&json!(["00004", "00005"]), &Value::Null)
        );
        let first = listed("").expect(200).json();
        let of_list = format!("&cursor={}", first["next_cursor"].as_str().expect("a cursor"));
        let rest = listed(&of_list).expect(200).json();
        assert_eq!(rest["items"][0]["id"], "00004");

        change(&app, &json!({ "indexes": indexes })).expect(200);
        let said = page(&of_script)["said"].to_string();
        assert!(said.contains("another order"), "{said}");
        let problem = listed(&of_list).problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], "cursor", "{problem}");
    }
}

#[test]
fn a_change_that_cannot_be_names_the_documents_and_leaves_nothing() {
    let cloud = TestCloud::start();
    let app = with_documents(&cloud, 600);
    let body = json!({ "id": "twice", "document": { "n": 5, "tags": vec![0; 101] } });
    cloud
        .owner()
        .post(&app.path("/collections/d/documents"), &body)
        .expect(201);
    change(&app, &json!({ "indexes": [{ "path": "text" }] })).expect(200);
    let before = cloud.owner().get(&app.path("/collections/d")).expect(200).json();

    let unique = json!({ "indexes": [{ "path": "n", "unique": true }] });
    let problem = change(&app, &unique).problem(409, "document_taken");
    let detail = problem["detail"].as_str().expect("a text");
    assert!(
        detail.contains("`00005`") && detail.contains("`twice`") && detail.contains("`n`"),
        "{detail}"
    );
    let members = json!({ "indexes": [{ "path": "tags" }] });
    let problem = change(&app, &members).problem(422, "validation_failed");
    assert!(problem.to_string().contains("`twice`"), "{problem}");
    let schema = json!({ "schema": { "properties": { "n": { "maximum": 590 } } }, "indexes": [] });
    let problem = change(&app, &schema).problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["field"], "schema");
    assert!(
        problem.to_string().contains("`00591`") && problem.to_string().contains("`00599`"),
        "{problem}"
    );
    cloud
        .owner()
        .patch(&app.path("/quotas"), &json!({ "data_bytes_max": 60_000 }))
        .expect(200);
    let large = json!({ "indexes": [{ "path": "n" }, { "path": "even" }, { "path": "a" }, { "path": "b" }] });
    change(&app, &large).problem(507, "quota_exceeded");
    let same = |one: &Value| {
        (
            one["indexes"].clone(),
            one["schema"].clone(),
            one["changing"].clone(),
        )
    };
    let after = cloud.owner().get(&app.path("/collections/d")).expect(200).json();
    assert_eq!(same(&after), same(&before));
    assert_eq!(found(&app, &json!({ "text": "t77" })), ["00077"]);

    // What is there may stay.
    let kept = json!({ "schema": schema["schema"], "existing": "keep" });
    change(&app, &kept).expect(200);
    let path = app.path("/collections/d/documents/00599");
    let write = |document: Value| cloud.owner().patch(&path, &json!({ "document": document }));
    write(json!({ "even": true })).problem(422, "validation_failed");
    write(json!({ "n": 1 })).expect(200);
    // They are looked at when that is asked for.
    let problem = change(&app, &json!({ "existing": "check" })).problem(422, "validation_failed");
    assert!(problem.to_string().contains("`00591`"), "{problem}");
    let none = change(&app, &json!({ "schema": null })).expect(200).json();
    assert_eq!(none["schema"], Value::Null);
    for wrong in [
        json!({ "indexes": [{ "path": "a..b" }] }),
        json!({ "schema": { "pattern": "x" } }),
        json!({ "existing": "other" }),
        json!({ "name": "e" }),
    ] {
        change(&app, &wrong).problem(422, "validation_failed");
    }
    cloud
        .owner()
        .patch(&app.path("/collections/nothing"), &json!({ "indexes": [] }))
        .problem(404, "not_found");
}

#[test]
fn scripts_write_while_an_index_comes_into_being() {
    const COUNT: usize = 3_000;
    let cloud = TestCloud::start();
    let app = with_documents(&cloud, COUNT);
    // Each client changes, deletes and makes documents all over the collection, and says what it has left.
    app.serve(
        "/write/{client}/{round}",
        "fn at(n) { let s = `0000${n}`; s.sub_string(s.len - 5) }
         let client = parse_int(request.params.client);
         let round = parse_int(request.params.round);
         let n = (round * 37 + client * 1000) % 3000;
         docs::patch(\"d\", at(n), #{group: client});
         docs::delete(\"d\", at((n + 1) % 3000));
         docs::insert(\"d\", `${client}-${round}`, #{group: client, made: true});
         \"\"",
    );
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for client in 0..3 {
            let (cloud, done) = (&cloud, &done);
            scope.spawn(move || {
                let mut round = 0;
                while !done.load(Ordering::Relaxed) && round < 400 {
                    let path = format!("/write/{client}/{round}");
                    let status = cloud.get_in_turn("a.test", &path).status;
                    assert!(matches!(status, 200 | 409), "{status}");
                    round += 1;
                }
            });
        }
        for _ in 0..2 {
            change(
                &app,
                &json!({ "indexes": [{ "path": "group" }, { "path": "even" }] }),
            )
            .expect(200);
            change(&app, &json!({ "indexes": [{ "path": "even" }] })).expect(200);
        }
        change(
            &app,
            &json!({ "indexes": [{ "path": "group" }, { "path": "even" }] }),
        )
        .expect(200);
        done.store(true, Ordering::Relaxed);
    });
    // Through the index there is what a look at all documents finds.
    let all = export(&app);
    for group in 0..3 {
        let of_group = |document: &&Value| document["document"]["group"] == group;
        let expected = all.iter().filter(of_group).count();
        assert!(expected > 0);
        assert_eq!(count(&app, &json!({ "group": group })), expected, "{group}");
    }
    for even in [true, false] {
        let expected = all.iter().filter(|document| document["document"]["even"] == even);
        assert_eq!(count(&app, &json!({ "even": even })), expected.count());
    }
}

/// All documents, without any index.
fn export(app: &App<'_>) -> Vec<Value> {
    let file = app
        .cloud
        .owner()
        .get(&app.path("/collections/d/documents:export"));
    let file = file.expect(200).text();
    let read = |line: &str| serde_json::from_str(line).expect("a line of JSON");
    file.lines().map(read).collect()
}

/// How many match, page by page.
fn count(app: &App<'_>, filter: &Value) -> usize {
    let filter = percent_encoded(&filter.to_string());
    let mut cursor = String::new();
    let mut count = 0;
    loop {
        let path = app.path(&format!(
            "/collections/d/documents?filter={filter}&limit=200{cursor}"
        ));
        let page = app.cloud.owner().get(&path).expect(200).json();
        count += page["items"].as_array().expect("items").len();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return count,
        }
    }
}

#[test]
fn a_change_that_was_cut_off_is_gone_on_with() {
    let cloud = TestCloud::start();
    let app = with_documents(&cloud, 4_000);
    let indexes = json!({ "indexes": [{ "path": "n", "unique": true }, { "path": "text" }] });
    thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let path = format!("/api/v1{}", app.path("/collections/d"));
            cloud.owner().call("PATCH", &path).json(&indexes).try_send()
        });
        // As soon as it has begun.
        loop {
            let collection = cloud.owner().get(&app.path("/collections/d")).expect(200).json();
            if collection["indexes"]
                .as_array()
                .is_some_and(|indexes| !indexes.is_empty())
            {
                break;
            }
        }
        cloud.kill9();
        drop(asked.join());
    });
    cloud.start_again();
    // Whoever asks waits until what was begun is done.
    let changed = change(&app, &indexes).expect(200).json();
    assert_eq!(
        (&changed["changing"], &changed["indexes"][0]["ready"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(found(&app, &json!({ "n": 3_999 })), ["03999"]);
    assert_eq!(count(&app, &json!({ "text": { "gte": "t" } })), 4_000);
    let body = json!({ "document": { "n": 3 } });
    cloud
        .owner()
        .post(&app.path("/collections/d/documents"), &body)
        .problem(409, "document_taken");
}
