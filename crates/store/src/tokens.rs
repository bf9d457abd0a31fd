//! Personal API tokens.

use async_trait::async_trait;
use picloud_shared::{
    access::{AppRole, Ceiling},
    change::Change,
    id::{AppId, TokenId, UserId},
    repository::{
        CreateTokenError, StoreError, TOKEN_TOUCH_INTERVAL_MIN, TOKENS_PER_PERSON_MAX, TokenRepository,
    },
    time::Timestamp,
    token::ApiToken,
    user::User,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Store,
    audit::{Entry, append},
    convert::{hash, parse},
    statements::statements,
    users::{UserRow, is_still_signed_in},
    value::args,
};

macro_rules! columns {
    () => {
        "t.id AS token_id, t.user_id, t.name, t.token_hash, t.hint, t.app_id, t.role, \
         t.created_at AS token_created_at, t.expires_at, t.last_used_at"
    };
}

statements! {
    ACTIVE_PERSON = "SELECT id FROM users WHERE id = $1 AND is_active = TRUE";
    TOKEN_APP = "SELECT id FROM apps WHERE id = $1";
    DELETE_ENDED_TOKENS = "DELETE FROM api_tokens WHERE user_id = $1 AND expires_at <= $2";
    COUNT_TOKENS = "SELECT count(*) AS tokens FROM api_tokens WHERE user_id = $1";
    INSERT_TOKEN = "INSERT INTO api_tokens \
        (id, user_id, name, token_hash, hint, app_id, role, created_at, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    FIND_TOKEN = concat!(
        "SELECT ", columns!(), ", u.id, u.username, u.email, u.instance_role, u.is_active, u.created_at \
        FROM api_tokens t JOIN users u ON u.id = t.user_id \
        WHERE t.token_hash = $1 AND (t.expires_at IS NULL OR t.expires_at > $2) AND u.is_active = TRUE"
    );
    TOUCH_TOKEN = "UPDATE api_tokens SET last_used_at = $2 WHERE id = $1 AND coalesce(last_used_at, 0) <= $3";
    LIST_TOKENS = concat!("SELECT ", columns!(), " FROM api_tokens t WHERE t.user_id = $1 ORDER BY t.id DESC");
    DELETE_TOKEN = "DELETE FROM api_tokens WHERE user_id = $1 AND id = $2 \
        RETURNING id AS token_id, user_id, name, token_hash, hint, app_id, role, \
        created_at AS token_created_at, expires_at, last_used_at";
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    token_id: Uuid,
    user_id: Uuid,
    name: String,
    token_hash: Vec<u8>,
    hint: String,
    app_id: Option<Uuid>,
    role: Option<String>,
    token_created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct TokenWithUser {
    #[sqlx(flatten)]
    token: TokenRow,
    #[sqlx(flatten)]
    user: UserRow,
}

#[async_trait]
impl TokenRepository for Store {
    async fn create_token(&self, token: &ApiToken, change: &Change) -> Result<(), CreateTokenError> {
        let mut transaction = self.db.write_accounts().await?;
        let person: Option<(Uuid,)> = transaction
            .fetch_optional(ACTIVE_PERSON, args![token.user_id])
            .await?;
        if person.is_none() || !is_still_signed_in(&mut transaction, token.user_id, change).await? {
            return Err(CreateTokenError::NoPerson);
        }
        if let Some(app) = token.ceiling.app {
            let found: Option<(Uuid,)> = transaction.fetch_optional(TOKEN_APP, args![app]).await?;
            found.ok_or(CreateTokenError::NoApp)?;
        }
        transaction
            .execute(DELETE_ENDED_TOKENS, args![token.user_id, token.created_at])
            .await?;
        let count: Option<(i64,)> = transaction
            .fetch_optional(COUNT_TOKENS, args![token.user_id])
            .await?;
        if count.is_some_and(|(count,)| count >= i64::from(TOKENS_PER_PERSON_MAX)) {
            return Err(CreateTokenError::TooMany);
        }
        let new = args![
            token.id,
            token.user_id,
            &token.name,
            &token.token_hash,
            &token.hint,
            token.ceiling.app,
            token.ceiling.role.map(AppRole::as_str),
            token.created_at,
            token.expires_at,
        ];
        if !transaction.execute_unless_taken(INSERT_TOKEN, new).await? {
            return Err(CreateTokenError::NameTaken);
        }
        let entry = about("create_token", token.id, &token.name).after(state(token));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn find_token(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<(ApiToken, User)>, StoreError> {
        let row: Option<TokenWithUser> = self.db.fetch_optional(FIND_TOKEN, args![token_hash, now]).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some((row.token.try_into()?, row.user.try_into()?)))
    }

    async fn touch_token(&self, token: TokenId, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.db.write().await?;
        let args = args![token, now, now.minus(TOKEN_TOUCH_INTERVAL_MIN)];
        transaction.execute(TOUCH_TOKEN, args).await?;
        transaction.commit().await
    }

    async fn list_tokens(&self, user: UserId) -> Result<Vec<ApiToken>, StoreError> {
        let rows: Vec<TokenRow> = self.db.fetch_all(LIST_TOKENS, args![user]).await?;
        rows.into_iter().map(ApiToken::try_from).collect()
    }

    async fn delete_token(&self, user: UserId, token: TokenId, change: &Change) -> Result<bool, StoreError> {
        let mut transaction = self.db.write().await?;
        let row: Option<TokenRow> = transaction
            .fetch_optional(DELETE_TOKEN, args![user, token])
            .await?;
        let Some(deleted) = row.map(ApiToken::try_from).transpose()? else {
            return Ok(false);
        };
        let entry = about("delete_token", token, &deleted.name).before(state(&deleted));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

fn about(action: &'static str, token: TokenId, name: &str) -> Entry {
    Entry::new(action).about("token", token, name)
}

/// What the audit log says of a token.
fn state(token: &ApiToken) -> Value {
    json!({
        "name": token.name,
        "app_id": token.ceiling.app.map(|app| app.to_string()),
        "role": token.ceiling.role.map(AppRole::as_str),
        "expires_at": token.expires_at.map(|end| end.to_string()),
    })
}

impl TryFrom<TokenRow> for ApiToken {
    type Error = StoreError;

    fn try_from(row: TokenRow) -> Result<Self, StoreError> {
        let role = row.role.as_deref().map(|role| parse("app role", role));
        Ok(Self {
            id: TokenId(row.token_id),
            user_id: UserId(row.user_id),
            name: row.name,
            token_hash: hash("token hash", &row.token_hash)?,
            hint: row.hint,
            ceiling: Ceiling {
                app: row.app_id.map(AppId),
                role: role.transpose()?,
            },
            created_at: Timestamp::from_micros(row.token_created_at),
            expires_at: row.expires_at.map(Timestamp::from_micros),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
        })
    }
}
