//! What every operation with a body has in common.

use serde_json::{Value, json};

use crate::harness::{Call, TestCloud};

/// `POST /api/v1/admin/apps` by the owner, without a body yet.
fn create(cloud: &TestCloud) -> Call<'_> {
    cloud.owner().call("POST", "/api/v1/admin/apps")
}

#[test]
fn what_is_no_json_is_refused() {
    let cloud = TestCloud::start();
    for body in [
        "",
        "{",
        "{\"slug\": }",
        "nothing",
        "\u{0}",
        r#"{"slug":"a","name":"A"}{}"#,
    ] {
        create(&cloud)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .problem(400, "invalid_json");
    }
    let binary = [0xFF, 0xFE, 0x00];
    create(&cloud)
        .header("content-type", "application/json")
        .body(binary)
        .send()
        .problem(400, "invalid_json");
}

#[test]
fn another_media_type_is_refused() {
    let cloud = TestCloud::start();
    let body = json!({ "slug": "a", "name": "A" }).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        create(&cloud)
            .header("content-type", kind)
            .body(body.as_str())
            .send()
            .problem(415, "unsupported_media_type");
    }
    let call = create(&cloud).header("content-type", "application/json; charset=utf-8");
    call.body(body.as_str()).send().expect(201);
}

#[test]
fn unknown_missing_and_mistyped_fields_are_named() {
    let cloud = TestCloud::start();
    for (body, field) in [
        (json!({ "slug": "a", "name": "A", "colour": "red" }), "colour"),
        (json!({ "slug": "a" }), "name"),
        (json!({ "slug": "a", "name": 7 }), "name"),
        (json!([]), ""),
        (json!(null), ""),
    ] {
        let problem = create(&cloud)
            .json(&body)
            .send()
            .problem(422, "validation_failed");
        assert!(problem.to_string().contains(field), "{body}: {problem}");
    }
    cloud.owner().get("/admin/apps/a").problem(404, "not_found");
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let cloud = TestCloud::start();
    let name = "x".repeat(5 * 1_024 * 1_024);
    create(&cloud)
        .json(&json!({ "slug": "a", "name": name }))
        .send()
        .problem(413, "body_too_large");
    // What is announced to be far too large is not even awaited.
    let head = "POST /api/v1/admin/apps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n";
    cloud.send_raw(head).problem(413, "body_too_large");
}

#[test]
fn nesting_has_a_limit() {
    let cloud = TestCloud::start();
    let body = format!("{{\"slug\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = create(&cloud)
        .header("content-type", "application/json")
        .body(body)
        .send();
    assert!(
        matches!(answer.status, 400 | 422),
        "{}: {}",
        answer.status,
        answer.text()
    );
}

#[test]
fn faults_are_told_in_the_words_of_json() {
    let cloud = TestCloud::start();
    for (body, message) in [
        ("null", "must be an object, not null (line 1, column 4)"),
        (
            "{\"slug\": \"a\",\n \"name\": 7}",
            "must be a string, not 7 (line 2, column 10)",
        ),
    ] {
        let problem = create(&cloud)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["message"], message, "{problem}");
    }
}

#[test]
fn a_role_is_a_word_and_an_id_has_one_form() {
    let cloud = TestCloud::start();
    let owner = cloud.owner();
    owner
        .post("/admin/apps", &json!({ "slug": "a", "name": "A" }))
        .expect(201);
    let user =
        |role: Value| json!({ "username": "eve", "password": "a fine password", "instance_role": role });
    let refused = owner
        .post("/admin/admins", &user(json!({ "member": null })))
        .problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "instance_role", "{refused}");
    let eve = owner
        .post("/admin/admins", &user(json!("member")))
        .expect(201)
        .json();
    let id = eve["id"].as_str().expect("an id");
    let add =
        |id: &str, role: Value| owner.post("/admin/apps/a/members", &json!({ "user_id": id, "role": role }));
    let refused = add(id, json!({ "viewer": null })).problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["field"], "role", "{refused}");
    for other in [format!("urn:uuid:{id}"), format!("{{{id}}}"), id.replace('-', "")] {
        let refused = add(&other, json!("viewer")).problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["field"], "user_id", "{refused}");
    }
    add(id, json!("viewer")).expect(201);
}

#[test]
fn a_number_in_a_path_is_digits() {
    let cloud = TestCloud::start();
    let owner = cloud.owner();
    let scripts = owner.get("/admin/scripts?app=default").expect(200).json();
    let script = scripts["items"][0]["id"].as_str().expect("the seed has a script");
    owner
        .get(&format!("/admin/scripts/{script}/versions/1"))
        .expect(200);
    owner
        .get(&format!("/admin/scripts/{script}/versions/+1"))
        .problem(404, "not_found");
    owner.get("/admin/apps/default/releases/1").expect(200);
    owner
        .get("/admin/apps/default/releases/+1")
        .problem(404, "not_found");
    owner
        .get("/admin/apps/default/releases:compare?from=%2B0")
        .problem(422, "validation_failed");
}

#[test]
fn what_people_cannot_see_is_refused_in_what_they_read() {
    let cloud = TestCloud::start();
    let owner = cloud.owner();
    let app =
        |name: &str, description: &str| json!({ "slug": "a", "name": name, "description": description });
    for (body, field) in [
        (app("invoice\u{202E}fdp.exe", ""), "name"),
        (app("A", "pay \u{2066}nobody\u{2069}"), "description"),
        (app("de\u{200B}fault", ""), "name"),
    ] {
        let refused = owner.post("/admin/apps", &body).problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
        let message = refused["errors"][0]["message"].as_str().expect("a message");
        assert!(message.contains("U+2"), "{refused}");
    }
    owner
        .post("/admin/tokens", &json!({ "name": "de\u{200F}ploy" }))
        .problem(422, "validation_failed");
    owner
        .post(
            "/admin/apps/default/releases/1:restore",
            &json!({ "note": "b\u{61C}ack" }),
        )
        .problem(422, "validation_failed");
    let user = json!({ "username": "e\u{202D}ve", "password": "a fine password", "instance_role": "member" });
    owner
        .post("/admin/admins", &user)
        .problem(422, "validation_failed");
    owner
        .post("/admin/apps", &app("Zürich שלום 👩\u{200D}💻", "line\nbreak"))
        .expect(201);
}
