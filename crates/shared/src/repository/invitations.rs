//! Storage of invitations.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    account::AccountRefused,
    change::Change,
    id::{InvitationId, UserId},
    invitation::Invitation,
    page::{Page, PageRequest},
    time::Timestamp,
    user::{User, Username},
};

/// Storage of invitations. One that has ended, or whose inviter could no longer give what it gives, is not there for
/// those who have its token.
#[async_trait]
pub trait InvitationRepository: Send + Sync {
    /// Stores an invitation with the hash of its token, and deletes those that have ended.
    async fn create_invitation(
        &self,
        invitation: &Invitation,
        token_hash: &[u8; 32],
        change: &Change,
    ) -> Result<(), CreateInvitationError>;

    /// Lists invitations that have not ended at `now`, oldest first: those that `viewer` could have given.
    async fn list_invitations(
        &self,
        viewer: UserId,
        now: Timestamp,
        page: PageRequest,
    ) -> Result<Page<Invitation>, StoreError>;

    /// Deletes an invitation, if the author of the change could have given it.
    async fn delete_invitation(
        &self,
        invitation: InvitationId,
        change: &Change,
    ) -> Result<DeletedInvitation, StoreError>;

    /// Finds an invitation that can be taken at `now`, and who invited.
    async fn find_invitation(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<(Invitation, Username)>, StoreError>;

    /// Makes the account of an invitation, with the membership that comes with it, and deletes the invitation; `None` if
    /// it cannot be taken.
    async fn accept_invitation(
        &self,
        token_hash: &[u8; 32],
        new: &InvitedPerson,
        change: &Change,
    ) -> Result<Option<User>, AcceptInvitationError>;
}

/// What became of an invitation that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedInvitation {
    /// It is gone.
    Deleted,
    /// There is none.
    NotThere,
    /// There is one, and whoever asks could not have given it, so must not learn of it.
    Hidden,
}

/// What somebody who takes an invitation brings.
#[derive(Clone, Debug)]
pub struct InvitedPerson {
    /// Their id.
    pub id: UserId,
    /// Their username, unless the invitation says which.
    pub username: Username,
    /// The hash of their password.
    pub password_hash: String,
}

/// Why nobody was invited.
#[derive(Debug, thiserror::Error)]
pub enum CreateInvitationError {
    /// Somebody has the username.
    #[error("somebody has this username")]
    UsernameTaken,
    /// The app is gone.
    #[error("the app is gone")]
    NoApp,
    /// Whoever invites could not give that role.
    #[error(transparent)]
    Refused(#[from] AccountRefused),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an invitation was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AcceptInvitationError {
    /// Somebody has the username.
    #[error("somebody has this username")]
    UsernameTaken,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
