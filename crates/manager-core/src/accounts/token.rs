//! Secrets of 256 random bits, of which only a hash is ever stored: what a session is used with, and what stands in the
//! link of an invitation.

use std::marker::PhantomData;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::code::fill_random;

const RANDOM_BYTES: usize = 32;

/// A token of one kind.
pub(crate) struct RandomToken<K>(String, PhantomData<K>);

/// What a session is used with.
pub(crate) type Token = RandomToken<OfSession>;

/// What stands in the link of an invitation.
pub(crate) type InvitationToken = RandomToken<OfInvitation>;

/// A kind of token.
pub(crate) trait Kind {
    /// Shows people and secret scanners what it is.
    const PREFIX: &'static str;
}

pub(crate) enum OfSession {}

impl Kind for OfSession {
    const PREFIX: &'static str = "pcs_";
}

pub(crate) enum OfInvitation {}

impl Kind for OfInvitation {
    const PREFIX: &'static str = "pci_";
}

impl<K: Kind> RandomToken<K> {
    pub(crate) fn generate() -> Self {
        let mut random = [0; RANDOM_BYTES];
        fill_random(&mut random);
        let text = format!("{}{}", K::PREFIX, URL_SAFE_NO_PAD.encode(random));
        Self(text, PhantomData)
    }

    /// What a client sent as its token, if it can be one. Nothing else needs to be looked up.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut random = [0; RANDOM_BYTES];
        let encoded = text.strip_prefix(K::PREFIX)?;
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut random).ok()?;
        (length == RANDOM_BYTES).then(|| Self(text.to_owned(), PhantomData))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What is stored. A fast hash is enough for a secret with this many random bits.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_recognised() {
        let (one, two) = (Token::generate(), Token::generate());
        assert_ne!(one.as_str(), two.as_str());
        assert_eq!(one.as_str().len(), 4 + 43);
        assert_eq!(
            Token::read(one.as_str()).map(|token| token.hash()),
            Some(one.hash())
        );
    }

    #[test]
    fn what_cannot_be_one_is_none() {
        let invitation = InvitationToken::generate();
        assert!(Token::read(invitation.as_str()).is_none(), "of another kind");
        assert!(InvitationToken::read(invitation.as_str()).is_some());
        let token = Token::generate();
        for text in [
            "",
            "x",
            "pcs_",
            "pcs_planted",
            &token.as_str()[1..],
            &token.as_str()[..46],
            &format!("{}A", token.as_str()),
            &format!("pcs_{}", "x".repeat(10_000)),
        ] {
            assert!(Token::read(text).is_none(), "{text}");
        }
    }
}
