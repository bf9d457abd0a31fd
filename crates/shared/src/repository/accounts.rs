//! Storage of accounts, for those who manage them.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    account::AccountRefused,
    change::Change,
    id::UserId,
    page::{Page, PageRequest},
    user::{Credentials, Email, InstanceRole, User, UserRef, Username},
};

/// Storage of accounts. Whether somebody may make a change is judged by [`account::check`](crate::account::check) in the
/// transaction that makes it, by what its author and the account are at that moment.
#[async_trait]
pub trait AccountRepository: Send + Sync {
    /// Finds a person by id or username.
    async fn find_account(&self, user: &UserRef) -> Result<Option<User>, StoreError>;

    /// Lists people, oldest first: all, or those whose username or e-mail address has `part` in it, in any case.
    async fn list_accounts(&self, part: Option<&str>, page: PageRequest) -> Result<Page<User>, StoreError>;

    /// Makes an account.
    async fn create_account(&self, new: &Credentials, change: &Change) -> Result<(), WriteAccountError>;

    /// Changes an account; `None` if it is gone. A new password, a lower role and deactivation end all sessions of that
    /// person; a new password and deactivation also end their API tokens.
    async fn update_account(
        &self,
        user: UserId,
        update: &AccountUpdate,
        change: &Change,
    ) -> Result<Option<User>, WriteAccountError>;

    /// Deletes an account with its sessions, tokens, memberships and open invitations; `false` if it was gone.
    async fn delete_account(&self, user: UserId, change: &Change) -> Result<bool, WriteAccountError>;
}

/// What to change in an account; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct AccountUpdate {
    /// A new username.
    pub username: Option<Username>,
    /// A new e-mail address, or none any more.
    pub email: Option<Option<Email>>,
    /// The hash of a new password.
    pub password_hash: Option<String>,
    /// A new role.
    pub instance_role: Option<InstanceRole>,
    /// Whether the person may sign in.
    pub is_active: Option<bool>,
}

impl AccountUpdate {
    /// The account after this change.
    pub fn applied_to(&self, user: &User) -> User {
        let email = self.email.as_ref();
        User {
            id: user.id,
            username: self.username.as_ref().unwrap_or(&user.username).clone(),
            email: email.map_or_else(|| user.email.clone(), |email| email.clone().map(String::from)),
            instance_role: self.instance_role.unwrap_or(user.instance_role),
            is_active: self.is_active.unwrap_or(user.is_active),
            created_at: user.created_at,
        }
    }
}

/// Why an account was not made, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum WriteAccountError {
    /// Somebody has the username.
    #[error("somebody has this username")]
    UsernameTaken,
    /// Whoever asked may not do that, or nobody may.
    #[error(transparent)]
    Refused(#[from] AccountRefused),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
