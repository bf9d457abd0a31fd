//! Sessions of people who signed in.

use async_trait::async_trait;
use picloud_shared::{
    id::{SessionId, UserId},
    repository::{SESSION_TOUCH_INTERVAL_MIN, SessionRepository, StoreError},
    time::Timestamp,
    user::{Session, User},
};
use uuid::Uuid;

use crate::{Store, convert::hash, statements::statements, users::UserRow, value::args};

statements! {
    DELETE_ENDED = "DELETE FROM sessions WHERE user_id = $1 AND expires_at <= $2";
    INSERT_SESSION = "INSERT INTO sessions (id, user_id, token_hash, created_at, last_used_at, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    FIND_SESSION = "SELECT s.id AS session_id, s.user_id, s.token_hash, s.created_at AS session_created_at, \
        s.last_used_at, s.expires_at, u.id, u.username, u.email, u.instance_role, u.is_active, u.created_at \
        FROM sessions s JOIN users u ON u.id = s.user_id \
        WHERE s.token_hash = $1 AND s.expires_at > $2 AND u.is_active = TRUE";
    TOUCH_SESSION = "UPDATE sessions SET last_used_at = $2, expires_at = $3 WHERE id = $1 AND last_used_at <= $4";
    LIST_SESSIONS = "SELECT id AS session_id, user_id, token_hash, created_at AS session_created_at, \
        last_used_at, expires_at FROM sessions WHERE user_id = $1 AND expires_at > $2 ORDER BY id DESC";
    DELETE_SESSION = "DELETE FROM sessions WHERE user_id = $1 AND id = $2";
    DELETE_SESSIONS = "DELETE FROM sessions WHERE user_id = $1";
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    session_id: Uuid,
    user_id: Uuid,
    token_hash: Vec<u8>,
    session_created_at: i64,
    last_used_at: i64,
    expires_at: i64,
}

#[derive(sqlx::FromRow)]
struct SessionWithUser {
    #[sqlx(flatten)]
    session: SessionRow,
    #[sqlx(flatten)]
    user: UserRow,
}

#[async_trait]
impl SessionRepository for Store {
    async fn create_session(&self, session: &Session) -> Result<(), StoreError> {
        let mut transaction = self.db.write().await?;
        let ended = args![session.user_id, session.created_at];
        transaction.execute(DELETE_ENDED, ended).await?;
        let new = args![
            session.id,
            session.user_id,
            &session.token_hash,
            session.created_at,
            session.last_used_at,
            session.expires_at,
        ];
        transaction.execute(INSERT_SESSION, new).await?;
        transaction.commit().await
    }

    async fn find_session(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<(Session, User)>, StoreError> {
        let row: Option<SessionWithUser> = self
            .db
            .fetch_optional(FIND_SESSION, args![token_hash, now])
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some((row.session.try_into()?, row.user.try_into()?)))
    }

    async fn touch_session(
        &self,
        session: SessionId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.db.write().await?;
        let args = args![session, now, expires_at, now.minus(SESSION_TOUCH_INTERVAL_MIN)];
        transaction.execute(TOUCH_SESSION, args).await?;
        transaction.commit().await
    }

    async fn list_sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let rows: Vec<SessionRow> = self.db.fetch_all(LIST_SESSIONS, args![user, now]).await?;
        rows.into_iter().map(Session::try_from).collect()
    }

    async fn delete_session(&self, user: UserId, session: SessionId) -> Result<bool, StoreError> {
        let mut transaction = self.db.write().await?;
        let ended = transaction.execute(DELETE_SESSION, args![user, session]).await?;
        transaction.commit().await?;
        Ok(ended == 1)
    }

    async fn delete_sessions(&self, user: UserId) -> Result<(), StoreError> {
        let mut transaction = self.db.write().await?;
        transaction.execute(DELETE_SESSIONS, args![user]).await?;
        transaction.commit().await
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: SessionId(row.session_id),
            user_id: UserId(row.user_id),
            token_hash: hash("token hash", &row.token_hash)?,
            created_at: Timestamp::from_micros(row.session_created_at),
            last_used_at: Timestamp::from_micros(row.last_used_at),
            expires_at: Timestamp::from_micros(row.expires_at),
        })
    }
}
