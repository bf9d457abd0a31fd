//! One event of `CloudEvents`, in JSON or in headers.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use picloud_shared::{
    events::{EVENT_DATA_BYTES_MAX, EVENT_KEY_BYTES_MAX, EVENT_SUBJECT_BYTES_MAX, Topic},
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use crate::http::validate::Violations;

/// Bytes of an attribute that is a text.
pub(crate) const ATTRIBUTE_BYTES_MAX: usize = 1_024;
/// Attributes beyond those that every event has.
pub(crate) const EXTENSIONS_MAX: usize = 32;
/// How headers with attributes begin.
const PREFIX: &str = "ce-";
const JSON: &str = "application/json";

/// An event of `CloudEvents` 1.0. Further attributes of strings, whole numbers of 32 bits and booleans are kept.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CloudEvent {
    #[schema(example = "1.0")]
    specversion: String,
    /// Names it, among those of its source.
    #[schema(example = "a1")]
    id: String,
    /// Where it comes from.
    #[schema(example = "/shop")]
    source: String,
    /// Its topic: 1 to 128 letters, digits, `.`, `_`, `-`, `/` and `:`, not beginning with `picloud.` or
    /// `mqtt:`.
    #[schema(example = "orders.placed")]
    r#type: String,
    #[serde(default)]
    subject: Option<String>,
    /// When it happened (RFC 3339); now if absent.
    #[serde(default)]
    #[schema(format = DateTime)]
    time: Option<String>,
    /// The media type of `data`; JSON if absent.
    #[serde(default)]
    datacontenttype: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<Value>, example = json!({ "order": 7 }))]
    data: Option<Value>,
    /// Data that is no JSON, in Base64; in place of `data`.
    #[serde(default)]
    data_base64: Option<String>,
    /// Its key: subscriptions that ask for order get events of one key one after the other.
    #[serde(default)]
    partitionkey: Option<String>,
    #[serde(flatten)]
    #[schema(ignore)]
    extensions: Map<String, Value>,
}

/// An event that was read.
pub(super) struct Read {
    pub(super) id: String,
    pub(super) source: String,
    pub(super) topic: Topic,
    pub(super) subject: Option<String>,
    pub(super) time: Option<Timestamp>,
    pub(super) key: Option<String>,
    pub(super) content_type: String,
    pub(super) data: Bytes,
    pub(super) extensions: BTreeMap<String, String>,
}

/// The attributes that both modes have.
struct Attributes {
    specversion: String,
    id: String,
    source: String,
    topic: String,
    subject: Option<String>,
    time: Option<String>,
    key: Option<String>,
    extensions: BTreeMap<String, String>,
}

impl CloudEvent {
    /// The event; nothing if something is wrong with it.
    pub(super) fn read(self, violations: &mut Violations) -> Option<Read> {
        let content_type = self.datacontenttype.unwrap_or_else(|| JSON.to_owned());
        let data = data(self.data, self.data_base64, &content_type, violations);
        let mut extensions = BTreeMap::new();
        for (name, value) in self.extensions {
            let text = match value {
                Value::String(text) => Some(text),
                Value::Bool(_) => Some(value.to_string()),
                Value::Number(number) => whole(&number).map(|number| number.to_string()),
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => None,
            };
            let Some(text) = text else {
                violations.add(&name, "must be a string, a boolean or a whole number of 32 bits");
                continue;
            };
            extensions.insert(name, text);
        }
        let attributes = Attributes {
            specversion: self.specversion,
            id: self.id,
            source: self.source,
            topic: self.r#type,
            subject: self.subject,
            time: self.time,
            key: self.partitionkey,
            extensions,
        };
        attributes.read(content_type, data, violations)
    }
}

/// The integer of `CloudEvents`, however it is written: `1`, `1.0` and `1e0` are one number.
fn whole(number: &Number) -> Option<i32> {
    let whole = number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        let fits = float.fract() == 0.0 && float.abs() <= f64::from(u32::MAX);
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and within 33 bits")]
        fits.then_some(float as i64)
    });
    whole.and_then(|whole| i32::try_from(whole).ok())
}

/// Names and values of all attributes in headers, percent-decoded, by name.
pub(super) fn attributes(headers: &HeaderMap) -> BTreeMap<String, String> {
    let named = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(PREFIX)?;
        let value = percent_decode_str(value.to_str().ok()?).decode_utf8_lossy();
        Some((name.to_owned(), value.into_owned()))
    });
    named.collect()
}

/// An event with its attributes in headers; nothing if something is wrong with it.
pub(super) fn of_headers(
    headers: &HeaderMap,
    body: &Bytes,
    content_type: &str,
    violations: &mut Violations,
) -> Option<Read> {
    let mut all = attributes(headers);
    let mut required = |name: &str| {
        let value = all.remove(name);
        if value.is_none() {
            violations.add(&format!("{PREFIX}{name}"), "is missing; send it as a header");
        }
        value
    };
    let (specversion, id) = (required("specversion"), required("id"));
    let (source, topic) = (required("source"), required("type"));
    let (specversion, id, source, topic) = (specversion?, id?, source?, topic?);
    let attributes = Attributes {
        specversion,
        id,
        source,
        topic,
        subject: all.remove("subject"),
        time: all.remove("time"),
        key: all.remove("partitionkey"),
        extensions: all,
    };
    let content_type = if content_type.is_empty() {
        JSON
    } else {
        content_type
    };
    attributes.read(content_type.to_owned(), body.clone(), violations)
}

impl Attributes {
    fn read(self, content_type: String, data: Bytes, violations: &mut Violations) -> Option<Read> {
        violations.require(self.specversion == "1.0", "specversion", "must be 1.0");
        text("id", &self.id, ATTRIBUTE_BYTES_MAX, violations);
        text("source", &self.source, ATTRIBUTE_BYTES_MAX, violations);
        text("datacontenttype", &content_type, ATTRIBUTE_BYTES_MAX, violations);
        if let Some(subject) = &self.subject {
            text("subject", subject, EVENT_SUBJECT_BYTES_MAX, violations);
        }
        if let Some(key) = &self.key {
            text("partitionkey", key, EVENT_KEY_BYTES_MAX, violations);
        }
        violations.require(
            self.extensions.len() <= EXTENSIONS_MAX,
            "",
            format!("an event has at most {EXTENSIONS_MAX} further attributes"),
        );
        for (name, value) in &self.extensions {
            let is_name = (1..=20).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            violations.require(
                is_name,
                name,
                "the name of an attribute has 1 to 20 lower-case letters and digits",
            );
            text(name, value, ATTRIBUTE_BYTES_MAX, violations);
        }
        violations.require(
            data.len() <= EVENT_DATA_BYTES_MAX,
            "data",
            format!(
                "must have at most {EVENT_DATA_BYTES_MAX} bytes, not {}",
                data.len()
            ),
        );
        // As whoever reads it will: what is merely skipped may have numbers and texts that cannot be.
        let is_read =
            data.is_empty() || !is_json(&content_type) || serde_json::from_slice::<Value>(&data).is_ok();
        violations.require(
            is_read,
            "data",
            "is no JSON, and `datacontenttype` says that it is",
        );
        let time: Option<Timestamp> = violations.parse_some("time", self.time.as_deref());
        let topic: Option<Topic> = violations.parse("type", &self.topic);
        let topic = topic?;
        if topic.is_reserved() {
            violations.add(
                "type",
                "must not begin with `picloud.` or `mqtt:`: those are PiCloud's own",
            );
            return None;
        }
        Some(Read {
            id: self.id,
            source: self.source,
            topic,
            subject: self.subject,
            time,
            key: self.key,
            content_type,
            data,
            extensions: self.extensions,
        })
    }
}

fn text(field: &str, text: &str, bytes_max: usize, violations: &mut Violations) {
    let fits = (1..=bytes_max).contains(&text.len()) && !text.contains(char::is_control);
    violations.require(
        fits,
        field,
        format!("must have 1 to {bytes_max} bytes, none of them a control character"),
    );
}

/// A value as the data of an event of this media type: a text is as it is unless that says that it is JSON.
pub(crate) fn bytes_of(value: Value, content_type: &str) -> Bytes {
    match value {
        Value::String(text) if !is_json(content_type) => text.into(),
        value => value.to_string().into(),
    }
}

/// The data of an event in JSON: the value, or the text if it says that it is none.
fn data(
    data: Option<Value>,
    base64: Option<String>,
    content_type: &str,
    violations: &mut Violations,
) -> Bytes {
    match (data, base64) {
        (Some(_), Some(_)) => {
            violations.add("data", "give either `data` or `data_base64`");
            Bytes::new()
        }
        (None, Some(text)) => {
            let bytes = STANDARD.decode(text);
            if bytes.is_err() {
                violations.add("data_base64", "must be Base64, with its padding");
            }
            bytes.unwrap_or_default().into()
        }
        (Some(value), None) => bytes_of(value, content_type),
        (None, None) => Bytes::new(),
    }
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case(JSON) || media_type.to_ascii_lowercase().ends_with("+json")
}
