//! People who may sign in.

use async_trait::async_trait;
use picloud_shared::{
    change::{Change, Via},
    id::{SessionId, UserId},
    repository::{StoreError, UserRepository},
    time::Timestamp,
    user::{Credentials, User, Username},
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Store,
    audit::{Entry, append},
    convert::parse,
    db::Transaction,
    statements::statements,
    value::{Value, args},
};

macro_rules! columns {
    () => {
        "id, username, email, instance_role, is_active, created_at"
    };
}

statements! {
    ANY_USER = "SELECT id FROM users LIMIT 1";
    // Two of these at the same moment may both find nobody. Then the unique index on `is_first` lets one of
    // them in; the other waits for it and writes nothing.
    INSERT_FIRST_USER = "INSERT INTO users \
        (id, username, email, instance_role, is_active, is_first, password_hash, created_at) \
        SELECT $1, $2, $3, $4, $5, TRUE, $6, $7 WHERE NOT EXISTS (SELECT 1 FROM users) \
        ON CONFLICT DO NOTHING";
    FIND_CREDENTIALS = concat!("SELECT ", columns!(), ", password_hash FROM users WHERE username = $1");
    FIND_USER = concat!("SELECT ", columns!(), " FROM users WHERE id = $1");
    // Whoever ends sessions because a password or an account changed holds the accounts.
    SESSION_IN_FORCE = "SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id \
        WHERE s.id = $1 AND s.user_id = $2 AND u.is_active = TRUE";
    SET_PASSWORD = "UPDATE users SET password_hash = $2 WHERE id = $1 RETURNING username";
    END_SECOND_FACTOR = "DELETE FROM second_factors WHERE user_id = $1";
    END_TOKENS_OF_OLD_PASSWORD = "DELETE FROM api_tokens WHERE user_id = $1";
    END_OTHER_SESSIONS = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
}

#[derive(sqlx::FromRow)]
pub(crate) struct UserRow {
    pub(crate) id: Uuid,
    pub(crate) username: String,
    pub(crate) email: Option<String>,
    pub(crate) instance_role: String,
    pub(crate) is_active: bool,
    pub(crate) created_at: i64,
}

#[derive(sqlx::FromRow)]
struct CredentialsRow {
    #[sqlx(flatten)]
    user: UserRow,
    password_hash: String,
}

#[async_trait]
impl UserRepository for Store {
    async fn any_user(&self) -> Result<bool, StoreError> {
        let found: Option<(Uuid,)> = self.db.fetch_optional(ANY_USER, args![]).await?;
        Ok(found.is_some())
    }

    async fn create_first_user(&self, new: &Credentials, change: &Change) -> Result<bool, StoreError> {
        let user = &new.user;
        let mut transaction = self.db.write().await?;
        if transaction.execute(INSERT_FIRST_USER, of_new(new)).await? == 0 {
            return Ok(false);
        }
        let entry = Entry::new("set_up")
            .about("user", user.id, &user.username)
            .after(json!({ "instance_role": user.instance_role.as_str() }));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn find_credentials(&self, username: &Username) -> Result<Option<Credentials>, StoreError> {
        let row: Option<CredentialsRow> = self
            .db
            .fetch_optional(FIND_CREDENTIALS, args![username.as_str()])
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some(Credentials {
            user: row.user.try_into()?,
            password_hash: row.password_hash,
        }))
    }

    async fn find_user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        let row: Option<UserRow> = self.db.fetch_optional(FIND_USER, args![user]).await?;
        row.map(User::try_from).transpose()
    }

    async fn set_password(
        &self,
        user: UserId,
        password_hash: &str,
        keep: SessionId,
        change: &Change,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.db.write_accounts().await?;
        // A reset that came first ended the session, and its password stays.
        if !has_session(&mut transaction, user, keep).await? {
            return Ok(false);
        }
        let Some(username) = set_password(&mut transaction, user, password_hash).await? else {
            return Ok(false);
        };
        transaction.execute(END_OTHER_SESSIONS, args![user, keep]).await?;
        let entry = Entry::new("change_password")
            .about("user", user, username)
            .after(json!({ "password": "changed" }));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn reset_password(
        &self,
        user: UserId,
        password_hash: &str,
        change: &Change,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.db.write_accounts().await?;
        let Some(username) = set_password(&mut transaction, user, password_hash).await? else {
            return Ok(false);
        };
        let removed = transaction.execute(END_SECOND_FACTOR, args![user]).await?;
        // No session has the nil id, so all of them end.
        let none = SessionId(Uuid::nil());
        transaction.execute(END_OTHER_SESSIONS, args![user, none]).await?;
        let entry = Entry::new("reset_password")
            .about("user", user, username)
            .after(json!({ "second_factor_removed": removed == 1 }));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// The values of a new account, in the order in which both ways to make one have them.
pub(crate) fn of_new(new: &Credentials) -> Vec<Value<'_>> {
    let user = &new.user;
    args![
        user.id,
        user.username.as_str(),
        user.email.as_deref(),
        user.instance_role.as_str(),
        user.is_active,
        &new.password_hash,
        user.created_at,
    ]
}

/// Whether the session by which `user` makes this change has not ended meanwhile; true where it is not made by one.
/// Only within [`Db::write_accounts`](crate::db::Db::write_accounts) does it stay true.
pub(crate) async fn is_still_signed_in(
    transaction: &mut Transaction,
    user: UserId,
    change: &Change,
) -> Result<bool, StoreError> {
    match change.via {
        Via::Session(session) => has_session(transaction, user, session).await,
        Via::Server | Via::Console | Via::Entrance | Via::Token(_) => Ok(true),
    }
}

/// Whether this is a session of that person, who is active.
async fn has_session(
    transaction: &mut Transaction,
    user: UserId,
    session: SessionId,
) -> Result<bool, StoreError> {
    let found: Option<(Uuid,)> = transaction
        .fetch_optional(SESSION_IN_FORCE, args![session, user])
        .await?;
    Ok(found.is_some())
}

/// Sets a password and ends the API tokens that were made with the old one; gives the username, if that person exists.
async fn set_password(
    transaction: &mut Transaction,
    user: UserId,
    password_hash: &str,
) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = transaction
        .fetch_optional(SET_PASSWORD, args![user, password_hash])
        .await?;
    transaction
        .execute(END_TOKENS_OF_OLD_PASSWORD, args![user])
        .await?;
    Ok(row.map(|(username,)| username))
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId(row.id),
            username: parse("username", &row.username)?,
            email: row.email,
            instance_role: parse("role", &row.instance_role)?,
            is_active: row.is_active,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}
