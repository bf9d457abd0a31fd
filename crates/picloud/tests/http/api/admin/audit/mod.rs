//! `GET /api/v1/admin/audit`, `POST /api/v1/admin/audit:verify`, `picloud audit verify`.

mod acts;
mod denied;
mod records;
mod stage;

use serde_json::{Value, json};

use crate::harness::{TestCloud, items};

/// The whole log, newest first.
#[track_caller]
fn log(cloud: &TestCloud, query: &str) -> Vec<Value> {
    items(cloud.owner().get(&format!("/admin/audit?limit=200{query}")))
}

fn actions<'r>(records: &'r [Value]) -> Vec<&'r str> {
    let action = |record: &'r Value| record["action"].as_str().expect("an action");
    records.iter().map(action).collect()
}

#[track_caller]
fn verify(cloud: &TestCloud) -> Value {
    let verdict = cloud
        .owner()
        .post("/admin/audit:verify", &json!({}))
        .expect(200)
        .json();
    assert_eq!(verdict["valid"], true, "{verdict}");
    verdict
}
