//! Storage of personal API tokens.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::{
    change::Change,
    id::{TokenId, UserId},
    time::Timestamp,
    token::ApiToken,
    user::User,
};

/// That a token was used is noted at most this often, so that reading does not become writing.
pub const TOKEN_TOUCH_INTERVAL_MIN: Duration = Duration::from_mins(1);
/// Most tokens of one person.
pub const TOKENS_PER_PERSON_MAX: u32 = 100;

/// Storage of personal API tokens.
#[async_trait]
pub trait TokenRepository: Send + Sync {
    /// Makes a token, and deletes those of the person that have ended: neither their names nor their number stand in
    /// its way. Name and number are decided while no other token of the person can be made.
    async fn create_token(&self, token: &ApiToken, change: &Change) -> Result<(), CreateTokenError>;

    /// Finds the token with this hash and its person, if it has not ended at `now` and the person is active.
    async fn find_token(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<(ApiToken, User)>, StoreError>;

    /// Notes that a token was used at `now`.
    async fn touch_token(&self, token: TokenId, now: Timestamp) -> Result<(), StoreError>;

    /// Lists a person's tokens, newest first, those that have ended since the last was made too.
    async fn list_tokens(&self, user: UserId) -> Result<Vec<ApiToken>, StoreError>;

    /// Deletes one token of a person; `false` if there is none.
    async fn delete_token(&self, user: UserId, token: TokenId, change: &Change) -> Result<bool, StoreError>;
}

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateTokenError {
    /// Another token of the person has the name.
    #[error("another token of this person has the name")]
    NameTaken,
    /// The person has [`TOKENS_PER_PERSON_MAX`].
    #[error("this person has as many tokens as anybody may have")]
    TooMany,
    /// The person is gone or not active any more, or the session by which they ask has ended.
    #[error("the person is gone, not active or not signed in any more")]
    NoPerson,
    /// The app that it would be limited to is gone.
    #[error("the app is gone")]
    NoApp,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
