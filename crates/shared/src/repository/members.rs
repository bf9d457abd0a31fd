//! Storage of who has which role in which app.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    access::AppRole,
    change::Change,
    id::{AppId, UserId},
    member::{Candidate, Member},
    page::{Page, PageRequest},
    user::UserRef,
};

/// Storage of memberships.
#[async_trait]
pub trait MemberRepository: Send + Sync {
    /// The role that a membership gives a person in an app, if there is one.
    async fn find_role(&self, app: AppId, user: UserId) -> Result<Option<AppRole>, StoreError>;

    /// Lists an app's members, in the order in which their accounts were made.
    async fn list_members(&self, app: AppId, page: PageRequest) -> Result<Page<Member>, StoreError>;

    /// Finds a member.
    async fn find_member(&self, app: AppId, user: &UserRef) -> Result<Option<Member>, StoreError>;

    /// Makes a person a member.
    async fn add_member(
        &self,
        app: AppId,
        user: UserId,
        role: AppRole,
        change: &Change,
    ) -> Result<Member, AddMemberError>;

    /// Gives a member another role; `None` if they are none, also if they just ceased to be one.
    async fn set_member_role(
        &self,
        app: AppId,
        user: &UserRef,
        role: AppRole,
        change: &Change,
    ) -> Result<Option<Member>, StoreError>;

    /// Ends a membership; `false` if there was none.
    async fn remove_member(&self, app: AppId, user: &UserRef, change: &Change) -> Result<bool, StoreError>;

    /// Finds up to `limit` people who could become a member and have `part` in their name, in the order of the names.
    async fn find_candidates(&self, app: AppId, part: &str, limit: u32)
    -> Result<Vec<Candidate>, StoreError>;
}

/// Why somebody was not made a member.
#[derive(Debug, thiserror::Error)]
pub enum AddMemberError {
    /// They are one already.
    #[error("already a member")]
    AlreadyMember,
    /// Their account is deactivated.
    #[error("the account is deactivated")]
    Inactive,
    /// Their role on the instance implies one in every app.
    #[error("the role on the instance implies one in every app")]
    NotAMemberUser,
    /// There is no such person.
    #[error("there is no such person")]
    NoUser,
    /// The app is gone.
    #[error("the app is gone")]
    NoApp,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Of which apps something is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppScope {
    /// Of all.
    All,
    /// Of those in which this person is a member.
    MemberOf(UserId),
    /// Of none.
    None,
    /// Of one.
    One(AppId),
}
