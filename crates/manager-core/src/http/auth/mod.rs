//! `/api/v1/admin/auth`: signing in and out.

pub(crate) mod cookie;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod me;
pub(crate) mod password;
pub(crate) mod sessions;
pub(crate) mod totp;

use axum::{
    Json,
    response::{AppendHeaders, IntoResponse},
};
use http::header;
use picloud_shared::{
    problem::Code,
    time::Timestamp,
    user::{InstanceRole, User, Username},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem::{Refusal, problem, too_many};
use crate::accounts::{Busy, SignIn, SignInError};

/// A person who may sign in.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserBody {
    id: Uuid,
    #[schema(value_type = String)]
    username: Username,
    #[schema(required)]
    email: Option<String>,
    #[schema(value_type = String, example = "owner")]
    instance_role: InstanceRole,
    is_active: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// A session that has just begun.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(crate) struct SignedInBody {
    /// For `Authorization: Bearer <token>`. It is shown only here.
    token: String,
    /// When the session ends unless it is used again before.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    user: UserBody,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self {
            id: user.id.0,
            username: user.username,
            email: user.email,
            instance_role: user.instance_role,
            is_active: user.is_active,
            created_at: user.created_at,
        }
    }
}

/// The answer to who just signed in: the token in the body for programs, in a cookie for browsers.
pub(crate) fn signed_in(sign_in: &SignIn, scheme: &'static str) -> impl IntoResponse + use<> {
    let cookie = cookie::set(&sign_in.token, &sign_in.session, Some(scheme));
    let body = SignedInBody {
        token: sign_in.token.as_str().to_owned(),
        expires_at: sign_in.session.expires_at,
        user: sign_in.user.clone().into(),
    };
    let cookie = cookie.map(|cookie| (header::SET_COOKIE, cookie));
    (AppendHeaders(cookie), Json(body))
}

impl From<Busy> for Refusal {
    fn from(_: Busy) -> Self {
        problem(
            Code::Overloaded,
            "Too many passwords are being checked at once. Try again in a moment.",
        )
    }
}

impl From<SignInError> for Refusal {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Invalid => problem(
                Code::InvalidCredentials,
                "The username or the password is wrong, or the account is not active.",
            ),
            SignInError::SecondFactorRequired => problem(
                Code::SecondFactorRequired,
                "This account has a second factor. Send a code of its authenticator app, or a recovery code, as `code`.",
            ),
            SignInError::InvalidSecondFactor => problem(
                Code::InvalidSecondFactor,
                "The code is wrong, or was used before. Wait for the next one.",
            ),
            SignInError::Throttled(wait) => {
                too_many(wait, "Too many failed sign-ins. Wait before the next try.")
            }
            SignInError::Busy(busy) => busy.into(),
            SignInError::Store(error) => error.into(),
        }
    }
}
