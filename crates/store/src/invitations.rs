//! Invitations.

use async_trait::async_trait;
use picloud_shared::{
    access::{AppRole, Capability},
    account::{AccountRefused, Standing, may_manage},
    change::Change,
    id::{AppId, InvitationId, UserId},
    invitation::{Invitation, InvitedMembership, Inviter},
    page::{Page, PageRequest},
    repository::{
        AcceptInvitationError, CreateInvitationError, DeletedInvitation, InvitationRepository, InvitedPerson,
        StoreError,
    },
    time::Timestamp,
    user::{Credentials, Email, User, Username},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Store,
    accounts::{self, actor, insert_account},
    audit::{Entry, append},
    authority::{confirm, confirm_for},
    convert::parse,
    db::Transaction,
    statements::statements,
    value::args,
};

/// Invitations, and how the person `u` stands to each.
macro_rules! select {
    ($person:literal, $rest:literal) => {
        concat!(
            "SELECT i.id, i.username, i.email, i.instance_role, i.app_id, i.app_role, i.created_by, i.created_at, \
             i.expires_at, u.username AS person, u.instance_role AS person_role, \
             u.is_active AS person_is_active, m.role AS person_app_role FROM invitations i ",
            $person,
            " LEFT JOIN app_members m ON m.app_id = i.app_id AND m.user_id = u.id ",
            $rest
        )
    };
}

statements! {
    // Not those of other apps: whoever deletes one of these may hold some of its invitations and wait for others.
    DELETE_ENDED_INVITATIONS = "DELETE FROM invitations WHERE expires_at <= $1 AND (app_id IS NULL OR app_id = $2)";
    HAS_INVITATION = "SELECT id FROM invitations WHERE id = $1";
    HAS_USERNAME = "SELECT id FROM users WHERE username = $1";
    /// Makes the writers of one app wait for each other; see `ReleaseChange`.
    LOCK_INVITING_APP = "UPDATE apps SET release = release WHERE id = $1";
    INSERT_INVITATION = "INSERT INTO invitations (id, token_hash, username, email, instance_role, app_id, app_role, \
        created_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    LIST_INVITATIONS = select!("JOIN users u ON u.id = $1", "WHERE i.id > $2 AND i.expires_at > $3 \
        ORDER BY i.id LIMIT $4");
    FIND_INVITATION_FOR = select!("JOIN users u ON u.id = $1", "WHERE i.id = $2");
    FIND_INVITATION = select!("JOIN users u ON u.id = i.created_by", "WHERE i.token_hash = $1 AND i.expires_at > $2");
    INSERT_INVITED_MEMBER = "INSERT INTO app_members (app_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)";
    DELETE_INVITATION = "DELETE FROM invitations WHERE id = $1";
}

#[derive(sqlx::FromRow)]
struct InvitationRow {
    id: Uuid,
    username: Option<String>,
    email: Option<String>,
    instance_role: String,
    app_id: Option<Uuid>,
    app_role: Option<String>,
    created_by: Uuid,
    created_at: i64,
    expires_at: i64,
}

#[derive(sqlx::FromRow)]
struct FoundRow {
    #[sqlx(flatten)]
    invitation: InvitationRow,
    person: String,
    person_role: String,
    person_is_active: bool,
    person_app_role: Option<String>,
}

#[async_trait]
impl InvitationRepository for Store {
    async fn create_invitation(
        &self,
        invitation: &Invitation,
        token_hash: &[u8; 32],
        change: &Change,
    ) -> Result<(), CreateInvitationError> {
        let mut transaction = self.db.write_accounts().await?;
        confirm(&mut transaction, change, None).await?;
        let role = invitation.instance_role;
        if !may_manage(actor(&mut transaction, change).await?, role) {
            return Err(AccountRefused::AboveRank(role).into());
        }
        if let Some(username) = &invitation.username {
            let args = args![username.as_str()];
            let taken: Option<(Uuid,)> = transaction.fetch_optional(HAS_USERNAME, args).await?;
            if taken.is_some() {
                return Err(CreateInvitationError::UsernameTaken);
            }
        }
        let app = invitation.membership.map(|membership| membership.app);
        if let Some(app) = app
            && !lock_app(&mut transaction, app).await?
        {
            return Err(CreateInvitationError::NoApp);
        }
        if app.is_some() {
            confirm_for(&mut transaction, change, Capability::MemberManage, app).await?;
        }
        let ended = args![change.at, app];
        transaction.execute(DELETE_ENDED_INVITATIONS, ended).await?;
        let new = args![
            invitation.id,
            token_hash,
            invitation.username.as_ref().map(Username::as_str),
            invitation.email.as_ref().map(Email::as_str),
            role.as_str(),
            app,
            invitation.membership.map(|membership| membership.role.as_str()),
            invitation.created_by,
            invitation.created_at,
            invitation.expires_at,
        ];
        transaction.execute(INSERT_INVITATION, new).await?;
        let entry = about("create_invitation", invitation).after(state(invitation));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn list_invitations(
        &self,
        viewer: UserId,
        now: Timestamp,
        page: PageRequest,
    ) -> Result<Page<Invitation>, StoreError> {
        let wanted = page.limit as usize + 1;
        let mut invitations: Vec<Invitation> = Vec::new();
        let mut after = page.after.unwrap_or_default();
        // What the viewer may see is decided by the one rule there is, not once more in SQL. So a page may take several
        // reads; invitations are few, as they are made by hand and end within days.
        while invitations.len() < wanted {
            let args = args![viewer, after, now, u64::from(page.limit) + 1];
            let rows: Vec<FoundRow> = self.db.fetch_all(LIST_INVITATIONS, args).await?;
            let is_last = rows.len() < wanted;
            after = rows.last().map_or(after, |row| row.invitation.id);
            for row in rows {
                invitations.extend(good(row)?.map(|(invitation, _)| invitation));
            }
            if is_last {
                break;
            }
        }
        invitations.truncate(wanted);
        Ok(Page::from_overfull(
            invitations,
            page.limit,
            |invitation: &Invitation| invitation.id.0,
        ))
    }

    async fn delete_invitation(
        &self,
        invitation: InvitationId,
        change: &Change,
    ) -> Result<DeletedInvitation, StoreError> {
        let mut transaction = self.db.write_accounts().await?;
        let known: Option<(Uuid,)> = transaction
            .fetch_optional(HAS_INVITATION, args![invitation])
            .await?;
        if known.is_none() {
            return Ok(DeletedInvitation::NotThere);
        }
        let row: Option<FoundRow> = transaction
            .fetch_optional(FIND_INVITATION_FOR, args![change.author, invitation])
            .await?;
        let Some((found, _)) = row.map(good).transpose()?.flatten() else {
            return Ok(DeletedInvitation::Hidden);
        };
        transaction.execute(DELETE_INVITATION, args![invitation]).await?;
        let entry = about("delete_invitation", &found).before(state(&found));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(DeletedInvitation::Deleted)
    }

    async fn find_invitation(
        &self,
        token_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<(Invitation, Username)>, StoreError> {
        let row: Option<FoundRow> = self
            .db
            .fetch_optional(FIND_INVITATION, args![token_hash, now])
            .await?;
        row.map(good).transpose().map(Option::flatten)
    }

    async fn accept_invitation(
        &self,
        token_hash: &[u8; 32],
        new: &InvitedPerson,
        change: &Change,
    ) -> Result<Option<User>, AcceptInvitationError> {
        let mut transaction = self.db.write_accounts().await?;
        let row: Option<FoundRow> = transaction
            .fetch_optional(FIND_INVITATION, args![token_hash, change.at])
            .await?;
        let Some((invitation, _)) = row.map(good).transpose()?.flatten() else {
            return Ok(None);
        };
        if let Some(membership) = invitation.membership
            && !lock_app(&mut transaction, membership.app).await?
        {
            return Ok(None);
        }
        let credentials = Credentials {
            user: User {
                id: new.id,
                username: invitation.username.as_ref().unwrap_or(&new.username).clone(),
                email: invitation.email.clone().map(String::from),
                instance_role: invitation.instance_role,
                is_active: true,
                created_at: change.at,
            },
            password_hash: new.password_hash.clone(),
        };
        if !insert_account(&mut transaction, &credentials).await? {
            return Err(AcceptInvitationError::UsernameTaken);
        }
        if let Some(InvitedMembership { app, role }) = invitation.membership {
            let member = args![app, new.id, role.as_str(), change.at];
            transaction.execute(INSERT_INVITED_MEMBER, member).await?;
        }
        transaction
            .execute(DELETE_INVITATION, args![invitation.id])
            .await?;
        let entry = about("accept_invitation", &invitation)
            .before(state(&invitation))
            .after(accounts::state(&credentials.user));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(Some(credentials.user))
    }
}

/// Keeps an app from being deleted before the end of the transaction; `false` if it is gone.
async fn lock_app(transaction: &mut Transaction, app: AppId) -> Result<bool, StoreError> {
    Ok(transaction.execute(LOCK_INVITING_APP, args![app]).await? == 1)
}

/// A record about an invitation.
fn about(action: &'static str, invitation: &Invitation) -> Entry {
    let name = invitation.username.as_ref().map(Username::as_str);
    let email = invitation.email.as_ref().map(Email::as_str);
    let entry = Entry::new(action).about("invitation", invitation.id, name.or(email).unwrap_or_default());
    match invitation.membership {
        Some(membership) => entry.in_app(membership.app),
        None => entry,
    }
}

/// What a record says of an invitation.
fn state(invitation: &Invitation) -> Value {
    json!({
        "username": invitation.username,
        "email": invitation.email,
        "instance_role": invitation.instance_role,
        "app_role": invitation.membership.map(|membership| membership.role),
        "created_by": invitation.created_by.to_string(),
        "expires_at": invitation.expires_at,
    })
}

/// The invitation and the name of the person, if they could give, now, what it gives.
fn good(row: FoundRow) -> Result<Option<(Invitation, Username)>, StoreError> {
    let invitation = Invitation::try_from(row.invitation)?;
    let membership: Option<AppRole> = row
        .person_app_role
        .map(|role| parse("app role", &role))
        .transpose()?;
    let person = Inviter {
        standing: Standing {
            instance_role: parse("role", &row.person_role)?,
            is_active: row.person_is_active,
        },
        membership,
    };
    if !person.may_give(invitation.instance_role, invitation.membership) {
        return Ok(None);
    }
    Ok(Some((invitation, parse("username", &row.person)?)))
}

impl TryFrom<InvitationRow> for Invitation {
    type Error = StoreError;

    fn try_from(row: InvitationRow) -> Result<Self, StoreError> {
        let membership = match (row.app_id, row.app_role) {
            (Some(app), Some(role)) => Some(InvitedMembership {
                app: AppId(app),
                role: parse("app role", &role)?,
            }),
            _ => None,
        };
        Ok(Self {
            id: InvitationId(row.id),
            username: row.username.map(|name| parse("username", &name)).transpose()?,
            email: row
                .email
                .map(|email| parse("e-mail address", &email))
                .transpose()?,
            instance_role: parse("role", &row.instance_role)?,
            membership,
            created_by: UserId(row.created_by),
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: Timestamp::from_micros(row.expires_at),
        })
    }
}
