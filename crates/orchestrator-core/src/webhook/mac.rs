//! What the keys of an app make of a message.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
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

/// What they are written in: some senders leave the padding out.
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the lines of a secret are.
#[derive(Default)]
pub(super) struct Keys {
    /// One for each line that is a key: while a key is changed, the new one and the old one.
    pub(super) macs: Vec<Mac>,
    /// The number of the first line that is none.
    pub(super) line_without: Option<usize>,
}

/// An HMAC that is being made.
pub(super) enum Mac {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl Keys {
    pub(super) fn of_secret(
        scheme: &WebhookScheme,
        algorithm: WebhookAlgorithm,
        secret: &SecretText,
    ) -> Self {
        let lines = (1..).zip(secret.expose().lines().map(str::trim));
        let lines = lines.filter(|(_, line)| !line.is_empty());
        let mut keys = Self::default();
        for (number, line) in lines.take(WEBHOOK_KEYS_MAX) {
            match Mac::of_line(scheme, algorithm, line) {
                Some(mac) => keys.macs.push(mac),
                None => keys.line_without = keys.line_without.or(Some(number)),
            }
        }
        keys
    }
}

impl Mac {
    /// None if the line is no key.
    fn of_line(scheme: &WebhookScheme, algorithm: WebhookAlgorithm, line: &str) -> Option<Self> {
        match scheme {
            WebhookScheme::Standard => {
                let key = line.strip_prefix(STANDARD_PREFIX).unwrap_or(line);
                let key = Zeroizing::new(STANDARD.decode(key).ok()?);
                Self::new(algorithm, &key)
            }
            _ => Self::new(algorithm, line.as_bytes()),
        }
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
