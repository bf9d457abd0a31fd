//! From values to bytes.

mod compact;
mod escape;
mod pretty;

use rhai::Dynamic;

use super::JsonError;
use crate::gate;

pub(crate) use self::{compact::write, pretty::write_pretty};

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
}

impl<'a> Target<'a> {
    fn new(out: &'a mut Vec<u8>, bytes_max: usize) -> Self {
        Self {
            line: out.len().saturating_add(BYTES_PER_QUESTION).min(bytes_max),
            out,
            bytes_max,
        }
    }

    /// Appends `bytes`.
    #[inline]
    fn push(&mut self, bytes: &[u8]) -> Result<(), JsonError> {
        self.make_room(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// Asks whether `more` bytes may be appended.
    #[inline]
    fn make_room(&mut self, more: usize) -> Result<(), JsonError> {
        let length = self.out.len() + more;
        if length > self.line {
            return self.cross(length);
        }
        Ok(())
    }

    /// What comes next reaches the line.
    #[cold]
    fn cross(&mut self, length: usize) -> Result<(), JsonError> {
        if length > self.bytes_max {
            return Err(JsonError::TooLarge {
                bytes_max: self.bytes_max,
            });
        }
        let growth = length - self.out.len();
        let operations = (growth / BYTES_PER_QUESTION + 1) as u64 * OPERATIONS_PER_QUESTION;
        self.line = length.saturating_add(BYTES_PER_QUESTION).min(self.bytes_max);
        gate::reserve(growth.max(self.out.capacity()))
            .and_then(|()| gate::spend(operations))
            .map_err(JsonError::Stopped)
    }
}
