//! What the documents of a collection have to be like: a part of JSON Schema that needs neither a network nor a
//! regular expression.

use std::cell::Cell;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{filter::same, key};

/// How deep schemas may be nested.
pub const SCHEMA_DEPTH_MAX: usize = 16;
/// Largest schema in bytes, as a JSON text.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1_024;

/// How many values are compared at most with parts of a schema, for one document.
const STEPS_MAX: u32 = 1_000_000;

/// What says something to readers alone.
const NOTES: [&str; 9] = [
    "$schema",
    "$id",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "format",
];

/// A schema that can be checked: each word in it is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Schema(Value);

/// What is wrong with a schema, or with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct SchemaError {
    place: String,
    what: String,
}

fn error(place: &str, what: impl Into<String>) -> SchemaError {
    SchemaError {
        place: place.to_owned(),
        what: what.into(),
    }
}

impl Schema {
    /// Reads a schema.
    pub fn read(schema: Value) -> Result<Self, SchemaError> {
        let bytes = schema.to_string().len();
        if bytes > SCHEMA_BYTES_MAX {
            let what = format!("has at most {SCHEMA_BYTES_MAX} bytes, not {bytes}");
            return Err(error("schema", what));
        }
        check_schema(&schema, "schema", 0)?;
        Ok(Self(schema))
    }

    /// The schema as it was given.
    pub fn as_value(&self) -> &Value {
        &self.0
    }

    /// Whether `document` is as the schema says.
    pub fn check(&self, document: &Value) -> Result<(), SchemaError> {
        let check = Check { steps: Cell::new(0) };
        let result = check.value(&self.0, document, "document");
        if check.steps.get() > STEPS_MAX {
            // Wherever that was found: within `not` it would count as what does not fit.
            return Err(too_large("document"));
        }
        result
    }
}

impl TryFrom<Value> for Schema {
    type Error = SchemaError;

    fn try_from(schema: Value) -> Result<Self, SchemaError> {
        Self::read(schema)
    }
}

impl From<Schema> for Value {
    fn from(schema: Schema) -> Self {
        schema.0
    }
}

fn too_large(place: &str) -> SchemaError {
    error(place, "the document and the schema are too large to be compared")
}

fn check_schema(schema: &Value, place: &str, depth: usize) -> Result<(), SchemaError> {
    if depth > SCHEMA_DEPTH_MAX {
        return Err(error(
            place,
            format!("schemas are nested at most {SCHEMA_DEPTH_MAX} deep"),
        ));
    }
    let words = match schema {
        Value::Bool(_) => return Ok(()),
        Value::Object(words) => words,
        _ => return Err(error(place, "a schema is an object, true or false")),
    };
    for (word, value) in words {
        let place = format!("{place}.{word}");
        let fits = match word.as_str() {
            "type" => match value {
                Value::Array(types) => types.iter().all(is_type),
                one => is_type(one),
            },
            "required" => value
                .as_array()
                .is_some_and(|names| names.iter().all(Value::is_string)),
            "enum" => value.is_array(),
            "const" => true,
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => value.is_number(),
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
                value.is_u64()
            }
            "uniqueItems" => value.is_boolean(),
            "properties" => match value {
                Value::Object(properties) => {
                    for (name, schema) in properties {
                        check_schema(schema, &format!("{place}.{name}"), depth + 1)?;
                    }
                    true
                }
                _ => false,
            },
            "items" | "additionalProperties" | "not" => {
                check_schema(value, &place, depth + 1)?;
                true
            }
            "allOf" | "anyOf" | "oneOf" => match value {
                Value::Array(schemas) => {
                    for (number, schema) in schemas.iter().enumerate() {
                        check_schema(schema, &format!("{place}[{number}]"), depth + 1)?;
                    }
                    !schemas.is_empty()
                }
                _ => false,
            },
            note if NOTES.contains(&note) => true,
            _ => {
                return Err(error(
                    &place,
                    "is not known; docs/documents.md lists the words of JSON Schema that are",
                ));
            }
        };
        if !fits {
            return Err(error(&place, "has no value of the kind that JSON Schema says"));
        }
    }
    Ok(())
}

fn is_type(name: &Value) -> bool {
    let types = [
        "null", "boolean", "object", "array", "number", "string", "integer",
    ];
    name.as_str().is_some_and(|name| types.contains(&name))
}

fn is_of_type(name: &Value, value: &Value) -> bool {
    match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("integer") => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        _ => false,
    }
}

/// The check of one document.
struct Check {
    steps: Cell<u32>,
}

impl Check {
    fn step(&self, more: usize, place: &str) -> Result<(), SchemaError> {
        let steps = self
            .steps
            .get()
            .saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        self.steps.set(steps);
        if steps > STEPS_MAX {
            return Err(too_large(place));
        }
        Ok(())
    }

    fn value(&self, schema: &Value, value: &Value, place: &str) -> Result<(), SchemaError> {
        self.step(1, place)?;
        let words = match schema {
            Value::Object(words) => words,
            Value::Bool(false) => return Err(error(place, "is not allowed")),
            _ => return Ok(()),
        };
        Self::kind(words, value, place)?;
        Self::bounds(words, value, place)?;
        self.choices(words, value, place)?;
        match value {
            Value::Object(fields) => self.fields(words, fields, place),
            Value::Array(items) => self.items(words, items, place),
            _ => Ok(()),
        }
    }

    fn kind(words: &Map<String, Value>, value: &Value, place: &str) -> Result<(), SchemaError> {
        let fits = match words.get("type") {
            None => true,
            Some(Value::Array(types)) => types.iter().any(|name| is_of_type(name, value)),
            Some(name) => is_of_type(name, value),
        };
        if !fits {
            return Err(error(place, format!("has to be of type {}", words["type"])));
        }
        Ok(())
    }

    fn bounds(words: &Map<String, Value>, value: &Value, place: &str) -> Result<(), SchemaError> {
        let size = match value {
            Value::String(text) => Some((text.chars().count(), "Length")),
            Value::Array(items) => Some((items.len(), "Items")),
            Value::Object(fields) => Some((fields.len(), "Properties")),
            _ => None,
        };
        if let Some((size, of)) = size {
            let bound = |which: &str| words.get(&format!("{which}{of}")).and_then(Value::as_u64);
            let size = size as u64;
            if bound("min").is_some_and(|least| size < least) || bound("max").is_some_and(|most| size > most)
            {
                return Err(error(
                    place,
                    format!("has a size of {size}, which min{of} or max{of} forbids"),
                ));
            }
        }
        for (word, holds) in [
            (
                "minimum",
                std::cmp::Ordering::is_ge as fn(std::cmp::Ordering) -> bool,
            ),
            ("maximum", std::cmp::Ordering::is_le),
            ("exclusiveMinimum", std::cmp::Ordering::is_gt),
            ("exclusiveMaximum", std::cmp::Ordering::is_lt),
        ] {
            let order = words.get(word).filter(|_| value.is_number());
            let order = order.and_then(|bound| key::compare(value, bound));
            if order.is_some_and(|order| !holds(order)) {
                return Err(error(place, format!("has {word} {}", words[word])));
            }
        }
        Ok(())
    }

    fn choices(&self, words: &Map<String, Value>, value: &Value, place: &str) -> Result<(), SchemaError> {
        if let Some(Value::Array(values)) = words.get("enum") {
            self.step(values.len(), place)?;
            if !values.iter().any(|one| same(one, value)) {
                return Err(error(place, "is none of the values that enum lists"));
            }
        }
        if words.get("const").is_some_and(|only| !same(only, value)) {
            return Err(error(place, "is not the value that const says"));
        }
        let schemas = |word: &str| words.get(word).and_then(Value::as_array).into_iter().flatten();
        for schema in schemas("allOf") {
            self.value(schema, value, place)?;
        }
        let fitting = |word: &str| {
            schemas(word)
                .filter(|schema| self.value(schema, value, place).is_ok())
                .count()
        };
        if words.contains_key("anyOf") && fitting("anyOf") == 0 {
            return Err(error(place, "is as none of the schemas in anyOf says"));
        }
        if words.contains_key("oneOf") && fitting("oneOf") != 1 {
            return Err(error(
                place,
                "has to be as exactly one of the schemas in oneOf says",
            ));
        }
        if words
            .get("not")
            .is_some_and(|schema| self.value(schema, value, place).is_ok())
        {
            return Err(error(place, "is as the schema in not says"));
        }
        Ok(())
    }

    fn fields(
        &self,
        words: &Map<String, Value>,
        fields: &Map<String, Value>,
        place: &str,
    ) -> Result<(), SchemaError> {
        let required = words
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for name in required.filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                return Err(error(&format!("{place}.{name}"), "is required"));
            }
        }
        let properties = words.get("properties").and_then(Value::as_object);
        for (name, value) in fields {
            let own = properties.and_then(|properties| properties.get(name));
            if let Some(schema) = own.or_else(|| words.get("additionalProperties")) {
                self.value(schema, value, &format!("{place}.{name}"))?;
            }
        }
        Ok(())
    }

    fn items(&self, words: &Map<String, Value>, items: &[Value], place: &str) -> Result<(), SchemaError> {
        if let Some(schema) = words.get("items") {
            for (number, item) in items.iter().enumerate() {
                self.value(schema, item, &format!("{place}[{number}]"))?;
            }
        }
        if words.get("uniqueItems") == Some(&Value::Bool(true)) {
            let mut seen = std::collections::BTreeSet::new();
            for (number, item) in items.iter().enumerate() {
                if !seen.insert(key::exact_key(item)) {
                    return Err(error(
                        &format!("{place}[{number}]"),
                        "is there already, which uniqueItems forbids",
                    ));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(schema: Value, document: &Value) -> Option<String> {
        let schema = Schema::read(schema).unwrap();
        schema.check(document).err().map(|error| error.to_string())
    }

    #[test]
    fn a_document_is_refused_with_the_place_of_its_fault() {
        let schema = json!({
            "title": "A person",
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": { "type": "string", "minLength": 1, "maxLength": 5 },
                "age": { "type": ["integer", "null"], "minimum": 0, "exclusiveMaximum": 150 },
                "tags": { "items": { "enum": ["x", "y"] }, "uniqueItems": true, "maxItems": 2 },
            },
            "additionalProperties": false,
        });
        for (document, expected) in [
            (json!({ "name": "Ada", "age": 36.0, "tags": ["x"] }), None),
            (json!({ "name": "Ada", "age": null }), None),
            (json!([]), Some("document: has to be of type \"object\"")),
            (json!({}), Some("document.name: is required")),
            (
                json!({ "name": "" }),
                Some("document.name: has a size of 0, which minLength or maxLength forbids"),
            ),
            (
                json!({ "name": "Ada", "age": 1.5 }),
                Some("document.age: has to be of type [\"integer\",\"null\"]"),
            ),
            (
                json!({ "name": "Ada", "age": -1 }),
                Some("document.age: has minimum 0"),
            ),
            (
                json!({ "name": "Ada", "age": 150 }),
                Some("document.age: has exclusiveMaximum 150"),
            ),
            (
                json!({ "name": "Ada", "x": 1 }),
                Some("document.x: is not allowed"),
            ),
            (
                json!({ "name": "A", "tags": ["z"] }),
                Some("document.tags[0]: is none of the values that enum lists"),
            ),
            (
                json!({ "name": "A", "tags": ["x", "x"] }),
                Some("document.tags[1]: is there already, which uniqueItems forbids"),
            ),
        ] {
            assert_eq!(
                fault(schema.clone(), &document).as_deref(),
                expected,
                "{document}"
            );
        }
    }

    #[test]
    fn schemas_combine() {
        for (schema, document, fits) in [
            (json!(true), json!(1), true),
            (json!(false), json!(1), false),
            (json!({ "const": 1 }), json!(1.0), true),
            (
                json!({ "anyOf": [{ "type": "null" }, { "minimum": 2 }] }),
                json!(1),
                false,
            ),
            (
                json!({ "anyOf": [{ "type": "null" }, { "minimum": 2 }] }),
                json!(2),
                true,
            ),
            (
                json!({ "oneOf": [{ "minimum": 1 }, { "minimum": 2 }] }),
                json!(1),
                true,
            ),
            (
                json!({ "oneOf": [{ "minimum": 1 }, { "minimum": 2 }] }),
                json!(2),
                false,
            ),
            (
                json!({ "allOf": [{ "minimum": 1 }, { "maximum": 2 }] }),
                json!(3),
                false,
            ),
            (json!({ "not": { "type": "string" } }), json!("a"), false),
            (
                json!({ "additionalProperties": { "type": "string" } }),
                json!({ "a": 1 }),
                false,
            ),
            (json!({ "uniqueItems": true }), json!([[1], [1.0]]), false),
        ] {
            assert_eq!(
                fault(schema.clone(), &document).is_none(),
                fits,
                "{schema} {document}"
            );
        }
    }

    #[test]
    fn a_schema_with_an_unknown_word_is_refused() {
        for (schema, expected) in [
            (json!(1), "schema: a schema is an object"),
            (json!({ "pattern": "a" }), "schema.pattern: is not known"),
            (
                json!({ "properties": { "a": { "$ref": "#" } } }),
                "schema.properties.a.$ref: is not known",
            ),
            (json!({ "type": "text" }), "schema.type: has no value of the kind"),
            (json!({ "anyOf": [] }), "schema.anyOf: has no value of the kind"),
        ] {
            let error = Schema::read(schema).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let nested = (0..=SCHEMA_DEPTH_MAX).fold(json!({}), |inner, _| json!({ "items": inner }));
        assert!(Schema::read(nested).is_err());
    }

    #[test]
    fn what_is_too_large_to_be_compared_does_not_pass_for_what_does_not_fit() {
        let each: Vec<_> = (0..12)
            .map(|_| json!({ "items": { "type": "integer" } }))
            .collect();
        let schema = Schema::try_from(json!({ "not": { "allOf": each } })).unwrap();
        assert!(schema.check(&json!([1, 2])).is_err());
        let long = Value::from(vec![1; 100_000]);
        let refused = schema.check(&long).unwrap_err();
        assert!(refused.to_string().contains("too large"), "{refused}");
    }
}
