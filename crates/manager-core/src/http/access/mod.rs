//! Who may call what.
//!
//! [`Access`] says it per operation, in the table of [`router`](crate::router). The [`guard`] of an operation finds out
//! who asks ([`authenticate`]), decides what can be decided without knowing the app, and hands the operation a
//! [`Caller`]. An operation on an app asks its caller for the app, and with it for the decision
//! ([`Caller::permit`]); the guard refuses to let an answer out for which nobody asked.

mod again;
mod authenticate;
mod caller;
mod guard;
mod objects;
mod refused;

use picloud_shared::access::{Capability, Needs};

pub(crate) use authenticate::cross_site;
pub(crate) use caller::{Caller, Credential, needs_role};
pub(crate) use guard::{Guarded, guard};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// Whoever signed in, with a session or a token.
    SignedIn,
    /// Whoever signed in with a password: what concerns the account itself is closed to tokens.
    Session,
    /// Who has this capability, on the instance or in the app concerned.
    With(Capability),
}

impl Access {
    /// The word for it in the API's description.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Open => "everybody",
            Self::SignedIn => "signed_in",
            Self::Session => "session",
            Self::With(capability) => capability.as_str(),
        }
    }

    /// A sentence for the API's description; none where there is nothing to say.
    pub(crate) fn sentence(self) -> Option<String> {
        match self {
            Self::Open | Self::SignedIn => None,
            Self::Session => Some("Needs a session; an API token does not do.".to_owned()),
            Self::With(capability) => Some(match capability.needs() {
                Needs::Instance(role) => format!("Needs the role `{}` on the instance.", role.as_str()),
                Needs::App(role) => format!("Needs the role `{}` in the app.", role.as_str()),
            }),
        }
    }
}
