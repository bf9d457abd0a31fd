//! People who may sign in.

use picloud_shared::{
    id::UserId,
    repository::{SessionRepository, UserRepository},
};

use crate::{
    bed::{Bed, cases},
    fixtures::{credentials, fifty_at_once, now, session},
};

cases! {
    the_first_person_is_made_once,
    a_person_is_found_by_name_and_id,
    a_new_password_ends_the_other_sessions,
    of_fifty_first_people_one_wins,
}

async fn the_first_person_is_made_once(bed: Bed) {
    assert!(!bed.store.any_user().await.unwrap());
    assert!(bed.store.create_first_user(&credentials("ada")).await.unwrap());
    assert!(bed.store.any_user().await.unwrap());
    assert!(!bed.store.create_first_user(&credentials("bob")).await.unwrap());
    assert!(!bed.store.create_first_user(&credentials("ada")).await.unwrap());
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
    bed.store.create_first_user(&made).await.unwrap();
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

async fn a_new_password_ends_the_other_sessions(bed: Bed) {
    let store = &bed.store;
    let ada = credentials("ada");
    store.create_first_user(&ada).await.unwrap();
    let (kept, other) = (session(ada.user.id, 1), session(ada.user.id, 2));
    for session in [&kept, &other] {
        store.create_session(session).await.unwrap();
    }
    assert!(
        store
            .set_password(ada.user.id, "new", Some(kept.id))
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
    let found = store.find_credentials(&ada.user.username).await.unwrap().unwrap();
    assert_eq!(found.password_hash, "new");

    assert!(store.set_password(ada.user.id, "newer", None).await.unwrap());
    assert!(store.list_sessions(ada.user.id, now()).await.unwrap().is_empty());
    assert!(!store.set_password(UserId::new(now()), "x", None).await.unwrap());
    bed.finish().await;
}

async fn of_fifty_first_people_one_wins(bed: Bed) {
    let results = fifty_at_once(async |number| {
        let new = credentials(&format!("user-{number}"));
        bed.store.create_first_user(&new).await.unwrap()
    })
    .await;
    assert_eq!(results.iter().filter(|won| **won).count(), 1);
    let mut raw = bed.raw().await;
    assert_eq!(raw.number("SELECT count(*) FROM users").await, 1);
    bed.finish().await;
}
