//! Codes that people read on one screen or sheet of paper and type into another.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Without `0` and `O`, `1`, `I` and `L`, which look alike on paper.
const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
const CHARS_PER_GROUP: usize = 4;

/// Such as `ABCD-EFGH-JKMN`; each character stands for almost 5 random bits.
pub(crate) struct Code<const CHARS: usize>([u8; CHARS]);

/// Makes whoever can read the server's console the first owner: more than 59 random bits, good until a restart.
pub(crate) type SetupCode = Code<12>;

/// Takes the place of a lost second factor once: more than 118 random bits, so that a fast hash is enough to keep.
pub(crate) type RecoveryCode = Code<24>;

impl<const CHARS: usize> Code<CHARS> {
    pub(crate) fn generate() -> Self {
        let mut random = [[0; 2]; CHARS];
        fill_random(random.as_flattened_mut());
        // Two bytes for each character, so that the remainder favours none of them noticeably.
        Self(random.map(|pair| ALPHABET[usize::from(u16::from_be_bytes(pair)) % ALPHABET.len()]))
    }

    /// The code that somebody typed, in any case and with or without dashes and spaces; none if it has not as many
    /// characters.
    pub(crate) fn read(text: &str) -> Option<Self> {
        typed(text).try_into().ok().map(Self)
    }

    /// As it is printed.
    pub(crate) fn text(&self) -> String {
        let groups = self.0.chunks(CHARS_PER_GROUP);
        groups.map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
    }

    /// Whether `guess` is this code, typed in any way that [`Code::read`] takes. Takes the same time for every guess of
    /// the right length.
    pub(crate) fn fits(&self, guess: &str) -> bool {
        self.0.ct_eq(typed(guess).as_slice()).into()
    }

    /// What is stored of it.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

/// The characters of what somebody typed.
fn typed(text: &str) -> Vec<u8> {
    text.bytes()
        .filter(|byte| *byte != b'-' && !byte.is_ascii_whitespace())
        .map(|byte| byte.to_ascii_uppercase())
        .collect()
}

/// Fills `buffer` with what nobody can predict.
pub(super) fn fill_random(buffer: &mut [u8]) {
    // A system that cannot give random bytes cannot keep a secret either.
    getrandom::fill(buffer).unwrap_or_else(|error| panic!("the system gives no random bytes: {error}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_recognised_however_it_is_typed() {
        let code: SetupCode = Code(*b"ABCDEFGHJKMN");
        assert_eq!(code.text(), "ABCD-EFGH-JKMN");
        for guess in ["ABCD-EFGH-JKMN", "abcdefghjkmn", " abcd efgh jkmn "] {
            assert!(code.fits(guess), "{guess}");
        }
        for guess in ["", "ABCD-EFGH-JKMP", "ABCD-EFGH-JKM", "ABCD-EFGH-JKMNN", "ÄBCD"] {
            assert!(!code.fits(guess), "{guess}");
        }
        assert_ne!(SetupCode::generate().text(), SetupCode::generate().text());
    }
    #[test]
    fn a_recovery_code_is_found_by_its_hash() {
        let code = RecoveryCode::generate();
        assert_eq!(code.text().len(), 29);
        let read = RecoveryCode::read(&code.text().to_lowercase());
        assert_eq!(read.map(|read| read.hash()), Some(code.hash()));
        assert!(RecoveryCode::read("ABCD-EFGH-JKMN").is_none());
        assert_ne!(RecoveryCode::generate().hash(), code.hash());
    }
}
