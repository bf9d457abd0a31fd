//! Which field an error of serde is about.

use crate::http::problem::FieldError;

/// A fault at `path`. Where a field is missing, unknown or there twice, `path` is its parent, and only the
/// message names the field itself.
pub(super) fn fault(path: &str, message: &str) -> FieldError {
    let parent = if path == "." { "" } else { path };
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .into_iter()
        .find_map(|start| message.strip_prefix(start)?.split('`').next());
    let field = match named {
        // For unknown fields the path names the field already.
        Some(name) if parent == name || parent.ends_with(&format!(".{name}")) => parent.to_owned(),
        Some(name) if parent.is_empty() => name.to_owned(),
        Some(name) => format!("{parent}.{name}"),
        None => parent.to_owned(),
    };
    FieldError {
        field,
        message: message.to_owned(),
    }
}
