//! How tokens are signed.

use hmac::{Hmac, KeyInit, Mac};
use rhai::Dynamic;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use sha2::{Sha256, Sha384, Sha512};

use super::public_key::PublicKey;
use crate::{
    api::argument::{Fallible, fail, with_bytes},
    gate,
};

/// An algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Es256,
}

/// All of them, with their names.
const NAMES: [(&str, Algorithm); 5] = [
    ("HS256", Algorithm::Hs256),
    ("HS384", Algorithm::Hs384),
    ("HS512", Algorithm::Hs512),
    ("RS256", Algorithm::Rs256),
    ("ES256", Algorithm::Es256),
];

/// Shortest shared secret: a shorter one can be guessed from a token (RFC 7518 asks for as many bytes as the hash has).
const SECRET_BYTES_MIN: usize = 32;

/// Steps that a signature with a public key counts for.
const PUBLIC_KEY_OPERATIONS: u64 = 2_000;

impl Algorithm {
    /// The one of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|known| known.0 == name).map(|known| known.1)
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|known| known.1 == self)
            .map_or("", |known| known.0)
    }

    /// The signature of `text` under the secret `key`.
    pub(super) fn sign(self, function: &str, key: &Dynamic, text: &str) -> Fallible<Vec<u8>> {
        with_secret(function, key, |key| match self {
            Self::Hs256 => Ok(code::<Hmac<Sha256>>(function, key, text)?
                .finalize()
                .into_bytes()
                .to_vec()),
            Self::Hs384 => Ok(code::<Hmac<Sha384>>(function, key, text)?
                .finalize()
                .into_bytes()
                .to_vec()),
            Self::Hs512 => Ok(code::<Hmac<Sha512>>(function, key, text)?
                .finalize()
                .into_bytes()
                .to_vec()),
            Self::Rs256 | Self::Es256 => Err(fail(format!(
                "{function}: {} tokens can be verified, not signed; sign with HS256, HS384 or HS512",
                self.name()
            ))),
        })
    }

    /// Whether `signature` is that of `text` under `key`.
    pub(super) fn verify(
        self,
        function: &str,
        key: &Dynamic,
        text: &str,
        signature: &[u8],
    ) -> Fallible<bool> {
        match self {
            Self::Hs256 => with_secret(function, key, |key| {
                Ok(code::<Hmac<Sha256>>(function, key, text)?
                    .verify_slice(signature)
                    .is_ok())
            }),
            Self::Hs384 => with_secret(function, key, |key| {
                Ok(code::<Hmac<Sha384>>(function, key, text)?
                    .verify_slice(signature)
                    .is_ok())
            }),
            Self::Hs512 => with_secret(function, key, |key| {
                Ok(code::<Hmac<Sha512>>(function, key, text)?
                    .verify_slice(signature)
                    .is_ok())
            }),
            Self::Rs256 | Self::Es256 => {
                let key = PublicKey::read(function, self, key)?;
                gate::spend(PUBLIC_KEY_OPERATIONS)?;
                Ok(match key {
                    PublicKey::Point(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                        .verify(text.as_bytes(), signature)
                        .is_ok(),
                    PublicKey::Rsa(key) => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
                        .verify(text.as_bytes(), signature)
                        .is_ok(),
                    PublicKey::RsaNumbers { n, e } => ring::signature::RsaPublicKeyComponents { n, e }
                        .verify(&RSA_PKCS1_2048_8192_SHA256, text.as_bytes(), signature)
                        .is_ok(),
                })
            }
        }
    }
}

fn code<M: KeyInit + Mac>(function: &str, key: &[u8], text: &str) -> Fallible<M> {
    let mut code =
        <M as KeyInit>::new_from_slice(key).map_err(|_| fail(format!("{function}: not a usable key")))?;
    code.update(text.as_bytes());
    Ok(code)
}

fn with_secret<T>(function: &str, key: &Dynamic, act: impl FnOnce(&[u8]) -> Fallible<T>) -> Fallible<T> {
    with_bytes(function, key, |key| {
        if key.starts_with(b"-----BEGIN") {
            return Err(fail(format!(
                "{function}: a key in PEM form is none for this algorithm; name RS256 or ES256"
            )));
        }
        if key.len() < SECRET_BYTES_MIN {
            return Err(fail(format!(
                "{function}: the key has {} bytes, and needs {SECRET_BYTES_MIN} at least; make one with random::token()",
                key.len()
            )));
        }
        act(key)
    })
}
