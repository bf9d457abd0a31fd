//! The one-time code that makes whoever can read the server's console the first owner.

use subtle::ConstantTimeEq as _;

/// Without `0` and `O`, `1`, `I` and `L`, which look alike on paper.
const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
const CHARS: usize = 12;
const CHARS_PER_GROUP: usize = 4;

/// Such as `ABCD-EFGH-JKMN`: more than 59 random bits.
pub(crate) struct SetupCode([u8; CHARS]);

impl SetupCode {
    pub(crate) fn generate() -> Self {
        // Two bytes for each character, so that the remainder favours none of them noticeably.
        let mut random = [0; CHARS * 2];
        fill_random(&mut random);
        Self(std::array::from_fn(|at| {
            let number = u16::from_be_bytes([random[at * 2], random[at * 2 + 1]]);
            ALPHABET[usize::from(number) % ALPHABET.len()]
        }))
    }

    /// As it is printed.
    pub(crate) fn text(&self) -> String {
        let groups = self.0.chunks(CHARS_PER_GROUP);
        groups.map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
    }

    /// Whether `guess` is this code, in any case and with or without dashes and spaces. Takes the same time for
    /// every guess of the right length.
    pub(crate) fn fits(&self, guess: &str) -> bool {
        let guess: Vec<u8> = guess
            .bytes()
            .filter(|byte| *byte != b'-' && !byte.is_ascii_whitespace())
            .map(|byte| byte.to_ascii_uppercase())
            .collect();
        self.0.ct_eq(guess.as_slice()).into()
    }
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
        let code = SetupCode(*b"ABCDEFGHJKMN");
        assert_eq!(code.text(), "ABCD-EFGH-JKMN");
        for guess in ["ABCD-EFGH-JKMN", "abcdefghjkmn", " abcd efgh jkmn "] {
            assert!(code.fits(guess), "{guess}");
        }
        for guess in ["", "ABCD-EFGH-JKMP", "ABCD-EFGH-JKM", "ABCD-EFGH-JKMNN", "ÄBCD"] {
            assert!(!code.fits(guess), "{guess}");
        }
        assert_ne!(SetupCode::generate().text(), SetupCode::generate().text());
    }
}
