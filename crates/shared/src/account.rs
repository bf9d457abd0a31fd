//! Who may change whose account, and what no change may leave behind.
//!
//! One pure function, [`check`], judges every change of an account. Storage asks it inside the transaction that makes
//! the change, about what the database holds at that moment.

use crate::user::{InstanceRole, User};

/// What an account allows its person on the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Their role.
    pub instance_role: InstanceRole,
    /// Whether they may sign in.
    pub is_active: bool,
}

impl Standing {
    fn is_active_owner(self) -> bool {
        self.is_active && self.instance_role == InstanceRole::Owner
    }

    /// Whether sessions of somebody who stood like this must end when they stand like `after`: what they began with
    /// more rights does not go on with fewer.
    pub fn is_lowered_to(self, after: Self) -> bool {
        after.instance_role < self.instance_role || (self.is_active && !after.is_active)
    }
}

impl From<&User> for Standing {
    fn from(user: &User) -> Self {
        Self {
            instance_role: user.instance_role,
            is_active: user.is_active,
        }
    }
}

/// Who changes an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever may use the machine, or the server itself.
    Machine,
    /// A person, as they stand at the moment of the change.
    Person(Standing),
}

/// A change of one account: how its person stands before and after it. `None` is no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountChange {
    /// Before; `None` for an account that is made.
    pub before: Option<Standing>,
    /// After; `None` for an account that is deleted.
    pub after: Option<Standing>,
}

/// Why an account may not be changed like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefused {
    /// Who asks is below this role, which the account has or is to get.
    #[error("only an active {} may do that", .0.as_str())]
    AboveRank(InstanceRole),
    /// Nobody would be left who may do everything.
    #[error("this is the last active owner")]
    LastOwner,
}

/// Judges a change of an account. `another_owner` tells whether an active owner exists beside it.
pub fn check(actor: Actor, change: AccountChange, another_owner: bool) -> Result<(), AccountRefused> {
    let roles = [change.before, change.after].into_iter().flatten();
    for role in roles.map(|standing| standing.instance_role) {
        if !may_manage(actor, role) {
            return Err(AccountRefused::AboveRank(role.max(InstanceRole::Admin)));
        }
    }
    let is_owner = |standing: Option<Standing>| standing.is_some_and(Standing::is_active_owner);
    if is_owner(change.before) && !is_owner(change.after) && !another_owner {
        return Err(AccountRefused::LastOwner);
    }
    Ok(())
}

/// Whether `actor` may act on accounts with this role, and give it. Nobody acts above their own rank, and below admin
/// nobody acts at all.
pub fn may_manage(actor: Actor, role: InstanceRole) -> bool {
    match actor {
        Actor::Machine => true,
        Actor::Person(standing) => {
            standing.is_active && crate::access::may_manage(standing.instance_role, role)
        }
    }
}

#[cfg(test)]
mod tests;
