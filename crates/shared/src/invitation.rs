//! Invitations: a link makes one account, for whom it names, once, within three days.

use std::time::Duration;

use crate::{
    access::{AppRole, Ceiling, Place, Subject, may_invite},
    account::Standing,
    id::{AppId, InvitationId, UserId},
    time::Timestamp,
    user::{Email, InstanceRole, Username},
};

/// An invitation is good for so long.
pub const INVITATION_TTL: Duration = Duration::from_hours(72);

/// An invitation that nobody took yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Names it; never its token.
    pub id: InvitationId,
    /// The username that the new person gets; if absent, they choose.
    pub username: Option<Username>,
    /// The e-mail address that the account gets.
    pub email: Option<Email>,
    /// The role that they get on the instance.
    pub instance_role: InstanceRole,
    /// The app in which they get a role too.
    pub membership: Option<InvitedMembership>,
    /// Who invited.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A role in an app that comes with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvitedMembership {
    /// Which app.
    pub app: AppId,
    /// Which role.
    pub role: AppRole,
}

/// Somebody who could have to do with an invitation, as they stand now: who made it, or who asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Inviter {
    /// On the instance.
    pub standing: Standing,
    /// In the app of the invitation, if it has one.
    pub membership: Option<AppRole>,
}

impl Inviter {
    /// Whether they may give, now, what the invitation gives. It is asked again when somebody takes it: nobody gives
    /// through an old invitation what they no longer could give by hand.
    pub fn may_give(self, role: InstanceRole, membership: Option<InvitedMembership>) -> bool {
        let subject = Subject {
            instance_role: self.standing.instance_role,
            ceiling: Ceiling::default(),
        };
        let within = membership.map(|invited| Place::App {
            app: invited.app,
            membership: self.membership,
        });
        self.standing.is_active && may_invite(subject, role, within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_gives_what_its_inviter_could_give() {
        let app = AppId(uuid::Uuid::from_u128(1));
        let inviter = |instance_role, is_active, membership| Inviter {
            standing: Standing {
                instance_role,
                is_active,
            },
            membership,
        };
        let (member, admin, owner) = (InstanceRole::Member, InstanceRole::Admin, InstanceRole::Owner);
        let viewer = Some(InvitedMembership {
            app,
            role: AppRole::Viewer,
        });
        let app_admin = Some(AppRole::AppAdmin);
        for (inviter, role, membership, expected) in [
            (inviter(owner, true, None), owner, None, true),
            (inviter(owner, true, None), member, viewer, true),
            (inviter(owner, false, None), member, None, false),
            (inviter(admin, true, None), owner, None, false),
            (inviter(admin, true, None), admin, None, true),
            (inviter(admin, true, None), member, viewer, false),
            (inviter(admin, true, app_admin), member, viewer, true),
            (inviter(member, true, app_admin), member, viewer, false),
        ] {
            assert_eq!(
                inviter.may_give(role, membership),
                expected,
                "{inviter:?} {role:?} {membership:?}"
            );
        }
    }
}
