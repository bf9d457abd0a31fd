//! What must not be read from a copy of the database is sealed in it: encrypted with a key that lies outside.
//!
//! A file beside the database ([`key_file`]) holds the key, and [`seal`] says what is done with it. The
//! [`Sealer`] brings the two together: it knows which key the database was sealed with, and takes no other.

mod at_start;
mod forget;
mod key_file;
mod seal;
mod sealer;

pub(crate) use at_start::ALL as AT_START;
pub(crate) use forget::ALL as FORGET;
pub use forget::Forgotten;
pub use key_file::SecretKeyError;
pub(crate) use sealer::{ALL, Sealer};
