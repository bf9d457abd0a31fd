//! `/api/v1/admin/admins`: everybody who may sign in.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod update;

use picloud_shared::{
    account::AccountRefused,
    problem::{Code, Problem},
    repository::WriteAccountError,
};

use super::problem::{Refusal, problem};

/// Why an account was not changed; `username` is the one that it was to have.
fn refusal(error: WriteAccountError, username: &str) -> Refusal {
    match error {
        WriteAccountError::UsernameTaken => username_taken(username),
        WriteAccountError::Refused(refused) => not_allowed(refused),
        WriteAccountError::Store(error) => error.into(),
    }
}

/// Somebody has the username.
pub(super) fn username_taken(username: &str) -> Refusal {
    problem(
        Code::UsernameTaken,
        format!("Somebody has the username `{username}`; choose another one."),
    )
}

/// What a change of an account may not do.
pub(super) fn not_allowed(refused: AccountRefused) -> Refusal {
    match refused {
        AccountRefused::AboveRank(role) => {
            let role = role.as_str();
            let detail = format!(
                "This needs the role `{role}` on this instance: nobody changes an account above their own, or gives a role above it."
            );
            Problem::new(Code::Forbidden, detail)
                .with("needed_role", role)
                .into()
        }
        AccountRefused::LastOwner => problem(
            Code::LastOwner,
            "This is the last active owner. Make somebody else an owner first.",
        ),
    }
}
