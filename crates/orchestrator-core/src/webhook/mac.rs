//! What the keys of an app make of a message.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use picloud_shared::{
    secret::SecretText,
    webhook::{WEBHOOK_KEYS_MAX, WebhookAlgorithm, WebhookScheme},
};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

/// What keys of Standard Webhooks begin with where people see them.
const STANDARD_PREFIX: &str = "whsec_";

/// An HMAC that is being made.
pub(super) enum Mac {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl Mac {
    /// One for each line of a secret that is a key: while a key is changed, the new one and the old one.
    pub(super) fn of_secret(
        scheme: &WebhookScheme,
        algorithm: WebhookAlgorithm,
        secret: &SecretText,
    ) -> Vec<Self> {
        let lines = secret.expose().lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty())
            .take(WEBHOOK_KEYS_MAX)
            .filter_map(|line| match scheme {
                WebhookScheme::Standard => {
                    let key = line.strip_prefix(STANDARD_PREFIX).unwrap_or(line);
                    let key = Zeroizing::new(STANDARD.decode(key).ok()?);
                    Self::new(algorithm, &key)
                }
                _ => Self::new(algorithm, line.as_bytes()),
            })
            .collect()
    }

    fn new(algorithm: WebhookAlgorithm, key: &[u8]) -> Option<Self> {
        if key.is_empty() {
            return None;
        }
        // A key of any length will do.
        match algorithm {
            WebhookAlgorithm::Sha1 => Hmac::<Sha1>::new_from_slice(key).ok().map(Self::Sha1),
            WebhookAlgorithm::Sha256 => Hmac::<Sha256>::new_from_slice(key).ok().map(Self::Sha256),
            WebhookAlgorithm::Sha512 => Hmac::<Sha512>::new_from_slice(key).ok().map(Self::Sha512),
        }
    }

    pub(super) fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Sha1(mac) => mac.update(piece),
            Self::Sha256(mac) => mac.update(piece),
            Self::Sha512(mac) => mac.update(piece),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(mac) => mac.finalize().into_bytes().to_vec(),
            Self::Sha256(mac) => mac.finalize().into_bytes().to_vec(),
            Self::Sha512(mac) => mac.finalize().into_bytes().to_vec(),
        }
    }
}
