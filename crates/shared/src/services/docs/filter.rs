//! What documents are looked for: the language of filters.
//!
//! A filter is an object. Each name in it is a path, with the value that a document has there or an object of
//! conditions; `and`, `or` and `not` combine filters. All that stands in one object has to be true.

use std::fmt;

use serde_json::{Map, Value};

use super::{DocPath, key};

/// How deep `and`, `or` and `not` may be nested.
pub const FILTER_DEPTH_MAX: usize = 16;
/// Conditions in one filter; each value of an `in` counts as one.
pub const FILTER_CONDITIONS_MAX: usize = 200;
/// Bytes of a filter as a JSON text.
pub const FILTER_BYTES_MAX: usize = 64 * 1_024;

const CONDITIONS: &str = "eq, ne, lt, lte, gt, gte, in, contains, exists";

/// What a document has to be like.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of these.
    All(Vec<Filter>),
    /// One of these at least.
    Any(Vec<Filter>),
    /// Not so.
    Not(Box<Filter>),
    /// What is at a path is like this.
    Is(DocPath, Test),
}

/// What a value has to be like.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Equal to one of these. What is missing equals null.
    In(Vec<Value>),
    /// Not equal.
    Ne(Value),
    /// A number, or a text, that is less.
    Lt(Value),
    /// Less or equal.
    Lte(Value),
    /// Greater.
    Gt(Value),
    /// Greater or equal.
    Gte(Value),
    /// An array in which this is.
    Contains(Value),
    /// There, be it null, or not.
    Exists(bool),
}

/// What is wrong with a filter, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct FilterError {
    place: String,
    what: String,
}

impl Filter {
    /// Reads a filter.
    pub fn read(filter: &Value) -> Result<Self, FilterError> {
        let mut reader = Reader { conditions: 0 };
        reader.filter(filter, &Place::Root, 0)
    }

    /// Whether a document is so.
    pub fn matches(&self, document: &Value) -> bool {
        match self {
            Self::All(all) => all.iter().all(|filter| filter.matches(document)),
            Self::Any(any) => any.iter().any(|filter| filter.matches(document)),
            Self::Not(filter) => !filter.matches(document),
            Self::Is(path, test) => test.holds(path.of(document)),
        }
    }

    /// All paths that it asks about.
    pub fn paths(&self) -> Vec<&DocPath> {
        match self {
            Self::All(filters) | Self::Any(filters) => filters.iter().flat_map(Self::paths).collect(),
            Self::Not(filter) => filter.paths(),
            Self::Is(path, _) => vec![path],
        }
    }

    /// The only condition, or that there is none and every document matches; nothing if there are several.
    #[expect(clippy::option_option, reason = "no condition is another thing than several")]
    pub(super) fn sole(&self) -> Option<Option<(&DocPath, &Test)>> {
        match self {
            Self::All(all) => match &all[..] {
                [] => Some(None),
                [one] => one.sole(),
                _ => None,
            },
            Self::Is(path, test) => Some(Some((path, test))),
            Self::Any(_) | Self::Not(_) => None,
        }
    }

    /// The conditions that hold for every document that matches.
    pub(super) fn certain(&self) -> Vec<(&DocPath, &Test)> {
        match self {
            Self::All(all) => all.iter().flat_map(Self::certain).collect(),
            Self::Is(path, test) => vec![(path, test)],
            Self::Any(_) | Self::Not(_) => Vec::new(),
        }
    }
}

impl Test {
    fn holds(&self, value: Option<&Value>) -> bool {
        let ordered = |right: &Value, is: fn(std::cmp::Ordering) -> bool| {
            value.and_then(|left| key::compare(left, right)).is_some_and(is)
        };
        match self {
            Self::In(values) => values.iter().any(|one| equals(value, one)),
            Self::Ne(other) => !equals(value, other),
            Self::Lt(other) => ordered(other, std::cmp::Ordering::is_lt),
            Self::Lte(other) => ordered(other, std::cmp::Ordering::is_le),
            Self::Gt(other) => ordered(other, std::cmp::Ordering::is_gt),
            Self::Gte(other) => ordered(other, std::cmp::Ordering::is_ge),
            Self::Contains(member) => value
                .and_then(Value::as_array)
                .is_some_and(|members| members.iter().any(|one| same(one, member))),
            Self::Exists(expected) => value.is_some() == *expected,
        }
    }
}

fn equals(value: Option<&Value>, other: &Value) -> bool {
    match value {
        None => other.is_null(),
        Some(value) => same(value, other),
    }
}

/// Whether two values are equal; numbers are by their value.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => {
            key::compare(left, right).is_some_and(std::cmp::Ordering::is_eq)
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let in_right =
                |(name, left): (&String, &Value)| right.get(name).is_some_and(|right| same(left, right));
            left.len() == right.len() && left.iter().all(in_right)
        }
        _ => left == right,
    }
}

impl FilterError {
    pub(super) fn about(place: &str, what: String) -> Self {
        Self {
            place: place.to_owned(),
            what,
        }
    }
}

/// A place in a filter, for errors.
enum Place<'p> {
    Root,
    Name(&'p Place<'p>, &'p str),
    Number(&'p Place<'p>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("filter"),
            // No message grows with what was sent.
            Self::Name(before, name) if name.len() > 64 => write!(f, "{before}.…"),
            Self::Name(before, name) => write!(f, "{before}.{name}"),
            Self::Number(before, number) => write!(f, "{before}[{number}]"),
        }
    }
}

impl Place<'_> {
    fn error(&self, what: impl Into<String>) -> FilterError {
        FilterError {
            place: self.to_string(),
            what: what.into(),
        }
    }
}

struct Reader {
    conditions: usize,
}

impl Reader {
    fn filter(&mut self, filter: &Value, place: &Place<'_>, depth: usize) -> Result<Filter, FilterError> {
        let Value::Object(fields) = filter else {
            return Err(place.error("a filter is an object of paths and conditions"));
        };
        if depth > FILTER_DEPTH_MAX {
            return Err(place.error(format!(
                "and, or and not are nested at most {FILTER_DEPTH_MAX} deep"
            )));
        }
        let mut all = Vec::new();
        for (name, value) in fields {
            let place = Place::Name(place, name);
            match name.as_str() {
                "and" => all.push(Filter::All(self.filters(value, &place, depth)?)),
                "or" => all.push(Filter::Any(self.filters(value, &place, depth)?)),
                "not" => all.push(Filter::Not(Box::new(self.filter(value, &place, depth + 1)?))),
                path => {
                    let path = DocPath::new(path).map_err(|error| place.error(error.to_string()))?;
                    self.conditions(&path, value, &place, &mut all)?;
                }
            }
        }
        Ok(Filter::All(all))
    }

    fn filters(
        &mut self,
        value: &Value,
        place: &Place<'_>,
        depth: usize,
    ) -> Result<Vec<Filter>, FilterError> {
        let Value::Array(filters) = value else {
            return Err(place.error("takes an array of filters"));
        };
        if filters.is_empty() {
            return Err(place.error("takes one filter at least"));
        }
        self.count(filters.len(), place)?;
        let filters = filters.iter().enumerate();
        filters
            .map(|(number, filter)| self.filter(filter, &Place::Number(place, number), depth + 1))
            .collect()
    }

    /// What has to be true of the value at `path`.
    fn conditions(
        &mut self,
        path: &DocPath,
        value: &Value,
        place: &Place<'_>,
        all: &mut Vec<Filter>,
    ) -> Result<(), FilterError> {
        let Value::Object(conditions) = value else {
            self.count(1, place)?;
            all.push(Filter::Is(path.clone(), Test::In(vec![value.clone()])));
            return Ok(());
        };
        if conditions.is_empty() {
            return Err(place.error(format!("has no condition; there are {CONDITIONS}")));
        }
        for (name, value) in conditions {
            let place = Place::Name(place, name);
            self.count(1, &place)?;
            let test = self.test(name, value, &place, conditions)?;
            all.push(Filter::Is(path.clone(), test));
        }
        Ok(())
    }

    fn test(
        &mut self,
        name: &str,
        value: &Value,
        place: &Place<'_>,
        beside: &Map<String, Value>,
    ) -> Result<Test, FilterError> {
        let value = value.clone();
        Ok(match name {
            "eq" => Test::In(vec![value]),
            "ne" => Test::Ne(value),
            "lt" => Test::Lt(ordered(value, place)?),
            "lte" => Test::Lte(ordered(value, place)?),
            "gt" => Test::Gt(ordered(value, place)?),
            "gte" => Test::Gte(ordered(value, place)?),
            "contains" => Test::Contains(value),
            "in" => match value {
                Value::Array(values) => {
                    self.count(values.len(), place)?;
                    Test::In(values)
                }
                _ => return Err(place.error("takes an array of values")),
            },
            "exists" => match value {
                Value::Bool(expected) => Test::Exists(expected),
                _ => return Err(place.error("takes true or false")),
            },
            _ => {
                let hint = if beside.len() == 1 {
                    "for what is within an object, write a path with dots; for the whole object, eq"
                } else {
                    "to compare a whole object, write eq"
                };
                return Err(place.error(format!("is no condition; there are {CONDITIONS} ({hint})")));
            }
        })
    }

    fn count(&mut self, more: usize, place: &Place<'_>) -> Result<(), FilterError> {
        self.conditions += more;
        if self.conditions > FILTER_CONDITIONS_MAX {
            return Err(place.error(format!("a filter has at most {FILTER_CONDITIONS_MAX} conditions")));
        }
        Ok(())
    }
}

fn ordered(value: Value, place: &Place<'_>) -> Result<Value, FilterError> {
    match value {
        Value::Number(_) | Value::String(_) => Ok(value),
        _ => Err(place.error("takes a number or a text")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_match() {
        let document = json!({
            "name": "Ada", "age": 36, "score": 1.5, "none": null, "tags": ["x", 2],
            "address": { "city": "Rome" }, "lines": [{ "price": 3 }],
        });
        for (filter, expected) in [
            (json!({}), true),
            (json!({ "name": "Ada" }), true),
            (json!({ "name": "Ada", "age": 37 }), false),
            (json!({ "age": 36.0 }), true),
            (json!({ "age": { "gte": 18, "lt": 36.5 } }), true),
            (json!({ "age": { "gt": 36 } }), false),
            (json!({ "age": { "lte": 36 } }), true),
            (json!({ "age": { "lt": "x" } }), false),
            (json!({ "name": { "gt": "A", "lt": "Adb" } }), true),
            (json!({ "age": { "ne": 36 } }), false),
            (json!({ "other": { "ne": 36 } }), true),
            (json!({ "other": null }), true),
            (json!({ "none": null }), true),
            (json!({ "none": { "exists": true } }), true),
            (json!({ "other": { "exists": true } }), false),
            (json!({ "name": { "in": ["Bob", "Ada"] } }), true),
            (json!({ "name": { "in": [] } }), false),
            (json!({ "tags": { "contains": "x" } }), true),
            (json!({ "tags": { "contains": 2.0 } }), true),
            (json!({ "tags": { "contains": "y" } }), false),
            (json!({ "name": { "contains": "A" } }), false),
            (json!({ "tags": ["x", 2] }), true),
            (json!({ "tags": ["x"] }), false),
            (json!({ "address.city": "Rome" }), true),
            (json!({ "address": { "eq": { "city": "Rome" } } }), true),
            (json!({ "lines.0.price": 3 }), true),
            (json!({ "or": [{ "age": 1 }, { "name": "Ada" }] }), true),
            (json!({ "or": [{ "age": 1 }], "name": "Ada" }), false),
            (json!({ "and": [{ "age": 36 }, { "name": "Ada" }] }), true),
            (json!({ "not": { "age": 36, "name": "Bob" } }), true),
            (json!({ "not": {} }), false),
        ] {
            assert_eq!(
                Filter::read(&filter).unwrap().matches(&document),
                expected,
                "{filter}"
            );
        }
    }

    #[test]
    fn errors_name_the_place() {
        for (filter, expected) in [
            (json!([]), "filter: a filter is an object of paths and conditions"),
            (json!({ "a..b": 1 }), "filter.a..b: `a..b` is no path"),
            (json!({ "or": {} }), "filter.or: takes an array of filters"),
            (json!({ "or": [] }), "filter.or: takes one filter at least"),
            (json!({ "or": [{}, 1] }), "filter.or[1]: a filter is an object"),
            (
                json!({ "not": { "a": { "lt": true } } }),
                "filter.not.a.lt: takes a number or a text",
            ),
            (json!({ "a": { "in": 1 } }), "filter.a.in: takes an array"),
            (
                json!({ "a": { "exists": 1 } }),
                "filter.a.exists: takes true or false",
            ),
            (json!({ "a": {} }), "filter.a: has no condition"),
            (json!({ "a": { "city": 1 } }), "filter.a.city: is no condition"),
        ] {
            let error = Filter::read(&filter).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_filter_is_bounded() {
        let nested = |depth| (0..depth).fold(json!({}), |inner, _| json!({ "not": inner }));
        assert!(Filter::read(&nested(FILTER_DEPTH_MAX)).is_ok());
        assert!(Filter::read(&nested(FILTER_DEPTH_MAX + 1)).is_err());
        let many = |count: usize| json!({ "and": (0..count).map(|_| json!({})).collect::<Vec<_>>() });
        assert!(Filter::read(&many(FILTER_CONDITIONS_MAX)).is_ok());
        assert!(Filter::read(&many(FILTER_CONDITIONS_MAX + 1)).is_err());
    }
}
