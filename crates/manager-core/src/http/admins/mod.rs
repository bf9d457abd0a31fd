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
    user::{InstanceRole, User},
};

use super::{
    access::{Caller, Credential},
    problem::{Answer, Refusal, problem},
};

/// Why an account was not changed; `username` is the one that it was to have.
fn refusal(error: WriteAccountError, username: &str) -> Refusal {
    match error {
        WriteAccountError::UsernameTaken => username_taken(username),
        WriteAccountError::Refused(refused) => not_allowed(refused),
        WriteAccountError::Store(error) => error.into(),
    }
}

/// What a change of an account is about, as far as it matters whether an API token makes it.
pub(super) struct Touched<'a> {
    /// Whose account; nobody's, if it is to be made.
    pub(super) user: Option<&'a User>,
    /// The role that they are to have.
    pub(super) role: Option<InstanceRole>,
    /// Whether they are to have a password.
    pub(super) password: bool,
}

/// Refuses what no API token may do, not even an unlimited one of an owner: whoever finds one must not come by a
/// password to sign in with, nor by power that outlives it.
pub(super) fn refuse_token(caller: &Caller, touched: &Touched<'_>) -> Answer<()> {
    if matches!(caller.credential, Credential::Session(_)) {
        return Ok(());
    }
    let is_own = touched.user.is_some_and(|user| user.id == caller.user.id);
    let is_above_member = touched
        .user
        .map(|user| user.instance_role)
        .into_iter()
        .chain(touched.role)
        .any(|role| role != InstanceRole::Member);
    if is_own || is_above_member || touched.password {
        return Err(problem(
            Code::Forbidden,
            "An API token changes neither its own account nor those of admins and owners, gives neither role and sets no password. Sign in for this.",
        ));
    }
    Ok(())
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
