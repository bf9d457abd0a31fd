//! Whether who makes a change may still make it.
//!
//! Who asks was let through before, by what was true then. Between that and the write their role may be taken, so it is
//! looked at once more in the transaction that writes, after what that holds: whoever takes a role in an app holds the
//! app, and whoever changes an account waits for all who change accounts and memberships.

use picloud_shared::{
    access::{AppRole, Capability, Ceiling, Decision, Place, Subject, decide},
    change::{Change, Via},
    id::AppId,
    repository::StoreError,
    user::InstanceRole,
};

use crate::{convert::parse, db::Transaction, statements::statements, value::args};

statements! {
    FIND_AUTHORITY = "SELECT u.instance_role, u.is_active, m.role FROM users u \
        LEFT JOIN app_members m ON m.user_id = u.id AND m.app_id = $2 WHERE u.id = $1";
}

#[derive(sqlx::FromRow)]
struct AuthorityRow {
    instance_role: String,
    is_active: bool,
    role: Option<String>,
}

/// Refuses a change that its author may not make any more in `app`, or on the instance if that is absent.
pub(crate) async fn confirm(
    transaction: &mut Transaction,
    change: &Change,
    app: Option<AppId>,
) -> Result<(), StoreError> {
    match change.needs {
        Some(capability) => confirm_for(transaction, change, capability, app).await,
        None => Ok(()),
    }
}

/// The same for a capability that the change needs beside that. A token's ceiling never changes, so what it forbids was
/// refused before.
pub(crate) async fn confirm_for(
    transaction: &mut Transaction,
    change: &Change,
    capability: Capability,
    app: Option<AppId>,
) -> Result<(), StoreError> {
    if matches!(change.via, Via::Server | Via::Console) {
        return Ok(());
    }
    let found: Option<AuthorityRow> = transaction
        .fetch_optional(FIND_AUTHORITY, args![change.author, app])
        .await?;
    let decision = match found.filter(|author| author.is_active) {
        Some(author) => author.decide(capability, app)?,
        None => Decision::Hidden,
    };
    match decision {
        Decision::Allowed => Ok(()),
        Decision::Forbidden | Decision::Hidden => Err(StoreError::NotAllowed {
            capability,
            is_hidden: decision == Decision::Hidden && app.is_some(),
        }),
    }
}

impl AuthorityRow {
    fn decide(&self, capability: Capability, app: Option<AppId>) -> Result<Decision, StoreError> {
        let instance_role: InstanceRole = parse("role", &self.instance_role)?;
        let membership: Option<AppRole> = self
            .role
            .as_deref()
            .map(|role| parse("app role", role))
            .transpose()?;
        let subject = Subject {
            instance_role,
            ceiling: Ceiling::default(),
        };
        let place = app.map_or(Place::Instance, |app| Place::App { app, membership });
        Ok(decide(subject, capability, place))
    }
}
