//! Storage of sessions.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::{
    change::Change,
    id::{SessionId, UserId},
    time::Timestamp,
    user::{Session, User},
};

/// A session's end is moved at most this often, so that reading does not become writing.
pub const SESSION_TOUCH_INTERVAL_MIN: Duration = Duration::from_mins(1);
/// No session lasts longer, however often it is used.
pub const SESSION_AGE_MAX: Duration = Duration::from_hours(30 * 24);
/// Most sessions of one person; beyond that, a new one ends the one that was not used for longest.
pub const SESSIONS_PER_PERSON_MAX: u32 = 100;

/// Storage of sessions.
#[async_trait]
pub trait SessionRepository: Send + Sync {
    /// Begins a session, and deletes those of the same person that are over or too many.
    async fn create_session(&self, session: &Session) -> Result<(), StoreError>;

    /// Begins a session if what was proved still holds: the person is active, has that password, and no second factor
    /// that nobody asked for. `false` if not. Of a sign-in and a change of any of these, one sees the other.
    async fn sign_in(&self, session: &Session, proof: Proof<'_>, change: &Change)
    -> Result<bool, StoreError>;

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

    /// Ends the session of a person who signs out with it.
    async fn log_out(&self, user: UserId, session: SessionId, change: &Change) -> Result<(), StoreError>;

    /// Ends one session of a person; `false` if there is none.
    async fn delete_session(
        &self,
        user: UserId,
        session: SessionId,
        change: &Change,
    ) -> Result<bool, StoreError>;

    /// Ends all sessions of a person.
    async fn delete_sessions(&self, user: UserId, change: &Change) -> Result<(), StoreError>;
}

/// What somebody who signs in has proved.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// The hash that their password fits.
    pub password_hash: &'a str,
    /// Whether they gave a code of their second factor too.
    pub second_factor: bool,
}
