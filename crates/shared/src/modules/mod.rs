//! Scripts that other scripts of their app import.
//!
//! What a script imports stands in its source, as `import "name" as m;`, and nowhere else: `imports` finds it there.
//! `link` brings a script together with all that it imports, directly or by way of others, within one state of the app.
//! A run takes what it was linked with along, so that it never sees modules of two releases.

mod imports;
mod link;

use std::sync::Arc;

pub use self::{
    imports::{Import, imports},
    link::{LinkFault, Linker},
};
use crate::script::{ContentHash, ScriptName};

/// Scripts that one script may import, directly or by way of others.
pub const MODULES_MAX: usize = 32;

/// How many imports may lead from a script to the last one: 1 for a script that imports one which imports none.
pub const IMPORT_DEPTH_MAX: usize = 8;

/// Bytes of source that all modules of one script may have together.
pub const MODULES_BYTES_MAX: usize = 1_024 * 1_024;

/// A script as others import it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The name by which it is imported.
    pub name: ScriptName,
    /// The source.
    pub source: Arc<str>,
    /// Names the source under this name, and all that it imports.
    pub hash: ContentHash,
}

/// All that a script imports, directly or by way of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modules {
    /// Each one after those that it imports itself.
    pub in_order: Vec<Module>,
    /// Names the source of the script, and of all of them.
    pub hash: ContentHash,
}
