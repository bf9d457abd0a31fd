//! Random lives of a small instance, against what must hold whatever people try.
//!
//! The model keeps accounts, memberships and tokens and lets random people try random things, deciding with the very
//! functions that the server decides with. What must hold is said here a second time, in other words.

use super::*;
use crate::{
    access::{AppRole, Capability, Ceiling, Decision, Needs, Place, Subject, decide, role_in},
    id::AppId,
};

const TRIES: u32 = 1_000_000;
const PEOPLE: usize = 9;
const APPS: usize = 3;

#[test]
fn an_admin_is_below_an_owner_and_a_deactivated_one_below_all() {
    let standing = |instance_role, is_active| Standing {
        instance_role,
        is_active,
    };
    let change = |before: Option<InstanceRole>, after: Option<InstanceRole>| AccountChange {
        before: before.map(|role| standing(role, true)),
        after: after.map(|role| standing(role, true)),
    };
    let (member, admin, owner) = (InstanceRole::Member, InstanceRole::Admin, InstanceRole::Owner);
    let by = |role, active, change| check(Actor::Person(standing(role, active)), change, true);

    assert_eq!(by(admin, true, change(None, Some(admin))), Ok(()));
    assert_eq!(by(admin, true, change(Some(admin), None)), Ok(()));
    for above in [
        change(None, Some(owner)),
        change(Some(owner), None),
        change(Some(member), Some(owner)),
    ] {
        assert_eq!(by(admin, true, above), Err(AccountRefused::AboveRank(owner)));
        assert_eq!(by(owner, true, above), Ok(()));
        assert_eq!(check(Actor::Machine, above, true), Ok(()));
    }
    let refused = Err(AccountRefused::AboveRank(admin));
    assert_eq!(by(member, true, change(None, Some(member))), refused);
    assert_eq!(by(owner, false, change(None, Some(member))), refused);
}

#[test]
fn the_last_active_owner_stays_whoever_asks() {
    let standing = |instance_role, is_active| {
        Some(Standing {
            instance_role,
            is_active,
        })
    };
    let owner = standing(InstanceRole::Owner, true);
    for after in [
        None,
        standing(InstanceRole::Owner, false),
        standing(InstanceRole::Admin, true),
    ] {
        let change = AccountChange { before: owner, after };
        assert_eq!(
            check(Actor::Machine, change, false),
            Err(AccountRefused::LastOwner)
        );
        assert_eq!(check(Actor::Machine, change, true), Ok(()));
    }
    let idle = standing(InstanceRole::Owner, false);
    let gone = AccountChange {
        before: idle,
        after: None,
    };
    assert_eq!(check(Actor::Machine, gone, false), Ok(()), "no active owner goes");
}

#[test]
fn a_million_tries_end_in_no_escalation_and_never_without_an_owner() {
    let mut model = Model::new();
    let mut chance = Chance(20_261_128);
    let mut done = [0_u32; Try::KINDS];
    for number in 0..TRIES {
        let what = Try::any(&mut chance);
        if model.attempt(what) {
            done[what.kind()] += 1;
        }
        assert!(
            model.has_active_owner(),
            "after try {number}, {what:?}: nobody is left\n{model:?}"
        );
    }
    // Each kind of change was really made, so that none of this holds for want of tries.
    assert!(done.iter().all(|times| *times > 1_000), "{done:?}");
}

/// People, what they are in apps, and their tokens.
#[derive(Debug)]
struct Model {
    people: [Option<Standing>; PEOPLE],
    members: [[Option<AppRole>; APPS]; PEOPLE],
    tokens: [Option<Ceiling>; PEOPLE],
}

/// Somebody tries something.
#[derive(Clone, Copy, Debug)]
enum Try {
    Create {
        by: usize,
        whom: usize,
        to: Standing,
    },
    Update {
        by: usize,
        whom: usize,
        to: Standing,
    },
    Delete {
        by: usize,
        whom: usize,
    },
    Grant {
        by: usize,
        with_token: bool,
        app: usize,
        whom: usize,
        role: Option<AppRole>,
    },
    Mint {
        by: usize,
        ceiling: Ceiling,
    },
    Act {
        by: usize,
        with_token: bool,
        capability: Capability,
        app: usize,
    },
}

impl Model {
    fn new() -> Self {
        let owner = Standing {
            instance_role: InstanceRole::Owner,
            is_active: true,
        };
        let mut people = [None; PEOPLE];
        people[0] = Some(owner);
        Self {
            people,
            members: [[None; APPS]; PEOPLE],
            tokens: [None; PEOPLE],
        }
    }

    fn has_active_owner(&self) -> bool {
        let owner = |person: &Standing| person.is_active && person.instance_role == InstanceRole::Owner;
        self.people.iter().flatten().any(owner)
    }

    /// Whether it was done.
    fn attempt(&mut self, what: Try) -> bool {
        match what {
            Try::Create { by, whom, to } => {
                self.people[whom].is_none() && self.change_account(by, whom, Some(to))
            }
            Try::Update { by, whom, to } => {
                self.people[whom].is_some() && self.change_account(by, whom, Some(to))
            }
            Try::Delete { by, whom } => self.people[whom].is_some() && self.change_account(by, whom, None),
            Try::Grant {
                by,
                with_token,
                app,
                whom,
                role,
            } => self.grant(by, with_token, app, whom, role),
            Try::Mint { by, ceiling } => {
                let may = self.people[by].is_some_and(|person| person.is_active);
                if may {
                    self.tokens[by] = Some(ceiling);
                }
                may
            }
            Try::Act {
                by,
                with_token,
                capability,
                app,
            } => self.act(by, with_token, capability, app),
        }
    }

    fn change_account(&mut self, by: usize, whom: usize, after: Option<Standing>) -> bool {
        let Some(actor) = self.people[by] else {
            return false;
        };
        let before = self.people[whom];
        let others = self
            .people
            .iter()
            .enumerate()
            .filter(|(person, _)| *person != whom);
        let another_owner = others
            .filter_map(|(_, person)| *person)
            .any(Standing::is_active_owner);
        let change = AccountChange { before, after };
        if check(Actor::Person(actor), change, another_owner).is_err() {
            return false;
        }

        assert!(
            actor.is_active,
            "a deactivated person changed an account: {change:?}"
        );
        assert_ne!(
            actor.instance_role,
            InstanceRole::Member,
            "a member changed an account: {change:?}"
        );
        for role in [before, after]
            .into_iter()
            .flatten()
            .map(|standing| standing.instance_role)
        {
            assert!(
                rank(role) <= rank(actor.instance_role),
                "{actor:?} acted above their rank: {change:?}"
            );
        }
        if by == whom {
            let own = after.map_or(0, |after| rank(after.instance_role));
            assert!(
                own <= rank(actor.instance_role),
                "{actor:?} raised themselves: {change:?}"
            );
        }
        self.people[whom] = after;
        if after.is_none_or(|after| !after.is_active) {
            self.tokens[whom] = None;
        }
        if after.is_none() {
            self.members[whom] = [None; APPS];
        }
        true
    }

    fn grant(&mut self, by: usize, with_token: bool, app: usize, whom: usize, role: Option<AppRole>) -> bool {
        let allowed = self.act(by, with_token, Capability::MemberManage, app);
        if !allowed || self.people[whom].is_none() {
            return false;
        }
        let actor = self.people[by].expect("somebody acted");
        let is_app_admin = self.members[by][app] == Some(AppRole::AppAdmin);
        assert!(
            actor.instance_role == InstanceRole::Owner || is_app_admin,
            "{actor:?} granted {role:?} in an app that is not theirs"
        );
        self.members[whom][app] = role;
        true
    }

    fn act(&self, by: usize, with_token: bool, capability: Capability, app: usize) -> bool {
        // Whoever is deactivated or gone has neither a session nor a token.
        let Some(person) = self.people[by].filter(|person| person.is_active) else {
            return false;
        };
        let ceiling = match self.tokens[by] {
            Some(ceiling) if with_token => ceiling,
            None if with_token => return false,
            _ => Ceiling::default(),
        };
        let subject = Subject {
            instance_role: person.instance_role,
            ceiling,
        };
        let membership = self.members[by][app];
        let place = match capability.needs() {
            Needs::Instance(_) => Place::Instance,
            Needs::App(_) => Place::App {
                app: app_id(app),
                membership,
            },
        };
        let decision = decide(subject, capability, place);
        let free = Subject {
            ceiling: Ceiling::default(),
            ..subject
        };
        if decision == Decision::Allowed {
            assert_eq!(
                decide(free, capability, place),
                Decision::Allowed,
                "a token gave {capability:?}"
            );
            match capability.needs() {
                Needs::Instance(least) => {
                    assert!(
                        rank(person.instance_role) >= rank(least),
                        "{person:?} had {capability:?}"
                    );
                }
                Needs::App(least) => {
                    let role = role_in(free, app_id(app), membership);
                    assert!(
                        role >= Some(least),
                        "{person:?}, {membership:?} had {capability:?}"
                    );
                    assert!(
                        ceiling.app.is_none_or(|only| only == app_id(app)),
                        "a token left its app"
                    );
                    assert!(
                        ceiling.role.is_none_or(|most| most >= least),
                        "a token passed its ceiling"
                    );
                }
            }
        }
        if person.instance_role == InstanceRole::Member && membership.is_none() {
            assert_ne!(decision, Decision::Allowed, "a stranger had {capability:?}");
        }
        decision == Decision::Allowed
    }
}

impl Try {
    const KINDS: usize = 6;

    fn any(chance: &mut Chance) -> Self {
        let (by, whom, app) = (chance.below(PEOPLE), chance.below(PEOPLE), chance.below(APPS));
        let to = Standing {
            instance_role: InstanceRole::ALL[chance.below(InstanceRole::ALL.len())],
            is_active: chance.below(4) != 0,
        };
        let role = AppRole::ALL.get(chance.below(AppRole::ALL.len() + 1)).copied();
        let with_token = chance.below(2) == 0;
        match chance.below(8) {
            0 => Self::Create { by, whom, to },
            1 | 2 => Self::Update { by, whom, to },
            3 => Self::Delete { by, whom },
            4 => Self::Grant {
                by,
                with_token,
                app,
                whom,
                role,
            },
            5 => {
                let app = (chance.below(2) == 0).then(|| app_id(app));
                Self::Mint {
                    by,
                    ceiling: Ceiling { app, role },
                }
            }
            _ => {
                let capability = Capability::ALL[chance.below(Capability::ALL.len())];
                Self::Act {
                    by,
                    with_token,
                    capability,
                    app,
                }
            }
        }
    }

    fn kind(self) -> usize {
        match self {
            Self::Create { .. } => 0,
            Self::Update { .. } => 1,
            Self::Delete { .. } => 2,
            Self::Grant { .. } => 3,
            Self::Mint { .. } => 4,
            Self::Act { .. } => 5,
        }
    }
}

fn rank(role: InstanceRole) -> u8 {
    match role {
        InstanceRole::Member => 0,
        InstanceRole::Admin => 1,
        InstanceRole::Owner => 2,
    }
}

fn app_id(app: usize) -> AppId {
    AppId(uuid::Uuid::from_u128(app as u128 + 1))
}

/// `SplitMix64`: the same numbers in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let most = u64::try_from(end).unwrap_or(u64::MAX);
        usize::try_from((mixed ^ (mixed >> 31)) % most).unwrap_or(0)
    }
}
