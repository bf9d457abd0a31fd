//! Who has which role in which app.

use picloud_shared::{
    access::AppRole,
    audit::{AuditFilter, ListedRecord},
    id::{AppId, UserId},
    repository::{AddMemberError, AppRepository, AuditRepository, MemberRepository},
    user::{InstanceRole, User, UserRef},
};
use serde_json::json;

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, credentials, fifty_at_once, first, now},
};

cases! {
    a_membership_has_a_life,
    members_are_listed_page_by_page,
    a_name_means_who_has_it_now,
    who_cannot_be_a_member_is_not_made_one,
    who_became_an_admin_keeps_the_membership,
    memberships_go_with_the_app_and_the_person,
    candidates_are_those_who_could_be_added,
    each_change_leaves_one_record,
    of_fifty_equal_grants_one_wins,
    a_change_that_meets_a_removal_brings_nobody_back,
}

/// An account that is active or not.
async fn person(bed: &Bed, username: &str, role: InstanceRole, is_active: bool) -> User {
    let mut user = credentials(username).user;
    user.instance_role = role;
    user.is_active = is_active;
    let email = user.email.as_deref().unwrap();
    let insert = format!(
        "INSERT INTO users (id, username, email, instance_role, is_active, is_first, password_hash, created_at) \
         VALUES ({}, '{username}', '{email}', '{}', {is_active}, FALSE, 'hash', {})",
        literal(bed, user.id),
        role.as_str(),
        user.created_at.as_micros(),
    );
    bed.raw().await.run(&insert).await;
    user
}

async fn member(bed: &Bed, username: &str) -> User {
    person(bed, username, InstanceRole::Member, true).await
}

/// The id as SQL.
fn literal(bed: &Bed, user: UserId) -> String {
    if bed.is_sqlite() {
        format!("X'{}'", user.0.simple())
    } else {
        format!("'{user}'")
    }
}

async fn a_membership_has_a_life(bed: Bed) {
    let store = &bed.store;
    let app = app(store, "shop").await.id;
    let ada = member(&bed, "ada").await;
    let by_id = UserRef::Id(ada.id);
    assert_eq!(store.find_role(app, ada.id).await.unwrap(), None);
    assert_eq!(store.find_member(app, &by_id).await.unwrap(), None);

    let granted = change();
    let added = store
        .add_member(app, ada.id, AppRole::Viewer, &granted)
        .await
        .unwrap();
    assert_eq!(
        (&added.user, added.role, added.joined_at),
        (&ada, AppRole::Viewer, granted.at)
    );
    assert_eq!(store.find_member(app, &by_id).await.unwrap(), Some(added));
    let again = store.add_member(app, ada.id, AppRole::Editor, &change()).await;
    assert!(matches!(again, Err(AddMemberError::AlreadyMember)), "{again:?}");
    assert_eq!(store.find_role(app, ada.id).await.unwrap(), Some(AppRole::Viewer));

    let changed = store
        .set_member_role(app, &by_id, AppRole::AppAdmin, &change())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (changed.user, changed.role, changed.joined_at),
        (ada.clone(), AppRole::AppAdmin, granted.at)
    );

    assert!(store.remove_member(app, &by_id, &change()).await.unwrap());
    assert!(!store.remove_member(app, &by_id, &change()).await.unwrap());
    let gone = store
        .set_member_role(app, &by_id, AppRole::Viewer, &change())
        .await;
    assert_eq!(gone.unwrap(), None);
    assert_eq!(store.find_role(app, ada.id).await.unwrap(), None);
    bed.finish().await;
}

async fn members_are_listed_page_by_page(bed: Bed) {
    let store = &bed.store;
    let shop = app(store, "shop").await.id;
    let blog = app(store, "blog").await.id;
    let mut made = Vec::new();
    for name in ["zoe", "ada", "bob"] {
        let user = member(&bed, name).await;
        made.push(user);
    }
    // The order is that of the accounts, whoever joined first.
    for user in made.iter().rev() {
        store
            .add_member(shop, user.id, AppRole::Editor, &change())
            .await
            .unwrap();
    }
    store
        .add_member(blog, made[0].id, AppRole::Viewer, &change())
        .await
        .unwrap();
    let page = store.list_members(shop, first(2)).await.unwrap();
    let names: Vec<&str> = page
        .items
        .iter()
        .map(|member| member.user.username.as_str())
        .collect();
    assert_eq!(names, ["zoe", "ada"]);
    let mut rest = first(2);
    rest.after = page.next;
    let page = store.list_members(shop, rest).await.unwrap();
    assert_eq!((page.items.len(), page.next), (1, None));
    assert_eq!(page.items[0].user, made[2]);
    bed.finish().await;
}

async fn a_name_means_who_has_it_now(bed: Bed) {
    let store = &bed.store;
    let app = app(store, "shop").await.id;
    let ada = member(&bed, "ada").await;
    store
        .add_member(app, ada.id, AppRole::Viewer, &change())
        .await
        .unwrap();
    let name = |text: &str| text.parse::<UserRef>().unwrap();
    let found = store.find_member(app, &name("ADA")).await.unwrap().unwrap();
    assert_eq!(found.user, ada);
    bed.raw()
        .await
        .run("UPDATE users SET username = 'lovelace'")
        .await;
    assert_eq!(store.find_member(app, &name("ada")).await.unwrap(), None);
    let changed = store
        .set_member_role(app, &name("lovelace"), AppRole::Editor, &change())
        .await
        .unwrap();
    assert_eq!(changed.map(|member| member.role), Some(AppRole::Editor));
    assert!(!store.remove_member(app, &name("ada"), &change()).await.unwrap());
    assert!(
        store
            .remove_member(app, &name("lovelace"), &change())
            .await
            .unwrap()
    );
    bed.finish().await;
}

async fn who_cannot_be_a_member_is_not_made_one(bed: Bed) {
    let store = &bed.store;
    let app = app(store, "shop").await.id;
    let add = async |app, user| store.add_member(app, user, AppRole::Viewer, &change()).await;
    let inactive = person(&bed, "inactive", InstanceRole::Member, false).await;
    let refused = add(app, inactive.id).await;
    assert!(matches!(refused, Err(AddMemberError::Inactive)), "{refused:?}");
    for role in [InstanceRole::Admin, InstanceRole::Owner] {
        let implied = person(&bed, role.as_str(), role, true).await;
        let refused = add(app, implied.id).await;
        assert!(
            matches!(refused, Err(AddMemberError::NotAMemberUser)),
            "{refused:?}"
        );
    }
    let refused = add(app, UserId::new(now())).await;
    assert!(matches!(refused, Err(AddMemberError::NoUser)), "{refused:?}");
    let ada = member(&bed, "ada").await;
    let refused = add(AppId::new(now()), ada.id).await;
    assert!(matches!(refused, Err(AddMemberError::NoApp)), "{refused:?}");
    assert!(store.list_members(app, first(9)).await.unwrap().items.is_empty());
    bed.finish().await;
}

async fn who_became_an_admin_keeps_the_membership(bed: Bed) {
    let store = &bed.store;
    let app = app(store, "shop").await.id;
    let ada = member(&bed, "ada").await;
    let by_id = UserRef::Id(ada.id);
    store
        .add_member(app, ada.id, AppRole::AppAdmin, &change())
        .await
        .unwrap();
    bed.raw()
        .await
        .run("UPDATE users SET instance_role = 'admin'")
        .await;
    assert_eq!(
        store.find_role(app, ada.id).await.unwrap(),
        Some(AppRole::AppAdmin)
    );
    let again = store.add_member(app, ada.id, AppRole::Viewer, &change()).await;
    assert!(matches!(again, Err(AddMemberError::NotAMemberUser)), "{again:?}");
    let changed = store
        .set_member_role(app, &by_id, AppRole::Viewer, &change())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (changed.user.instance_role, changed.role),
        (InstanceRole::Admin, AppRole::Viewer)
    );
    assert!(store.remove_member(app, &by_id, &change()).await.unwrap());
    bed.finish().await;
}

async fn memberships_go_with_the_app_and_the_person(bed: Bed) {
    let store = &bed.store;
    let shop = app(store, "shop").await.id;
    let blog = app(store, "blog").await.id;
    let (ada, bob) = (member(&bed, "ada").await, member(&bed, "bob").await);
    for app in [shop, blog] {
        for user in [ada.id, bob.id] {
            store
                .add_member(app, user, AppRole::Editor, &change())
                .await
                .unwrap();
        }
    }
    assert!(store.delete_app(shop, false, &change()).await.unwrap());
    let mut raw = bed.raw().await;
    assert_eq!(raw.number("SELECT count(*) FROM app_members").await, 2);
    raw.run("DELETE FROM users WHERE username = 'bob'").await;
    let left = store.list_members(blog, first(9)).await.unwrap().items;
    assert_eq!(
        left.into_iter().map(|member| member.user).collect::<Vec<_>>(),
        [ada]
    );
    assert_eq!(raw.number("SELECT count(*) FROM app_members").await, 1);
    bed.finish().await;
}

async fn candidates_are_those_who_could_be_added(bed: Bed) {
    let store = &bed.store;
    let shop = app(store, "shop").await.id;
    let blog = app(store, "blog").await.id;
    for name in ["zoe", "ann_b", "annxb", "joanna"] {
        member(&bed, name).await;
    }
    let inside = member(&bed, "anna").await;
    store
        .add_member(shop, inside.id, AppRole::Viewer, &change())
        .await
        .unwrap();
    person(&bed, "annie", InstanceRole::Member, false).await;
    person(&bed, "anne", InstanceRole::Admin, true).await;

    let names = async |app, part: &str, limit| -> Vec<String> {
        let found = store.find_candidates(app, part, limit).await.unwrap();
        found
            .into_iter()
            .map(|candidate| candidate.username.as_str().to_owned())
            .collect()
    };
    assert_eq!(names(shop, "", 9).await, ["ann_b", "annxb", "joanna", "zoe"]);
    assert_eq!(names(shop, "ANN", 9).await, ["ann_b", "annxb", "joanna"]);
    assert_eq!(names(shop, "ann", 2).await, ["ann_b", "annxb"]);
    assert_eq!(names(blog, "ann", 9).await, ["ann_b", "anna", "annxb", "joanna"]);
    // Nothing in it is a wildcard.
    assert_eq!(names(shop, "ann_", 9).await, ["ann_b"]);
    for nobody in ["%", "a%b", "!", "\\", "\0"] {
        assert_eq!(names(shop, nobody, 9).await, [""; 0], "{nobody}");
    }
    bed.finish().await;
}

async fn each_change_leaves_one_record(bed: Bed) {
    let store = &bed.store;
    let app = app(store, "shop").await.id;
    let ada = member(&bed, "ada").await;
    let by_id = UserRef::Id(ada.id);
    for role in [AppRole::Viewer, AppRole::Viewer] {
        // The second one is refused.
        let _ = store.add_member(app, ada.id, role, &change()).await;
    }
    for role in [AppRole::Viewer, AppRole::Editor, AppRole::Editor] {
        store.set_member_role(app, &by_id, role, &change()).await.unwrap();
    }
    for _ in 0..2 {
        store.remove_member(app, &by_id, &change()).await.unwrap();
    }

    let filter = AuditFilter {
        app: Some(app),
        ..AuditFilter::default()
    };
    let found = store.list_audit(&filter, first(9)).await.unwrap().items;
    let found: Vec<_> = found.into_iter().filter_map(ListedRecord::read).collect();
    let about_ada = found.iter().filter(|record| record.target.kind == "member");
    let records: Vec<_> = about_ada
        .map(|record| {
            assert_eq!(record.target.name.as_deref(), Some("ada"));
            (
                record.action.as_str(),
                record.before.clone(),
                record.after.clone(),
            )
        })
        .collect();
    let (viewer, editor) = (json!({ "role": "viewer" }), json!({ "role": "editor" }));
    assert_eq!(
        records,
        [
            ("remove_member", Some(editor.clone()), None),
            ("update_member", Some(viewer.clone()), Some(editor)),
            ("add_member", None, Some(viewer)),
        ]
    );
    bed.finish().await;
}

async fn of_fifty_equal_grants_one_wins(bed: Bed) {
    let app = app(&bed.store, "shop").await.id;
    let ada = member(&bed, "ada").await;
    let results = fifty_at_once(async |_| {
        bed.store
            .add_member(app, ada.id, AppRole::Editor, &change())
            .await
    })
    .await;
    let won = results.iter().filter(|result| result.is_ok()).count();
    let lost = |result: &&Result<_, _>| matches!(result, Err(AddMemberError::AlreadyMember));
    assert_eq!((won, results.iter().filter(lost).count()), (1, 49));
    bed.finish().await;
}

/// How often a change of a role and the end of the membership meet.
const MEETINGS: u32 = 1_000;

async fn a_change_that_meets_a_removal_brings_nobody_back(bed: Bed) {
    let store = &bed.store;
    let app = app(store, "shop").await.id;
    let ada = UserRef::Id(member(&bed, "ada").await.id);
    let UserRef::Id(id) = ada else { unreachable!() };
    for round in 0..MEETINGS {
        store
            .add_member(app, id, AppRole::Viewer, &change())
            .await
            .unwrap();
        let (for_update, for_removal) = (change(), change());
        let update = store.set_member_role(app, &ada, AppRole::Editor, &for_update);
        let removal = store.remove_member(app, &ada, &for_removal);
        // Neither is always the first.
        let (updated, removed) = if round % 2 == 0 {
            tokio::join!(update, removal)
        } else {
            let (removed, updated) = tokio::join!(removal, update);
            (updated, removed)
        };
        assert!(removed.unwrap(), "round {round}");
        let role = updated.unwrap().map(|member| member.role);
        assert!(
            matches!(role, None | Some(AppRole::Editor)),
            "round {round}: {role:?}"
        );
        assert_eq!(store.find_role(app, id).await.unwrap(), None, "round {round}");
    }
    bed.finish().await;
}
