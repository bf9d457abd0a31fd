//! From bytes to values.

use std::{
    cell::{Cell, RefCell},
    fmt,
};

use rhai::{Array, Dynamic, EvalAltResult, Identifier, Map};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::JsonError;
use crate::gate;

/// Reads one JSON document. Whole numbers beyond `i64` become floats; of equal keys the last one stays.
pub(crate) fn parse(bytes: &[u8]) -> Result<Dynamic, JsonError> {
    match std::str::from_utf8(bytes) {
        // One look at the whole is much faster than one at each string in it.
        Ok(text) => parse_text(text),
        // Finds the place.
        Err(_) => read(serde_json::Deserializer::from_slice(bytes)),
    }
}

/// As [`parse`], without checking again that the text is UTF-8.
pub(crate) fn parse_text(text: &str) -> Result<Dynamic, JsonError> {
    read(serde_json::Deserializer::from_str(text))
}

fn read<'de, R: serde_json::de::Read<'de>>(
    mut source: serde_json::Deserializer<R>,
) -> Result<Dynamic, JsonError> {
    let reader = Reader::default();
    reader
        .deserialize(&mut source)
        .and_then(|value| source.end().map(|()| value))
        .map_err(|error| match reader.stopped.take() {
            Some(verdict) => JsonError::Stopped(verdict),
            None => syntax(&error),
        })
}

fn syntax(error: &serde_json::Error) -> JsonError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let place = format!(" at line {line} column {column}");
    JsonError::Syntax {
        message: text.strip_suffix(&place).unwrap_or(&text).to_owned(),
        line,
        column,
    }
}

/// How many values are read between two questions to the gate.
const VALUES_PER_QUESTION: u32 = 64;

/// What the next [`VALUES_PER_QUESTION`] values may take at most, apart from their text: a map of one entry
/// has a tree node of its own.
const BYTES_PER_QUESTION: usize = 64 * 512;

/// Reading as many values takes about as long as this many steps of a script.
const OPERATIONS_PER_QUESTION: u64 = 32;

#[derive(Default)]
struct Reader {
    values: Cell<u32>,
    stopped: RefCell<Option<Box<EvalAltResult>>>,
}

impl Reader {
    fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        let values = self.values.get() + 1;
        self.values.set(values % VALUES_PER_QUESTION);
        if values < VALUES_PER_QUESTION {
            return Ok(());
        }
        gate::reserve(BYTES_PER_QUESTION)
            .and_then(|()| gate::spend(OPERATIONS_PER_QUESTION))
            .map_err(|verdict| self.stop(verdict))
    }

    /// `Vec` doubles when it is full; a large one must not do so unasked.
    fn make_room<E: serde::de::Error>(&self, items: &Array) -> Result<(), E> {
        const UNASKED: usize = 1_024;
        if items.len() < items.capacity() || items.len() < UNASKED {
            return Ok(());
        }
        gate::reserve(items.capacity() * 2 * size_of::<Dynamic>()).map_err(|verdict| self.stop(verdict))
    }

    fn stop<E: serde::de::Error>(&self, verdict: Box<EvalAltResult>) -> E {
        self.stopped.replace(Some(verdict));
        E::custom("stopped")
    }
}

impl<'de> DeserializeSeed<'de> for &Reader {
    type Value = Dynamic;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Dynamic, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Reader {
    type Value = Dynamic;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Dynamic, E> {
        Ok(Dynamic::UNIT)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Dynamic, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Dynamic, E> {
        Ok(value.into())
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "documented: beyond i64 numbers are floats"
    )]
    fn visit_u64<E>(self, value: u64) -> Result<Dynamic, E> {
        Ok(i64::try_from(value).map_or_else(|_| (value as f64).into(), Dynamic::from))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Dynamic, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Dynamic, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Dynamic, A::Error> {
        let mut items = Array::new();
        while let Some(item) = source.next_element_seed(self)? {
            self.count()?;
            self.make_room(&items)?;
            items.push(item);
        }
        Ok(Dynamic::from_array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Dynamic, A::Error> {
        let mut map = Map::new();
        while let Some(key) = source.next_key_seed(Key)? {
            self.count()?;
            let value = source.next_value_seed(self)?;
            map.insert(key, value);
        }
        // Not `into`, which would build the map anew.
        Ok(Dynamic::from_map(map))
    }
}

/// Keys of up to 23 bytes take no allocation.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Identifier;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Identifier, D::Error> {
        source.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Identifier;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Identifier, E> {
        Ok(key.into())
    }
}
