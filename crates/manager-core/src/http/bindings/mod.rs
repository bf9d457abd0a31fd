//! What subscriptions and schedules have in common.
//!
//! Reading order: `parts` and `due` (the parts of their bodies), `update` (a change), then [`write_refusal`].

pub(crate) mod due;
pub(crate) mod parts;
pub(crate) mod update;

use picloud_shared::{
    bindings::{BINDINGS_BYTES_MAX, BINDINGS_MAX, check_name},
    problem::Code,
    repository::WriteBindingError,
};

use super::{
    problem::{FieldError, Refusal, invalid, not_found, problem},
    validate::Violations,
};

/// Checks the name of one.
pub(crate) fn name(violations: &mut Violations, name: &str) {
    if let Err(error) = check_name(name) {
        violations.add("name", error);
    }
}

/// Why one of a kind was not written. `kind` is its word.
pub(crate) fn write_refusal(error: WriteBindingError, kind: &str) -> Refusal {
    match error {
        WriteBindingError::NameTaken => problem(
            Code::NameTaken,
            format!("Another {kind} of this app has this name. Choose another one."),
        ),
        WriteBindingError::NoScript => not_found("script in this app"),
        WriteBindingError::NoDestination { script, field } => invalid(&[FieldError {
            field: field.to_owned(),
            message: format!("this app has no script {script}"),
        }]),
        WriteBindingError::TooMany => problem(
            Code::LimitReached,
            format!("This app has {BINDINGS_MAX} {kind}s. Delete one that is not needed any more."),
        ),
        WriteBindingError::TooLarge => problem(
            Code::LimitReached,
            format!(
                "All {kind}s of this app together may have {BINDINGS_BYTES_MAX} bytes, as each of its releases has a copy of them."
            ),
        ),
        WriteBindingError::NoApp => not_found("app"),
        WriteBindingError::Store(error) => error.into(),
    }
}
