//! `jwt::…`: signed claims (RFC 7519).
//!
//! Who verifies names the algorithm; what a token says about itself is only compared with it. So there is neither
//! `none`, nor a public key that is taken for a shared secret.

mod algorithm;
mod functions;
mod options;
mod public_key;
mod token;

pub(super) use self::functions::module;
