//! Who has which role in which app.

use async_trait::async_trait;
use picloud_shared::{
    access::AppRole,
    change::Change,
    id::{AppId, UserId},
    member::{Candidate, Member},
    page::{Page, PageRequest},
    repository::{AddMemberError, MemberRepository, StoreError},
    time::Timestamp,
    user::{InstanceRole, User, UserRef},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Store,
    audit::{Entry, append},
    authority::confirm,
    convert::parse,
    db::Transaction,
    statements::statements,
    users::UserRow,
    value::args,
};

macro_rules! select_member {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.username, u.email, u.instance_role, u.is_active, u.created_at, m.role, m.joined_at \
             FROM app_members m JOIN users u ON u.id = m.user_id ",
            $rest
        )
    };
}

statements! {
    FIND_ROLE = "SELECT role FROM app_members WHERE app_id = $1 AND user_id = $2";
    LIST_MEMBERS = select_member!("WHERE m.app_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3");
    FIND_MEMBER = select_member!("WHERE m.app_id = $1 AND (u.id = $2 OR u.username = $3)");
    /// Keeps the app from being deleted until the transaction ends.
    HOLD_APP = "UPDATE apps SET release = release WHERE id = $1 RETURNING id";
    /// Keeps the account as it is until the transaction ends.
    HOLD_USER = "UPDATE users SET is_active = is_active WHERE id = $1 \
        RETURNING id, username, email, instance_role, is_active, created_at";
    INSERT_MEMBER = "INSERT INTO app_members (app_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (app_id, user_id) DO NOTHING";
    /// Keeps the membership as it is until the transaction ends; finds none if it has just ended.
    HOLD_MEMBER = "UPDATE app_members SET role = role WHERE app_id = $1 \
        AND user_id = (SELECT id FROM users WHERE id = $2 OR username = $3) RETURNING user_id";
    SET_ROLE = "UPDATE app_members SET role = $3 WHERE app_id = $1 AND user_id = $2";
    DELETE_MEMBER = "DELETE FROM app_members WHERE app_id = $1 AND user_id = $2";
    FIND_CANDIDATES = "SELECT u.id, u.username FROM users u \
        WHERE u.is_active = TRUE AND u.instance_role = $2 AND u.username LIKE $3 ESCAPE '!' \
        AND NOT EXISTS (SELECT 1 FROM app_members m WHERE m.app_id = $1 AND m.user_id = u.id) \
        ORDER BY u.username LIMIT $4";
}

#[derive(sqlx::FromRow)]
struct MemberRow {
    #[sqlx(flatten)]
    user: UserRow,
    role: String,
    joined_at: i64,
}

#[async_trait]
impl MemberRepository for Store {
    async fn find_role(&self, app: AppId, user: UserId) -> Result<Option<AppRole>, StoreError> {
        let row: Option<(String,)> = self.db.fetch_optional(FIND_ROLE, args![app, user]).await?;
        row.map(|(role,)| parse("app role", &role)).transpose()
    }

    async fn list_members(&self, app: AppId, page: PageRequest) -> Result<Page<Member>, StoreError> {
        let args = args![app, page.after.unwrap_or_default(), u64::from(page.limit) + 1];
        let rows: Vec<MemberRow> = self.db.fetch_all(LIST_MEMBERS, args).await?;
        let members = rows.into_iter().map(Member::try_from).collect::<Result<_, _>>()?;
        Ok(Page::from_overfull(members, page.limit, |member: &Member| {
            member.user.id.0
        }))
    }

    async fn find_member(&self, app: AppId, user: &UserRef) -> Result<Option<Member>, StoreError> {
        let args = args![app, user.id(), user.name()];
        let row: Option<MemberRow> = self.db.fetch_optional(FIND_MEMBER, args).await?;
        row.map(Member::try_from).transpose()
    }

    async fn add_member(
        &self,
        app: AppId,
        user: UserId,
        role: AppRole,
        change: &Change,
    ) -> Result<Member, AddMemberError> {
        let mut transaction = self.db.write_accounts().await?;
        // App and account are held, in this order, so that what is found out about them is still true when the row is
        // written.
        let held: Option<(Uuid,)> = transaction.fetch_optional(HOLD_APP, args![app]).await?;
        if held.is_none() {
            return Err(AddMemberError::NoApp);
        }
        confirm(&mut transaction, change, Some(app)).await?;
        let held: Option<UserRow> = transaction.fetch_optional(HOLD_USER, args![user]).await?;
        let Some(user) = held.map(User::try_from).transpose()? else {
            return Err(AddMemberError::NoUser);
        };
        if user.instance_role != InstanceRole::Member {
            return Err(AddMemberError::NotAMemberUser);
        }
        if !user.is_active {
            return Err(AddMemberError::Inactive);
        }
        let new = args![app, user.id, role.as_str(), change.at];
        if transaction.execute(INSERT_MEMBER, new).await? == 0 {
            return Err(AddMemberError::AlreadyMember);
        }
        let added = Member {
            user,
            role,
            joined_at: change.at,
        };
        let entry = about("add_member", app, &added).after(state(role));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(added)
    }

    async fn set_member_role(
        &self,
        app: AppId,
        user: &UserRef,
        role: AppRole,
        change: &Change,
    ) -> Result<Option<Member>, StoreError> {
        let mut transaction = self.db.write_accounts().await?;
        let Some(before) = hold(&mut transaction, app, user, change).await? else {
            return Ok(None);
        };
        if before.role == role {
            return Ok(Some(before));
        }
        let set = args![app, before.user.id, role.as_str()];
        transaction.execute(SET_ROLE, set).await?;
        let entry = about("update_member", app, &before)
            .before(state(before.role))
            .after(state(role));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(Some(Member { role, ..before }))
    }

    async fn remove_member(&self, app: AppId, user: &UserRef, change: &Change) -> Result<bool, StoreError> {
        let mut transaction = self.db.write_accounts().await?;
        let Some(before) = hold(&mut transaction, app, user, change).await? else {
            return Ok(false);
        };
        transaction
            .execute(DELETE_MEMBER, args![app, before.user.id])
            .await?;
        let entry = about("remove_member", app, &before).before(state(before.role));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn find_candidates(
        &self,
        app: AppId,
        part: &str,
        limit: u32,
    ) -> Result<Vec<Candidate>, StoreError> {
        let args = args![
            app,
            InstanceRole::Member.as_str(),
            anywhere(part),
            u64::from(limit)
        ];
        let rows: Vec<(Uuid, String)> = self.db.fetch_all(FIND_CANDIDATES, args).await?;
        rows.into_iter()
            .map(|(id, username)| {
                Ok(Candidate {
                    id: UserId(id),
                    username: parse("username", &username)?,
                })
            })
            .collect()
    }
}

/// The member, who stays what they are until `transaction` ends, if the author of `change` may still change members.
/// The app is held too: whoever writes in it meanwhile has a role that nobody takes before they have written.
async fn hold(
    transaction: &mut Transaction,
    app: AppId,
    user: &UserRef,
    change: &Change,
) -> Result<Option<Member>, StoreError> {
    let held: Option<(Uuid,)> = transaction.fetch_optional(HOLD_APP, args![app]).await?;
    if held.is_none() {
        return Ok(None);
    }
    confirm(transaction, change, Some(app)).await?;
    let args = args![app, user.id(), user.name()];
    let held: Option<(Uuid,)> = transaction.fetch_optional(HOLD_MEMBER, args).await?;
    let Some((user,)) = held else {
        return Ok(None);
    };
    let args = args![app, Some(UserId(user)), None::<&str>];
    let row: Option<MemberRow> = transaction.fetch_optional(FIND_MEMBER, args).await?;
    row.map(Member::try_from).transpose()
}

/// What the audit log says of a membership.
fn about(action: &'static str, app: AppId, member: &Member) -> Entry {
    Entry::new(action)
        .in_app(app)
        .about("member", member.user.id, &member.user.username)
}

fn state(role: AppRole) -> Value {
    json!({ "role": role.as_str() })
}

/// A pattern for names with `part` anywhere. Names are in lower case, and none has the `!` that escapes.
fn anywhere(part: &str) -> String {
    let escaped = part
        .to_ascii_lowercase()
        .replace('!', "!!")
        .replace('%', "!%")
        .replace('_', "!_");
    format!("%{escaped}%")
}

impl TryFrom<MemberRow> for Member {
    type Error = StoreError;

    fn try_from(row: MemberRow) -> Result<Self, StoreError> {
        Ok(Self {
            user: row.user.try_into()?,
            role: parse("app role", &row.role)?,
            joined_at: Timestamp::from_micros(row.joined_at),
        })
    }
}
