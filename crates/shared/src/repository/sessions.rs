//! Storage of sessions.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::{
    id::{SessionId, UserId},
    time::Timestamp,
    user::{Session, User},
};

/// A session's end is moved at most this often, so that reading does not become writing.
pub const SESSION_TOUCH_INTERVAL_MIN: Duration = Duration::from_mins(1);

/// Storage of sessions.
#[async_trait]
pub trait SessionRepository: Send + Sync {
    /// Begins a session, and deletes those of the same person that are over.
    async fn create_session(&self, session: &Session) -> Result<(), StoreError>;

    /// Finds the session with this token hash and its person, if it has not ended at `now` and the person is active.
    async fn find_session(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<(Session, User)>, StoreError>;

    /// Notes that a session was used at `now`, so that it ends at `expires_at`.
    async fn touch_session(
        &self,
        session: SessionId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Lists a person's sessions that have not ended at `now`, newest first.
    async fn list_sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Ends one session of a person; `false` if there is none.
    async fn delete_session(&self, user: UserId, session: SessionId) -> Result<bool, StoreError>;

    /// Ends all sessions of a person.
    async fn delete_sessions(&self, user: UserId) -> Result<(), StoreError>;
}
