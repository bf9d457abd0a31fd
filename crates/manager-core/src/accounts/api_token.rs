//! The text of a personal API token.

use sha2::{Digest as _, Sha256};

use super::code::fill_random;

/// Shows people and secret scanners what it is.
const PREFIX: &str = "pct_";
/// 43 characters out of 62 are 256 random bits.
const RANDOM_CHARS: usize = 43;
const CHECKSUM_CHARS: usize = 6;
/// How much of its end people see in lists; far too little to guess the rest from.
const HINT_CHARS: usize = 4;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The text of an API token: `pct_`, random characters, and a checksum of them. Only its hash is ever stored.
pub(crate) struct ApiTokenText(String);

/// Why a text is no API token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoApiToken {
    /// It does not even begin like one.
    Other,
    /// It begins like one, but a character is wrong, missing or too many. Nobody has to be asked to know that.
    Mistyped,
}

impl ApiTokenText {
    pub(crate) fn generate() -> Self {
        let mut random = [[0; 2]; RANDOM_CHARS];
        fill_random(random.as_flattened_mut());
        // Two bytes for each character, so that the remainder favours none of them noticeably.
        let random: String = random
            .map(|pair| letter(u32::from(u16::from_be_bytes(pair))))
            .iter()
            .collect();
        Self(format!("{PREFIX}{random}{}", checksum(&random)))
    }

    /// What a client sent as its token.
    pub(crate) fn read(text: &str) -> Result<Self, NoApiToken> {
        let rest = text.strip_prefix(PREFIX).ok_or(NoApiToken::Other)?;
        let (random, sum) = rest.split_at_checked(RANDOM_CHARS).ok_or(NoApiToken::Mistyped)?;
        if sum.len() == CHECKSUM_CHARS && sum == checksum(random) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoApiToken::Mistyped)
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last characters.
    pub(crate) fn hint(&self) -> &str {
        &self.0[self.0.len() - HINT_CHARS..]
    }

    /// What is stored. A fast hash is enough for a secret with this many random bits.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

/// The CRC-32 of `text` in as many letters as any needs.
fn checksum(text: &str) -> String {
    let crc = crc32(text.as_bytes());
    let places = (0..CHECKSUM_CHARS).rev();
    places
        .map(|place| letter(crc / 62_u32.pow(u32::try_from(place).unwrap_or(0))))
        .collect()
}

/// The letter for the last place of `number` in a system of 62 digits.
fn letter(number: u32) -> char {
    ALPHABET[number as usize % ALPHABET.len()].into()
}

/// The usual CRC-32 (ISO 3309), bit by bit: a token is short.
fn crc32(bytes: &[u8]) -> u32 {
    let remainder = bytes.iter().fold(u32::MAX, |remainder, byte| {
        (0..8).fold(remainder ^ u32::from(*byte), |remainder, _| {
            let low_bit = remainder & 1;
            (remainder >> 1) ^ (0xEDB8_8320 * low_bit)
        })
    });
    !remainder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_recognised() {
        let (one, two) = (ApiTokenText::generate(), ApiTokenText::generate());
        assert_ne!(one.as_str(), two.as_str());
        assert_eq!(one.as_str().len(), 53);
        assert!(one.as_str().ends_with(one.hint()));
        let read = ApiTokenText::read(one.as_str()).map(|token| token.hash());
        assert_eq!(read, Ok(one.hash()));
    }

    #[test]
    fn a_slip_of_the_pen_is_noticed() {
        let token = ApiTokenText::generate();
        let text = token.as_str();
        for at in PREFIX.len()..text.len() {
            let mut slip = text.as_bytes().to_vec();
            slip[at] = if slip[at] == b'x' { b'y' } else { b'x' };
            let slip = String::from_utf8_lossy(&slip).into_owned();
            assert_eq!(
                ApiTokenText::read(&slip).err(),
                Some(NoApiToken::Mistyped),
                "{slip}"
            );
        }
        let longer = format!("{text}x");
        for broken in [
            &text[..text.len() - 1],
            &longer,
            "pct_",
            "pct_äöüäöüäöüäöüäöüäöüäöüäöüäöü",
        ] {
            assert_eq!(
                ApiTokenText::read(broken).err(),
                Some(NoApiToken::Mistyped),
                "{broken}"
            );
        }
        for other in ["", "pcs_x", "x", &text[1..]] {
            assert_eq!(
                ApiTokenText::read(other).err(),
                Some(NoApiToken::Other),
                "{other}"
            );
        }
    }

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(checksum("123456789").len(), CHECKSUM_CHARS);
    }
}
