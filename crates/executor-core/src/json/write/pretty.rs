//! The text of a value on many lines, for people.

use std::{any::TypeId, cell::RefCell, io};

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use rhai::{Array, Dynamic, ImmutableString, Map};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{Target, type_name};
use crate::json::{DEPTH_MAX, JsonError};

/// As [`write`](super::write), on many lines and indented by two spaces.
pub(crate) fn write_pretty(value: &Dynamic, out: &mut Vec<u8>, bytes_max: usize) -> Result<(), JsonError> {
    let fault = RefCell::new(None);
    let lines = Lines {
        target: Target::new(out, bytes_max),
        fault: &fault,
    };
    let node = Node {
        value,
        levels_left: DEPTH_MAX,
        fault: &fault,
    };
    let form = serde_json::ser::PrettyFormatter::new();
    let written = node.serialize(&mut serde_json::Serializer::with_formatter(lines, form));
    match (written, fault.take()) {
        (Ok(()), None) => Ok(()),
        (_, Some(fault)) => Err(fault),
        (Err(error), None) => Err(JsonError::Unsupported {
            type_name: error.to_string(),
        }),
    }
}

/// Where the first fault is kept while serde carries a placeholder outwards.
type Fault = RefCell<Option<JsonError>>;

struct Node<'a> {
    value: &'a Dynamic,
    levels_left: usize,
    fault: &'a Fault,
}

impl<'a> Node<'a> {
    fn fail<E: serde::ser::Error>(&self, fault: JsonError) -> E {
        self.fault.replace(Some(fault));
        E::custom("")
    }

    fn inner<'b>(&self, value: &'b Dynamic, levels_left: usize) -> Node<'b>
    where
        'a: 'b,
    {
        Node {
            value,
            levels_left,
            fault: self.fault,
        }
    }

    fn deeper<E: serde::ser::Error>(&self) -> Result<usize, E> {
        self.levels_left
            .checked_sub(1)
            .ok_or_else(|| self.fail(JsonError::TooDeep))
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let value = self.value;
        let kind = value.type_id();
        let is = |other: TypeId| kind == other;
        if is(TypeId::of::<ImmutableString>())
            && let Some(text) = value.read_lock::<ImmutableString>()
        {
            to.serialize_str(&text)
        } else if is(TypeId::of::<i64>()) {
            to.serialize_i64(value.as_int().unwrap_or_default())
        } else if is(TypeId::of::<Map>())
            && let Some(map) = value.read_lock::<Map>()
        {
            let levels_left = self.deeper()?;
            let mut entries = to.serialize_map(Some(map.len()))?;
            for (key, value) in map.iter() {
                entries.serialize_entry(key.as_str(), &self.inner(value, levels_left))?;
            }
            entries.end()
        } else if is(TypeId::of::<Array>())
            && let Some(array) = value.read_lock::<Array>()
        {
            let levels_left = self.deeper()?;
            let mut items = to.serialize_seq(Some(array.len()))?;
            for value in array.iter() {
                items.serialize_element(&self.inner(value, levels_left))?;
            }
            items.end()
        } else if is(TypeId::of::<bool>()) {
            to.serialize_bool(value.as_bool().unwrap_or_default())
        } else if is(TypeId::of::<()>()) {
            to.serialize_unit()
        } else if is(TypeId::of::<f64>()) {
            to.serialize_f64(value.as_float().unwrap_or_default())
        } else if let Ok(character) = value.as_char() {
            to.serialize_char(character)
        } else if let Ok(bytes) = value.as_blob_ref() {
            to.collect_str(&Base64Display::new(&bytes, &STANDARD))
        } else {
            Err(self.fail(JsonError::Unsupported {
                type_name: type_name(value).to_owned(),
            }))
        }
    }
}

/// Where the serializer writes.
struct Lines<'a> {
    target: Target<'a>,
    fault: &'a Fault,
}

impl io::Write for Lines<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.target.push(bytes).map_err(|fault| {
            self.fault.replace(Some(fault));
            io::ErrorKind::Other.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
