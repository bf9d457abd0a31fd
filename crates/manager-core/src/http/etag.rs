//! The `ETag` of an answer: the version of what it tells, for a later `If-Match`.

use http::{HeaderName, header};
use sha2::{Digest as _, Sha256};

/// How much of a hash is a version: 128 bits.
const VERSION_CHARS: usize = 32;

/// The header that tells a version.
pub(crate) fn etag(version: &str) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{version}\""))]
}

/// A version of what has none of its own, made of what it is: what is written anew as it was keeps it.
pub(crate) fn version_of(parts: &[&[u8]]) -> String {
    let hash = parts.iter().fold(Sha256::new(), Sha256::chain_update);
    hex::encode(hash.finalize())[..VERSION_CHARS].to_owned()
}
