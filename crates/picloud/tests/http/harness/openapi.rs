//! The API's published description, and whether an answer is as it says.

use std::{collections::BTreeSet, net::SocketAddr, sync::OnceLock};

use serde_json::Value;

use super::Answer;

/// An `OpenAPI` document.
pub(crate) struct Schema {
    document: Value,
}

/// Codes that no operation lists, since the way to each of them may end so.
const OF_ANY_REQUEST: [&str; 6] = [
    "bad_request",
    "headers_too_large",
    "method_not_allowed",
    "overloaded",
    "request_timeout",
    "uri_too_long",
];

impl Schema {
    /// Whether `path` belongs to the API and not to a script or the dashboard.
    pub(crate) fn describes(path: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        let operations = ["/healthz", "/readyz", "/version"];
        operations.contains(&path)
            || (path.starts_with("/api/v1/")
                && !path.starts_with("/api/v1/execute/")
                && !path.starts_with("/api/v1/problems/"))
    }

    /// The document of the program under test. It is asked once, as every server here is the same program.
    pub(crate) fn published_by(agent: &ureq::Agent, server: SocketAddr) -> &'static Self {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        SCHEMA.get_or_init(|| {
            let mut response = agent
                .get(format!("http://{server}/api/v1/openapi.json"))
                .call()
                .expect("the server answers with its description");
            Self::new(response.body_mut().read_json().expect("the description is JSON"))
        })
    }

    /// A document.
    pub(crate) fn new(document: Value) -> Self {
        Self { document }
    }

    /// Every operation: method and path.
    pub(crate) fn operations(&self) -> Vec<(String, String)> {
        let paths = self.document["paths"]
            .as_object()
            .expect("the description lists paths");
        let mut operations = Vec::new();
        for (path, item) in paths {
            for method in [
                "get", "put", "post", "delete", "options", "head", "patch", "trace",
            ] {
                if item.get(method).is_some() {
                    operations.push((method.to_uppercase(), path.clone()));
                }
            }
        }
        operations
    }

    /// Where an example of a body is not as its schema says, or a body of JSON has none.
    pub(crate) fn faults_of_examples(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (method, path) in self.operations() {
            let operation = &self.document["paths"][&path][method.to_lowercase()];
            let answers = operation["responses"].as_object().into_iter().flatten();
            let bodies = answers
                .filter(|(status, _)| status.starts_with('2'))
                .map(|(_, answer)| answer)
                .chain(operation.get("requestBody"));
            for body in bodies {
                if let Some(content) = body["content"].get("application/json") {
                    let at = format!("{method} {path}");
                    match content.get("example") {
                        Some(example) => self.compare(&content["schema"], example, &at, &mut faults),
                        None => faults.push(format!("{at} has no example")),
                    }
                }
            }
        }
        faults
    }

    /// Fails if the answer's status or body is not described. Paths and methods that are not part of the API
    /// have their own tests.
    #[track_caller]
    pub(crate) fn check(&self, method: &str, path: &str, answer: &Answer) {
        let Some(operation) = self.operation(method, path) else {
            return;
        };
        let responses = &operation["responses"];
        let described = [
            answer.status.to_string(),
            format!("{}XX", answer.status / 100),
            "default".to_owned(),
        ]
        .iter()
        .find_map(|key| responses.get(key))
        .map(|response| self.resolve(response));
        let Some(described) = described else {
            panic!(
                "{}: {} is not described: {}",
                answer.request,
                answer.status,
                answer.text()
            )
        };
        let media_type = answer
            .header("content-type")
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default();
        if media_type == "application/problem+json" {
            let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
            let named = responses[answer.status.to_string()]["description"]
                .as_str()
                .is_some_and(|codes| codes.contains(&format!("`{code}`")));
            assert!(
                named || OF_ANY_REQUEST.contains(&code.as_str()),
                "{}: `{code}` is not among its problems",
                answer.request
            );
        }
        match described["content"].as_object() {
            None => assert!(
                answer.body.is_empty(),
                "{}: the body is not described: {}",
                answer.request,
                answer.text()
            ),
            Some(content) => {
                let content = content.get(media_type);
                let content =
                    content.unwrap_or_else(|| panic!("{}: `{media_type}` is not described", answer.request));
                let is_json = media_type == "application/json" || media_type.ends_with("+json");
                if is_json && method != "HEAD" {
                    let mut faults = Vec::new();
                    self.compare(&content["schema"], &answer.json(), "body", &mut faults);
                    assert!(
                        faults.is_empty(),
                        "{} answered otherwise than described: {faults:#?}",
                        answer.request
                    );
                }
            }
        }
    }

    /// The operation that `path` leads to: literal segments before parameters.
    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let path = path.split('?').next().unwrap_or_default();
        let templates = self.document["paths"].as_object()?;
        templates
            .iter()
            .filter_map(|(template, item)| Some((parameters(template, path)?, item)))
            .min_by_key(|(parameters, _)| *parameters)
            .and_then(|(_, item)| item.get(method.to_lowercase()))
    }

    fn resolve<'a>(&'a self, node: &'a Value) -> &'a Value {
        match node["$ref"]
            .as_str()
            .and_then(|reference| reference.strip_prefix('#'))
        {
            Some(pointer) => {
                let target = self.document.pointer(pointer);
                self.resolve(target.unwrap_or_else(|| panic!("the description has no {pointer}")))
            }
            None => node,
        }
    }

    /// Collects where `value` is not as `schema` says. Knows the words of JSON Schema that the document uses.
    fn compare(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        let schema = self.resolve(schema);
        for word in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[word].as_array() {
                let fits = |choice: &Value| {
                    let mut faults = Vec::new();
                    self.compare(choice, value, at, &mut faults);
                    faults.is_empty()
                };
                if !choices.iter().any(fits) {
                    faults.push(format!("{at}: {value} fits none of {word}"));
                }
            }
        }
        if let Some(parts) = schema["allOf"].as_array() {
            self.compare_parts(parts, value, at, faults);
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            faults.push(format!("{at}: {value} is none of {allowed:?}"));
        }
        if !has_type(&schema["type"], value) {
            faults.push(format!("{at}: {value} is not {}", schema["type"]));
        }
        if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
            for (index, value) in values.iter().enumerate() {
                self.compare(items, value, &format!("{at}[{index}]"), faults);
            }
        }
        if let Some(fields) = value.as_object() {
            self.compare_fields(schema, fields, at, faults);
        }
    }

    /// Compares what has the fields of several schemas at once: each sees its own, and none is left over.
    fn compare_parts(&self, parts: &[Value], value: &Value, at: &str, faults: &mut Vec<String>) {
        let parts: Vec<&Value> = parts.iter().map(|part| self.resolve(part)).collect();
        let (Some(fields), true) = (value.as_object(), parts.len() > 1) else {
            for part in parts {
                self.compare(part, value, at, faults);
            }
            return;
        };
        let knows = |part: &Value, name: &str| part["properties"].get(name).is_some();
        for part in &parts {
            let own = fields.iter().filter(|(name, _)| knows(part, name));
            let own = own.map(|(name, value)| (name.clone(), value.clone())).collect();
            self.compare(part, &Value::Object(own), at, faults);
        }
        for name in fields.keys() {
            if !parts.iter().any(|part| knows(part, name)) {
                faults.push(format!("{at}: {name} is not described"));
            }
        }
    }

    fn compare_fields(
        &self,
        schema: &Value,
        fields: &serde_json::Map<String, Value>,
        at: &str,
        faults: &mut Vec<String>,
    ) {
        for required in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !fields.contains_key(required) {
                faults.push(format!("{at}: {required} is missing"));
            }
        }
        let Some(properties) = schema["properties"].as_object() else {
            return;
        };
        let others = schema
            .get("additionalProperties")
            .is_some_and(|others| others != false);
        // A problem has fields of its own.
        let open = others || properties.contains_key("request_id");
        let known: BTreeSet<&String> = properties.keys().collect();
        for (name, value) in fields {
            if let Some(property) = properties.get(name) {
                self.compare(property, value, &format!("{at}.{name}"), faults);
            } else if !open {
                faults.push(format!("{at}: {name} is not described; known are {known:?}"));
            }
        }
    }
}

/// How many parameters `template` has if `path` fits it. Such a parameter may be part of a segment, as in
/// `{n}:restore`.
fn parameters(template: &str, path: &str) -> Option<usize> {
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    let mut parameters = 0;
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return Some(parameters),
            (Some(wanted), Some(found)) => match wanted.split_once('{') {
                None if wanted == found => {}
                None => return None,
                Some((before, rest)) => {
                    let (_, after) = rest.split_once('}')?;
                    let inner = found.strip_prefix(before)?.strip_suffix(after)?;
                    if inner.is_empty() {
                        return None;
                    }
                    parameters += 1;
                }
            },
            _ => return None,
        }
    }
}

fn has_type(expected: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("`{other}` is no type of JSON Schema"),
    };
    match expected {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}
