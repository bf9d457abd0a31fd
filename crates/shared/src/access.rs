//! Who may do what: one pure function decides, from a person's roles, what they want to do, and where.
//!
//! Every operation of the API names its [`Capability`] in one table, and nothing else decides. What somebody may not
//! even see is [`Decision::Hidden`]: it is answered exactly like something that does not exist.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    id::AppId,
    user::{InstanceRole, UnknownRole},
};

/// What a person may do in one app, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum AppRole {
    /// Reads.
    Viewer,
    /// Changes scripts, routes and data.
    Editor,
    /// Also changes domains, settings, members and secrets.
    AppAdmin,
}

impl AppRole {
    /// Every role, from the least to the most.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Editor, Self::AppAdmin];

    /// The word for it in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::AppAdmin => "app_admin",
        }
    }
}

impl FromStr for AppRole {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownRole {
                word: text.to_owned(),
                known: "viewer, editor or app_admin",
            })
    }
}

/// Read from a text and from nothing else: by itself, serde would also take `{"viewer": null}`.
impl TryFrom<String> for AppRole {
    type Error = UnknownRole;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident = $word:literal: $needs:expr;)+) => {
        /// Something that can be done, and whose role suffices for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Capability {
            $($(#[$doc])* $name,)+
        }

        impl Capability {
            /// Every capability.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word for it in the API's description and the audit log.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// The least role that has it.
            pub fn needs(self) -> Needs {
                match self { $(Self::$name => $needs),+ }
            }
        }
    };
}

/// The least role for a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// This role on the instance.
    Instance(InstanceRole),
    /// This role in the app concerned.
    App(AppRole),
}

impl Needs {
    /// The word for the role.
    pub fn role(self) -> &'static str {
        match self {
            Self::Instance(role) => role.as_str(),
            Self::App(role) => role.as_str(),
        }
    }
}

capabilities! {
    /// See an app with its scripts, routes, domains, releases and executions.
    AppRead = "app.read": Needs::App(AppRole::Viewer);
    /// Change scripts, and run what is not saved.
    ScriptWrite = "script.write": Needs::App(AppRole::Editor);
    /// Change routes.
    RouteWrite = "route.write": Needs::App(AppRole::Editor);
    /// Apply and restore releases. Where that changes domains, it needs [`Self::DomainWrite`] too.
    ReleaseWrite = "release.write": Needs::App(AppRole::Editor);
    /// Claim domains and give them up.
    DomainWrite = "domain.write": Needs::App(AppRole::AppAdmin);
    /// See what an app keeps, and how much that is.
    DataRead = "data.read": Needs::App(AppRole::Viewer);
    /// Change what an app keeps, and its configuration.
    DataWrite = "data.write": Needs::App(AppRole::Editor);
    /// See what starts an app's scripts, and which events wait, run or are dead.
    EventRead = "event.read": Needs::App(AppRole::Viewer);
    /// Change subscriptions and schedules, and cancel, redrive or purge events.
    EventWrite = "event.write": Needs::App(AppRole::Editor);
    /// Publish events.
    EventPublish = "event.publish": Needs::App(AppRole::Editor);
    /// See which secrets an app has. Nobody sees what they are.
    SecretList = "secret.list": Needs::App(AppRole::Editor);
    /// Set and delete secrets.
    SecretWrite = "secret.write": Needs::App(AppRole::AppAdmin);
    /// Rename, describe or delete an app.
    AppWrite = "app.write": Needs::App(AppRole::AppAdmin);
    /// Change where scripts of an app may connect to. To let them reach what is not public takes [`Self::EgressOpen`] too.
    EgressWrite = "egress.write": Needs::App(AppRole::AppAdmin);
    /// See and change who has which role in an app.
    MemberManage = "member.manage": Needs::App(AppRole::AppAdmin);
    /// See who changed what in an app.
    AppAudit = "app.audit": Needs::App(AppRole::AppAdmin);
    /// Make apps.
    AppCreate = "app.create": Needs::Instance(InstanceRole::Admin);
    /// Change how much apps may keep.
    QuotaWrite = "quota.write": Needs::Instance(InstanceRole::Admin);
    /// Let scripts of an app reach what is not public, such as the network that the server is in.
    EgressOpen = "egress.open": Needs::Instance(InstanceRole::Admin);
    /// See and change accounts, and invite people.
    UserManage = "user.manage": Needs::Instance(InstanceRole::Admin);
    /// See who changed what on the instance.
    InstanceAudit = "instance.audit": Needs::Instance(InstanceRole::Admin);
}

/// The most that an API token may do, whatever its owner may.
///
/// With any ceiling at all, a token has no capability on the instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ceiling {
    /// In this app alone.
    pub app: Option<AppId>,
    /// With no more than this role.
    pub role: Option<AppRole>,
}

/// Who wants to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Their role on the instance.
    pub instance_role: InstanceRole,
    /// What limits the token that they use.
    pub ceiling: Ceiling,
}

/// Where something is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the instance.
    Instance,
    /// In an app.
    App {
        /// Which.
        app: AppId,
        /// What a membership says about the subject there.
        membership: Option<AppRole>,
    },
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// They may.
    Allowed,
    /// They may not, and may know that it is there.
    Forbidden,
    /// They may not even see it.
    Hidden,
}

/// Decides whether `subject` may use `capability` at `place`.
pub fn decide(subject: Subject, capability: Capability, place: Place) -> Decision {
    match (capability.needs(), place) {
        (Needs::Instance(least), Place::Instance) => {
            let unlimited = subject.ceiling == Ceiling::default();
            if unlimited && subject.instance_role >= least {
                Decision::Allowed
            } else {
                Decision::Forbidden
            }
        }
        (Needs::App(least), Place::App { app, membership }) => match role_in(subject, app, membership) {
            None => Decision::Hidden,
            Some(role) if role >= least => Decision::Allowed,
            Some(_) => Decision::Forbidden,
        },
        // A capability is asked for where it does not exist: nobody has it there.
        (Needs::Instance(_), Place::App { .. }) | (Needs::App(_), Place::Instance) => Decision::Forbidden,
    }
}

/// The role that `subject` has in `app`, if any: the highest of what their instance role implies and a membership
/// says, below the ceiling of their token.
pub fn role_in(subject: Subject, app: AppId, membership: Option<AppRole>) -> Option<AppRole> {
    if subject.ceiling.app.is_some_and(|only| only != app) {
        return None;
    }
    let implied = match subject.instance_role {
        InstanceRole::Owner => Some(AppRole::AppAdmin),
        InstanceRole::Admin => Some(AppRole::Editor),
        InstanceRole::Member => None,
    };
    let role = implied.max(membership)?;
    Some(subject.ceiling.role.map_or(role, |ceiling| role.min(ceiling)))
}

/// Whether somebody with the role `actor` may act on an account with the role `target`, or give that role: nobody
/// acts above their own rank, and below owner only admins manage accounts.
pub fn may_manage(actor: InstanceRole, target: InstanceRole) -> bool {
    actor >= InstanceRole::Admin && target <= actor
}

/// Whether `subject` may give somebody new the role `role` on the instance, and with it one in the app `within`, if
/// that is there. Whoever may not give it neither sees nor takes back an invitation to it.
pub fn may_invite(subject: Subject, role: InstanceRole, within: Option<Place>) -> bool {
    let may = |capability, place| decide(subject, capability, place) == Decision::Allowed;
    may(Capability::UserManage, Place::Instance)
        && may_manage(subject.instance_role, role)
        && within.is_none_or(|place| may(Capability::MemberManage, place))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Timestamp;

    const INSTANCE_ROLES: [InstanceRole; 3] =
        [InstanceRole::Member, InstanceRole::Admin, InstanceRole::Owner];

    fn app() -> AppId {
        AppId::new(Timestamp::from_micros(1))
    }

    fn subject(instance_role: InstanceRole) -> Subject {
        Subject {
            instance_role,
            ceiling: Ceiling::default(),
        }
    }

    #[test]
    fn roles_imply_what_they_promise() {
        let app = app();
        let in_app = |role, membership| role_in(subject(role), app, membership);
        assert_eq!(in_app(InstanceRole::Owner, None), Some(AppRole::AppAdmin));
        assert_eq!(in_app(InstanceRole::Admin, None), Some(AppRole::Editor));
        assert_eq!(
            in_app(InstanceRole::Admin, Some(AppRole::AppAdmin)),
            Some(AppRole::AppAdmin)
        );
        assert_eq!(
            in_app(InstanceRole::Admin, Some(AppRole::Viewer)),
            Some(AppRole::Editor)
        );
        assert_eq!(in_app(InstanceRole::Member, None), None);
        for role in AppRole::ALL {
            assert_eq!(in_app(InstanceRole::Member, Some(role)), Some(role));
        }
    }

    #[test]
    fn what_is_not_theirs_is_hidden_and_what_is_above_them_forbidden() {
        let place = |membership| Place::App {
            app: app(),
            membership,
        };
        let member = subject(InstanceRole::Member);
        assert_eq!(decide(member, Capability::AppRead, place(None)), Decision::Hidden);
        let viewer = place(Some(AppRole::Viewer));
        assert_eq!(decide(member, Capability::AppRead, viewer), Decision::Allowed);
        assert_eq!(
            decide(member, Capability::ScriptWrite, viewer),
            Decision::Forbidden
        );
        assert_eq!(
            decide(member, Capability::UserManage, Place::Instance),
            Decision::Forbidden
        );
    }

    #[test]
    fn nobody_manages_above_their_rank() {
        for (actor, target, expected) in [
            (InstanceRole::Owner, InstanceRole::Owner, true),
            (InstanceRole::Admin, InstanceRole::Owner, false),
            (InstanceRole::Admin, InstanceRole::Admin, true),
            (InstanceRole::Admin, InstanceRole::Member, true),
            (InstanceRole::Member, InstanceRole::Member, false),
        ] {
            assert_eq!(may_manage(actor, target), expected, "{actor:?} {target:?}");
        }
    }

    #[test]
    fn who_invites_into_an_app_manages_its_members() {
        let within = |membership| Place::App {
            app: app(),
            membership,
        };
        let (viewer, app_admin) = (Some(AppRole::Viewer), Some(AppRole::AppAdmin));
        for (inviter, role, place, expected) in [
            (InstanceRole::Owner, InstanceRole::Owner, None, true),
            (
                InstanceRole::Owner,
                InstanceRole::Member,
                Some(within(None)),
                true,
            ),
            (InstanceRole::Admin, InstanceRole::Owner, None, false),
            (InstanceRole::Admin, InstanceRole::Admin, None, true),
            (InstanceRole::Admin, InstanceRole::Member, None, true),
            (
                InstanceRole::Admin,
                InstanceRole::Member,
                Some(within(None)),
                false,
            ),
            (
                InstanceRole::Admin,
                InstanceRole::Member,
                Some(within(viewer)),
                false,
            ),
            (
                InstanceRole::Admin,
                InstanceRole::Member,
                Some(within(app_admin)),
                true,
            ),
            // Members invite nobody, wherever they are app_admin.
            (
                InstanceRole::Member,
                InstanceRole::Member,
                Some(within(app_admin)),
                false,
            ),
            (InstanceRole::Member, InstanceRole::Member, None, false),
        ] {
            let subject = subject(inviter);
            assert_eq!(
                may_invite(subject, role, place),
                expected,
                "{inviter:?} {role:?} {place:?}"
            );
        }
    }

    fn any_subject() -> impl Strategy<Value = Subject> {
        let role = proptest::sample::select(&INSTANCE_ROLES[..]);
        let ceiling_role = proptest::option::of(proptest::sample::select(&AppRole::ALL[..]));
        (role, any::<bool>(), ceiling_role).prop_map(|(instance_role, own_app, role)| Subject {
            instance_role,
            ceiling: Ceiling {
                app: own_app.then(app),
                role,
            },
        })
    }

    proptest! {
        /// A ceiling never gives anything, and more of a role never takes anything.
        #[test]
        fn a_ceiling_only_takes(
            subject in any_subject(),
            capability in proptest::sample::select(Capability::ALL),
            membership in proptest::option::of(proptest::sample::select(&AppRole::ALL[..])),
            elsewhere: bool,
        ) {
            let here = if elsewhere { AppId::new(Timestamp::from_micros(2)) } else { app() };
            for place in [Place::Instance, Place::App { app: here, membership }] {
                let free = Subject { ceiling: Ceiling::default(), ..subject };
                if decide(subject, capability, place) == Decision::Allowed {
                    prop_assert_eq!(decide(free, capability, place), Decision::Allowed);
                    let owner = Subject { instance_role: InstanceRole::Owner, ..subject };
                    prop_assert_eq!(decide(owner, capability, place), Decision::Allowed);
                }
            }
        }
    }
}
