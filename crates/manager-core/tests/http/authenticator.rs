//! What an authenticator app computes, apart from the server's own code. The HTTP tests of the program use it too.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// The code that an app with this secret shows in a time step.
pub(crate) fn code_of_step(secret: &str, step: i64) -> String {
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
