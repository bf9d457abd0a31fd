//! Accounts, for those who manage them.

use async_trait::async_trait;
use picloud_shared::{
    account::{AccountChange, Actor, Standing, check},
    change::{Change, Via},
    id::UserId,
    page::{Page, PageRequest},
    repository::{AccountRepository, AccountUpdate, StoreError, WriteAccountError},
    user::{Credentials, InstanceRole, User, UserRef},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Store,
    audit::{Entry, append},
    db::Transaction,
    statements::statements,
    users::{UserRow, of_new},
    value::args,
};

macro_rules! columns {
    () => {
        "id, username, email, instance_role, is_active, created_at"
    };
}

/// Most apps that the record of a new password names.
const APPS_NAMED_MAX: u32 = 50;

statements! {
    FIND_ACCOUNT = concat!("SELECT ", columns!(), " FROM users WHERE id = $1");
    FIND_ACCOUNT_BY_NAME = concat!("SELECT ", columns!(), " FROM users WHERE username = $1");
    LIST_ACCOUNTS = concat!("SELECT ", columns!(), " FROM users WHERE id > $1 \
        AND (username LIKE $2 ESCAPE '!' OR lower(email) LIKE $2 ESCAPE '!') ORDER BY id LIMIT $3");
    INSERT_ACCOUNT = "INSERT INTO users \
        (id, username, email, instance_role, is_active, is_first, password_hash, created_at) \
        VALUES ($1, $2, $3, $4, $5, FALSE, $6, $7) ON CONFLICT (username) DO NOTHING";
    FIND_OTHER_OWNER = "SELECT id FROM users \
        WHERE instance_role = 'owner' AND is_active = TRUE AND id <> $1 LIMIT 1";
    UPDATE_ACCOUNT = "UPDATE users SET username = $2, email = $3, instance_role = $4, is_active = $5, \
        password_hash = coalesce($6, password_hash) WHERE id = $1";
    APPS_ADMINISTERED = "SELECT a.slug FROM app_members m JOIN apps a ON a.id = m.app_id \
        WHERE m.user_id = $1 AND m.role = 'app_admin' ORDER BY a.slug LIMIT $2";
    END_SESSIONS = "DELETE FROM sessions WHERE user_id = $1";
    END_TOKENS = "DELETE FROM api_tokens WHERE user_id = $1";
    DELETE_ACCOUNT = "DELETE FROM users WHERE id = $1";
}

#[async_trait]
impl AccountRepository for Store {
    async fn find_account(&self, user: &UserRef) -> Result<Option<User>, StoreError> {
        let row: Option<UserRow> = match user {
            UserRef::Id(id) => self.db.fetch_optional(FIND_ACCOUNT, args![*id]).await?,
            UserRef::Name(name) => {
                let args = args![name.as_str()];
                self.db.fetch_optional(FIND_ACCOUNT_BY_NAME, args).await?
            }
        };
        row.map(User::try_from).transpose()
    }

    async fn list_accounts(&self, part: Option<&str>, page: PageRequest) -> Result<Page<User>, StoreError> {
        let after = page.after.unwrap_or_default();
        let limit = u64::from(page.limit) + 1;
        let args = args![after, anywhere(part.unwrap_or_default()), limit];
        let rows: Vec<UserRow> = self.db.fetch_all(LIST_ACCOUNTS, args).await?;
        let users = rows.into_iter().map(User::try_from).collect::<Result<_, _>>()?;
        Ok(Page::from_overfull(users, page.limit, |user: &User| user.id.0))
    }

    async fn create_account(&self, new: &Credentials, change: &Change) -> Result<(), WriteAccountError> {
        let mut transaction = self.db.write_accounts().await?;
        judge(&mut transaction, change, None, Some(&new.user)).await?;
        if !insert_account(&mut transaction, new).await? {
            return Err(WriteAccountError::UsernameTaken);
        }
        let entry = about("create_user", &new.user).after(state(&new.user));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn update_account(
        &self,
        user: UserId,
        update: &AccountUpdate,
        change: &Change,
    ) -> Result<Option<User>, WriteAccountError> {
        let mut transaction = self.db.write_accounts().await?;
        let Some(before) = find_account(&mut transaction, user).await? else {
            return Ok(None);
        };
        let after = update.applied_to(&before);
        judge(&mut transaction, change, Some(&before), Some(&after)).await?;
        let new_password = update.password_hash.is_some();
        if after == before && !new_password {
            return Ok(Some(before));
        }
        let args = args![
            user,
            after.username.as_str(),
            after.email.as_deref(),
            after.instance_role.as_str(),
            after.is_active,
            update.password_hash.as_deref(),
        ];
        if !transaction.execute_unless_taken(UPDATE_ACCOUNT, args).await? {
            return Err(WriteAccountError::UsernameTaken);
        }
        end_what_is_over(&mut transaction, &before, &after, new_password).await?;
        let mut now = state(&after);
        if new_password {
            // Whoever sets a password can act as that person, so the record says where that person could act.
            let args = args![user, APPS_NAMED_MAX];
            let apps: Vec<(String,)> = transaction.fetch_all(APPS_ADMINISTERED, args).await?;
            now["password"] = "changed".into();
            now["app_admin_of"] = apps.into_iter().map(|(slug,)| slug).collect();
        }
        let entry = about("update_user", &before).before(state(&before)).after(now);
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(Some(after))
    }

    async fn delete_account(&self, user: UserId, change: &Change) -> Result<bool, WriteAccountError> {
        let mut transaction = self.db.write_accounts().await?;
        let Some(before) = find_account(&mut transaction, user).await? else {
            return Ok(false);
        };
        judge(&mut transaction, change, Some(&before), None).await?;
        // Sessions first: a sign-in that is under way holds one and waits for the account.
        transaction.execute(END_SESSIONS, args![user]).await?;
        transaction.execute(DELETE_ACCOUNT, args![user]).await?;
        let entry = about("delete_user", &before).before(state(&before));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Makes an account; `false` if somebody has the username.
pub(crate) async fn insert_account(
    transaction: &mut Transaction,
    new: &Credentials,
) -> Result<bool, StoreError> {
    Ok(transaction.execute(INSERT_ACCOUNT, of_new(new)).await? == 1)
}

/// Who makes a change, as they stand now. Whoever is gone stands below all.
pub(crate) async fn actor(transaction: &mut Transaction, change: &Change) -> Result<Actor, StoreError> {
    if matches!(change.via, Via::Server | Via::Console) {
        return Ok(Actor::Machine);
    }
    let author = match change.author {
        Some(author) => find_account(transaction, author).await?,
        None => None,
    };
    let gone = Standing {
        instance_role: InstanceRole::Member,
        is_active: false,
    };
    Ok(Actor::Person(author.as_ref().map_or(gone, Standing::from)))
}

/// Refuses a change that its author may not make, or nobody.
async fn judge(
    transaction: &mut Transaction,
    change: &Change,
    before: Option<&User>,
    after: Option<&User>,
) -> Result<(), WriteAccountError> {
    let actor = actor(transaction, change).await?;
    let own_id = before.map_or(Uuid::nil(), |user| user.id.0);
    let another_owner: Option<(Uuid,)> = transaction
        .fetch_optional(FIND_OTHER_OWNER, args![own_id])
        .await?;
    let change = AccountChange {
        before: before.map(Standing::from),
        after: after.map(Standing::from),
    };
    Ok(check(actor, change, another_owner.is_some())?)
}

async fn find_account(transaction: &mut Transaction, user: UserId) -> Result<Option<User>, StoreError> {
    let row: Option<UserRow> = transaction.fetch_optional(FIND_ACCOUNT, args![user]).await?;
    row.map(User::try_from).transpose()
}

/// Ends what a person has from the time before this change, and must not keep.
async fn end_what_is_over(
    transaction: &mut Transaction,
    before: &User,
    after: &User,
    new_password: bool,
) -> Result<(), StoreError> {
    if new_password || Standing::from(before).is_lowered_to(after.into()) {
        transaction.execute(END_SESSIONS, args![after.id]).await?;
    }
    if new_password || !after.is_active {
        transaction.execute(END_TOKENS, args![after.id]).await?;
    }
    Ok(())
}

/// A record about an account.
fn about(action: &'static str, user: &User) -> Entry {
    Entry::new(action).about("user", user.id, &user.username)
}

/// What a record says of an account.
pub(crate) fn state(user: &User) -> Value {
    json!({
        "username": user.username,
        "email": user.email,
        "instance_role": user.instance_role,
        "is_active": user.is_active,
    })
}

/// The pattern for texts that have `part` in them, whatever characters that has.
pub(crate) fn anywhere(part: &str) -> String {
    let mut pattern = String::from("%");
    for letter in part.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter.to_ascii_lowercase());
    }
    pattern.push('%');
    pattern
}
