//! Examples of what is sent and answered, for every operation: made from the examples of fields, so that an operation
//! that is added has them too.

use picloud_shared::limits::Limits;
use serde_json::{Map, Value, json};

/// What a field that says nothing else looks like, by its name.
const BY_NAME: &[(&str, &str)] = &[
    ("app", "shop"),
    ("app_id", "shop"),
    ("author", "ada"),
    ("body", "Hello, Ada!"),
    ("commit", "0f3c9a1"),
    ("content_type", "application/json"),
    (
        "content_hash",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ),
    ("current_password", "correct horse battery"),
    ("description", "Orders and payments."),
    ("detail", "There is no such app, or you may not see it."),
    ("docs", "The number of characters."),
    ("email", "ada@example.com"),
    ("excerpt", "request.quary.name\n        ^"),
    ("fields", "source"),
    ("function", "handle"),
    ("host", "shop.example.com"),
    ("key", "user/ada"),
    ("message", "Unknown property `quary`."),
    ("method", "GET"),
    ("methods", "GET"),
    ("name", "hello"),
    ("new_password", "several unrelated words"),
    ("node", "attic"),
    ("note", "Greets by name."),
    ("password", "several unrelated words"),
    ("path", "/orders/7"),
    ("pattern", "shop.example.com"),
    ("reason", "No route of the app has this path: 404 `no_route`."),
    ("remote_addr", "192.0.2.7"),
    ("request_id", "01890a5d-ac96-774b-bcce-b302099a8057"),
    ("script", "hello"),
    ("script_name", "hello"),
    ("shape_key", "shop.example.com"),
    ("slug", "shop"),
    ("source", "\"Hello, \" + (request.query.name ?? \"World\")"),
    ("title", "Not found"),
    ("token", "pcs_3rTqTz0kW7mJ5vX1bYc9aQ"),
    ("username", "ada"),
    ("version", "0.1.0"),
];

/// The same for numbers.
const NUMBERS: &[(&str, u64)] = &[
    ("body_bytes", 0),
    ("cpu_us", 310),
    ("duration_us", 1_250),
    ("memory_bytes_peak", 16_384),
    ("offset_us", 110),
    ("operations", 42),
    ("schema", 3),
    ("status", 200),
    ("strikes", 0),
    ("unrecorded_runs", 0),
];

/// What is true more often than not.
const TRUE: &[&str] = &["current", "is_active", "matched"];

/// What answers have only where something is left to say, or went wrong: an example does without.
const ABSENT: &[&str] = &[
    "blob_base64",
    "body_base64",
    "data_base64",
    "error",
    "held_by",
    "hmac",
    "miss",
    "next_cursor",
    "suspended",
];

/// What a request shows that need not have any field.
const SHOWN: &[&str] = &[
    "description",
    "email",
    "methods",
    "name",
    "note",
    "role",
    "source",
];

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const MOMENT: &str = "2026-01-31T09:30:00.000Z";
const LATER: &str = "2026-02-01T09:30:00.000Z";

/// Adds an example to each body of JSON that an operation takes or answers with success, unless it has one.
pub(super) fn add_examples(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    let operations = document["paths"]
        .as_object_mut()
        .into_iter()
        .flatten()
        .filter_map(|(_, item)| item.as_object_mut())
        .flatten();
    for (_, operation) in operations {
        if let Some(request) = operation.get_mut("requestBody") {
            add(request, &schemas, Use::Request);
        }
        let responses = operation["responses"].as_object_mut();
        for (status, response) in responses.into_iter().flatten() {
            if status.starts_with('2') {
                add(response, &schemas, Use::Answer);
            }
        }
    }
}

/// What an example is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Shows the least that must be sent, and what has an example of its own.
    Request,
    /// Shows everything.
    Answer,
}

fn add(body: &mut Value, schemas: &Value, of: Use) {
    let content = body
        .get_mut("content")
        .and_then(|content| content.get_mut("application/json"));
    if let Some(content) = content
        && content.get("example").is_none()
        && content.get("examples").is_none()
    {
        content["example"] = example("", &content["schema"], schemas, of);
    }
}

fn example(name: &str, schema: &Value, schemas: &Value, of: Use) -> Value {
    if let Some(own) = schema.get("example") {
        return own.clone();
    }
    if let Some(target) = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.rsplit('/').next())
    {
        return example(name, &schemas[target], schemas, of);
    }
    let choices = schema.get("oneOf").or_else(|| schema.get("anyOf"));
    if let Some(first) = choices
        .and_then(Value::as_array)
        .and_then(|choices| choices.iter().find(|choice| choice["type"] != "null"))
    {
        return example(name, first, schemas, of);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts = parts.iter().map(|part| example(name, part, schemas, of));
        return parts.reduce(both).unwrap_or_default();
    }
    match kind(schema) {
        "object" => object(schema, schemas, of),
        "array" => json!([example(name, &schema["items"], schemas, of)]),
        "string" => text(name, schema),
        "integer" | "number" => number(name, schema),
        "boolean" => TRUE.contains(&name).into(),
        _ => Value::Null,
    }
}

/// What has the fields of one and of another.
fn both(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut fields), Value::Object(others)) => {
            fields.extend(others);
            Value::Object(fields)
        }
        (one, _) => one,
    }
}

/// The type, or the first of several that is not `null`.
fn kind(schema: &Value) -> &str {
    let named = schema["type"].as_array().into_iter().flatten();
    named
        .filter_map(Value::as_str)
        .find(|name| *name != "null")
        .or(schema["type"].as_str())
        .unwrap_or_default()
}

fn object(schema: &Value, schemas: &Value, of: Use) -> Value {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut fields = Map::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let has_own = property.get("example").is_some();
        let shown = of == Use::Answer
            || required.contains(&name.as_str())
            || has_own
            || (required.is_empty() && SHOWN.contains(&name.as_str()));
        if shown && (has_own || !ABSENT.contains(&name.as_str())) {
            fields.insert(name.clone(), example(name, property, schemas, of));
        } else if shown && required.contains(&name.as_str()) {
            fields.insert(name.clone(), Value::Null);
        }
    }
    Value::Object(fields)
}

fn text(name: &str, schema: &Value) -> Value {
    match schema["format"].as_str() {
        Some("uuid") => ID.into(),
        Some("date-time") if name == "expires_at" => LATER.into(),
        Some("date-time") => MOMENT.into(),
        _ => {
            let known = BY_NAME.iter().find(|(known, _)| *known == name);
            known.map_or(Value::Null, |(_, text)| (*text).into())
        }
    }
}

fn number(name: &str, schema: &Value) -> Value {
    if let Some((_, number)) = NUMBERS.iter().find(|(known, _)| *known == name) {
        return (*number).into();
    }
    let limits = serde_json::to_value(Limits::DEFAULT).unwrap_or_default();
    let own = [limits.get(name), schema.get("default"), schema.get("minimum")];
    let own = own
        .into_iter()
        .flatten()
        .find(|value| value.is_number() && **value != 0);
    own.cloned().unwrap_or(json!(1))
}
