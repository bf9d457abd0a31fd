//! The `OpenAPI` document: made from the operations themselves.

mod bounds;
mod complete;
mod examples;

use axum::response::IntoResponse;
use http::header;
use serde_json::{Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
};

use self::complete::complete;
use super::problem::ProblemBody;
use crate::router;

/// What stands above the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "PiCloud",
        description = "Upload a Rhai script, get an HTTP endpoint. Everything that the dashboard and the command line do, they do through this API.\n\nErrors are `application/problem+json` (RFC 9457); program against their `code`. Every answer has an `x-request-id`. Lists come a page at a time: pass `next_cursor` of one page as `?cursor=` for the next.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(ProblemBody)),
    modifiers(&SecuritySchemes),
    tags(
        (name = "instance", description = "The state of the instance, and its own description"),
        (name = "accounts", description = "Signing in and out"),
        (name = "people", description = "Everybody who may sign in, and invitations"),
        (name = "apps", description = "What isolates scripts, routes and domains from one another"),
        (name = "members", description = "Who has which role in an app"),
        (name = "domains", description = "Which hosts an app answers for"),
        (name = "users", description = "Who signs in to an app: its own users"),
        (name = "kv", description = "The keys and values that the scripts of an app keep"),
        (name = "documents", description = "The collections of documents that the scripts of an app keep"),
        (name = "scripts", description = "Scripts and their immutable versions"),
        (name = "routes", description = "Which requests a script answers"),
        (name = "config", description = "Values that scripts read, as a part of the app's releases"),
        (name = "events", description = "What starts scripts beside requests, and what becomes of it"),
        (name = "secrets", description = "What scripts need and nobody reads back"),
        (name = "releases", description = "Every change of an app, numbered"),
        (name = "executions", description = "What is kept of runs"),
        (name = "audit", description = "Who changed what, and who was refused"),
    ),
)]
struct Frame;

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some("The token that `POST /api/v1/admin/auth/login` gives.".to_owned());
        let cookie = ApiKeyValue::with_description(
            "picloud_session",
            "The same token, for browsers. Changes must come from the own origin.",
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// The document as it is published. To make it takes more memory than to serve a thousand apps, so it is made
/// when it changes and lies in the program; a test compares it with what the operations say.
const PUBLISHED: &str = include_str!("../../../../../docs/openapi.json");

/// The `OpenAPI` 3.1 document of the API, made from the operations, as JSON for people to read.
pub fn openapi_json() -> String {
    let mut document = value(Frame::openapi());
    for operation in router::operations() {
        let described = value(operation.to_openapi());
        merge(
            &mut document,
            complete(described, operation.access, operation.effect),
        );
    }
    document["paths"]["/api/v1/execute/{script_id}"] = complete::execute();
    bounds::add_bounds(&mut document);
    examples::add_examples(&mut document);
    format!("{document:#}\n")
}

/// This document
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "instance",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object)),
)]
pub(crate) async fn get_openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], PUBLISHED)
}

fn value(document: utoipa::openapi::OpenApi) -> Value {
    serde_json::to_value(document).unwrap_or_default()
}

/// Adds what `part` has to `whole`, object by object.
fn merge(whole: &mut Value, part: Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, value) in part {
                // What stands above the operations stands in the frame already.
                if matches!(name.as_str(), "info" | "openapi") && whole.contains_key(&name) {
                    continue;
                }
                merge(whole.entry(name).or_insert(json!(null)), value);
            }
        }
        (whole, part) => *whole = part,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, env, fs, path::Path};

    use super::*;

    const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

    #[test]
    fn the_committed_document_is_current() {
        if env::var_os("UPDATE_OPENAPI").is_some() {
            fs::write(COMMITTED, openapi_json()).expect("docs/openapi.json can be written");
        }
        let committed = fs::read_to_string(Path::new(COMMITTED)).unwrap_or_default();
        assert!(
            committed == openapi_json(),
            "docs/openapi.json is stale; write it anew with UPDATE_OPENAPI=1 cargo test -p picloud-manager-core"
        );
    }

    #[test]
    fn every_operation_is_complete() {
        let document: Value = serde_json::from_str(&openapi_json()).expect("the document is JSON");
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let at = format!("{method} {path}");
                let id = operation["operationId"].as_str().unwrap_or_default();
                assert!(!id.is_empty() && ids.insert(id.to_owned()), "{at}: {id}");
                assert!(operation["summary"].is_string(), "{at}");
                let parts = operation.as_object().expect("an operation has parts");
                assert!(parts.values().all(|part| !part.is_null()), "{at}: a part is null");
                assert!(
                    operation["tags"].as_array().is_some_and(|tags| tags.len() == 1),
                    "{at}"
                );
                let described = operation["parameters"].as_array().map_or(0, |parameters| {
                    parameters
                        .iter()
                        .filter(|parameter| parameter["in"] == "path")
                        .count()
                });
                assert_eq!(described, path.matches('{').count(), "{at}");
            }
        }
    }

    #[test]
    fn every_body_has_an_example() {
        let document: Value = serde_json::from_str(&openapi_json()).expect("the document is JSON");
        let mut unknown = Vec::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let answers = operation["responses"].as_object().into_iter().flatten();
                let bodies = answers
                    .filter(|(status, _)| status.starts_with('2'))
                    .map(|(_, answer)| answer)
                    .chain(operation.get("requestBody"));
                for body in bodies {
                    let Some(content) = body["content"].get("application/json") else {
                        continue;
                    };
                    let schema = resolve(&document, &content["schema"]);
                    without_example(
                        &document,
                        schema,
                        &content["example"],
                        &format!("{method} {path} "),
                        &mut unknown,
                    );
                }
            }
        }
        assert_eq!(
            unknown, [""; 0],
            "add an example to these fields, or their names to api/examples.rs"
        );
    }

    /// The fields that are null in an example though their schema has another type.
    fn without_example(document: &Value, schema: &Value, example: &Value, at: &str, found: &mut Vec<String>) {
        match example {
            Value::Null if !schema["type"].is_null() && !nullable(schema) => found.push(format!("{at}.")),
            Value::Array(items) => {
                let schema = resolve(document, &schema["items"]);
                for item in items {
                    without_example(document, schema, item, at, found);
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    let schema = resolve(document, &schema["properties"][name]);
                    without_example(document, schema, value, &format!("{at}.{name}"), found);
                }
            }
            _ => {}
        }
    }

    fn resolve<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
        let reference = schema["$ref"]
            .as_str()
            .and_then(|reference| reference.strip_prefix('#'));
        reference
            .and_then(|reference| document.pointer(reference))
            .unwrap_or(schema)
    }

    fn nullable(schema: &Value) -> bool {
        schema["type"]
            .as_array()
            .is_some_and(|types| types.contains(&"null".into()))
    }

    #[test]
    fn running_a_script_is_described_with_and_without_waiting() {
        let document: Value = serde_json::from_str(&openapi_json()).expect("the document is JSON");
        let item = &document["paths"]["/api/v1/execute/{script_id}"];
        for (method, operation) in item.as_object().expect("operations") {
            let parameters = operation["parameters"].as_array().expect("parameters");
            let names: Vec<&str> = parameters
                .iter()
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            assert_eq!(
                names,
                ["script_id", "async", "Prefer", "Idempotency-Key"],
                "{method}"
            );
            let answer = &operation["responses"]["202"]["content"]["application/json"];
            assert!(
                answer["example"]["invocation_id"].is_string(),
                "{method}: {answer}"
            );
            let has_body = matches!(method.as_str(), "post" | "put" | "patch");
            assert_eq!(operation["requestBody"].is_object(), has_body, "{method}");
        }
    }

    #[test]
    fn the_audit_log_knows_operations_by_their_ids() {
        for operation in router::operations() {
            let action = operation.action;
            let described = value(operation.to_openapi()).to_string();
            assert!(
                described.contains(&format!("\"operationId\":\"{action}\"")),
                "{action}"
            );
        }
    }

    #[test]
    fn bodies_that_need_not_be_sent_are_described_so() {
        let document: Value = serde_json::from_str(&openapi_json()).expect("the document is JSON");
        let mut optional = BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                if operation["requestBody"]["required"] == false {
                    let id = operation["operationId"].as_str();
                    optional.insert(id.unwrap_or_else(|| panic!("{method} {path} has no id")));
                }
            }
        }
        let expected = ["redrive_deliveries", "redrive_delivery", "restore_release"];
        assert_eq!(optional, BTreeSet::from(expected));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document: Value = serde_json::from_str(&openapi_json()).expect("the document is JSON");
        let text = document.to_string();
        let references: BTreeSet<&str> = text
            .split("\"$ref\":\"#")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(references.len() > 20, "{references:?}");
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }
}
