//! Blobs.

use rhai::{Module, export_module, exported_module};

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Array, Blob};

    use crate::{
        api::{
            argument::{Fallible, spend_bytes},
            bounded::BoundedArray,
        },
        gate,
    };

    /// A blob of `len` zeros.
    #[rhai_fn(name = "blob", return_raw)]
    fn zeros(len: i64) -> Fallible<Blob> {
        filled(len, 0)
    }

    /// A blob of `len` bytes, each the lowest byte of `value`.
    #[rhai_fn(name = "blob", return_raw)]
    fn filled(len: i64, value: i64) -> Fallible<Blob> {
        let mut blob = Blob::new();
        pad(&mut blob, len, value)?;
        Ok(blob)
    }

    /// Makes the blob at least `len` bytes long by adding the lowest byte of `value` at its end.
    #[rhai_fn(return_raw)]
    fn pad(blob: &mut Blob, len: i64, value: i64) -> Fallible<()> {
        if len <= 0 {
            return Ok(());
        }
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > blob.len() {
            gate::reserve(len)?;
            spend_bytes(len)?;
            let [lowest, ..] = value.to_le_bytes();
            blob.resize(len, lowest);
        }
        Ok(())
    }

    /// The bytes of the blob as an array of integers.
    #[rhai_fn(return_raw, pure)]
    fn to_array(blob: &mut Blob) -> Fallible<Array> {
        let mut array = BoundedArray::default();
        for byte in blob.iter() {
            array.push(i64::from(*byte).into())?;
        }
        Ok(array.finish())
    }
}
