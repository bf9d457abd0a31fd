//! From values to bytes.

use std::{any::TypeId, cell::RefCell, io};

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use rhai::{Array, Dynamic, ImmutableString, Map};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{DEPTH_MAX, JsonError};
use crate::gate;

/// Appends `value` to `out`, in the shortest form. `out` may not become longer than `bytes_max`.
///
/// `()` is null, a float that is no number is null too, a blob is its base64 text. What has no form in JSON,
/// such as a function, is an error.
pub(crate) fn write(value: &Dynamic, out: &mut Vec<u8>, bytes_max: usize) -> Result<(), JsonError> {
    write_with(serde_json::ser::CompactFormatter, value, out, bytes_max)
}

/// As [`write`], on many lines and indented by two spaces.
pub(crate) fn write_pretty(value: &Dynamic, out: &mut Vec<u8>, bytes_max: usize) -> Result<(), JsonError> {
    write_with(serde_json::ser::PrettyFormatter::new(), value, out, bytes_max)
}

fn write_with<F: serde_json::ser::Formatter>(
    form: F,
    value: &Dynamic,
    out: &mut Vec<u8>,
    bytes_max: usize,
) -> Result<(), JsonError> {
    let fault = RefCell::new(None);
    let target = Target {
        line: out.len().saturating_add(BYTES_PER_QUESTION).min(bytes_max),
        out,
        bytes_max,
        fault: &fault,
    };
    let node = Node {
        value,
        levels_left: DEPTH_MAX,
        fault: &fault,
    };
    let written = node.serialize(&mut serde_json::Serializer::with_formatter(target, form));
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

/// The name of a type that authors know it by.
fn type_name(value: &Dynamic) -> &str {
    if value.is_fnptr() {
        return "Fn";
    }
    let name = value.type_name();
    name.rsplit("::").next().unwrap_or(name)
}

/// How many bytes are written between two questions to the gate.
const BYTES_PER_QUESTION: usize = 4_096;

/// Writing as many bytes takes about as long as this many steps of a script.
const OPERATIONS_PER_QUESTION: u64 = 64;

/// The bytes written so far, never more than allowed.
struct Target<'a> {
    out: &'a mut Vec<u8>,
    /// The length at which to look again: the bound itself, or where the gate is to be asked.
    line: usize,
    bytes_max: usize,
    fault: &'a Fault,
}

impl Target<'_> {
    fn fail(&self, fault: JsonError) -> io::Error {
        self.fault.replace(Some(fault));
        io::ErrorKind::Other.into()
    }

    /// What comes next reaches the line.
    #[cold]
    fn cross(&mut self, length: usize) -> io::Result<()> {
        if length > self.bytes_max {
            let bytes_max = self.bytes_max;
            return Err(self.fail(JsonError::TooLarge { bytes_max }));
        }
        let growth = length - self.out.len();
        let operations = (growth / BYTES_PER_QUESTION + 1) as u64 * OPERATIONS_PER_QUESTION;
        self.line = length.saturating_add(BYTES_PER_QUESTION).min(self.bytes_max);
        gate::reserve(growth.max(self.out.capacity()))
            .and_then(|()| gate::spend(operations))
            .map_err(|verdict| self.fail(JsonError::Stopped(verdict)))
    }
}

impl io::Write for Target<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = self.out.len() + bytes.len();
        if length > self.line {
            self.cross(length)?;
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
