//! Which characters of a string JSON has in another form.

/// Where the first byte is that cannot stand in a string as it is: a quotation mark, a backslash, a control character.
#[inline]
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    if any_special(bytes) {
        bytes.iter().position(|byte| is_special(*byte))
    } else {
        None
    }
}

/// Looks at eight bytes at a time; at the end, at some of them again.
#[inline]
fn any_special(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk() {
        let (words, _) = bytes.as_chunks();
        words
            .iter()
            .chain([last])
            .any(|word| has_special(u64::from_le_bytes(*word)))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        has_special(u64::from(first) << 32 | u64::from(last))
    } else {
        bytes.iter().any(|byte| is_special(*byte))
    }
}

fn is_special(byte: u8) -> bool {
    matches!(byte, 0..0x20 | b'"' | b'\\')
}

/// Whether one of eight bytes is special. In each byte, `x - n` borrows from the highest bit if `x < n`, and only a
/// byte below 0x80 had that bit clear before; a byte equals another if their difference is below one.
fn has_special(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES * 0x80;
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | is(b'"') | is(b'\\')) & HIGH != 0
}

/// A special byte as it is written.
pub(super) struct Escaped {
    bytes: [u8; 6],
    len: usize,
}

impl Escaped {
    pub(super) fn of(byte: u8) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0C => b'f',
            b'\r' => b'r',
            _ => {
                let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
                return Self {
                    bytes: [b'\\', b'u', b'0', b'0', high, low],
                    len: 6,
                };
            }
        };
        Self {
            bytes: [b'\\', short, 0, 0, 0, 0],
            len: 2,
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_is_told_apart() {
        for byte in 0..=u8::MAX {
            for length in 1..20 {
                for at in 0..length {
                    let mut bytes = vec![b'x'; length];
                    bytes[at] = byte;
                    assert_eq!(
                        find(&bytes),
                        is_special(byte).then_some(at),
                        "{byte} at {at} of {length}"
                    );
                }
            }
        }
    }

    #[test]
    fn bytes_beside_a_special_one_are_not_mistaken_for_it() {
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let bytes = [b'x', first, second, b'x', 0xFF, 0x80, b'x', b'x'];
                let naive = bytes.iter().position(|byte| is_special(*byte));
                assert_eq!(find(&bytes), naive);
            }
        }
    }

    #[test]
    fn escapes_are_those_of_every_reader() {
        for byte in (0..0x80).filter(|byte| is_special(*byte)) {
            let escaped = Escaped::of(byte);
            let text = format!("\"{}\"", String::from_utf8_lossy(escaped.as_bytes()));
            let read: String = serde_json::from_str(&text).expect("a string");
            assert_eq!(read.as_bytes(), [byte]);
        }
    }
}
