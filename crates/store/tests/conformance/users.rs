//! People who may sign in.

use picloud_shared::{
    id::UserId,
    repository::{SecondFactorRepository, SessionRepository, TokenRepository, UserRepository},
};

use crate::{
    bed::{Bed, cases},
    fixtures::{api_token, change, credentials, fifty_at_once, now, session},
};

cases! {
    the_first_person_is_made_once,
    a_person_is_found_by_name_and_id,
    a_new_password_ends_the_other_sessions_and_all_tokens,
    a_new_password_needs_the_session_and_an_active_person,
    a_reset_leaves_the_new_password_alone,
    of_fifty_first_people_one_wins,
}

async fn the_first_person_is_made_once(bed: Bed) {
    assert!(!bed.store.any_user().await.unwrap());
    assert!(
        bed.store
            .create_first_user(&credentials("ada"), &change())
            .await
            .unwrap()
    );
    assert!(bed.store.any_user().await.unwrap());
    assert!(
        !bed.store
            .create_first_user(&credentials("bob"), &change())
            .await
            .unwrap()
    );
    assert!(
        !bed.store
            .create_first_user(&credentials("ada"), &change())
            .await
            .unwrap()
    );
    assert!(
        bed.store
            .find_credentials(&"bob".parse().unwrap())
            .await
            .unwrap()
            .is_none()
    );
    bed.finish().await;
}

async fn a_person_is_found_by_name_and_id(bed: Bed) {
    let mut made = credentials("ada");
    made.user.email = None;
    bed.store.create_first_user(&made, &change()).await.unwrap();
    let found = bed
        .store
        .find_credentials(&"ADA".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (&found.user, &found.password_hash),
        (&made.user, &made.password_hash)
    );
    assert_eq!(bed.store.find_user(made.user.id).await.unwrap(), Some(made.user));
    assert_eq!(bed.store.find_user(UserId::new(now())).await.unwrap(), None);
    bed.finish().await;
}

async fn a_new_password_ends_the_other_sessions_and_all_tokens(bed: Bed) {
    let store = &bed.store;
    let ada = credentials("ada");
    store.create_first_user(&ada, &change()).await.unwrap();
    let (kept, other) = (session(ada.user.id, 1), session(ada.user.id, 2));
    for session in [&kept, &other] {
        store.create_session(session).await.unwrap();
    }
    store
        .create_token(&api_token(ada.user.id, "ci", 3), &change())
        .await
        .unwrap();
    assert!(
        store
            .set_password(ada.user.id, "new", kept.id, &change())
            .await
            .unwrap()
    );
    assert!(
        store
            .find_session(&kept.token_hash, now())
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        store
            .find_session(&other.token_hash, now())
            .await
            .unwrap()
            .is_none()
    );
    assert!(store.list_tokens(ada.user.id).await.unwrap().is_empty());
    let found = store.find_credentials(&ada.user.username).await.unwrap().unwrap();
    assert_eq!(found.password_hash, "new");

    let nobody = UserId::new(now());
    assert!(!store.set_password(nobody, "x", kept.id, &change()).await.unwrap());
    bed.finish().await;
}

/// Whoever changes their password while it is reset does not undo the reset.
async fn a_new_password_needs_the_session_and_an_active_person(bed: Bed) {
    let store = &bed.store;
    let ada = credentials("ada");
    let user = ada.user.id;
    store.create_first_user(&ada, &change()).await.unwrap();
    let (ended, begun) = (session(user, 1), session(user, 2));
    let set = async |session| store.set_password(user, "own", session, &change()).await.unwrap();
    let stored = async || {
        let found = store.find_credentials(&ada.user.username).await.unwrap();
        found.unwrap().password_hash
    };
    store.create_session(&ended).await.unwrap();
    assert!(store.reset_password(user, "reset", &change()).await.unwrap());
    assert!(!set(ended.id).await);
    assert_eq!(stored().await, "reset");

    store.create_session(&begun).await.unwrap();
    bed.raw().await.run("UPDATE users SET is_active = FALSE").await;
    assert!(!set(begun.id).await);
    assert_eq!(stored().await, "reset");
    bed.raw().await.run("UPDATE users SET is_active = TRUE").await;
    assert!(set(begun.id).await);
    assert_eq!(stored().await, "own");
    bed.finish().await;
}

async fn a_reset_leaves_the_new_password_alone(bed: Bed) {
    let store = &bed.store;
    let ada = credentials("ada");
    let user = ada.user.id;
    store.create_first_user(&ada, &change()).await.unwrap();
    store.create_session(&session(user, 1)).await.unwrap();
    store
        .propose_second_factor(user, b"secret", &change())
        .await
        .unwrap();
    assert!(store.reset_password(user, "new", &change()).await.unwrap());
    assert!(store.list_sessions(user, now()).await.unwrap().is_empty());
    assert_eq!(store.find_second_factor(user).await.unwrap(), None);
    let found = store.find_credentials(&ada.user.username).await.unwrap().unwrap();
    assert_eq!(found.password_hash, "new");
    let nobody = UserId::new(now());
    assert!(!store.reset_password(nobody, "x", &change()).await.unwrap());
    bed.finish().await;
}

async fn of_fifty_first_people_one_wins(bed: Bed) {
    let results = fifty_at_once(async |number| {
        let new = credentials(&format!("user-{number}"));
        bed.store.create_first_user(&new, &change()).await.unwrap()
    })
    .await;
    assert_eq!(results.iter().filter(|won| **won).count(), 1);
    let mut raw = bed.raw().await;
    assert_eq!(raw.number("SELECT count(*) FROM users").await, 1);
    bed.finish().await;
}
