//! Text and arrays that grow only as far as the run may.

use rhai::{Array, Dynamic, ImmutableString};

use super::argument::{Fallible, spend_bytes};
use crate::gate;

/// Text that asks before its buffer grows.
#[derive(Default)]
pub(super) struct BoundedText {
    text: String,
}

impl BoundedText {
    /// Text that is expected to become about `bytes` long.
    pub(super) fn with_capacity(bytes: usize) -> Fallible<Self> {
        gate::reserve(bytes)?;
        let text = String::with_capacity(bytes);
        Ok(Self { text })
    }

    /// Appends `piece`.
    pub(super) fn push(&mut self, piece: &str) -> Fallible<()> {
        let room = self.text.capacity() - self.text.len();
        if piece.len() > room {
            let capacity = (self.text.len() + piece.len()).max(self.text.capacity() * 2);
            gate::reserve(capacity)?;
            self.text.reserve_exact(capacity - self.text.len());
            spend_bytes(capacity)?;
        }
        self.text.push_str(piece);
        Ok(())
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// An array that asks before it takes more.
#[derive(Default)]
pub(super) struct BoundedArray {
    items: Array,
    unasked: u32,
}

/// How many items are taken between two questions to the gate.
const ITEMS_PER_QUESTION: u32 = 64;

/// The block that every string on the heap has, beside its text.
const STRING_BYTES: usize = 48;

impl BoundedArray {
    /// Appends `text` as a string.
    pub(super) fn push_text(&mut self, text: &str) -> Fallible<()> {
        self.ask(STRING_BYTES + text.len())?;
        self.items.push(ImmutableString::from(text).into());
        Ok(())
    }

    /// Appends `value`, which is there already or takes only a few bytes.
    pub(super) fn push(&mut self, value: Dynamic) -> Fallible<()> {
        self.ask(STRING_BYTES)?;
        self.items.push(value);
        Ok(())
    }

    /// The array.
    pub(super) fn finish(self) -> Array {
        self.items
    }

    /// May the next item take `bytes`, and may those after it that are not asked for?
    fn ask(&mut self, bytes: usize) -> Fallible<()> {
        const SMALL: usize = 256;
        let is_full = self.items.len() == self.items.capacity();
        if self.unasked > 0 && !is_full && bytes <= SMALL {
            self.unasked -= 1;
            return Ok(());
        }
        self.unasked = ITEMS_PER_QUESTION;
        let growth = if is_full {
            self.items.capacity() * 2 * size_of::<Dynamic>()
        } else {
            0
        };
        gate::reserve(growth + bytes + SMALL * ITEMS_PER_QUESTION as usize)?;
        gate::spend(u64::from(ITEMS_PER_QUESTION) / 4)
    }
}
