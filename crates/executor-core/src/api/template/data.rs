//! What a template sees.

use std::collections::BTreeMap;

use rhai::{Dynamic, Identifier, ImmutableString};
use serde::{Serialize, Serializer};

use crate::{
    api::argument::{Fallible, fail, type_name},
    gate, json,
};

/// A value as templates see it.
pub(super) enum Data {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(ImmutableString),
    List(Vec<Data>),
    Map(BTreeMap<Identifier, Data>),
    /// Something that cannot be shown, by its type.
    Other(String),
}

/// What one value takes at most, apart from its text.
const VALUE_BYTES: usize = 128;

/// The values that a script gave.
pub(super) fn of(function: &str, value: Dynamic) -> Fallible<Data> {
    convert(function, value, json::DEPTH_MAX)
}

fn convert(function: &str, value: Dynamic, levels_left: usize) -> Fallible<Data> {
    gate::spend(1)?;
    let value = value.flatten();
    if !value.is_array() && !value.is_map() {
        return Ok(scalar(value));
    }
    let Some(levels_left) = levels_left.checked_sub(1) else {
        return Err(fail(format!(
            "{function}: the data has more than {} levels",
            json::DEPTH_MAX
        )));
    };
    if value.is_array() {
        let items = value.into_array().unwrap_or_default();
        gate::reserve(items.len() * VALUE_BYTES)?;
        let items = items.into_iter().map(|item| convert(function, item, levels_left));
        return Ok(Data::List(items.collect::<Fallible<_>>()?));
    }
    let map = value.try_cast::<rhai::Map>().unwrap_or_default();
    gate::reserve(map.len() * VALUE_BYTES)?;
    let entries = map
        .into_iter()
        .map(|(key, item)| Ok((key, convert(function, item, levels_left)?)));
    Ok(Data::Map(entries.collect::<Fallible<_>>()?))
}

fn scalar(value: Dynamic) -> Data {
    if value.is_unit() {
        Data::None
    } else if let Ok(truth) = value.as_bool() {
        Data::Bool(truth)
    } else if let Ok(number) = value.as_int() {
        Data::Int(number)
    } else if let Ok(number) = value.as_float() {
        Data::Float(number)
    } else if let Ok(character) = value.as_char() {
        Data::Text(character.to_string().into())
    } else {
        let kind = type_name(&value).to_owned();
        value
            .into_immutable_string()
            .map_or(Data::Other(kind), Data::Text)
    }
}

impl Data {
    /// What it is called in an error.
    pub(super) fn kind(&self) -> &str {
        match self {
            Self::None => "()",
            Self::Bool(_) => "a truth value",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "an array",
            Self::Map(_) => "a map",
            Self::Other(kind) => kind,
        }
    }

    /// Whether a condition takes it for true: what is empty, zero or nothing is not.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Other(_) => true,
        }
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => out.serialize_unit(),
            Self::Bool(truth) => out.serialize_bool(*truth),
            Self::Int(number) => out.serialize_i64(*number),
            Self::Float(number) => out.serialize_f64(*number),
            Self::Text(text) => out.serialize_str(text),
            Self::List(items) => out.collect_seq(items),
            Self::Map(map) => out.collect_map(map.iter().map(|(key, value)| (key.as_str(), value))),
            Self::Other(kind) => Err(serde::ser::Error::custom(format!(
                "{kind} cannot be written as JSON"
            ))),
        }
    }
}
