//! `/api/v1/admin/tokens`: API tokens, and what they are good for.

use serde_json::{Value, json};

use crate::harness::{Client, TestCloud, items};

/// Makes a token; gives what the API says of it, and a client with it.
fn token(cloud: &TestCloud, fields: &Value) -> (Value, Client) {
    let made = cloud.owner().post("/admin/tokens", fields).expect(201);
    let location = made.header("location").map(str::to_owned);
    let made = made.json();
    let id = made["id"].as_str().expect("an id");
    assert_eq!(location, Some(format!("/api/v1/admin/tokens/{id}")));
    let client = cloud
        .anonymous()
        .with_token(made["token"].as_str().expect("a token"));
    (made, client)
}

#[test]
fn it_acts_for_its_person_and_is_shown_once() {
    let cloud = TestCloud::start();
    let (mut made, program) = token(&cloud, &json!({ "name": "deploy" }));
    let me = program.get("/admin/auth/me").expect(200).json();
    assert_eq!(me, cloud.owner().get("/admin/auth/me").expect(200).json());
    program
        .post("/admin/apps", &json!({ "slug": "shop", "name": "Shop" }))
        .expect(201);

    let text = program.token();
    assert!(text.starts_with("pct_") && text.len() == 53, "{text}");
    assert!(
        made["hint"].as_str().is_some_and(|hint| text.ends_with(hint)),
        "{made}"
    );
    let list = cloud.owner().get("/admin/tokens");
    assert!(!list.text().contains(text), "a token is shown");
    let listed = items(list).remove(0);
    assert!(listed["last_used_at"].is_string(), "{listed}");
    made.as_object_mut().expect("an object").remove("token");
    made["last_used_at"] = listed["last_used_at"].clone();
    assert_eq!(listed, made);
}

#[test]
fn a_limited_one_does_less_than_its_person() {
    let cloud = TestCloud::start();
    let (shop, blog) = (cloud.app("shop"), cloud.app("blog"));
    let script = shop.script("hello", "1");
    let new_app = json!({ "slug": "new", "name": "New" });

    let (made, in_shop) = token(&cloud, &json!({ "name": "shop", "app": "shop" }));
    assert_eq!((&made["app_id"], &made["role"]), (&json!(shop.id), &Value::Null));
    in_shop.get(&shop.path("")).expect(200);
    in_shop
        .patch(&script.path(""), &json!({ "source": "2" }))
        .expect(200);
    in_shop.get(&blog.path("")).problem(404, "not_found");
    let seen = items(in_shop.get("/admin/apps"));
    assert_eq!(seen.len(), 1, "{seen:?}");
    let refused = in_shop.post("/admin/apps", &new_app).problem(403, "forbidden");
    assert!(
        refused["detail"]
            .as_str()
            .is_some_and(|text| text.contains("limited")),
        "{refused}"
    );

    let (made, reader) = token(&cloud, &json!({ "name": "reader", "role": "viewer" }));
    assert_eq!((&made["app_id"], &made["role"]), (&Value::Null, &json!("viewer")));
    reader.get(&blog.path("")).expect(200);
    let refused = reader
        .patch(&script.path(""), &json!({ "source": "3" }))
        .problem(403, "forbidden");
    assert_eq!(refused["needed_role"], "editor", "{refused}");
    reader.post("/admin/apps", &new_app).problem(403, "forbidden");
    assert_eq!(reader.get(&shop.path("")).expect(200).json()["my_role"], "viewer");

    cloud
        .owner()
        .delete(&format!("{}?force=true", shop.path("")))
        .expect(204);
    in_shop.get("/admin/apps").problem(401, "unauthenticated");
}

#[test]
fn what_concerns_the_account_is_closed_to_it() {
    let cloud = TestCloud::start();
    let (_, program) = token(&cloud, &json!({ "name": "deploy" }));
    let document = cloud.get("localhost", "/api/v1/openapi.json").expect(200).json();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if operation["x-access"] != "session" {
                continue;
            }
            let id = "01890a5d-ac96-774b-bcce-b302099a8057";
            let path = path.replace("{session}", id).replace("{token}", id);
            let call = program.call(&method.to_uppercase(), &path);
            let call = if method == "get" {
                call
            } else {
                call.json(&json!({}))
            };
            let refused = call.send().problem(403, "forbidden");
            assert!(
                refused["detail"]
                    .as_str()
                    .is_some_and(|text| text.contains("API token")),
                "{refused}"
            );
            tried += 1;
        }
    }
    assert!(tried >= 13, "only {tried} operations");
}

#[test]
fn a_slip_of_the_pen_is_told_from_an_unknown_one() {
    let cloud = TestCloud::start();
    let (_, program) = token(&cloud, &json!({ "name": "deploy" }));
    let text = program.token();
    let with = |text: &str| {
        let problem = cloud
            .anonymous()
            .with_token(text)
            .get("/admin/auth/me")
            .problem(401, "unauthenticated");
        problem["detail"]
            .as_str()
            .expect("a sentence")
            .contains("checksum")
    };
    assert!(with(&text[..52]));
    assert!(with(&text.to_uppercase().replace("PCT_", "pct_")));
    cloud
        .owner()
        .delete(&format!("/admin/tokens/{}", id_of(&cloud)))
        .expect(204);
    assert!(!with(text), "a deleted one is unknown");
}

#[test]
fn it_is_no_cookie() {
    let cloud = TestCloud::start();
    let (_, program) = token(&cloud, &json!({ "name": "deploy" }));
    cloud
        .call("GET", "localhost", "/api/v1/admin/auth/me")
        .header("cookie", &format!("picloud_session={}", program.token()))
        .send()
        .problem(401, "unauthenticated");
}

#[test]
fn it_dies_when_it_is_deleted_and_outlives_sessions() {
    let cloud = TestCloud::start();
    let (_, program) = token(&cloud, &json!({ "name": "deploy" }));
    let owner = cloud.sign_in(crate::harness::OWNER.0, crate::harness::OWNER.1);
    owner.delete("/admin/auth/sessions").expect(204);
    program.get("/admin/auth/me").expect(200);
    let owner = cloud.sign_in(crate::harness::OWNER.0, crate::harness::OWNER.1);
    let tokens = items(owner.get("/admin/tokens"));
    let path = format!("/admin/tokens/{}", tokens[0]["id"].as_str().expect("an id"));
    owner.delete(&path).expect(204);
    program.get("/admin/auth/me").problem(401, "unauthenticated");
    owner.delete(&path).problem(404, "not_found");
    owner.delete("/admin/tokens/x").problem(404, "not_found");
}

#[test]
fn names_and_limits_must_make_sense() {
    let cloud = TestCloud::start();
    token(&cloud, &json!({ "name": "deploy" }));
    let owner = cloud.owner();
    owner
        .post("/admin/tokens", &json!({ "name": "deploy" }))
        .problem(409, "token_name_taken");
    for (fields, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x", "role": "owner" }), "role"),
        (
            json!({ "name": "x", "expires_at": "2020-01-01T00:00:00Z" }),
            "expires_at",
        ),
        (json!({ "name": "x", "expires_at": "tomorrow" }), "expires_at"),
        (json!({ "name": "x", "scope": "all" }), "scope"),
    ] {
        let refused = owner
            .post("/admin/tokens", &fields)
            .problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    owner
        .post("/admin/tokens", &json!({ "name": "x", "app": "nowhere" }))
        .problem(404, "not_found");
}

#[test]
fn a_person_has_at_most_a_hundred() {
    let cloud = TestCloud::start();
    for number in 0..100 {
        token(&cloud, &json!({ "name": number.to_string() }));
    }
    cloud
        .owner()
        .post("/admin/tokens", &json!({ "name": "one more" }))
        .problem(409, "too_many_tokens");
}

/// The id of the only token.
fn id_of(cloud: &TestCloud) -> String {
    let tokens = items(cloud.owner().get("/admin/tokens"));
    tokens[0]["id"].as_str().expect("an id").to_owned()
}
