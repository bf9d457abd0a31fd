//! Signing in: a name, a password and, where there is one, a second factor become a session.

use std::{net::IpAddr, time::Duration};

use picloud_shared::{
    change::Change,
    id::SessionId,
    repository::{Proof, SESSION_AGE_MAX, StoreError},
    seam::Origin,
    time::Timestamp,
    user::{Credentials, Device, Session, User, Username},
};

use super::{
    hasher::Busy,
    policy::PASSWORD_BYTES_MAX,
    second_factor,
    throttle::{Attempt, Who},
    token::Token,
};
use crate::Manager;

/// A session that has just begun, with the only copy of its token.
pub(crate) struct SignIn {
    pub(crate) token: Token,
    pub(crate) session: Session,
    pub(crate) user: User,
}

/// What somebody says who they are.
pub(crate) struct Claim<'a> {
    pub(crate) username: &'a str,
    pub(crate) password: String,
    /// Of the second factor.
    pub(crate) code: Option<&'a str>,
}

/// Somebody who proved who they are, and by what.
pub(crate) struct Verified {
    credentials: Credentials,
    second_factor: bool,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    /// An unknown name, a wrong password or a deactivated account: nobody learns which.
    #[error("name or password is wrong")]
    Invalid,
    /// The password is right, and the account has a second factor.
    #[error("a code of the second factor is missing")]
    SecondFactorRequired,
    /// The password is right, the code is not.
    #[error("the code of the second factor is wrong or was used before")]
    InvalidSecondFactor,
    /// Too many failures.
    #[error("too many failures; wait {0:?}")]
    Throttled(Duration),
    /// Too many sign-ins at once.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who makes this claim. Takes the same time whether or not the account exists and is active; that it has a second
/// factor shows only after the right password.
pub(crate) async fn verify(
    manager: &Manager,
    claim: Claim<'_>,
    address: IpAddr,
) -> Result<Verified, SignInError> {
    prove(manager, Who::Account(claim.username), claim, address).await
}

/// The same for somebody who is signed in, by `session`. What counts is what was tried with that session: a stolen one must
/// not become a way to guess, and what others try at sign-in must not hold up the owner.
pub(crate) async fn verify_again(
    manager: &Manager,
    session: SessionId,
    claim: Claim<'_>,
    address: IpAddr,
) -> Result<Verified, SignInError> {
    prove(manager, Who::Session(session), claim, address).await
}

async fn prove(
    manager: &Manager,
    who: Who<'_>,
    claim: Claim<'_>,
    address: IpAddr,
) -> Result<Verified, SignInError> {
    let (attempt, credentials) =
        check_password(manager, who, claim.username, claim.password, address).await?;
    let factor = match second_factor::in_force(manager, credentials.user.id).await {
        Ok(factor) => factor,
        Err(error) => {
            attempt.withdrawn();
            return Err(error.into());
        }
    };
    let Some(factor) = factor else {
        attempt.succeeded();
        return Ok(Verified {
            credentials,
            second_factor: false,
        });
    };
    let Some(code) = claim.code else {
        // Nothing was guessed, and nothing is forgiven: otherwise a known password would make room for more codes.
        attempt.withdrawn();
        return Err(SignInError::SecondFactorRequired);
    };
    match second_factor::spend(manager, &factor, code).await {
        Ok(true) => {
            attempt.succeeded();
            Ok(Verified {
                credentials,
                second_factor: true,
            })
        }
        Ok(false) => {
            tracing::warn!(client.address = %address, user.id = %factor.user_id, "wrong code of a second factor");
            Err(SignInError::InvalidSecondFactor)
        }
        Err(error) => {
            attempt.withdrawn();
            Err(error.into())
        }
    }
}

/// Whether this is the password of `user`, who is signed in by `session`. Counts like [`verify_again`] when it is wrong.
pub(crate) async fn verify_password(
    manager: &Manager,
    session: SessionId,
    user: &User,
    password: String,
    address: IpAddr,
) -> Result<(), SignInError> {
    let who = Who::Session(session);
    let (attempt, _) = check_password(manager, who, user.username.as_str(), password, address).await?;
    // Nothing is forgiven: otherwise a known password would make room for more codes.
    attempt.withdrawn();
    Ok(())
}

/// The account with this name and password, if it is active. Whoever asks says how the attempt ended.
async fn check_password<'m>(
    manager: &'m Manager,
    who: Who<'_>,
    username: &str,
    password: String,
    address: IpAddr,
) -> Result<(Attempt<'m>, Credentials), SignInError> {
    let attempt = manager
        .throttle()
        .begin(who, address, manager.now())
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
        Some(credentials) if fits && credentials.user.is_active => Ok((attempt, credentials)),
        _ => {
            tracing::warn!(client.address = %address, "sign-in failed");
            Err(SignInError::Invalid)
        }
    }
}

/// Begins a session of somebody who proved who they are, unless what they proved was changed meanwhile.
pub(crate) async fn sign_in(
    manager: &Manager,
    verified: Verified,
    device: Device,
    origin: &Origin,
) -> Result<SignIn, SignInError> {
    let Credentials { user, password_hash } = verified.credentials;
    let new = new_session(manager, user, device);
    let change = Change::at_entrance(Some(new.user.id), origin, new.session.created_at);
    let proof = Proof {
        password_hash: &password_hash,
        second_factor: verified.second_factor,
    };
    if manager.repository().sign_in(&new.session, proof, &change).await? {
        tracing::info!(user.id = %new.user.id, session.id = %new.session.id, "signed in");
        Ok(new)
    } else {
        Err(SignInError::Invalid)
    }
}

/// Begins a session of `user`, whose account was made just now.
pub(crate) async fn begin_session(
    manager: &Manager,
    user: User,
    device: Device,
) -> Result<SignIn, StoreError> {
    let new = new_session(manager, user, device);
    manager.repository().create_session(&new.session).await?;
    tracing::info!(user.id = %new.user.id, session.id = %new.session.id, "signed in");
    Ok(new)
}

fn new_session(manager: &Manager, user: User, device: Device) -> SignIn {
    let token = Token::generate();
    let now = manager.now();
    let session = Session {
        id: SessionId::new(now),
        user_id: user.id,
        token_hash: token.hash(),
        created_at: now,
        last_used_at: now,
        expires_at: session_end(manager, now, now),
        device,
    };
    SignIn { token, session, user }
}

/// When a session that began at `created_at` and is used at `now` ends.
pub(crate) fn session_end(manager: &Manager, created_at: Timestamp, now: Timestamp) -> Timestamp {
    now.plus(manager.session_ttl())
        .min(created_at.plus(SESSION_AGE_MAX))
}
