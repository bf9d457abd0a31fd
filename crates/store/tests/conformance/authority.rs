//! Who lost a role after they asked writes nothing.

use picloud_shared::{
    access::{AppRole, Capability},
    audit::{AuditFilter, ListedRecord},
    change::Change,
    id::{AppId, InvitationId},
    invitation::{INVITATION_TTL, Invitation, InvitedMembership},
    repository::{
        AccountRepository, AccountUpdate, AddMemberError, AppRepository, AppUpdate, AuditRepository,
        CreateAppError, CreateInvitationError, DeleteAppError, DeployError, DeployTerms,
        DeploymentRepository, DomainRepository, InvitationRepository, MemberRepository, ScriptRepository,
        ScriptUpdate, StoreError, UpdateAppError, WriteScriptError,
    },
    user::{InstanceRole, User, UserRef},
};
use picloud_store::Store;

use crate::{
    bed::{Bed, cases},
    fixtures::{app, by, change, claim, first, new_app, new_claim, new_script, now, person, script},
};

cases! {
    who_was_removed_changes_no_members,
    who_was_removed_changes_no_app,
    who_was_removed_makes_no_release,
    who_may_change_scripts_alone_changes_no_domains,
    who_was_lowered_makes_no_apps_and_invites_nobody,
    a_grant_that_meets_the_removal_of_its_giver_is_before_it,
    an_app_that_meets_the_lowering_of_its_maker_is_before_it,
}

/// What this person does, who was allowed `capability` when they asked.
fn with(capability: Capability, person: &User) -> Change {
    Change {
        needs: Some(capability),
        ..by(person)
    }
}

/// Whether it was refused because the right is gone, and whether so that nothing shows.
fn refusal(error: &StoreError) -> Option<(Capability, bool)> {
    match error {
        StoreError::NotAllowed {
            capability,
            is_hidden,
        } => Some((*capability, *is_hidden)),
        _ => None,
    }
}

/// An app, and a member with this role in it.
async fn member(store: &Store, role: AppRole) -> (AppId, User) {
    let app = app(store, "shop").await.id;
    let ada = person(store, "ada", InstanceRole::Member).await;
    store.add_member(app, ada.id, role, &change()).await.unwrap();
    (app, ada)
}

async fn set_role(store: &Store, app: AppId, user: &User, role: Option<AppRole>) {
    let user = UserRef::Id(user.id);
    match role {
        Some(role) => {
            store.set_member_role(app, &user, role, &change()).await.unwrap();
        }
        None => assert!(store.remove_member(app, &user, &change()).await.unwrap()),
    }
}

async fn who_was_removed_changes_no_members(bed: Bed) {
    let store = &bed.store;
    let (app, ada) = member(store, AppRole::AppAdmin).await;
    let bob = person(store, "bob", InstanceRole::Member).await;
    let eve = person(store, "eve", InstanceRole::Member).await;
    let by_ada = || with(Capability::MemberManage, &ada);
    store
        .add_member(app, bob.id, AppRole::Viewer, &by_ada())
        .await
        .unwrap();

    for (role, is_hidden) in [(Some(AppRole::Editor), false), (None, true)] {
        set_role(store, app, &ada, role).await;
        let expected = Some((Capability::MemberManage, is_hidden));
        let added = store.add_member(app, eve.id, AppRole::Viewer, &by_ada()).await;
        assert!(
            matches!(&added, Err(AddMemberError::Store(error)) if refusal(error) == expected),
            "{added:?}"
        );
        let bob = UserRef::Id(bob.id);
        let raised = store
            .set_member_role(app, &bob, AppRole::AppAdmin, &by_ada())
            .await;
        assert_eq!(raised.err().as_ref().and_then(refusal), expected);
        let removed = store.remove_member(app, &bob, &by_ada()).await;
        assert_eq!(removed.err().as_ref().and_then(refusal), expected);
    }
    let left = store.list_members(app, first(9)).await.unwrap().items;
    let left: Vec<_> = left.iter().map(|member| (member.user.id, member.role)).collect();
    assert_eq!(left, [(bob.id, AppRole::Viewer)]);
    bed.finish().await;
}

async fn who_was_removed_changes_no_app(bed: Bed) {
    let store = &bed.store;
    let (app, ada) = member(store, AppRole::AppAdmin).await;
    set_role(store, app, &ada, Some(AppRole::Viewer)).await;
    let expected = Some((Capability::AppWrite, false));
    let rename = AppUpdate {
        name: Some("Mine".to_owned()),
        ..AppUpdate::default()
    };
    let by_ada = || with(Capability::AppWrite, &ada);
    let renamed = store.update_app(app, rename, &by_ada()).await;
    assert!(
        matches!(&renamed, Err(UpdateAppError::Store(error)) if refusal(error) == expected),
        "{renamed:?}"
    );
    let deleted = store.delete_app(app, true, &by_ada()).await;
    assert!(
        matches!(&deleted, Err(DeleteAppError::Store(error)) if refusal(error) == expected),
        "{deleted:?}"
    );
    bed.finish().await;
}

async fn who_was_removed_makes_no_release(bed: Bed) {
    let store = &bed.store;
    let (app, ada) = member(store, AppRole::Editor).await;
    let hello = script(store, app, "hello").await;
    let expected = Some((Capability::ScriptWrite, true));
    let by_ada = || with(Capability::ScriptWrite, &ada);
    let update = |source: &str| ScriptUpdate {
        source: Some(source.into()),
        ..ScriptUpdate::default()
    };
    store
        .update_script(hello.id, update("2"), &by_ada())
        .await
        .unwrap();
    set_role(store, app, &ada, None).await;
    let saved = store.update_script(hello.id, update("3"), &by_ada()).await;
    assert!(
        matches!(&saved, Err(WriteScriptError::Store(error)) if refusal(error) == expected),
        "{saved:?}"
    );
    let made = store.create_script(new_script(app, "new", "1"), &by_ada()).await;
    assert!(
        matches!(&made, Err(WriteScriptError::Store(error)) if refusal(error) == expected),
        "{made:?}"
    );
    let forgiven = store.forgive_script(hello.id, &by_ada()).await;
    assert_eq!(forgiven.err().as_ref().and_then(refusal), expected);

    // A deactivated account has no role anywhere.
    store
        .add_member(app, ada.id, AppRole::Editor, &change())
        .await
        .unwrap();
    set_active(store, &ada, false).await;
    let saved = store.update_script(hello.id, update("4"), &by_ada()).await;
    assert!(
        matches!(&saved, Err(WriteScriptError::Store(error)) if refusal(error) == expected),
        "{saved:?}"
    );
    let stored = store.find_script(hello.id).await.unwrap().unwrap();
    assert_eq!(&*stored.source, "2");
    bed.finish().await;
}

async fn set_active(store: &Store, user: &User, is_active: bool) {
    let update = AccountUpdate {
        is_active: Some(is_active),
        ..AccountUpdate::default()
    };
    store
        .update_account(user.id, &update, &Change::by_console(now()))
        .await
        .unwrap();
}

async fn who_may_change_scripts_alone_changes_no_domains(bed: Bed) {
    let store = &bed.store;
    let (app, ada) = member(store, AppRole::AppAdmin).await;
    script(store, app, "hello").await;
    claim(store, app, "shop.test").await;
    let terms = DeployTerms {
        expected: None,
        keep_domains: false,
        dry_run: false,
    };
    let back = async |number| {
        let by_ada = with(Capability::ReleaseWrite, &ada);
        store.restore_release(app, number, terms, &by_ada).await
    };
    back(1).await.unwrap().unwrap();
    set_role(store, app, &ada, Some(AppRole::Editor)).await;
    let expected = Some((Capability::DomainWrite, false));
    let restored = back(2).await;
    assert!(
        matches!(&restored, Err(DeployError::Store(error)) if refusal(error) == expected),
        "{restored:?}"
    );
    assert!(back(3).await.is_ok(), "nothing about domains changes");
    let claimed = store
        .add_domain(new_claim(app, "shop.test"), &with(Capability::DomainWrite, &ada))
        .await;
    assert!(claimed.is_err(), "{claimed:?}");
    bed.finish().await;
}

async fn who_was_lowered_makes_no_apps_and_invites_nobody(bed: Bed) {
    let store = &bed.store;
    let grace = person(store, "grace", InstanceRole::Member).await;
    let (shop, blog) = (app(store, "shop").await.id, app(store, "blog").await.id);
    store
        .add_member(shop, grace.id, AppRole::AppAdmin, &change())
        .await
        .unwrap();
    lower(store, &grace, InstanceRole::Admin).await;
    let at = now();
    let invitation = |app| Invitation {
        id: InvitationId::new(now()),
        username: None,
        email: Some("new@example.com".parse().unwrap()),
        instance_role: InstanceRole::Member,
        membership: Some(InvitedMembership {
            app,
            role: AppRole::Viewer,
        }),
        created_by: grace.id,
        created_at: at,
        expires_at: at.plus(INVITATION_TTL),
    };
    let invite = async |app, token: u8| {
        let by_grace = with(Capability::UserManage, &grace);
        store
            .create_invitation(&invitation(app), &[token; 32], &by_grace)
            .await
    };
    invite(shop, 1).await.unwrap();
    let elsewhere = invite(blog, 2).await;
    let expected = Some((Capability::MemberManage, false));
    assert!(
        matches!(&elsewhere, Err(CreateInvitationError::Store(error)) if refusal(error) == expected),
        "{elsewhere:?}"
    );
    store
        .create_app(new_app("one"), &with(Capability::AppCreate, &grace))
        .await
        .unwrap();

    lower(store, &grace, InstanceRole::Member).await;
    let made = store
        .create_app(new_app("two"), &with(Capability::AppCreate, &grace))
        .await;
    let expected = Some((Capability::AppCreate, false));
    assert!(
        matches!(&made, Err(CreateAppError::Store(error)) if refusal(error) == expected),
        "{made:?}"
    );
    let invited = invite(shop, 3).await;
    let expected = Some((Capability::UserManage, false));
    assert!(
        matches!(&invited, Err(CreateInvitationError::Store(error)) if refusal(error) == expected),
        "{invited:?}"
    );
    bed.finish().await;
}

async fn lower(store: &Store, user: &User, role: InstanceRole) {
    let update = AccountUpdate {
        instance_role: Some(role),
        ..AccountUpdate::default()
    };
    store
        .update_account(user.id, &update, &Change::by_console(now()))
        .await
        .unwrap();
}

/// How often a write meets the end of the right to it.
const MEETINGS: usize = 200;

/// The actions of the whole log, oldest first.
async fn log(store: &Store) -> Vec<String> {
    let page = store
        .list_audit(&AuditFilter::default(), first(10_000))
        .await
        .unwrap();
    let mut records: Vec<_> = page.items.into_iter().filter_map(ListedRecord::read).collect();
    records.sort_by_key(|record| record.sequence);
    records.into_iter().map(|record| record.action).collect()
}

async fn a_grant_that_meets_the_removal_of_its_giver_is_before_it(bed: Bed) {
    let store = &bed.store;
    let app = app(store, "shop").await.id;
    let ada = person(store, "ada", InstanceRole::Member).await;
    let bob = person(store, "bob", InstanceRole::Member).await;
    let begun = log(store).await.len();
    let (mut granted, giver) = (0, UserRef::Id(ada.id));
    for round in 0..MEETINGS {
        store
            .add_member(app, ada.id, AppRole::AppAdmin, &change())
            .await
            .unwrap();
        let (by_ada, by_owner) = (with(Capability::MemberManage, &ada), change());
        let grant = store.add_member(app, bob.id, AppRole::AppAdmin, &by_ada);
        let removal = store.remove_member(app, &giver, &by_owner);
        // Neither is always the first.
        let (grant, removed) = if round % 2 == 0 {
            tokio::join!(grant, removal)
        } else {
            let (removed, grant) = tokio::join!(removal, grant);
            (grant, removed)
        };
        assert!(removed.unwrap(), "round {round}");
        let mut expected = vec!["add_member", "remove_member"];
        match grant {
            Ok(_) => {
                granted += 1;
                store
                    .remove_member(app, &UserRef::Id(bob.id), &change())
                    .await
                    .unwrap();
                expected = vec!["add_member", "add_member", "remove_member", "remove_member"];
            }
            Err(AddMemberError::Store(error)) => {
                assert_eq!(
                    refusal(&error),
                    Some((Capability::MemberManage, true)),
                    "round {round}"
                );
            }
            Err(error) => panic!("round {round}: {error:?}"),
        }
        let log = log(store).await;
        assert_eq!(log[log.len() - expected.len()..], expected, "round {round}");
    }
    assert_eq!(log(store).await.len() - begun, 2 * MEETINGS + 2 * granted);
    bed.finish().await;
}

async fn an_app_that_meets_the_lowering_of_its_maker_is_before_it(bed: Bed) {
    let store = &bed.store;
    let grace = person(store, "grace", InstanceRole::Member).await;
    for round in 0..MEETINGS {
        lower(store, &grace, InstanceRole::Admin).await;
        let by_grace = with(Capability::AppCreate, &grace);
        let slug = format!("app-{round}");
        let making = store.create_app(new_app(&slug), &by_grace);
        let lowering = lower(store, &grace, InstanceRole::Member);
        let made = if round % 2 == 0 {
            tokio::join!(making, lowering).0
        } else {
            tokio::join!(lowering, making).1
        };
        let log = log(store).await;
        let newest: Vec<&str> = log.iter().rev().take(2).map(String::as_str).collect();
        match made {
            Ok(_) => assert_eq!(newest, ["update_user", "create_app"], "round {round}"),
            Err(CreateAppError::Store(error)) => {
                assert_eq!(
                    refusal(&error),
                    Some((Capability::AppCreate, false)),
                    "round {round}"
                );
                assert_eq!(newest, ["update_user", "update_user"], "round {round}");
            }
            Err(error) => panic!("round {round}: {error:?}"),
        }
    }
    bed.finish().await;
}
