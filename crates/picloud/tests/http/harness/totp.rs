//! An authenticator app.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// The code that an app with this secret shows now, or `off` half minutes later. The server takes codes half a minute
/// early and late, so one that was asked for just now is good however slow the machine is, within reason.
#[expect(
    clippy::disallowed_methods,
    reason = "the server under test is a process of its own, with the machine's clock"
)]
pub(crate) fn totp(secret: &str, off: i64) -> String {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970");
    let step = i64::try_from(since_epoch.as_secs() / 30).expect("a small number") + off;
    let mut mac = Hmac::<Sha1>::new_from_slice(&from_base32(secret)).expect("any key");
    mac.update(&step.to_be_bytes());
    let mac = mac.finalize().into_bytes();
    let at = usize::from(mac[19] & 15);
    let number = u32::from_be_bytes(mac[at..at + 4].try_into().expect("four bytes"));
    format!("{:06}", (number & 0x7FFF_FFFF) % 1_000_000)
}

/// The bytes behind the letters of a secret.
pub(crate) fn from_base32(text: &str) -> Vec<u8> {
    let bits = text.bytes().flat_map(|letter| {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            _ => letter - b'2' + 26,
        };
        (0..5).rev().map(move |place| value >> place & 1)
    });
    let bits: Vec<u8> = bits.collect();
    bits.chunks_exact(8)
        .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit))
        .collect()
}
