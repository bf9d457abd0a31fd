//! What requests may hold, said where clients and their generators read it: bounds and patterns of fields, from the
//! same constants that are checked.

use std::collections::BTreeSet;

use picloud_shared::{
    access::AppRole,
    bindings::SUBSCRIPTION_RUNS_MAX,
    events::{
        BATCH_EVENTS_MAX, BATCH_EVENTS_MIN, BATCH_WAIT_MS_MAX, DeliveryState, EVENT_KEY_BYTES_MAX,
        EVENT_SUBJECT_BYTES_MAX, EVENTS_PER_PUBLISH_MAX, IDEMPOTENCY_KEY_BYTES_MAX, OriginKind,
    },
    execution::ExecutionStatus,
    host::HOST_BYTES_MAX,
    invocation::Trigger,
    limits::{Limits, SOURCE_BYTES_MAX},
    mail::{MAIL_PASSWORD_BYTES_MAX, MAIL_USERNAME_BYTES_MAX, SENDERS_MAX},
    mqtt::{
        BROKER_CA_BYTES_MAX, BROKER_PASSWORD_BYTES_MAX, BROKER_USERNAME_BYTES_MAX, CLIENT_ID_BYTES_MAX,
        FILTERS_PER_BROKER_MAX, KEEP_ALIVE_S_MAX, KEEP_ALIVE_S_MIN, MQTT_FILTER_BYTES_MAX,
    },
    path::PATH_PATTERN_BYTES_MAX,
    quota::QUOTA_MAX,
    release::{BUNDLE_DOMAINS_MAX, BUNDLE_ROUTES_MAX, BUNDLE_SCRIPTS_MAX},
    route::METHODS,
    schedule::{CAUGHT_UP_MAX, EVERY_S_MAX, MAX_AGE_S_MAX, ON_TIME_S},
    secret::SECRET_BYTES_MAX,
    services::{
        TTL_MAX, USER_NAME_CHARS_MAX, VALUE_BYTES_MAX,
        docs::{DOCUMENT_ID_BYTES_MAX, INDEXES_MAX, PATH_BYTES_MAX},
    },
    text::unseen_in_class,
    user::{EMAIL_BYTES_MAX, InstanceRole},
    webhook::{
        WEBHOOK_HEADER_BYTES_MAX, WEBHOOK_PREFIX_BYTES_MAX, WEBHOOK_TOLERANCE_S_MAX, WebhookAlgorithm,
        WebhookEncoding, WebhookPreset, WebhookRespond,
    },
};
use serde_json::{Value, json};

use crate::{
    accounts::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN},
    http::{
        events::{ATTRIBUTE_BYTES_MAX, EXTENSIONS_MAX},
        executions::list::SEARCH_CHARS_MAX,
        validate::{DESCRIPTION_CHARS_MAX, NAME_CHARS_MAX, NOTE_CHARS_MAX},
    },
};

const CONTROLS: &str = "\\u0000-\\u001f\\u007f-\\u009f";
const SLUG: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
const SCRIPT_NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";
const SETTING_NAME: &str = "^[A-Za-z_][A-Za-z0-9_]{0,63}$";
/// Not every address that is taken, but all that people have.
const EMAIL: &str = "^[!-?A-~]+@[!-?A-~]+$";
/// With padding, and nothing in the bits that are left over.
const BASE64: &str = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";
/// Keys that begin with the character 0 are PiCloud's own.
const KEY_PREFIX: &str = "^([^\\u0000]|$)";
const COLLECTION_NAME: &str = "^[A-Za-z][A-Za-z0-9_-]{0,63}$";
/// Not every path that is taken, but all that people write.
const DOCUMENT_PATH: &str = "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+){0,15}$";
/// Not every host that is taken, but most that people have.
const MAIL_HOST: &str = "^[a-z][a-z0-9]{0,30}(\\.[a-z][a-z0-9]{0,30}){0,3}$";
/// The plain form of an address.
const MAIL_ADDRESS: &str = "^[a-z0-9]{1,32}@[a-z]{1,32}(\\.[a-z]{1,32}){0,3}$";
/// Not every URL that is taken, but most that people have.
const BROKER_URL: &str = "^mqtts?://[a-z][a-z0-9]{0,30}(\\.[a-z][a-z0-9]{0,30}){0,3}(:[1-9][0-9]{0,3})?$";
/// Not every filter that is taken, but most that people have.
const MQTT_FILTER: &str = "^([A-Za-z0-9_-]{1,20}/|\\+/){0,5}([A-Za-z0-9_-]{1,20}|[+#])$";
const BROKER_NAME: &str = "^[a-z0-9-]{1,32}$";
const USERNAME: &str = "^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$";
/// A topic.
const TOPIC: &str = "^[A-Za-z0-9_./:-]{1,128}$";
/// A pattern of topics.
const TOPIC_PATTERN: &str = "^([A-Za-z0-9_./:-]{1,128}|[A-Za-z0-9_./:-]{0,127}\\*)$";
/// Topics that apps may publish on: those that begin like PiCloud's own are left out, and a few more.
const OWN_TOPIC: &str = "^[A-Za-lnoq-z0-9_/:-][A-Za-z0-9_./:-]{0,127}$";
/// Attributes of events: plain characters, of which each is one byte.
const ATTRIBUTE: &str = "^[ -~]+$";
/// Names of attributes of events, and the one that has an underscore.
const ATTRIBUTE_NAME: &str = "^([a-z0-9]{1,20}|data_base64)$";
/// Where a batch of events is described.
const BATCH: &str = "/paths/~1api~1v1~1apps~1{app}~1events/post/requestBody/content/application~1cloudevents-batch+json/schema";
/// Not every header that is taken, but most that people name.
const WEBHOOK_HEADER: &str = "^[Xx]-[A-Za-z0-9_-]+$";
/// Plain characters, without spaces at the ends.
const IDEMPOTENCY_KEY: &str = "^[!-~]([ -~]*[!-~])?$";
/// `*`, or entity tags with commas between them; a bare number counts as one.
const IF_MATCH: &str = "^(\\*|((W/)?\"[ !#-~]*\"|[0-9]+)([ \\t]*,[ \\t]*((W/)?\"[ !#-~]*\"|[0-9]+))*)$";
/// Only whether there is something is asked for.
const IF_NONE_MATCH: &str = "^\\*$";

/// Plain characters, of which each is one byte.
fn plain(bytes_max: usize) -> Value {
    json!({ "minLength": 1, "maxLength": bytes_max, "pattern": "^[ -~]+$" })
}

/// Any characters that people see, and no NUL, which no database keeps.
fn seen_text() -> String {
    format!("^[^\\u0000{}]*$", unseen_in_class())
}

/// A name for people: no control characters, none that nobody sees, and more than white space.
fn name() -> String {
    let never = format!("{CONTROLS}{}", unseen_in_class());
    format!("^[^{never}]*[^\\s{never}][^{never}]*$")
}

/// A name of a user of an app: no control characters, and no space at its ends.
fn end_user_name() -> String {
    format!("^[^\\s{CONTROLS}]([^{CONTROLS}]*[^\\s{CONTROLS}])?$")
}

/// Adds the bounds to everything that `document` lets clients send.
pub(super) fn add_bounds(document: &mut Value) {
    for name in request_schemas(document) {
        let properties = document["components"]["schemas"][&name].get_mut("properties");
        for (field, property) in properties.and_then(Value::as_object_mut).into_iter().flatten() {
            add(property, of_field(&name, field));
        }
    }
    add_bounds_of_events(document);
    let operations = document["paths"]
        .as_object_mut()
        .into_iter()
        .flatten()
        .filter_map(|(_, item)| item.as_object_mut())
        .flatten();
    for (_, operation) in operations {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            let bounds = match (parameter["in"].as_str(), parameter["name"].as_str()) {
                (Some("query"), Some("format")) => {
                    // What is made of its default contradicts itself.
                    parameter["schema"] = json!({ "type": "string", "default": "json" });
                    json!({ "enum": ["json", "csv"] })
                }
                (Some("query"), Some("mode")) => {
                    parameter["schema"] = json!({ "type": "string", "default": "insert" });
                    json!({ "enum": ["insert", "replace"] })
                }
                (Some("query"), Some(name)) => of_query(name),
                (Some("path"), Some("broker")) => json!({ "pattern": BROKER_NAME }),
                (Some("path"), Some("name")) => json!({ "pattern": SETTING_NAME }),
                (Some("header"), Some("Idempotency-Key")) => json!({
                    "type": "string",
                    "minLength": 1,
                    "maxLength": IDEMPOTENCY_KEY_BYTES_MAX,
                    "pattern": IDEMPOTENCY_KEY,
                }),
                (Some("header"), Some("If-Match")) => json!({ "type": "string", "pattern": IF_MATCH }),
                (Some("header"), Some("If-None-Match")) => {
                    json!({ "type": "string", "pattern": IF_NONE_MATCH })
                }
                _ => continue,
            };
            add(&mut parameter["schema"], bounds);
        }
    }
}

/// What a schema of fields cannot say of events: their further attributes, and how many are in a batch.
fn add_bounds_of_events(document: &mut Value) {
    let attribute = json!({ "type": "string", "maxLength": ATTRIBUTE_BYTES_MAX, "pattern": ATTRIBUTE });
    let whole = json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX });
    let event = json!({
        "propertyNames": { "pattern": ATTRIBUTE_NAME },
        "additionalProperties": { "anyOf": [attribute, { "type": "boolean" }, whole, { "type": "null" }] },
        "maxProperties": EXTENSIONS_MAX,
    });
    add(&mut document["components"]["schemas"]["CloudEvent"], event);
    if let Some(batch) = document.pointer_mut(BATCH) {
        add(
            batch,
            json!({ "minItems": 1, "maxItems": EVENTS_PER_PUBLISH_MAX }),
        );
    }
}

/// What a field of a request must be like, beside its type.
fn of_field(schema: &str, field: &str) -> Value {
    match (schema, field) {
        // Whatever was typed is only compared; and a source that is too long is a result of its check, and not a
        // fault of the request.
        ("CheckSlug" | "LogIn", _) | ("CheckScript" | "RunScript", "source") => json!({}),
        ("SetLimits", limit) => {
            let caps = serde_json::to_value(Limits::CAPS).unwrap_or_default();
            json!({ "minimum": 1, "maximum": caps[limit] })
        }
        ("PutKv", "blob_base64") => {
            json!({ "pattern": BASE64, "maxLength": VALUE_BYTES_MAX.div_ceil(3) * 4 })
        }
        ("PutKv", "ttl_seconds") => json!({ "minimum": 1, "maximum": TTL_MAX.as_secs() }),
        ("CreateCollection", "name") => json!({ "pattern": COLLECTION_NAME }),
        ("CreateCollection" | "UpdateCollection", "indexes") => json!({ "maxItems": INDEXES_MAX }),
        ("CreateDocument", "id") => json!({ "minLength": 1, "maxLength": DOCUMENT_ID_BYTES_MAX }),
        ("NewIndex", "path") => json!({ "pattern": DOCUMENT_PATH, "maxLength": PATH_BYTES_MAX }),
        ("UpdateQuotas", _) => json!({ "minimum": 0, "maximum": QUOTA_MAX }),
        ("PutSmtp", "host") => json!({ "minLength": 1, "maxLength": HOST_BYTES_MAX, "pattern": MAIL_HOST }),
        ("PutSmtp", "port") => json!({ "minimum": 1, "maximum": u16::MAX }),
        ("PutSmtp", "security") => json!({ "enum": ["tls", "starttls", "none"] }),
        ("PutSmtp", "username") => {
            json!({ "minLength": 1, "maxLength": MAIL_USERNAME_BYTES_MAX, "pattern": "^[ -~]+$" })
        }
        ("PutSmtp", "password") => {
            json!({ "minLength": 1, "maxLength": MAIL_PASSWORD_BYTES_MAX, "pattern": "^[ -~]+$" })
        }
        ("PutSmtp", "from") => {
            json!({ "minItems": 1, "maxItems": SENDERS_MAX, "items": { "type": "string", "pattern": MAIL_ADDRESS } })
        }
        ("TestSmtp", "to") => json!({ "pattern": MAIL_ADDRESS }),
        ("PutBroker" | "SetBrokerFilter", _) => of_broker(field),
        ("SetRetry", "attempts_max") => json!({ "minimum": 1, "maximum": 25 }),
        ("SetRetry", "first_delay_ms") => json!({ "minimum": 0, "maximum": 3_600_000 }),
        ("SetRetry", "max_age_s") => json!({ "minimum": 1, "maximum": 604_800 }),
        ("SetBatch", "events_max") => json!({ "minimum": BATCH_EVENTS_MIN, "maximum": BATCH_EVENTS_MAX }),
        ("SetBatch", "wait_ms") => json!({ "minimum": 0, "maximum": BATCH_WAIT_MS_MAX }),
        ("BundledSubscription" | "CreateSubscription" | "UpdateSubscription", "concurrency_max") => {
            json!({ "minimum": 1, "maximum": SUBSCRIPTION_RUNS_MAX })
        }
        ("SetPolicy", "overlap") => json!({ "enum": ["skip", "queue_one", "allow", "replace"] }),
        ("SetPolicy", "missed") => json!({ "enum": ["none", "latest", "all"] }),
        ("SetPolicy", "max_age_s") => json!({ "minimum": ON_TIME_S, "maximum": MAX_AGE_S_MAX }),
        ("SetPolicy", "caught_up_max") => json!({ "minimum": 1, "maximum": CAUGHT_UP_MAX }),
        ("SetDue", "kind") => json!({ "enum": ["cron", "every", "at"] }),
        ("SetDue", "seconds") => json!({ "minimum": 1, "maximum": EVERY_S_MAX }),
        ("SetDestination" | "BundledDestination", "topic") => json!({ "pattern": OWN_TOPIC }),
        ("BundledSubscription" | "CreateSubscription" | "UpdateSubscription", "topic") => {
            json!({ "pattern": TOPIC_PATTERN })
        }
        (
            "BundledSubscription"
            | "BundledSchedule"
            | "CreateSubscription"
            | "UpdateSubscription"
            | "CreateSchedule"
            | "UpdateSchedule",
            "name",
        ) => json!({ "pattern": SCRIPT_NAME }),
        ("RedriveDeliveries" | "PurgeDeliveries", "topic") => json!({ "pattern": TOPIC }),
        ("PurgeDeliveries", "state") => json!({ "enum": ["dead", "done", "cancelled"] }),
        ("CloudEvent", _) => of_event(field),
        ("SetSecret", "value") => json!({ "minLength": 1, "maxLength": SECRET_BYTES_MAX }),
        ("SetWebhook" | "SetWebhookHmac", _) => of_webhook(field),
        ("CreateRelease", "scripts") => json!({ "maxItems": BUNDLE_SCRIPTS_MAX }),
        ("CreateRelease", "routes") => json!({ "maxItems": BUNDLE_ROUTES_MAX }),
        ("CreateRelease", "domains") => json!({ "maxItems": BUNDLE_DOMAINS_MAX }),
        ("BundledRoute" | "BundledSubscription" | "BundledSchedule" | "BundledDestination", "script")
        | ("BundledScript" | "CheckScript" | "CreateScript" | "UpdateScript", "name") => {
            json!({ "pattern": SCRIPT_NAME })
        }
        ("BundledRoute" | "CreateRoute" | "UpdateRoute", "path") => {
            json!({ "pattern": "^/", "maxLength": PATH_PATTERN_BYTES_MAX })
        }
        (_, "slug") => json!({ "pattern": SLUG }),
        (_, "username") => json!({ "pattern": USERNAME }),
        (_, "email") => json!({ "pattern": EMAIL, "maxLength": EMAIL_BYTES_MAX }),
        (_, "instance_role") => json!({ "enum": InstanceRole::ALL.map(InstanceRole::as_str) }),
        (_, "role" | "app_role") => json!({ "enum": AppRole::ALL.map(AppRole::as_str) }),
        ("CreateEndUser" | "UpdateEndUser", "name") => {
            json!({ "pattern": end_user_name(), "maxLength": USER_NAME_CHARS_MAX })
        }
        (_, "name") => json!({ "pattern": name(), "maxLength": NAME_CHARS_MAX }),
        (_, "description") => json!({ "pattern": seen_text(), "maxLength": DESCRIPTION_CHARS_MAX }),
        (_, "note") => json!({ "pattern": seen_text(), "maxLength": NOTE_CHARS_MAX }),
        (_, "source") => json!({ "maxLength": SOURCE_BYTES_MAX }),
        (_, "version") => json!({ "minimum": 1 }),
        (_, "methods") => {
            let methods: Vec<&str> = METHODS.into_iter().chain(["*"]).collect();
            json!({ "minItems": 1, "items": { "type": "string", "enum": methods } })
        }
        (_, "password" | "new_password") => {
            json!({ "minLength": PASSWORD_BYTES_MIN, "maxLength": PASSWORD_BYTES_MAX })
        }
        _ => json!({}),
    }
}

/// The same for an event that is published.
fn of_event(field: &str) -> Value {
    match field {
        "specversion" => json!({ "enum": ["1.0"] }),
        "type" => json!({ "pattern": OWN_TOPIC }),
        "id" | "source" | "datacontenttype" => {
            json!({ "maxLength": ATTRIBUTE_BYTES_MAX, "pattern": ATTRIBUTE })
        }
        "subject" => json!({ "maxLength": EVENT_SUBJECT_BYTES_MAX, "pattern": ATTRIBUTE }),
        "partitionkey" => json!({ "maxLength": EVENT_KEY_BYTES_MAX, "pattern": ATTRIBUTE }),
        "data_base64" => json!({ "pattern": BASE64 }),
        _ => json!({}),
    }
}

/// The same for the webhook of a route.
fn of_webhook(field: &str) -> Value {
    match field {
        "preset" => json!({ "enum": WebhookPreset::ALL.map(WebhookPreset::as_str) }),
        "secret" => json!({ "pattern": SETTING_NAME }),
        "tolerance_s" => json!({ "minimum": 1, "maximum": WEBHOOK_TOLERANCE_S_MAX }),
        "respond" => json!({ "enum": WebhookRespond::ALL.map(WebhookRespond::as_str) }),
        "header" | "timestamp_header" | "id_header" => {
            json!({ "minLength": 1, "maxLength": WEBHOOK_HEADER_BYTES_MAX, "pattern": WEBHOOK_HEADER })
        }
        "prefix" => json!({ "maxLength": WEBHOOK_PREFIX_BYTES_MAX, "pattern": "^[!-~]*$" }),
        "algorithm" => json!({ "enum": WebhookAlgorithm::ALL.map(WebhookAlgorithm::as_str) }),
        "encoding" => json!({ "enum": WebhookEncoding::ALL.map(WebhookEncoding::as_str) }),
        _ => json!({}),
    }
}

/// What a field of a broker must be like, beside its type.
fn of_broker(field: &str) -> Value {
    match field {
        "url" => json!({ "maxLength": HOST_BYTES_MAX, "pattern": BROKER_URL }),
        "ca" => json!({ "minLength": 1, "maxLength": BROKER_CA_BYTES_MAX }),
        "version" => json!({ "enum": ["3.1.1", "5"] }),
        "client_id" => plain(CLIENT_ID_BYTES_MAX),
        "username" => plain(BROKER_USERNAME_BYTES_MAX),
        "password" => plain(BROKER_PASSWORD_BYTES_MAX),
        "keep_alive_s" => json!({ "minimum": KEEP_ALIVE_S_MIN, "maximum": KEEP_ALIVE_S_MAX }),
        "filters" => json!({ "maxItems": FILTERS_PER_BROKER_MAX }),
        "filter" => {
            json!({ "minLength": 1, "maxLength": MQTT_FILTER_BYTES_MAX, "pattern": MQTT_FILTER })
        }
        "qos" => json!({ "minimum": 0, "maximum": 1 }),
        _ => json!({}),
    }
}

/// What a query parameter must be like, beside its type.
fn of_query(name: &str) -> Value {
    match name {
        "status" => json!({ "enum": ExecutionStatus::ALL.map(ExecutionStatus::as_str) }),
        "trigger" => json!({ "enum": Trigger::ALL.map(Trigger::as_str) }),
        "state" => json!({ "enum": DeliveryState::ALL.map(DeliveryState::as_str) }),
        "origin" => json!({ "enum": OriginKind::ALL.map(OriginKind::as_str) }),
        "topic" => json!({ "pattern": TOPIC }),
        "outcome" => json!({ "enum": ["allowed", "denied"] }),
        "q" => json!({ "maxLength": SEARCH_CHARS_MAX }),
        "prefix" => json!({ "pattern": KEY_PREFIX }),
        _ => json!({}),
    }
}

fn add(schema: &mut Value, bounds: Value) {
    let may_be_null = schema["type"]
        .as_array()
        .is_some_and(|types| types.contains(&"null".into()));
    if let (Value::Object(schema), Value::Object(mut bounds)) = (schema, bounds) {
        if may_be_null && let Some(allowed) = bounds.get_mut("enum").and_then(Value::as_array_mut) {
            allowed.push(Value::Null);
        }
        schema.extend(bounds);
    }
}

/// The names of all schemas that request bodies are made of.
fn request_schemas(document: &Value) -> BTreeSet<String> {
    let operations = document["paths"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, item)| item.as_object())
        .flatten();
    let mut open: Vec<&Value> = operations
        .filter_map(|(_, operation)| operation.get("requestBody"))
        .collect();
    let mut found = BTreeSet::new();
    while let Some(part) = open.pop() {
        let Value::Object(fields) = part else {
            open.extend(part.as_array().into_iter().flatten());
            continue;
        };
        open.extend(fields.values());
        let reference = fields.get("$ref").and_then(Value::as_str);
        let name = reference.and_then(|reference| reference.strip_prefix("#/components/schemas/"));
        if let Some(name) = name
            && found.insert(name.to_owned())
        {
            open.push(&document["components"]["schemas"][name]);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{super::openapi_json, *};

    #[test]
    fn requests_have_bounds_and_answers_do_not() {
        let document: Value = serde_json::from_str(&openapi_json()).expect("the document is JSON");
        let schemas = &document["components"]["schemas"];
        let bound =
            |schema: &str, field: &str, word: &str| schemas[schema]["properties"][field][word].clone();
        assert_eq!(bound("CreateApp", "slug", "pattern"), SLUG);
        assert_eq!(bound("UpdateApp", "name", "maxLength"), NAME_CHARS_MAX);
        assert_eq!(
            bound("SetLimits", "timeout_ms", "maximum"),
            Limits::CAPS.timeout_ms
        );
        assert_eq!(bound("CreateRoute", "methods", "items")["enum"][0], "GET");
        for (schema, field) in [("CheckSlug", "slug"), ("LogIn", "password"), ("App", "slug")] {
            assert_eq!(bound(schema, field, "pattern"), Value::Null, "{schema}.{field}");
            assert_eq!(bound(schema, field, "minLength"), Value::Null, "{schema}.{field}");
        }
        let list = &document["paths"]["/api/v1/admin/apps/{app}/executions"]["get"]["parameters"];
        let status = list
            .as_array()
            .into_iter()
            .flatten()
            .find(|parameter| parameter["name"] == "status");
        assert_eq!(
            status.map(|status| status["schema"]["enum"][0].clone()),
            Some("success".into())
        );
    }
}
