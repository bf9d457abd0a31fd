//! One-time codes by time (RFC 6238), as every authenticator app makes them: SHA-1, six digits, 30 seconds.

use hmac::{Hmac, KeyInit as _, Mac as _};
use picloud_shared::time::Timestamp;
use sha1::Sha1;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use super::code::fill_random;

/// As long as a code of SHA-1, which RFC 4226 recommends.
pub(crate) const SECRET_BYTES: usize = 20;
const STEP_MICROS: i64 = 30_000_000;
/// How many steps the clock of an app may be off, either way.
const STEPS_OFF_MAX: i64 = 1;
const DIGITS: usize = 6;

/// A new secret, to be shared with an authenticator app.
pub(crate) fn generate_secret() -> [u8; SECRET_BYTES] {
    let mut secret = [0; SECRET_BYTES];
    fill_random(&mut secret);
    secret
}

/// The secret as people type it into an app.
pub(crate) fn secret_text(secret: &[u8]) -> String {
    base32(secret)
}

/// What a QR code for the app says.
pub(crate) fn uri(secret: &[u8], username: &str) -> String {
    let account: String = form_urlencoded::byte_serialize(username.as_bytes()).collect();
    let secret = base32(secret);
    format!(
        "otpauth://totp/PiCloud:{account}?secret={secret}&issuer=PiCloud&algorithm=SHA1&digits=6&period=30"
    )
}

/// The time step near `now` of which `code` is the code; none if there is none. Spaces do not count. Takes the same
/// time for every text of six digits.
pub(crate) fn find_step(secret: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let digits: Vec<u8> = code.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if digits.len() != DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let present = now.as_micros().div_euclid(STEP_MICROS);
    let (mut found, mut step) = (Choice::from(0), 0);
    for candidate in present - STEPS_OFF_MAX..=present + STEPS_OFF_MAX {
        let fits = code_of(secret, candidate).as_bytes().ct_eq(&digits);
        step.conditional_assign(&candidate, fits);
        found |= fits;
    }
    bool::from(found).then_some(step)
}

/// The code of a time step (RFC 4226, section 5.3).
fn code_of(secret: &[u8], step: i64) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(&step.to_be_bytes());
    let mac = mac.finalize().into_bytes();
    let at = usize::from(mac[mac.len() - 1] & 0x0F);
    let number = u32::from_be_bytes([mac[at], mac[at + 1], mac[at + 2], mac[at + 3]]) & 0x7FFF_FFFF;
    format!("{:0DIGITS$}", number % 1_000_000)
}

/// RFC 4648, without padding.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut text, mut bits, mut count) = (String::new(), 0_u32, 0);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(ALPHABET[(bits >> count) as usize & 31].into());
        }
    }
    if count > 0 {
        text.push(ALPHABET[(bits << (5 - count)) as usize & 31].into());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    /// The last six digits of the codes in appendix B of RFC 6238.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(
                find_step(SECRET, code, at(seconds)),
                Some(seconds / 30),
                "{seconds}"
            );
        }
    }

    #[test]
    fn a_clock_may_be_off_by_one_step() {
        for (seconds, expected) in [
            (-1, None),
            (0, Some(1)),
            (30, Some(1)),
            (59, Some(1)),
            (60, Some(1)),
            (89, Some(1)),
            (90, None),
        ] {
            assert_eq!(find_step(SECRET, "287082", at(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        for text in ["", "28708", "2870820", "28708x", "８７０８２２", "000000"] {
            assert_eq!(find_step(SECRET, text, at(59)), None, "{text}");
        }
        assert_eq!(find_step(SECRET, " 287 082 ", at(59)), Some(1));
    }

    #[test]
    fn secrets_are_written_as_apps_read_them() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        assert_eq!(secret_text(&generate_secret()).len(), 32);
        assert_eq!(
            uri(b"foobar", "ada+x@pi"),
            "otpauth://totp/PiCloud:ada%2Bx%40pi?secret=MZXW6YTBOI&issuer=PiCloud&algorithm=SHA1&digits=6&period=30"
        );
    }
}
