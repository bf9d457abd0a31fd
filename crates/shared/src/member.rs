//! People in apps: who has which role where.

use crate::{
    access::AppRole,
    id::UserId,
    time::Timestamp,
    user::{User, Username},
};

/// Somebody to whom an app gives a role.
///
/// A membership outlives a change of the person's role on the instance: it goes on counting where it gives more than
/// that role implies, and is there again when they become a member of the instance again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: User,
    /// What they may do there.
    pub role: AppRole,
    /// When they got it first.
    pub joined_at: Timestamp,
}

/// Somebody who could become a member of an app, as much as those may know who add them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Their id.
    pub id: UserId,
    /// Their name.
    pub username: Username,
}
