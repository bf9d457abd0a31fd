//! Documents: read into a script's values and written again, beside what `serde_json` makes of them.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use crate::run::{request, run};

/// Reads the body, writes it in both forms, reads both again, and answers with it.
const SCRIPT: &str = r#"
let value = request.json();
let text = json::stringify(value);
if json::stringify(json::parse(text)) != text { throw "it changes when it is read again" }
if json::stringify(json::parse(json::pretty(value))) != text { throw "indented it is something else" }
if json::parse(request.body) != value { throw "as text it is something else" }
json(value)
"#;

/// Sends a document through a script.
pub fn json(data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let outcome = run(SCRIPT, request(Bytes::copy_from_slice(data)));
    match (serde_json::from_slice::<Value>(data), outcome.result) {
        (Ok(value), Ok(response)) => {
            assert_eq!(response.status, StatusCode::OK, "{response:?}");
            let expected = as_script_has_it(value).to_string();
            assert_eq!(String::from_utf8_lossy(&response.body), expected);
        }
        // Other processes had the processor meanwhile.
        (_, Err(error)) if error.kind.is_timeout() => {}
        (Ok(value), Err(error)) => panic!("{value} is refused: {error:?}"),
        (Err(_), Ok(response)) => {
            let told = String::from_utf8_lossy(&response.body);
            assert_eq!(response.status, StatusCode::BAD_REQUEST, "{told}");
            assert!(told.contains("not valid JSON"), "{told}");
        }
        (Err(error), Err(fault)) => panic!("{error}, and the client does not get to know: {fault:?}"),
    }
}

/// Whole numbers beyond `i64` are floats to a script.
fn as_script_has_it(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_i64().is_none() => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(as_script_has_it).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, as_script_has_it(value)))
            .collect(),
        other => other,
    }
}
