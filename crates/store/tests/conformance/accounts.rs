//! Accounts, for those who manage them.

use std::env;

use picloud_shared::{
    access::AppRole,
    account::AccountRefused,
    audit::AuditFilter,
    change::Change,
    page::PageRequest,
    repository::{
        AccountRepository, AccountUpdate, AuditRepository, MemberRepository, SessionRepository,
        UserRepository, WriteAccountError,
    },
    user::{InstanceRole, User, UserRef},
};
use picloud_store::Store;

use crate::{
    bed::{Bed, cases},
    fixtures::{app, by, change, credentials, fifty_at_once, first, now, person, session},
};

cases! {
    an_account_has_a_life,
    a_username_is_taken_in_any_case,
    accounts_are_listed_and_searched,
    who_is_lowered_loses_what_they_had,
    the_record_of_a_new_password_says_where_that_person_may_act,
    the_last_active_owner_stays,
    nobody_acts_above_their_rank_at_that_moment,
    what_is_deleted_takes_along_what_is_theirs,
    of_fifty_owners_who_delete_each_other_one_stays,
    two_owners_who_lower_each_other_leave_one,
}

const OWNER: InstanceRole = InstanceRole::Owner;
const ADMIN: InstanceRole = InstanceRole::Admin;
const MEMBER: InstanceRole = InstanceRole::Member;

fn to_role(role: InstanceRole) -> AccountUpdate {
    AccountUpdate {
        instance_role: Some(role),
        ..AccountUpdate::default()
    }
}

fn to_active(is_active: bool) -> AccountUpdate {
    AccountUpdate {
        is_active: Some(is_active),
        ..AccountUpdate::default()
    }
}

async fn an_account_has_a_life(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", OWNER).await;
    let mut new = credentials("grace");
    new.user.instance_role = ADMIN;
    store.create_account(&new, &by(&ada)).await.unwrap();
    let by_id = store.find_account(&UserRef::Id(new.user.id)).await.unwrap();
    let by_name = store.find_account(&"GRACE".parse().unwrap()).await.unwrap();
    assert_eq!(
        (by_id.as_ref(), by_name.as_ref()),
        (Some(&new.user), Some(&new.user))
    );

    let update = AccountUpdate {
        username: Some("hopper".parse().unwrap()),
        email: Some(None),
        password_hash: Some("another".to_owned()),
        instance_role: Some(MEMBER),
        is_active: Some(false),
    };
    let changed = store
        .update_account(new.user.id, &update, &by(&ada))
        .await
        .unwrap();
    let expected = User {
        username: "hopper".parse().unwrap(),
        email: None,
        instance_role: MEMBER,
        is_active: false,
        ..new.user.clone()
    };
    assert_eq!(changed.as_ref(), Some(&expected));
    let found = store.find_credentials(&expected.username).await.unwrap().unwrap();
    assert_eq!(
        (&found.user, found.password_hash.as_str()),
        (&expected, "another")
    );

    let email = Some(Some("g@example.com".parse().unwrap()));
    let update = AccountUpdate {
        email,
        ..AccountUpdate::default()
    };
    let changed = store
        .update_account(new.user.id, &update, &by(&ada))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (changed.email.as_deref(), changed.is_active),
        (Some("g@example.com"), false)
    );
    let found = store.find_credentials(&expected.username).await.unwrap().unwrap();
    assert_eq!(found.password_hash, "another", "what is absent stays");

    store
        .update_account(new.user.id, &update, &by(&ada))
        .await
        .unwrap();

    assert!(store.delete_account(new.user.id, &by(&ada)).await.unwrap());
    assert!(!store.delete_account(new.user.id, &by(&ada)).await.unwrap());
    let actions = "SELECT action FROM audit_log WHERE actor_name = 'ada' ORDER BY sequence";
    assert_eq!(
        bed.raw().await.texts(actions).await,
        ["create_user", "update_user", "update_user", "delete_user"],
        "what changes nothing leaves no record"
    );
    let gone = store
        .update_account(new.user.id, &to_role(ADMIN), &by(&ada))
        .await
        .unwrap();
    assert_eq!(gone, None);
    bed.finish().await;
}

async fn a_username_is_taken_in_any_case(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", OWNER).await;
    let grace = person(store, "grace", MEMBER).await;
    let taken = store.create_account(&credentials("GRACE"), &by(&ada)).await;
    assert!(
        matches!(taken, Err(WriteAccountError::UsernameTaken)),
        "{taken:?}"
    );
    let update = AccountUpdate {
        username: Some("Ada".parse().unwrap()),
        ..AccountUpdate::default()
    };
    let taken = store.update_account(grace.id, &update, &by(&ada)).await;
    assert!(
        matches!(taken, Err(WriteAccountError::UsernameTaken)),
        "{taken:?}"
    );
    assert!(
        store.update_account(ada.id, &update, &by(&ada)).await.is_ok(),
        "the own one"
    );

    let results =
        fifty_at_once(async |_| store.create_account(&credentials("edsger"), &by(&ada)).await).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    bed.finish().await;
}

async fn accounts_are_listed_and_searched(bed: Bed) {
    let store = &bed.store;
    let mut made = Vec::new();
    for name in ["ada", "grace", "a_c", "abc", "barbara"] {
        made.push(person(store, name, OWNER).await);
    }
    let odd = AccountUpdate {
        email: Some(Some("100%!@Example.org".parse().unwrap())),
        ..AccountUpdate::default()
    };
    store
        .update_account(made[1].id, &odd, &by(&made[0]))
        .await
        .unwrap();

    let mut seen = Vec::new();
    let mut page = PageRequest {
        limit: 2,
        after: None,
    };
    loop {
        let found = store.list_accounts(None, page).await.unwrap();
        seen.extend(found.items.into_iter().map(|user| user.id));
        match found.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, made.iter().map(|user| user.id).collect::<Vec<_>>());

    for (part, expected) in [
        ("A_C", &["a_c"][..]),
        ("bar", &["barbara"]),
        ("0%!@e", &["grace"]),
        ("EXAMPLE.ORG", &["grace"]),
        ("example.com", &["ada", "a_c", "abc", "barbara"]),
        ("%", &["grace"]),
        ("nobody", &[]),
    ] {
        let found = store.list_accounts(Some(part), first(10)).await.unwrap();
        let names: Vec<&str> = found.items.iter().map(|user| user.username.as_str()).collect();
        assert_eq!(names, expected, "{part}");
    }
    bed.finish().await;
}

async fn who_is_lowered_loses_what_they_had(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", OWNER).await;
    let grace = person(store, "grace", ADMIN).await;
    let password = AccountUpdate {
        password_hash: Some("another".to_owned()),
        ..AccountUpdate::default()
    };
    // What is changed, and how many sessions and API tokens are left.
    let steps = [
        (to_role(ADMIN), 1, 1),
        (to_role(OWNER), 1, 1),
        (to_active(true), 1, 1),
        (to_role(MEMBER), 0, 1),
        (password, 0, 0),
        (to_active(false), 0, 0),
    ];
    let mut raw = bed.raw().await;
    for (number, (update, sessions, tokens)) in steps.into_iter().enumerate() {
        raw.run("DELETE FROM api_tokens; DELETE FROM sessions").await;
        let own = session(grace.id, u8::try_from(number).unwrap());
        store.create_session(&own).await.unwrap();
        raw.run(
            "INSERT INTO api_tokens SELECT id, user_id, 'ci', token_hash, 'x', NULL, NULL, 0, NULL, NULL FROM sessions",
        )
        .await;
        store.update_account(grace.id, &update, &by(&ada)).await.unwrap();
        let left = (
            raw.number("SELECT count(*) FROM sessions").await,
            raw.number("SELECT count(*) FROM api_tokens").await,
        );
        assert_eq!(left, (sessions, tokens), "{update:?}");
    }
    bed.finish().await;
}

async fn the_record_of_a_new_password_says_where_that_person_may_act(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", OWNER).await;
    let eve = person(store, "eve", MEMBER).await;
    for (slug, role) in [
        ("two", AppRole::AppAdmin),
        ("one", AppRole::AppAdmin),
        ("three", AppRole::Editor),
    ] {
        let app = app(store, slug).await;
        store.add_member(app.id, eve.id, role, &change()).await.unwrap();
    }
    let password = AccountUpdate {
        password_hash: Some("another".to_owned()),
        ..AccountUpdate::default()
    };
    store.update_account(eve.id, &password, &by(&ada)).await.unwrap();
    let page = store.list_audit(&AuditFilter::default(), first(1)).await.unwrap();
    let after = page.items[0].clone().read().unwrap().after.unwrap();
    assert_eq!(after["password"], "changed", "{after}");
    assert_eq!(
        after["app_admin_of"],
        serde_json::json!(["one", "two"]),
        "{after}"
    );
    bed.finish().await;
}

async fn the_last_active_owner_stays(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", OWNER).await;
    person(store, "grace", ADMIN).await;
    let idle = person(store, "idle", OWNER).await;
    store
        .update_account(idle.id, &to_active(false), &by(&ada))
        .await
        .unwrap();
    let refused = |result: Result<(), WriteAccountError>| {
        assert!(
            matches!(result, Err(WriteAccountError::Refused(AccountRefused::LastOwner))),
            "{result:?}"
        );
    };
    for change in [by(&ada), Change::by_console(now())] {
        refused(
            store
                .update_account(ada.id, &to_role(ADMIN), &change)
                .await
                .map(drop),
        );
        refused(
            store
                .update_account(ada.id, &to_active(false), &change)
                .await
                .map(drop),
        );
        refused(store.delete_account(ada.id, &change).await.map(drop));
    }
    store
        .update_account(idle.id, &to_active(true), &by(&ada))
        .await
        .unwrap();
    assert!(
        store.delete_account(ada.id, &by(&ada)).await.unwrap(),
        "the own account"
    );
    bed.finish().await;
}

async fn nobody_acts_above_their_rank_at_that_moment(bed: Bed) {
    let store = &bed.store;
    let (ada, grace) = (
        person(store, "ada", OWNER).await,
        person(store, "grace", ADMIN).await,
    );
    let (edsger, alan) = (
        person(store, "edsger", MEMBER).await,
        person(store, "alan", ADMIN).await,
    );
    let role = |result: Result<(), WriteAccountError>| match result {
        Err(WriteAccountError::Refused(AccountRefused::AboveRank(role))) => Some(role),
        Ok(()) => None,
        Err(other) => panic!("{other}"),
    };
    let update =
        async |by: &Change, whom: &User, to| store.update_account(whom.id, &to_role(to), by).await.map(drop);
    assert_eq!(role(update(&by(&grace), &ada, OWNER).await), Some(OWNER));
    assert_eq!(role(update(&by(&grace), &edsger, OWNER).await), Some(OWNER));
    assert_eq!(role(update(&by(&grace), &grace, OWNER).await), Some(OWNER));
    assert_eq!(
        role(store.delete_account(ada.id, &by(&grace)).await.map(drop)),
        Some(OWNER)
    );
    assert_eq!(
        role(store.create_account(&credentials("mallory"), &by(&grace)).await),
        Some(OWNER)
    );
    assert_eq!(role(update(&by(&grace), &edsger, ADMIN).await), None);
    assert_eq!(role(update(&by(&grace), &alan, MEMBER).await), None);
    // Whoever lost their role, account or activity after they began may not go on.
    assert_eq!(role(update(&by(&alan), &edsger, MEMBER).await), Some(ADMIN));
    store
        .update_account(grace.id, &to_active(false), &by(&ada))
        .await
        .unwrap();
    assert_eq!(role(update(&by(&grace), &edsger, MEMBER).await), Some(ADMIN));
    store.delete_account(grace.id, &by(&ada)).await.unwrap();
    assert_eq!(role(update(&by(&grace), &edsger, MEMBER).await), Some(ADMIN));
    bed.finish().await;
}

async fn what_is_deleted_takes_along_what_is_theirs(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", OWNER).await;
    let grace = person(store, "grace", MEMBER).await;
    app(store, "shop").await;
    store.create_session(&session(grace.id, 1)).await.unwrap();
    let mut raw = bed.raw().await;
    raw.run("INSERT INTO app_members SELECT apps.id, users.id, 'viewer', 0 FROM apps, users WHERE username = 'grace'")
        .await;
    assert!(store.delete_account(grace.id, &by(&ada)).await.unwrap());
    for table in ["sessions", "app_members"] {
        assert_eq!(
            raw.number(&format!("SELECT count(*) FROM {table}")).await,
            0,
            "{table}"
        );
    }
    assert_eq!(store.find_user(grace.id).await.unwrap(), None);
    bed.finish().await;
}

async fn of_fifty_owners_who_delete_each_other_one_stays(bed: Bed) {
    let store = &bed.store;
    let mut owners = Vec::new();
    for number in 0..50 {
        owners.push(person(store, &format!("owner-{number}"), OWNER).await);
    }
    fifty_at_once(async |number| {
        let next = &owners[(number as usize + 1) % owners.len()];
        match store.delete_account(next.id, &by(&owners[number as usize])).await {
            Ok(_) | Err(WriteAccountError::Refused(_)) => {}
            Err(other) => panic!("{other}"),
        }
    })
    .await;
    assert!(active_owners(store).await >= 1);
    // And with nobody's rank in the way.
    fifty_at_once(async |number| {
        let _ = store
            .delete_account(owners[number as usize].id, &Change::by_console(now()))
            .await;
    })
    .await;
    assert_eq!(active_owners(store).await, 1);
    bed.finish().await;
}

/// How often two owners lower each other.
const ROUNDS: u32 = 200;
/// Another number of rounds, in place of these.
const ROUNDS_VARIABLE: &str = "PICLOUD_TEST_ROUNDS";

#[expect(
    clippy::print_stdout,
    reason = "who asks for many rounds wants to see how many there were"
)]
async fn two_owners_who_lower_each_other_leave_one(bed: Bed) {
    let store = &bed.store;
    let pair = [
        person(store, "ada", OWNER).await,
        person(store, "grace", OWNER).await,
    ];
    let wanted = env::var(ROUNDS_VARIABLE).ok().and_then(|text| text.parse().ok());
    let wanted = wanted.unwrap_or(ROUNDS);
    for rounds in 0..wanted {
        let lowered = if rounds % 2 == 0 {
            to_role(MEMBER)
        } else {
            to_active(false)
        };
        // By each other, so that ranks decide; and on the machine, so that only the guard of the last owner does.
        let by_whom = |person| match rounds % 4 {
            0 | 1 => by(person),
            _ => Change::by_console(now()),
        };
        let (one, other) = (by_whom(&pair[0]), by_whom(&pair[1]));
        let (one, other) = tokio::join!(
            store.update_account(pair[1].id, &lowered, &one),
            store.update_account(pair[0].id, &lowered, &other),
        );
        let lost = match (one, other) {
            (Ok(Some(lost)), Err(WriteAccountError::Refused(_)))
            | (Err(WriteAccountError::Refused(_)), Ok(Some(lost))) => lost,
            both => panic!("round {rounds}: {both:?}"),
        };
        assert_eq!(active_owners(store).await, 1, "round {rounds}");
        let again = AccountUpdate {
            instance_role: Some(OWNER),
            is_active: Some(true),
            ..AccountUpdate::default()
        };
        store
            .update_account(lost.id, &again, &Change::by_console(now()))
            .await
            .unwrap();
    }
    println!("{wanted} rounds of two owners, and never none");
    bed.finish().await;
}

async fn active_owners(store: &Store) -> usize {
    let all = store.list_accounts(None, first(200)).await.unwrap();
    let is_owner = |user: &&User| user.is_active && user.instance_role == OWNER;
    all.items.iter().filter(is_owner).count()
}
