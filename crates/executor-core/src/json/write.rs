//! From values to bytes.

use std::{cell::RefCell, io};

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use rhai::Dynamic;
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
        unpaid: 0,
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

impl Node<'_> {
    fn fail<E: serde::ser::Error>(&self, fault: JsonError) -> E {
        self.fault.replace(Some(fault));
        E::custom("")
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
        if let Ok(text) = value.as_immutable_string_ref() {
            to.serialize_str(&text)
        } else if let Ok(number) = value.as_int() {
            to.serialize_i64(number)
        } else if let Ok(map) = value.as_map_ref() {
            let levels_left = self.deeper()?;
            let mut entries = to.serialize_map(Some(map.len()))?;
            for (key, value) in map.iter() {
                let node = Node {
                    value,
                    levels_left,
                    fault: self.fault,
                };
                entries.serialize_entry(key.as_str(), &node)?;
            }
            entries.end()
        } else if let Ok(array) = value.as_array_ref() {
            let levels_left = self.deeper()?;
            let mut items = to.serialize_seq(Some(array.len()))?;
            for value in array.iter() {
                let node = Node {
                    value,
                    levels_left,
                    fault: self.fault,
                };
                items.serialize_element(&node)?;
            }
            items.end()
        } else if let Ok(flag) = value.as_bool() {
            to.serialize_bool(flag)
        } else if value.is_unit() {
            to.serialize_unit()
        } else if let Ok(number) = value.as_float() {
            to.serialize_f64(number)
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
    bytes_max: usize,
    unpaid: usize,
    fault: &'a Fault,
}

impl Target<'_> {
    fn fail(&self, fault: JsonError) -> io::Error {
        self.fault.replace(Some(fault));
        io::ErrorKind::Other.into()
    }

    #[cold]
    fn ask(&mut self, growth: usize) -> io::Result<()> {
        let operations = (self.unpaid / BYTES_PER_QUESTION) as u64 * OPERATIONS_PER_QUESTION;
        self.unpaid = 0;
        gate::reserve(growth.max(self.out.capacity()))
            .and_then(|()| gate::spend(operations))
            .map_err(|verdict| self.fail(JsonError::Stopped(verdict)))
    }
}

impl io::Write for Target<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > self.bytes_max.saturating_sub(self.out.len()) {
            return Err(self.fail(JsonError::TooLarge {
                bytes_max: self.bytes_max,
            }));
        }
        self.unpaid += bytes.len();
        if self.unpaid > BYTES_PER_QUESTION {
            self.ask(bytes.len())?;
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
