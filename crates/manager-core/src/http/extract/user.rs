//! `{user}` in a path: an id or a username.

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use picloud_shared::user::{User, UserRef};

use super::InPath;
use crate::{
    Manager,
    http::problem::{Refusal, not_found},
};

/// The person whom the path names. Whether the caller may know of them was decided before.
pub(crate) struct UserPath(pub(crate) User);

impl<S: Send + Sync> FromRequestParts<S> for UserPath
where
    Manager: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let InPath(user) = InPath::<UserRef>::from_request_parts(parts, state).await?;
        let found = Manager::from_ref(state).repository().find_account(&user).await?;
        found.map(Self).ok_or_else(|| not_found("user"))
    }
}
