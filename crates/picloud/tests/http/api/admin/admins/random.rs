//! Random people try random things, against a model of what must come of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{PASSWORD, person};
use crate::harness::{App, Client, OWNER, TestCloud, items};

const TRIES: u32 = 5_000;
/// On a machine with nothing else to do they take a few seconds; on one that is busy, fewer do.
const TIME_MAX: Duration = Duration::from_secs(75);
const TRIES_MIN: u32 = 300;
const PEOPLE: [&str; 6] = [OWNER.0, "grace", "edsger", "alan", "barbara", "donald"];
const ROLES: [&str; 3] = ["member", "admin", "owner"];

/// A person as the model has them. `role` counts in [`ROLES`].
struct Person {
    name: &'static str,
    role: usize,
    is_active: bool,
    client: Client,
    /// Whether the client's session has not ended.
    is_signed_in: bool,
}

#[test]
fn five_thousand_tries_end_as_the_rules_say() {
    let cloud = TestCloud::start();
    let app = cloud.app("shop");
    let mut people: Vec<Person> = PEOPLE.iter().map(|name| newcomer(&cloud, name)).collect();
    let mut chance = Chance(20_261_128);
    let start = Instant::now();
    let (mut tries, mut changes) = (0, 0);
    while tries < TRIES && start.elapsed() < TIME_MAX {
        let by = chance.below(people.len());
        if !people[by].is_signed_in && people[by].is_active && chance.below(3) == 0 {
            people[by].client = cloud.sign_in(people[by].name, password(people[by].name));
            people[by].is_signed_in = true;
        }
        changes += u32::from(attempt(&mut people, by, &app, &mut chance));
        tries += 1;
        assert!(
            people.iter().any(|person| person.is_active && person.role == 2),
            "after try {tries}"
        );
    }
    assert!(
        tries >= TRIES_MIN && changes > tries / 20,
        "{tries} tries, {changes} changes"
    );
    compare(&cloud, &people);
}

fn newcomer(cloud: &TestCloud, name: &'static str) -> Person {
    let role = if name == OWNER.0 { 2 } else { 0 };
    if name != OWNER.0 {
        person(cloud, name, ROLES[role]);
    }
    Person {
        name,
        role,
        is_active: true,
        client: cloud.sign_in(name, password(name)),
        is_signed_in: true,
    }
}

fn password(name: &str) -> &'static str {
    if name == OWNER.0 { OWNER.1 } else { PASSWORD }
}

/// One random thing; whether an account was changed.
fn attempt(people: &mut [Person], by: usize, app: &App<'_>, chance: &mut Chance) -> bool {
    let whom = chance.below(people.len());
    let actor = &people[by];
    let may_call = |least: usize| match (actor.is_signed_in, actor.role >= least) {
        (false, _) => 401,
        (true, true) => 200,
        (true, false) => 403,
    };
    match chance.below(10) {
        0 => {
            let expected = may_call(1);
            actor.client.get("/admin/admins").expect(expected);
        }
        1 => {
            // Admins are editors everywhere, members are nothing without a membership.
            let expected = if actor.role == 0 && actor.is_signed_in {
                404
            } else {
                may_call(1)
            };
            actor
                .client
                .get(&format!("/admin/apps/{}", app.slug))
                .expect(expected);
        }
        2 => {
            let expected = if actor.role == 0 && actor.is_signed_in {
                404
            } else {
                may_call(2)
            };
            let path = format!("/admin/apps/{}", app.slug);
            actor
                .client
                .patch(&path, &json!({ "description": "described" }))
                .expect(expected);
        }
        3 => {
            let role = chance.below(3);
            let expected = match may_call(1.max(role)) {
                200 => 201,
                other => other,
            };
            let body = json!({ "email": "new@example.com", "instance_role": ROLES[role] });
            let answer = actor.client.post("/admin/invitations", &body).expect(expected);
            if expected == 201 {
                let id = answer.json()["id"].as_str().expect("an id").to_owned();
                actor
                    .client
                    .delete(&format!("/admin/invitations/{id}"))
                    .expect(204);
            }
        }
        _ => return update(people, by, whom, chance),
    }
    false
}

fn update(people: &mut [Person], by: usize, whom: usize, chance: &mut Chance) -> bool {
    let role = [None, Some(chance.below(3))][chance.below(2)];
    let active = [None, Some(chance.below(3) != 0)][chance.below(2)];
    let (actor, target) = (&people[by], &people[whom]);
    let (to_role, to_active) = (role.unwrap_or(target.role), active.unwrap_or(target.is_active));
    let above = target.role.max(to_role) > actor.role;
    let others = people.iter().enumerate().filter(|(person, _)| *person != whom);
    let another_owner = others
        .map(|(_, person)| person)
        .any(|person| person.is_active && person.role == 2);
    let stops_being_owner = target.role == 2 && target.is_active && !(to_role == 2 && to_active);
    let expected = if !actor.is_signed_in {
        (401, "unauthenticated")
    } else if actor.role == 0 || above {
        (403, "forbidden")
    } else if stops_being_owner && !another_owner {
        (409, "last_owner")
    } else {
        (200, "")
    };

    let mut body = json!({});
    if let Some(role) = role {
        body["instance_role"] = ROLES[role].into();
    }
    if let Some(active) = active {
        body["is_active"] = active.into();
    }
    let answer = actor
        .client
        .patch(&format!("/admin/admins/{}", target.name), &body);
    let (status, code) = expected;
    if status != 200 {
        answer.problem(status, code);
        return false;
    }
    let changed = answer.expect(200).json();
    assert_eq!(
        (&changed["instance_role"], &changed["is_active"]),
        (&Value::from(ROLES[to_role]), &Value::from(to_active))
    );
    let target = &mut people[whom];
    if to_role < target.role || (target.is_active && !to_active) {
        target.is_signed_in = false;
    }
    (target.role, target.is_active) = (to_role, to_active);
    true
}

/// What the server says in the end is what the model says.
fn compare(cloud: &TestCloud, people: &[Person]) {
    let owner = people.iter().find(|person| person.is_active && person.role == 2);
    let owner = owner.expect("an active owner");
    let client = cloud.sign_in(owner.name, password(owner.name));
    let found: Vec<(Value, Value, Value)> = items(client.get("/admin/admins"))
        .iter()
        .map(|user| {
            (
                user["username"].clone(),
                user["instance_role"].clone(),
                user["is_active"].clone(),
            )
        })
        .collect();
    let expected: Vec<(Value, Value, Value)> = people
        .iter()
        .map(|person| {
            (
                person.name.into(),
                ROLES[person.role].into(),
                person.is_active.into(),
            )
        })
        .collect();
    assert_eq!(found, expected);
}

/// `SplitMix64`: the same numbers in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let most = u64::try_from(end).expect("few choices");
        usize::try_from((mixed ^ (mixed >> 31)) % most).expect("less than the end")
    }
}
