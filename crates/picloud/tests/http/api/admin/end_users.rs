//! An app's own users, as people see and change them.

use serde_json::{Value, json};

use crate::harness::{Answer, App, TestCloud, items};

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
fn if_match_guards_against_overwriting_a_user_who_was_not_seen() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/in", "users::sign_in(users::find(\"Ada\")); \"\"");
    app.serve(
        "/change",
        "users::update(users::find(\"Ada\").id, #{data: #{plan: \"paid\"}}); \"\"",
    );
    let path = one(&app, &made(&app, "Ada"));
    let get = || cloud.owner().get(&path).expect(200);
    let call = |method: &str, tag: &str| {
        let call = cloud.owner().call(method, &format!("/api/v1{path}"));
        call.header("if-match", tag)
    };
    let change = |tag: &str| {
        let body = json!({ "data": { "plan": "free" } });
        call("PATCH", tag).json(&body).send()
    };
    let seen = get().header("etag").expect("a tag").to_owned();
    assert_eq!(
        seen,
        format!("\"{}\"", get().json()["version"].as_str().expect("a text"))
    );

    // Whoever signs in meanwhile is not in the way.
    cloud.get("a.test", "/in").says("");
    assert_eq!(get().json()["sessions"], 1);
    let saved = change(&seen).expect(200);
    let tag = saved.header("etag").expect("a tag").to_owned();
    change(&seen).problem(412, "version_mismatch");

    cloud.get("a.test", "/change").says("");
    change(&tag).problem(412, "version_mismatch");
    call("DELETE", &tag).send().problem(412, "version_mismatch");
    change("Ada").problem(400, "bad_request");
    assert_eq!(get().json()["data"], json!({ "plan": "paid" }));
    let tag = get().header("etag").expect("a tag").to_owned();
    call("DELETE", &tag).send().expect(204);
    change(&tag).problem(412, "version_mismatch");
    let again = call("DELETE", &tag).send();
    again.problem(412, "version_mismatch");
    cloud.owner().delete(&path).problem(404, "not_found");
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
    let of_another = app.path(&format!("/users?q=t&cursor={cursor}"));
    cloud.owner().get(&of_another).problem(422, "validation_failed");
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

fn import(app: &App<'_>, query: &str, file: impl Into<Vec<u8>>) -> Answer {
    let path = format!("/api/v1{}", app.path(&format!("/users:import{query}")));
    let call = app.cloud.owner().call("POST", &path);
    call.header("content-type", "application/x-ndjson")
        .body(file)
        .send()
}

fn export(app: &App<'_>, query: &str) -> String {
    let path = app.path(&format!("/users:export{query}"));
    app.cloud.owner().get(&path).expect(200).text()
}

#[test]
fn users_that_are_exported_can_be_imported_and_get_a_password_anew() {
    let cloud = TestCloud::start();
    let (one_app, two) = (cloud.app("one"), cloud.app_with_domain("two"));
    two.serve(
        "/in",
        "let u = users::verify(request.query.n, request.query.p); if u == () { \"no\" } else { u.name }",
    );
    let sign_in = |name: &str, password: &str| {
        let path = format!("/in?n={name}&p={password}");
        cloud.get("two.test", &path).expect(200).text()
    };
    let ada = made(&one_app, "Ada");
    let change = json!({ "data": { "a": "é\n\"x\",", "n": [1, null] }, "is_active": false });
    cloud
        .owner()
        .patch(&one(&one_app, &made(&one_app, "Tom")), &change)
        .expect(200);
    for query in ["", "?format=json", "?format=csv"] {
        let file = export(&one_app, query);
        assert!(!file.contains("argon2"), "{file}");
        let imported = import(&two, query, file.clone()).expect(200).json();
        assert_eq!(imported, json!({ "written": 2 }));
        assert_eq!(export(&two, query), file);
        // Nobody is there twice, unless the file is to take the place of what is there.
        import(&two, query, file.clone()).problem(409, "username_taken");
        let mode = if query.is_empty() {
            "?mode=replace"
        } else {
            "&mode=replace"
        };
        import(&two, &format!("{query}{mode}"), file).expect(200);
        assert_eq!(sign_in("Ada", "correct+horse"), "no");
        cloud
            .owner()
            .patch(&one(&two, &ada), &json!({ "password": "correct horse" }))
            .expect(200);
        assert_eq!(sign_in("Ada", "correct+horse"), "Ada");
        for user in items(cloud.owner().get(&two.path("/users"))) {
            cloud.owner().delete(&one(&two, &user)).expect(204);
        }
    }
}

#[test]
fn users_from_elsewhere_bring_their_passwords() {
    /// Of `correct horse battery`, as another program has made it.
    const HASH: &str =
        "$argon2id$v=19$m=65536,t=3,p=4$btUJTF/g401WCy/qwBsgLg$B7CApU3+4kn5vZAWb21oj76+hUgIrDRU1171tLx2uLs";
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve(
        "/in",
        "let u = users::verify(\"Eve\", request.query.p); if u == () { \"no\" } else { u.name }",
    );
    let file = json!({ "name": "Eve", "password_hash": HASH }).to_string();
    assert_eq!(import(&app, "", file).expect(200).json(), json!({ "written": 1 }));
    cloud.get("a.test", "/in?p=correct+horse+battery").says("Eve");
    cloud.get("a.test", "/in?p=correct+horse+batterx").says("no");
    assert!(!export(&app, "").contains("argon2"));
    // The file is replaced without a hash: the password stays.
    let eve = items(cloud.owner().get(&app.path("/users"))).remove(0);
    let file = json!({ "id": eve["id"], "name": "Eve", "email": "eve@example.com" }).to_string();
    import(&app, "?mode=replace", file).expect(200);
    cloud.get("a.test", "/in?p=correct+horse+battery").says("Eve");
    let costly = HASH.replace("m=65536", "m=1048576");
    let file = json!({ "name": "Tom", "password_hash": costly }).to_string();
    import(&app, "", file).problem(422, "validation_failed");
}

#[test]
fn users_swap_their_names_and_keep_what_everybody_reads() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.serve("/id", "users::verify(request.query.n, \"correct horse\").id");
    let (ada, tom) = (made(&app, "Ada"), made(&app, "Tom"));
    let line = |user: &Value, name: &str| {
        let email = format!("{name}@example.com");
        json!({ "id": user["id"], "name": name, "email": email }).to_string() + "\n"
    };
    import(&app, "?mode=replace", line(&ada, "Tom") + &line(&tom, "Ada")).expect(200);
    for (name, user) in [("Tom", &ada), ("Ada", &tom)] {
        let path = format!("/id?n={name}");
        cloud
            .get("a.test", &path)
            .says(user["id"].as_str().expect("an id"));
    }
    // Who is not in the file gives nothing up.
    import(&app, "?mode=replace", line(&ada, "Ada")).problem(409, "username_taken");
    for data in ["{\"a\":1e400}", "\"\\ud800\""] {
        let file = format!("{{\"name\":\"Eve\",\"data\":{data}}}");
        import(&app, "", file).problem(422, "validation_failed");
    }
    let unknown = app.path("/users/x");
    let problem = cloud.owner().get(&unknown).problem(404, "not_found");
    assert_eq!(problem["detail"], "There is no such user, or you may not see it.");
}

#[test]
fn many_users_are_imported_in_steps_until_one_is_taken() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    made(&app, "Ada");
    let line = |name: &str| format!("{{\"name\":\"{name}\"}}\n");
    let mut file: String = (0..120).map(|number| line(&format!("user{number:03}"))).collect();
    file.push_str(&line("ADA"));
    let problem = import(&app, "", file).problem(409, "username_taken");
    assert_eq!(problem["written"], 100);
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("Line 121")),
        "{problem}"
    );
    let twice = format!("{}{}", line("eve"), line("Eve"));
    let problem = import(&app, "", twice).problem(409, "username_taken");
    assert_eq!(problem["written"], Value::Null);
    assert_eq!(export(&app, "").lines().count(), 101);
    assert_eq!(export(&app, "?format=csv").lines().count(), 102);
    for (query, file) in [
        ("", "{\"name\":\" \"}"),
        ("", "{\"name\":\"a\",\"password\":\"secret horse\"}"),
        ("?format=csv", "email\na@example.com\n"),
    ] {
        import(&app, query, file).problem(422, "validation_failed");
    }
}
