//! Sessions of people who signed in.

use async_trait::async_trait;
use picloud_shared::{
    change::Change,
    id::{SessionId, UserId},
    repository::{Proof, SESSION_TOUCH_INTERVAL_MIN, SESSIONS_PER_PERSON_MAX, SessionRepository, StoreError},
    time::Timestamp,
    user::{Device, Session, User},
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Store,
    audit::{Entry, append},
    convert::{hash, parse},
    db::{Db, Transaction},
    statements::statements,
    users::UserRow,
    value::{Value, args},
};

macro_rules! columns {
    () => {
        "s.id AS session_id, s.user_id, s.token_hash, s.created_at AS session_created_at, \
         s.last_used_at, s.expires_at, s.address, s.user_agent"
    };
}

statements! {
    // Those that are over, and those beyond the number that a person may have. SQLite wants a limit with an offset.
    DELETE_ENDED = "DELETE FROM sessions WHERE user_id = $1 AND (expires_at <= $2 OR id IN \
        (SELECT id FROM sessions WHERE user_id = $1 AND expires_at > $2 \
        ORDER BY last_used_at DESC, id DESC LIMIT 1000000 OFFSET $3))";
    INSERT_SESSION = "INSERT INTO sessions \
        (id, user_id, token_hash, created_at, last_used_at, expires_at, address, user_agent) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    INSERT_PROVEN_SESSION = "INSERT INTO sessions \
        (id, user_id, token_hash, created_at, last_used_at, expires_at, address, user_agent) \
        SELECT $1, $2, $3, $4, $5, $6, $7, $8 FROM users \
        WHERE id = $2 AND is_active = TRUE AND password_hash = $9 AND ($10 = TRUE OR NOT EXISTS \
        (SELECT 1 FROM second_factors WHERE user_id = $2 AND confirmed_at IS NOT NULL))";
    FIND_SESSION = concat!(
        "SELECT ", columns!(), ", u.id, u.username, u.email, u.instance_role, u.is_active, u.created_at \
        FROM sessions s JOIN users u ON u.id = s.user_id \
        WHERE s.token_hash = $1 AND s.expires_at > $2 AND u.is_active = TRUE"
    );
    TOUCH_SESSION = "UPDATE sessions SET last_used_at = $2, expires_at = $3 WHERE id = $1 AND last_used_at <= $4";
    LIST_SESSIONS = concat!(
        "SELECT ", columns!(), " FROM sessions s WHERE s.user_id = $1 AND s.expires_at > $2 ORDER BY s.id DESC"
    );
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
    address: Option<String>,
    user_agent: Option<String>,
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
        let mut transaction = self.db.write_accounts().await?;
        make_room(&mut transaction, session).await?;
        transaction.execute(INSERT_SESSION, values(session)).await?;
        transaction.commit().await
    }

    async fn sign_in(
        &self,
        session: &Session,
        proof: Proof<'_>,
        change: &Change,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.db.write_accounts().await?;
        make_room(&mut transaction, session).await?;
        let mut new = values(session);
        new.extend(args![proof.password_hash, proof.second_factor]);
        if transaction.execute(INSERT_PROVEN_SESSION, new).await? == 0 {
            return Ok(false);
        }
        let entry =
            about_session("log_in", session.id).after(json!({ "second_factor": proof.second_factor }));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(true)
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

    async fn log_out(&self, user: UserId, session: SessionId, change: &Change) -> Result<(), StoreError> {
        end_session(&self.db, user, session, "log_out", change).await?;
        Ok(())
    }

    async fn delete_session(
        &self,
        user: UserId,
        session: SessionId,
        change: &Change,
    ) -> Result<bool, StoreError> {
        end_session(&self.db, user, session, "delete_session", change).await
    }

    async fn delete_sessions(&self, user: UserId, change: &Change) -> Result<(), StoreError> {
        let mut transaction = self.db.write().await?;
        let ended = transaction.execute(DELETE_SESSIONS, args![user]).await?;
        if ended > 0 {
            let entry = Entry::new("delete_sessions").before(json!({ "sessions": ended }));
            append(&mut transaction, change, entry).await?;
        }
        transaction.commit().await
    }
}

async fn end_session(
    db: &Db,
    user: UserId,
    session: SessionId,
    action: &'static str,
    change: &Change,
) -> Result<bool, StoreError> {
    let mut transaction = db.write().await?;
    if transaction.execute(DELETE_SESSION, args![user, session]).await? == 0 {
        return Ok(false);
    }
    let entry = about_session(action, session).before(json!({ "state": "live" }));
    append(&mut transaction, change, entry).await?;
    transaction.commit().await?;
    Ok(true)
}

fn about_session(action: &'static str, session: SessionId) -> Entry {
    Entry::new(action).about("session", session, "")
}

/// Makes room for one more session of the same person.
async fn make_room(transaction: &mut Transaction, session: &Session) -> Result<(), StoreError> {
    let others_max = SESSIONS_PER_PERSON_MAX - 1;
    let args = args![session.user_id, session.created_at, others_max];
    transaction.execute(DELETE_ENDED, args).await?;
    Ok(())
}

fn values(session: &Session) -> Vec<Value<'_>> {
    args![
        session.id,
        session.user_id,
        &session.token_hash,
        session.created_at,
        session.last_used_at,
        session.expires_at,
        session.device.address.map(|address| address.to_string()),
        session.device.user_agent.as_deref(),
    ]
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        let address = row.address.as_deref().map(|address| parse("address", address));
        Ok(Self {
            id: SessionId(row.session_id),
            user_id: UserId(row.user_id),
            token_hash: hash("token hash", &row.token_hash)?,
            created_at: Timestamp::from_micros(row.session_created_at),
            last_used_at: Timestamp::from_micros(row.last_used_at),
            expires_at: Timestamp::from_micros(row.expires_at),
            device: Device {
                address: address.transpose()?,
                user_agent: row.user_agent,
            },
        })
    }
}
