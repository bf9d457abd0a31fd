//! How something is sealed: XChaCha20-Poly1305 with a fresh nonce, bound to what it belongs to.
//!
//! A sealed value is its version (1 byte), the name of its key (8), the nonce (24), and what was encrypted with its tag
//! (16). It opens only with the same key, for the same kind of thing and the same owner: a value that somebody copied
//! to another row is worth nothing there.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use sha2::{Digest as _, Sha256};

const VERSION: u8 = 1;
/// How long a key is.
pub(super) const KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;
const HEAD_BYTES: usize = 1 + KEY_ID_BYTES;

/// The name of a key. It is made from the key and tells nothing of it.
pub(super) type KeyId = [u8; KEY_ID_BYTES];

/// A key, ready for use. It is wiped from memory when it is dropped.
pub(super) struct Seal {
    id: KeyId,
    cipher: XChaCha20Poly1305,
}

/// Why a sealed value was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotOpened {
    /// It was sealed with another key.
    OtherKey,
    /// It is not what was sealed, or not for this owner.
    Altered,
}

impl Seal {
    pub(super) fn new(key: &[u8; KEY_BYTES]) -> Self {
        let mut id = [0; KEY_ID_BYTES];
        let digest = Sha256::new()
            .chain_update(b"picloud: name of a secret key\0")
            .chain_update(key)
            .finalize();
        id.copy_from_slice(&digest[..KEY_ID_BYTES]);
        Self {
            id,
            cipher: XChaCha20Poly1305::new(key.into()),
        }
    }

    pub(super) fn id(&self) -> KeyId {
        self.id
    }

    /// Seals `plain` for what `kind` and `owner` name; none if the system gives no random bytes.
    pub(super) fn seal(&self, kind: &str, owner: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).ok()?;
        let mut sealed = vec![VERSION];
        sealed.extend(self.id);
        let aad = belongs_to(&sealed, kind, owner);
        let payload = Payload {
            msg: plain,
            aad: &aad,
        };
        let encrypted = self.cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        sealed.extend(nonce);
        sealed.extend(encrypted);
        Some(sealed)
    }

    /// What was sealed for `kind` and `owner`.
    pub(super) fn open(&self, kind: &str, owner: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let (head, rest) = sealed.split_at_checked(HEAD_BYTES).ok_or(NotOpened::Altered)?;
        let (nonce, encrypted) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(NotOpened::Altered)?;
        match head.split_first() {
            Some((&VERSION, key)) if *key == self.id => {}
            Some((&VERSION, _)) => return Err(NotOpened::OtherKey),
            _ => return Err(NotOpened::Altered),
        }
        let payload = Payload {
            msg: encrypted,
            aad: &belongs_to(head, kind, owner),
        };
        self.cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| NotOpened::Altered)
    }
}

/// What is authenticated beside the value. No two kinds and owners make the same.
fn belongs_to(head: &[u8], kind: &str, owner: &[u8]) -> Vec<u8> {
    [head, kind.as_bytes(), b"\0", owner].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> (Seal, Vec<u8>) {
        let seal = Seal::new(&[7; KEY_BYTES]);
        let sealed = seal.seal("kind", b"owner", b"a secret").expect("it is sealed");
        (seal, sealed)
    }

    #[test]
    fn opens_for_its_owner_alone() {
        let (seal, sealed) = sealed();
        assert_eq!(seal.open("kind", b"owner", &sealed), Ok(b"a secret".to_vec()));
        for (kind, owner) in [
            ("kind", "other"),
            ("other", "owner"),
            ("kin", "downer"),
            ("kind", ""),
        ] {
            assert_eq!(
                seal.open(kind, owner.as_bytes(), &sealed),
                Err(NotOpened::Altered),
                "{kind} {owner}"
            );
        }
    }

    #[test]
    fn any_change_is_noticed() {
        let (seal, sealed) = sealed();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(seal.open("kind", b"owner", &changed).is_err(), "byte {at}");
        }
        for length in 0..sealed.len() {
            assert_eq!(
                seal.open("kind", b"owner", &sealed[..length]),
                Err(NotOpened::Altered),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn another_key_is_told_from_a_change() {
        let (_, sealed) = sealed();
        let other = Seal::new(&[8; KEY_BYTES]);
        assert_eq!(other.open("kind", b"owner", &sealed), Err(NotOpened::OtherKey));
    }

    #[test]
    fn the_same_is_never_sealed_alike() {
        let ((_, one), (_, two)) = (sealed(), sealed());
        assert_ne!(one, two);
        assert!(!one.windows(8).any(|window| window == b"a secret"));
        assert_eq!(one.len(), 1 + 8 + 24 + 8 + 16);
    }
}
