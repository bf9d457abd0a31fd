//! Storage of people who may sign in.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    change::Change,
    id::{SessionId, UserId},
    user::{Credentials, User, Username},
};

/// Storage of people who may sign in.
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// Whether anybody exists.
    async fn any_user(&self) -> Result<bool, StoreError>;

    /// Makes the first person, only if nobody exists: decided in the statement that writes. `false` if somebody does.
    async fn create_first_user(&self, user: &Credentials, change: &Change) -> Result<bool, StoreError>;

    /// Finds a person with the password's hash.
    async fn find_credentials(&self, username: &Username) -> Result<Option<Credentials>, StoreError>;

    /// Finds a person.
    async fn find_user(&self, user: UserId) -> Result<Option<User>, StoreError>;

    /// Sets the password that somebody changed, and ends all API tokens of that person and all sessions but `keep`,
    /// by which they changed it; `false` if that session has ended, or the person is gone or not active.
    async fn set_password(
        &self,
        user: UserId,
        password_hash: &str,
        keep: SessionId,
        change: &Change,
    ) -> Result<bool, StoreError>;

    /// Sets the password of somebody who lost theirs, removes the second factor and ends all sessions and API tokens;
    /// `false` if the person is gone.
    async fn reset_password(
        &self,
        user: UserId,
        password_hash: &str,
        change: &Change,
    ) -> Result<bool, StoreError>;
}
