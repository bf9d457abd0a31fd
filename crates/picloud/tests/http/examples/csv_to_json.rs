//! `examples/csv-to-json`: a table in, objects out.

use serde_json::{Value, json};

use crate::harness::{Answer, TestCloud};

#[track_caller]
fn convert(cloud: &TestCloud, query: &str, csv: &str) -> Answer {
    cloud
        .call("POST", "csv-to-json.localhost", &format!("/convert{query}"))
        .header("content-type", "text/csv")
        .body(csv)
        .send()
}

#[test]
fn rows_become_objects() {
    #[track_caller]
    fn check(cloud: &TestCloud, query: &str, csv: &str, expected: &Value) {
        assert_eq!(
            convert(cloud, query, csv).expect(200).json(),
            *expected,
            "{query} {csv:?}"
        );
    }
    let cloud = TestCloud::start();
    cloud.deploy_example("csv-to-json");
    check(
        &cloud,
        "",
        "name,note\r\nAda,\"says \"\"hi\"\", twice\"\r\nGrace,\"two\nlines\"\r\n",
        &json!([{ "name": "Ada", "note": "says \"hi\", twice" }, { "name": "Grace", "note": "two\nlines" }]),
    );
    check(
        &cloud,
        "?separator=%3B",
        "a;b\n1,5;2\n",
        &json!([{ "a": "1,5", "b": "2" }]),
    );
    check(
        &cloud,
        "?separator=%09",
        "a\tb\n1\t2",
        &json!([{ "a": "1", "b": "2" }]),
    );
    check(
        &cloud,
        "?numbers=true",
        "id,price,code,zip\n-7,19.90,1e5,00123\n",
        &json!([{ "id": -7, "price": 19.9, "code": "1e5", "zip": "00123" }]),
    );
    check(
        &cloud,
        "",
        "name,note\nAda\n",
        &json!([{ "name": "Ada", "note": null }]),
    );
    check(&cloud, "", "name,note\n", &json!([]));
}

#[test]
fn what_is_no_table_is_refused() {
    let cloud = TestCloud::start();
    cloud.deploy_example("csv-to-json");
    for (query, csv) in [
        ("", "a,b\n1,2,3\n"),
        ("?separator=", "a"),
        ("?separator=%2C%2C", "a"),
    ] {
        let answer = convert(&cloud, query, csv).expect(400).json();
        assert!(
            answer["error"].as_str().is_some_and(|text| !text.is_empty()),
            "{query} {csv:?}: {answer}"
        );
    }
}
