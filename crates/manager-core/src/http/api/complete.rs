//! What many operations share is described here once: path parameters, credentials and common problems.

use picloud_shared::problem::{Code, PROBLEM_JSON};
use serde_json::{Value, json};

use crate::{http::access::Access, operation::Effect};

/// Name, format and meaning of everything that a path can name.
const PATH_PARAMETERS: [(&str, Option<&str>, &str); 22] = [
    ("app", None, "Id or slug of the app"),
    ("broker", None, "Name of the broker"),
    ("code", None, "The `code` of a problem"),
    ("collection", None, "Name of the collection"),
    ("delivery", Some("uuid"), "Id of the delivery"),
    (
        "document",
        None,
        "Id of the document, percent-encoded; `~.` for `.`, `~..` for `..`, and one more `~` where there are some before that",
    ),
    ("domain", Some("uuid"), "Id of the domain"),
    ("end_user", Some("uuid"), "Id of the user of the app"),
    ("execution", Some("uuid"), "Id of the execution"),
    ("invitation", Some("uuid"), "Id of the invitation"),
    (
        "key",
        None,
        "The key, percent-encoded; `~.` for `.`, `~..` for `..`, and one more `~` where there are some before that",
    ),
    ("name", None, "Name of the secret or the value"),
    ("release", Some("int32"), "Number of the release"),
    (
        "root",
        Some("uuid"),
        "Id of the run or the event that began the chain",
    ),
    ("route", Some("uuid"), "Id of the route"),
    ("schedule", Some("uuid"), "Id of the schedule"),
    ("script", Some("uuid"), "Id of the script"),
    ("session", Some("uuid"), "Id of the session"),
    ("subscription", Some("uuid"), "Id of the subscription"),
    ("token", Some("uuid"), "Id of the API token"),
    ("user", None, "Id or username of the person"),
    ("version", Some("int32"), "Number of the version"),
];

/// Operations whose body need not be sent: an empty one says nothing.
const OPTIONAL_BODIES: [&str; 3] = ["redrive_deliveries", "redrive_delivery", "restore_release"];

/// The document of operations with this access, with everything that they leave to this place.
pub(super) fn complete(mut document: Value, access: Access, effect: Effect) -> Value {
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            add_path_parameters(operation, path);
            add_problems(operation, path, method, access);
            add_access(operation, access);
            let id = operation["operationId"].as_str().unwrap_or_default();
            if OPTIONAL_BODIES.contains(&id) {
                operation["requestBody"]["required"] = false.into();
            }
            operation["x-effect"] = effect.word().into();
        }
    }
    document
}

/// The one operation of the API that another service answers.
pub(super) fn execute() -> Value {
    let mut item = json!({});
    for method in ["get", "post", "put", "patch", "delete"] {
        item[method] = json!({
            "tags": ["scripts"],
            "summary": "Run a script",
            "description": "Runs the live version of the script, on every host, whether or not a route leads to it. The answer is the script's own. With `?async=true` or the header `Prefer: respond-async` the answer comes at once, as 202 with `{\"invocation_id\": …}`, and the script runs later; what became of it stands at the `Location`, and with an `Idempotency-Key` the request can be sent again.",
            "operationId": format!("execute_script_{method}"),
            "parameters": parameters_of_execute(),
            "responses": {
                "202": accepted(),
                "default": { "description": "What the script answers, or a problem" },
            },
        });
        if matches!(method, "post" | "put" | "patch") {
            item[method]["requestBody"] = json!({
                "description": "Whatever the script takes",
                "content": { "*/*": { "schema": {} } },
            });
        }
        let responses = &mut item[method]["responses"];
        let codes = [
            Code::NotFound,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::ScriptFailed,
            Code::ScriptLimitExceeded,
            Code::Conflict,
            Code::InsufficientStorage,
            Code::QuotaExceeded,
            Code::DatabaseUnavailable,
            Code::CommitUnknown,
            Code::Overloaded,
            Code::ScriptSuspended,
            Code::ScriptTimeout,
            Code::TooManyRequests,
            Code::ValidationFailed,
            Code::LoopDetected,
        ];
        for code in codes {
            add_problem(responses, code);
        }
    }
    item
}

fn parameters_of_execute() -> Value {
    json!([
        {
            "name": "script_id",
            "in": "path",
            "required": true,
            "description": "Id of the script",
            "schema": { "type": "string", "format": "uuid" },
        },
        {
            "name": "async",
            "in": "query",
            "required": false,
            "description": "Whether to answer at once, and to run the script later",
            "schema": { "type": "boolean" },
        },
        {
            "name": "Prefer",
            "in": "header",
            "required": false,
            "description": "`respond-async` does the same as `async`",
            "schema": { "type": "string" },
        },
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "Makes it safe to send the same request again, if the script is to run later",
            "schema": { "type": "string" },
        },
    ])
}

/// The answer to a request for a run for which nobody waits.
fn accepted() -> Value {
    let schema = json!({
        "type": "object",
        "required": ["invocation_id"],
        "properties": {
            "invocation_id": { "type": "string", "format": "uuid", "description": "Id of its delivery" },
        },
    });
    json!({
        "description": "The request is on disk, and the script runs later; or what the script answers",
        "headers": { "location": { "schema": { "type": "string" } } },
        "content": { "application/json": { "schema": schema } },
    })
}

/// Says who may call it: for people in the description, for programs as `x-access`.
fn add_access(operation: &mut Value, access: Access) {
    operation["x-access"] = access.word().into();
    if access != Access::Open {
        operation["security"] = json!([{ "bearer": [] }, { "cookie": [] }]);
    }
    if let Some(sentence) = access.sentence() {
        let description = match operation["description"].as_str() {
            Some(text) if !text.is_empty() => format!("{text}\n\n{sentence}"),
            _ => sentence,
        };
        operation["description"] = description.into();
    }
}

fn add_path_parameters(operation: &mut Value, path: &str) {
    let named = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let mut parameters: Vec<Value> = named
        .filter_map(|name| PATH_PARAMETERS.iter().find(|(known, ..)| *known == name))
        .map(|(name, format, description)| {
            let schema = match format {
                Some("int32") => json!({ "type": "integer", "format": "int32", "minimum": 1 }),
                Some(format) => json!({ "type": "string", "format": format }),
                None => json!({ "type": "string" }),
            };
            json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
        })
        .collect();
    // Not by index, which would put a null where there is nothing.
    if let Some(own) = operation.get_mut("parameters").and_then(Value::as_array_mut) {
        own.retain(|parameter| parameter["in"] != "path");
        parameters.append(own);
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
}

fn add_problems(operation: &mut Value, path: &str, method: &str, access: Access) {
    let has = |place: &str| {
        let parameters = operation["parameters"].as_array();
        parameters.is_some_and(|parameters| parameters.iter().any(|parameter| parameter["in"] == place))
    };
    let mut codes = Vec::new();
    if operation["requestBody"].is_object() {
        codes.extend([
            Code::InvalidJson,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::ValidationFailed,
        ]);
    } else if has("query") {
        codes.push(Code::ValidationFailed);
    }
    if has("header") {
        codes.push(Code::BadRequest);
    }
    if access != Access::Open {
        codes.extend([Code::Unauthenticated, Code::Forbidden]);
        if method != "get" {
            codes.push(Code::CrossSiteRequest);
        }
    }
    if path.starts_with("/api/v1/admin/") || path.starts_with("/api/v1/apps/") {
        codes.extend([Code::Internal, Code::DatabaseUnavailable]);
        if method != "get" {
            codes.push(Code::InsufficientStorage);
        }
    }
    let responses = &mut operation["responses"];
    for code in codes {
        add_problem(responses, code);
    }
    if path.contains("/{app}") {
        responses["308"] = json!({
            "description": "The app has another slug now; the same path under it is in `location`",
            "headers": { "location": { "schema": { "type": "string" } } },
        });
    }
    responses["default"] = problem("Any other problem");
}

/// Adds a code to the response with its status.
fn add_problem(responses: &mut Value, code: Code) {
    let response = &mut responses[code.status().as_str()];
    let name = format!("`{}`", code.as_str());
    match response["description"].as_str() {
        None => *response = problem(&name),
        Some(names) if names.contains(&name) => {}
        Some(names) => response["description"] = format!("{names}, {name}").into(),
    }
}

fn problem(description: &str) -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    json!({ "description": description, "content": { PROBLEM_JSON: { "schema": schema } } })
}
