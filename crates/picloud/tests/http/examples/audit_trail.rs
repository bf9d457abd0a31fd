//! `examples/audit-trail`: a script that is told of changes.

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::{Answer, TestCloud, WAIT_MAX};

const HOST: &str = "audit-trail.localhost";

fn call(cloud: &TestCloud, method: &str, path: &str, body: &Value) -> Answer {
    cloud.call(method, HOST, path).json(body).send()
}

/// The history of an order, once it is as long as that.
#[track_caller]
fn history(cloud: &TestCloud, order: &str, length: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let found = cloud.get(HOST, &format!("{order}/history")).expect(200).json();
        let found = found.as_array().expect("an array").clone();
        if found.len() >= length {
            return found;
        }
        assert!(begun.elapsed() < WAIT_MAX, "{found:?}");
    }
}

#[test]
fn each_change_of_an_order_is_written_down_in_its_order() {
    let cloud = TestCloud::start();
    let app = cloud.deploy_example("audit-trail");
    let owner = cloud.owner();

    let placed = call(&cloud, "POST", "/orders", &json!({ "total": 3 }))
        .expect(201)
        .json();
    let id = placed["id"].as_str().expect("an id");
    let order = format!("/orders/{id}");
    call(&cloud, "PATCH", &order, &json!({ "total": 4 })).expect(200);
    let in_dashboard = app.path(&format!("/collections/orders/documents/{id}"));
    owner
        .patch(&in_dashboard, &json!({ "document": { "total": 5 } }))
        .expect(200);
    call(&cloud, "DELETE", &order, &json!({})).expect(204);
    call(&cloud, "DELETE", &order, &json!({})).expect(404);

    let found = history(&cloud, &order, 4);
    let seen: Vec<_> = found
        .iter()
        .map(|entry| {
            (
                entry["what"].as_str().expect("a word"),
                &entry["document"]["total"],
                entry["by"]["user_id"].is_string(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("inserted", &json!(3), false),
            ("changed", &json!(4), false),
            ("changed", &json!(5), true),
            ("deleted", &Value::Null, false),
        ]
    );
}
