//! Public keys, as PEM text or as a JSON Web Key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rhai::{Dynamic, Map};

use super::{algorithm::Algorithm, token::decoded};
use crate::api::argument::{Fallible, fail, spend_bytes};

/// A public key, in the form in which signatures are verified.
pub(super) enum PublicKey {
    /// A point of P-256.
    Point(Vec<u8>),
    /// An RSA key (PKCS #1).
    Rsa(Vec<u8>),
    /// An RSA key, as its numbers.
    RsaNumbers { n: Vec<u8>, e: Vec<u8> },
}

/// Longest key in bytes.
const KEY_BYTES_MAX: usize = 8 * 1_024;

/// The names (object identifiers) of kinds of keys: rsaEncryption, and ecPublicKey on prime256v1.
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const P256: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

impl PublicKey {
    /// The key that a script gave for `algorithm`.
    pub(super) fn read(function: &str, algorithm: Algorithm, key: &Dynamic) -> Fallible<Self> {
        let found = if let Ok(text) = key.as_immutable_string_ref() {
            spend_bytes(text.len())?;
            (text.len() <= KEY_BYTES_MAX)
                .then(|| of_pem(algorithm, &text))
                .flatten()
        } else if let Ok(map) = key.as_map_ref() {
            of_map(algorithm, &map)
        } else {
            None
        };
        found.ok_or_else(|| {
            fail(format!(
                "{function}: the key for {} must be a public key: PEM text that begins with \
                 `-----BEGIN PUBLIC KEY-----`, or a JSON Web Key as a map",
                algorithm.name()
            ))
        })
    }
}

fn of_pem(algorithm: Algorithm, text: &str) -> Option<PublicKey> {
    let body = text
        .trim()
        .strip_prefix("-----BEGIN PUBLIC KEY-----")?
        .strip_suffix("-----END PUBLIC KEY-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(body).ok()?;
    // SubjectPublicKeyInfo: a sequence of the kind (a sequence) and the key (a string of bits).
    let (outer, rest) = element(0x30, &der)?;
    let (kind, bits) = element(0x30, outer)?;
    let (bits, after) = element(0x03, bits)?;
    let (0, key) = (*bits.first()?, &bits[1..]) else {
        return None;
    };
    if !rest.is_empty() || !after.is_empty() {
        return None;
    }
    match algorithm {
        Algorithm::Rs256 if kind.starts_with(RSA) => Some(PublicKey::Rsa(key.to_vec())),
        Algorithm::Es256 if kind == P256 => Some(PublicKey::Point(key.to_vec())),
        _ => None,
    }
}

/// The contents of the DER element with `tag` that `bytes` begins with, and what follows it.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = bytes.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

fn of_map(algorithm: Algorithm, map: &Map) -> Option<PublicKey> {
    let text = |name: &str| {
        map.get(name)?
            .as_immutable_string_ref()
            .ok()
            .map(|text| text.clone())
    };
    let number = |name: &str| {
        let text = text(name)?;
        (text.len() <= KEY_BYTES_MAX).then(|| decoded(&text)).flatten()
    };
    match (algorithm, text("kty")?.as_str()) {
        (Algorithm::Rs256, "RSA") => Some(PublicKey::RsaNumbers {
            n: number("n")?,
            e: number("e")?,
        }),
        (Algorithm::Es256, "EC") if text("crv")?.as_str() == "P-256" => {
            let (x, y) = (number("x")?, number("y")?);
            // The form of an uncompressed point.
            (x.len() == 32 && y.len() == 32).then(|| PublicKey::Point([&[4], &x[..], &y[..]].concat()))
        }
        _ => None,
    }
}
