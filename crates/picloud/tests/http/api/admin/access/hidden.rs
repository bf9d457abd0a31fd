//! What somebody may not see is not there for them.

use serde_json::{Value, json};

use super::ground::{APP, Ground};
use crate::harness::{Answer, Client, TestCloud, items};

/// An id and a slug of nothing.
const MISSING: [&str; 2] = ["01890a5d-ac96-774b-bcce-b302099a8057", "no-such-app"];

#[test]
fn lists_hold_only_what_one_may_see() {
    let ground = Ground::prepare();
    let [seeded, here, elsewhere] =
        ["default", APP, "elsewhere"].map(|slug| ground.cloud.existing_app(slug).id);
    for (column, apps) in [
        ("member", &[][..]),
        ("elsewhere", &[&elsewhere]),
        ("viewer", &[&here]),
        ("editor", &[&here]),
        ("app_admin", &[&here]),
        ("admin", &[&seeded, &here, &elsewhere]),
        ("owner", &[&seeded, &here, &elsewhere]),
    ] {
        let client = ground.caller(column).client();
        let found = fields(&client, "/admin/apps", "id");
        assert_eq!(found.iter().collect::<Vec<_>>(), apps, "{column}");
        // Nothing is in the app elsewhere.
        let filled: Vec<&String> = apps.iter().copied().filter(|app| **app != elsewhere).collect();
        for list in ["/admin/scripts", "/admin/routes"] {
            let mut found = fields(&client, list, "app_id");
            found.dedup();
            assert_eq!(found.iter().collect::<Vec<_>>(), filled, "{column} {list}");
        }
    }
}

#[test]
fn what_is_hidden_answers_like_what_is_missing() {
    let ground = Ground::prepare();
    let member = ground.caller("member").client();
    let [id, slug] = MISSING;
    for (hidden, missing) in [
        (format!("/admin/apps/{APP}"), format!("/admin/apps/{slug}")),
        (
            format!("/admin/apps/{APP}/members"),
            format!("/admin/apps/{slug}/members"),
        ),
        (
            format!("/admin/scripts?app={APP}"),
            format!("/admin/scripts?app={slug}"),
        ),
        (
            format!("/admin/users:search?app={APP}"),
            format!("/admin/users:search?app={slug}"),
        ),
        (
            format!("/admin/scripts/{}", ground.script),
            format!("/admin/scripts/{id}"),
        ),
        (
            format!("/admin/routes/{}", ground.route),
            format!("/admin/routes/{id}"),
        ),
        (
            format!("/admin/executions/{}", ground.execution),
            format!("/admin/executions/{id}"),
        ),
    ] {
        assert_eq!(said(member.get(&hidden)), said(member.get(&missing)), "{hidden}");
    }
    let write = |app: &str| {
        let script = json!({ "app_id": app, "name": "mine", "source": "1" });
        said(member.post("/admin/scripts", &script))
    };
    assert_eq!(write(APP), write(slug));
}

/// One field of every item of a list.
#[track_caller]
fn fields(client: &Client, path: &str, field: &str) -> Vec<String> {
    items(client.get(path))
        .iter()
        .map(|item| item[field].as_str().expect("a text").to_owned())
        .collect()
}

/// All that a refusal says but the id of the request.
#[track_caller]
fn said(answer: Answer) -> Value {
    let mut body = answer.problem(404, "not_found");
    body["request_id"].take();
    body
}

#[test]
fn a_token_for_an_app_that_its_person_left_sees_no_other_app() {
    let cloud = TestCloud::start();
    let (left, kept) = (cloud.app("left"), cloud.app("kept"));
    kept.serve("/secret", "\"of another app\"");
    let person = cloud.person("grace", "member");
    for app in [&left, &kept] {
        app.admit(&person.id, "editor");
    }
    let made = person
        .client
        .post("/admin/tokens", &json!({ "name": "left", "app": "left" }))
        .expect(201)
        .json();
    let program = cloud
        .anonymous()
        .with_token(made["token"].as_str().expect("a token"));
    assert_eq!(items(program.get("/admin/apps")).len(), 1);
    cloud
        .owner()
        .delete(&left.path(&format!("/members/{}", person.id)))
        .expect(204);
    for list in ["/admin/apps", "/admin/scripts", "/admin/routes"] {
        assert_eq!(items(program.get(list)), Vec::<Value>::new(), "{list}");
    }
}
