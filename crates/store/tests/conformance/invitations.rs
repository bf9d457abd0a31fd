//! Invitations.

use picloud_shared::{
    access::AppRole,
    account::AccountRefused,
    change::{Change, Via},
    id::{AppId, InvitationId, UserId},
    invitation::{INVITATION_TTL, Invitation, InvitedMembership},
    page::PageRequest,
    repository::{
        AcceptInvitationError, AccountRepository, AccountUpdate, AppRepository, CreateInvitationError,
        DeletedInvitation, InvitationRepository, InvitedPerson, MemberRepository, UserRepository,
    },
    time::Timestamp,
    user::{InstanceRole, User, UserRef},
};

use crate::{
    bed::{Bed, cases},
    fixtures::{NOBODY, app, by, change, fifty_at_once, first, now, person},
};

cases! {
    an_invitation_makes_one_account,
    an_invitation_says_who_it_is_for,
    an_invitation_ends,
    an_invitation_gives_no_more_than_its_inviter_could,
    invitations_are_seen_by_those_who_could_give_the_role,
    invitations_into_an_app_are_seen_by_those_who_manage_its_members,
    an_invitation_brings_a_membership,
    of_fifty_who_take_one_invitation_one_does,
}

const TOKEN: [u8; 32] = [7; 32];

fn invitation(inviter: &User, role: InstanceRole) -> Invitation {
    let at = now();
    Invitation {
        id: InvitationId::new(at),
        username: None,
        email: Some("new@example.com".parse().unwrap()),
        instance_role: role,
        membership: None,
        created_by: inviter.id,
        created_at: at,
        expires_at: at.plus(INVITATION_TTL),
    }
}

fn newcomer(username: &str) -> InvitedPerson {
    InvitedPerson {
        id: UserId::new(now()),
        username: username.parse().unwrap(),
        password_hash: "hash".to_owned(),
    }
}

fn taking(at: Timestamp) -> Change {
    Change {
        via: Via::Entrance,
        at,
        ..change()
    }
}

async fn an_invitation_makes_one_account(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", InstanceRole::Owner).await;
    let made = invitation(&ada, InstanceRole::Admin);
    store.create_invitation(&made, &TOKEN, &by(&ada)).await.unwrap();
    let found = store.find_invitation(&TOKEN, now()).await.unwrap();
    assert_eq!(found, Some((made.clone(), ada.username.clone())));
    assert_eq!(store.find_invitation(&[8; 32], now()).await.unwrap(), None);

    let new = newcomer("grace");
    let user = store
        .accept_invitation(&TOKEN, &new, &taking(now()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            user.id,
            user.username.as_str(),
            user.email.as_deref(),
            user.instance_role,
            user.is_active
        ),
        (
            new.id,
            "grace",
            Some("new@example.com"),
            InstanceRole::Admin,
            true
        )
    );
    let stored = store.find_credentials(&user.username).await.unwrap().unwrap();
    assert_eq!((stored.user, stored.password_hash.as_str()), (user, "hash"));

    let actions = "SELECT action || ' ' || coalesce(actor_name, 'nobody') FROM audit_log WHERE target_kind = 'invitation' ORDER BY sequence";
    assert_eq!(
        bed.raw().await.texts(actions).await,
        ["create_invitation ada", "accept_invitation nobody"]
    );

    let again = store
        .accept_invitation(&TOKEN, &newcomer("edsger"), &taking(now()))
        .await
        .unwrap();
    assert_eq!(again, None);
    assert_eq!(store.find_invitation(&TOKEN, now()).await.unwrap(), None);
    bed.finish().await;
}

async fn an_invitation_says_who_it_is_for(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", InstanceRole::Owner).await;
    let mut made = invitation(&ada, InstanceRole::Member);
    made.username = Some("ada".parse().unwrap());
    let taken = store.create_invitation(&made, &TOKEN, &by(&ada)).await;
    assert!(
        matches!(taken, Err(CreateInvitationError::UsernameTaken)),
        "{taken:?}"
    );

    made.username = Some("grace".parse().unwrap());
    store.create_invitation(&made, &TOKEN, &by(&ada)).await.unwrap();
    let user = store
        .accept_invitation(&TOKEN, &newcomer("mallory"), &taking(now()))
        .await
        .unwrap();
    assert_eq!(user.unwrap().username.as_str(), "grace");

    let open = invitation(&ada, InstanceRole::Member);
    store.create_invitation(&open, &TOKEN, &by(&ada)).await.unwrap();
    let taken = store
        .accept_invitation(&TOKEN, &newcomer("GRACE"), &taking(now()))
        .await;
    assert!(
        matches!(taken, Err(AcceptInvitationError::UsernameTaken)),
        "{taken:?}"
    );
    let user = store
        .accept_invitation(&TOKEN, &newcomer("edsger"), &taking(now()))
        .await
        .unwrap();
    assert!(user.is_some(), "a taken name does not use it up");
    bed.finish().await;
}

async fn an_invitation_ends(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", InstanceRole::Owner).await;
    let made = invitation(&ada, InstanceRole::Member);
    store.create_invitation(&made, &TOKEN, &by(&ada)).await.unwrap();
    let end = made.expires_at;
    assert!(
        store
            .find_invitation(&TOKEN, end.minus(std::time::Duration::from_micros(1)))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(store.find_invitation(&TOKEN, end).await.unwrap(), None);
    assert_eq!(
        store
            .accept_invitation(&TOKEN, &newcomer("grace"), &taking(end))
            .await
            .unwrap(),
        None
    );
    let listed = store.list_invitations(ada.id, end, first(10)).await.unwrap();
    assert!(listed.items.is_empty());

    // The next one clears it away.
    let next = invitation(&ada, InstanceRole::Member);
    let later = Change { at: end, ..by(&ada) };
    store.create_invitation(&next, &[8; 32], &later).await.unwrap();
    assert_eq!(
        bed.raw().await.number("SELECT count(*) FROM invitations").await,
        1
    );
    bed.finish().await;
}

async fn an_invitation_gives_no_more_than_its_inviter_could(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", InstanceRole::Owner).await;
    let grace = person(store, "grace", InstanceRole::Owner).await;
    let made = invitation(&grace, InstanceRole::Admin);
    store.create_invitation(&made, &TOKEN, &by(&grace)).await.unwrap();
    let set = async |role, is_active| {
        let update = AccountUpdate {
            instance_role: Some(role),
            is_active: Some(is_active),
            ..AccountUpdate::default()
        };
        store.update_account(grace.id, &update, &by(&ada)).await.unwrap();
    };
    for (role, is_active, good) in [
        (InstanceRole::Admin, true, true),
        (InstanceRole::Owner, false, false),
        (InstanceRole::Member, true, false),
    ] {
        set(role, is_active).await;
        let found = store.find_invitation(&TOKEN, now()).await.unwrap();
        assert_eq!(found.is_some(), good, "{role:?} {is_active}");
    }
    assert_eq!(
        store
            .accept_invitation(&TOKEN, &newcomer("x"), &taking(now()))
            .await
            .unwrap(),
        None
    );
    set(InstanceRole::Admin, true).await;
    let refused = store
        .create_invitation(&invitation(&grace, InstanceRole::Owner), &[8; 32], &by(&grace))
        .await;
    assert!(
        matches!(
            refused,
            Err(CreateInvitationError::Refused(AccountRefused::AboveRank(
                InstanceRole::Owner
            )))
        ),
        "{refused:?}"
    );
    store.delete_account(grace.id, &by(&ada)).await.unwrap();
    assert_eq!(store.find_invitation(&TOKEN, now()).await.unwrap(), None);
    bed.finish().await;
}

async fn invitations_are_seen_by_those_who_could_give_the_role(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", InstanceRole::Owner).await;
    let grace = person(store, "grace", InstanceRole::Admin).await;
    let mut made = Vec::new();
    for (number, role) in [InstanceRole::Owner, InstanceRole::Admin, InstanceRole::Member]
        .into_iter()
        .enumerate()
    {
        let new = invitation(&ada, role);
        let token = [u8::try_from(number).unwrap(); 32];
        store.create_invitation(&new, &token, &by(&ada)).await.unwrap();
        made.push(new);
    }
    let list = async |viewer| {
        store
            .list_invitations(viewer, now(), first(10))
            .await
            .unwrap()
            .items
    };
    assert_eq!(list(ada.id).await, made);
    assert_eq!(list(grace.id).await, made[1..]);
    assert_eq!(list(NOBODY).await, []);
    let page = store.list_invitations(ada.id, now(), first(2)).await.unwrap();
    assert_eq!((page.items.len(), page.next), (2, Some(made[1].id.0)));

    let delete =
        async |number: usize, who: &User| store.delete_invitation(made[number].id, &by(who)).await.unwrap();
    assert_eq!(delete(0, &grace).await, DeletedInvitation::Hidden);
    assert_eq!(delete(1, &grace).await, DeletedInvitation::Deleted);
    assert_eq!(delete(0, &ada).await, DeletedInvitation::Deleted);
    assert_eq!(delete(0, &ada).await, DeletedInvitation::NotThere);
    assert_eq!(list(ada.id).await, made[2..]);
    bed.finish().await;
}

async fn invitations_into_an_app_are_seen_by_those_who_manage_its_members(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", InstanceRole::Owner).await;
    let grace = person(store, "grace", InstanceRole::Member).await;
    let (shop, blog) = (app(store, "shop").await, app(store, "blog").await);
    for (app, role) in [(&shop, AppRole::AppAdmin), (&blog, AppRole::Editor)] {
        store.add_member(app.id, grace.id, role, &change()).await.unwrap();
    }
    let mut made = Vec::new();
    for number in 0..9 {
        let mut new = invitation(&ada, InstanceRole::Member);
        new.membership = (number % 3 > 0).then_some(InvitedMembership {
            app: if number % 3 == 1 { shop.id } else { blog.id },
            role: AppRole::Viewer,
        });
        store
            .create_invitation(&new, &[number; 32], &by(&ada))
            .await
            .unwrap();
        made.push(new);
    }
    // Page by page, also where a page has nothing that the viewer may see.
    let list = async |viewer: &User| {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let request = PageRequest { limit: 1, after };
            let page = store.list_invitations(viewer.id, now(), request).await.unwrap();
            listed.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return listed,
            }
        }
    };
    assert_eq!(list(&grace).await, [], "members invite nobody");
    let admin = AccountUpdate {
        instance_role: Some(InstanceRole::Admin),
        ..AccountUpdate::default()
    };
    store.update_account(grace.id, &admin, &by(&ada)).await.unwrap();
    let of_blog = |number: &usize| number % 3 == 2;
    let theirs: Vec<_> = (0..9)
        .filter(|number| !of_blog(number))
        .map(|number| made[number].clone())
        .collect();
    assert_eq!(list(&grace).await, theirs);
    assert_eq!(list(&ada).await, made);

    let delete = async |number: usize| {
        store
            .delete_invitation(made[number].id, &by(&grace))
            .await
            .unwrap()
    };
    assert_eq!(delete(1).await, DeletedInvitation::Deleted);
    assert_eq!(delete(2).await, DeletedInvitation::Hidden);
    let member = UserRef::Id(grace.id);
    store.remove_member(shop.id, &member, &change()).await.unwrap();
    assert_eq!(delete(4).await, DeletedInvitation::Hidden, "they no longer could");
    assert_eq!(delete(3).await, DeletedInvitation::Deleted);
    bed.finish().await;
}

async fn an_invitation_brings_a_membership(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", InstanceRole::Owner).await;
    let shop = app(store, "shop").await;
    let mut made = invitation(&ada, InstanceRole::Member);
    let into = |app: AppId| {
        Some(InvitedMembership {
            app,
            role: AppRole::Editor,
        })
    };
    made.membership = into(AppId::new(now()));
    let gone = store.create_invitation(&made, &TOKEN, &by(&ada)).await;
    assert!(matches!(gone, Err(CreateInvitationError::NoApp)), "{gone:?}");

    made.membership = into(shop.id);
    store.create_invitation(&made, &TOKEN, &by(&ada)).await.unwrap();
    let user = store
        .accept_invitation(&TOKEN, &newcomer("grace"), &taking(now()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        store.find_role(shop.id, user.id).await.unwrap(),
        Some(AppRole::Editor)
    );

    let mut other = invitation(&ada, InstanceRole::Member);
    other.membership = into(shop.id);
    store.create_invitation(&other, &TOKEN, &by(&ada)).await.unwrap();
    store.delete_app(shop.id, true, &change()).await.unwrap();
    assert_eq!(
        store.find_invitation(&TOKEN, now()).await.unwrap(),
        None,
        "it went with the app"
    );
    bed.finish().await;
}

async fn of_fifty_who_take_one_invitation_one_does(bed: Bed) {
    let store = &bed.store;
    let ada = person(store, "ada", InstanceRole::Owner).await;
    let made = invitation(&ada, InstanceRole::Member);
    store.create_invitation(&made, &TOKEN, &by(&ada)).await.unwrap();
    let results = fifty_at_once(async |number| {
        let new = newcomer(&format!("user-{number}"));
        store
            .accept_invitation(&TOKEN, &new, &taking(now()))
            .await
            .unwrap()
    })
    .await;
    assert_eq!(results.iter().flatten().count(), 1);
    assert_eq!(bed.raw().await.number("SELECT count(*) FROM users").await, 2);
    bed.finish().await;
}
