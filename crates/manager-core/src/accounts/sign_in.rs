//! Signing in: a name and a password become a session.

use std::net::IpAddr;

use picloud_shared::{
    id::SessionId,
    repository::StoreError,
    user::{Session, User, Username},
};

use super::{hasher::Busy, policy::PASSWORD_BYTES_MAX, token::Token};
use crate::Manager;

/// A session that has just begun, with the only copy of its token.
pub(crate) struct SignIn {
    pub(crate) token: Token,
    pub(crate) session: Session,
    pub(crate) user: User,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    /// An unknown name, a wrong password or a deactivated account: nobody learns which.
    #[error("name or password is wrong")]
    Invalid,
    /// Too many failures.
    #[error("too many failures; wait {0:?}")]
    Throttled(std::time::Duration),
    /// Too many sign-ins at once.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whose name and password these are. Takes the same time whether or not the account exists and is active.
pub(crate) async fn verify(
    manager: &Manager,
    username: &str,
    password: String,
    address: IpAddr,
) -> Result<User, SignInError> {
    let attempt = manager
        .throttle()
        .begin(Some(username), address, manager.now())
        .map_err(SignInError::Throttled)?;
    let credentials = match username.parse::<Username>() {
        Ok(name) => manager.repository().find_credentials(&name).await,
        Err(_) => Ok(None),
    };
    let credentials = match credentials {
        Ok(credentials) => credentials,
        Err(error) => {
            attempt.withdrawn();
            return Err(error.into());
        }
    };
    let password = if password.len() > PASSWORD_BYTES_MAX {
        String::new()
    } else {
        password
    };
    let hash = credentials
        .as_ref()
        .map(|credentials| credentials.password_hash.clone());
    let fits = match manager.hasher().verify(password, hash).await {
        Ok(fits) => fits,
        Err(busy) => {
            attempt.withdrawn();
            return Err(busy.into());
        }
    };
    match credentials {
        Some(credentials) if fits && credentials.user.is_active => {
            attempt.succeeded();
            Ok(credentials.user)
        }
        _ => {
            tracing::warn!(client.address = %address, "sign-in failed");
            Err(SignInError::Invalid)
        }
    }
}

/// Begins a session of `user`, with a new token.
pub(crate) async fn begin_session(manager: &Manager, user: User) -> Result<SignIn, StoreError> {
    let token = Token::generate();
    let now = manager.now();
    let session = Session {
        id: SessionId::new(now),
        user_id: user.id,
        token_hash: token.hash(),
        created_at: now,
        last_used_at: now,
        expires_at: now.plus(manager.session_ttl()),
    };
    manager.repository().create_session(&session).await?;
    tracing::info!(user.id = %user.id, session.id = %session.id, "signed in");
    Ok(SignIn { token, session, user })
}
