//! The secret in the link of an invitation.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::code::fill_random;

/// Shows people and secret scanners what it is.
const PREFIX: &str = "pci_";
const RANDOM_BYTES: usize = 32;
/// No token is longer, so that nothing longer needs to be hashed.
const TEXT_BYTES_MAX: usize = 128;

/// The token of an invitation: 256 random bits. Only its hash is ever stored.
pub(crate) struct InvitationToken(String);

impl InvitationToken {
    pub(crate) fn generate() -> Self {
        let mut random = [0; RANDOM_BYTES];
        fill_random(&mut random);
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random)))
    }

    /// What a client sent as its token, if it can be one.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let plausible = text.starts_with(PREFIX) && text.len() <= TEXT_BYTES_MAX;
        plausible.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What is stored. A fast hash is enough for a secret with this many random bits.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}
