//! An app's own users, as people see and change them.

use serde_json::{Value, json};

use crate::harness::{App, TestCloud, items};

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn made(app: &App<'_>, name: &str) -> Value {
    let body = json!({ "name": name, "password": "correct horse", "email": format!("{name}@example.com") });
    app.cloud
        .owner()
        .post(&app.path("/users"), &body)
        .expect(201)
        .json()
}

fn one(app: &App<'_>, user: &Value) -> String {
    app.path(&format!("/users/{}", user["id"].as_str().expect("an id")))
}

#[test]
fn a_user_is_made_changed_and_deleted() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let ada = made(&app, "Ada");
    assert_eq!(ada["data"], json!({}));
    assert_eq!((&ada["is_active"], &ada["sessions"]), (&json!(true), &json!(0)));
    assert_eq!(cloud.owner().get(&one(&app, &ada)).expect(200).json(), ada);
    let change = json!({ "name": "Grace", "email": null, "data": { "plan": "free" } });
    let changed = cloud.owner().patch(&one(&app, &ada), &change).expect(200).json();
    assert_eq!(
        (&changed["name"], &changed["email"]),
        (&json!("Grace"), &Value::Null)
    );
    assert_eq!(changed["data"], json!({ "plan": "free" }));
    // The name and the address are free again.
    let again = made(&app, "Ada");
    cloud.owner().delete(&one(&app, &again)).expect(204);
    cloud.owner().delete(&one(&app, &again)).problem(404, "not_found");
    made(&app, "Ada");
}

#[test]
fn a_name_and_an_address_are_given_once() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    made(&app, "Ada");
    let tom = made(&app, "Tom");
    let owner = cloud.owner();
    let like = |name: &str, email: &str| json!({ "name": name, "email": email, "password": "correct horse" });
    owner
        .post(&app.path("/users"), &like("ADA", "x@example.com"))
        .problem(409, "username_taken");
    owner
        .post(&app.path("/users"), &like("Eve", "ADA@example.com"))
        .problem(409, "username_taken");
    owner
        .patch(&one(&app, &tom), &json!({ "name": "aDA" }))
        .problem(409, "username_taken");
    owner
        .patch(&one(&app, &tom), &json!({ "name": "TOM" }))
        .expect(200);
    // Another app has users of its own.
    made(&cloud.app("b"), "Ada");
}

#[test]
fn users_are_listed_in_the_order_of_their_names() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    for name in ["tom", "Ada", "adam", "Eve"] {
        made(&app, name);
    }
    let names = |query: &str| -> Vec<String> {
        let found = items(cloud.owner().get(&app.path(&format!("/users{query}"))));
        found
            .iter()
            .map(|user| user["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(names(""), ["Ada", "adam", "Eve", "tom"]);
    assert_eq!(names("?q=AD"), ["Ada", "adam"]);
    assert_eq!(names("?q=x"), [""; 0]);
    let page = cloud.owner().get(&app.path("/users?limit=3")).expect(200).json();
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    assert_eq!(names(&format!("?cursor={cursor}")), ["tom"]);
}

#[test]
fn what_is_wrong_is_said_by_field() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let wrong = json!({ "name": " a", "password": "short", "email": "nobody", "data": "x".repeat(70_000) });
    let problem = cloud
        .owner()
        .post(&app.path("/users"), &wrong)
        .problem(422, "validation_failed");
    let fields: Vec<&str> = problem["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .filter_map(|error| error["field"].as_str())
        .collect();
    assert_eq!(fields, ["name", "email", "password", "data"]);
    cloud
        .owner()
        .get(&app.path(&format!("/users/{NOBODY}")))
        .problem(404, "not_found");
    cloud.owner().get(&app.path("/users/x")).problem(404, "not_found");
    let end = app.path(&format!("/users/{NOBODY}/sessions:end"));
    cloud.owner().post(&end, &json!({})).problem(404, "not_found");
}

#[test]
fn scripts_and_people_see_the_same_users() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve(
        "/in",
        "let u = users::verify(\"Ada\", request.query.p); if u == () { \"no\" } else { users::sign_in(u) }",
    );
    app.serve(
        "/me",
        "if request.user == () { \"nobody\" } else { request.user.name }",
    );
    let ada = made(&app, "Ada");
    let sign_in = |password: &str| {
        cloud
            .get("a.test", &format!("/in?p={password}"))
            .expect(200)
            .text()
    };
    let me = |line: &str| {
        let cookie = line.split(';').next().expect("a cookie");
        cloud
            .call("GET", "a.test", "/me")
            .header("cookie", cookie)
            .send()
            .expect(200)
            .text()
    };
    let line = sign_in("correct+horse");
    assert_eq!(me(&line), "Ada");
    let seen = cloud.owner().get(&one(&app, &ada)).expect(200).json();
    assert_eq!(seen["sessions"], 1);
    assert!(seen["last_sign_in_at"].is_string());
    let text = seen.to_string();
    assert!(!text.contains("argon2") && !text.contains("hash"), "{text}");

    let end = format!("{}/sessions:end", one(&app, &ada));
    let ended = cloud.owner().post(&end, &json!({})).expect(200).json();
    assert_eq!(ended["sessions"], 0);
    assert_eq!(me(&line), "nobody");

    let line = sign_in("correct+horse");
    cloud
        .owner()
        .patch(&one(&app, &ada), &json!({ "password": "battery staple" }))
        .expect(200);
    assert_eq!(me(&line), "nobody");
    assert_eq!(sign_in("correct+horse"), "no");
    let line = sign_in("battery+staple");
    cloud
        .owner()
        .patch(&one(&app, &ada), &json!({ "is_active": false }))
        .expect(200);
    assert_eq!(me(&line), "nobody");
    assert_eq!(sign_in("battery+staple"), "no");
    cloud
        .owner()
        .patch(&one(&app, &ada), &json!({ "is_active": true }))
        .expect(200);
    assert_eq!(me(&line), "nobody");
}

#[test]
fn users_are_no_keys() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    made(&app, "Ada");
    assert!(items(cloud.owner().get(&app.path("/kv"))).is_empty());
    cloud
        .owner()
        .get(&app.path("/kv/%00users%2Fname%2Fada"))
        .problem(404, "not_found");
    cloud
        .owner()
        .get(&app.path("/kv?prefix=%00users"))
        .problem(422, "validation_failed");
    let value = json!({ "value": 1 });
    let put = cloud.owner().call(
        "PUT",
        &format!("/api/v1{}", app.path("/kv/%00users%2Fname%2Fada")),
    );
    put.json(&value).send().problem(422, "validation_failed");
    let export = cloud
        .owner()
        .get(&app.path("/kv:export?format=json"))
        .expect(200)
        .text();
    assert_eq!(export, "");
    assert_eq!(items(cloud.owner().get(&app.path("/users"))).len(), 1);
}
