//! Storage of who has which role in which app.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    access::AppRole,
    id::{AppId, UserId},
};

/// Storage of memberships.
#[async_trait]
pub trait MemberRepository: Send + Sync {
    /// The role that a membership gives a person in an app, if there is one.
    async fn find_role(&self, app: AppId, user: UserId) -> Result<Option<AppRole>, StoreError>;
}

/// Of which apps something is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppScope {
    /// Of all.
    All,
    /// Of those in which this person is a member.
    MemberOf(UserId),
    /// Of one.
    One(AppId),
}
