//! Sessions of people who signed in.

use std::time::Duration;

use picloud_shared::{
    id::{SessionId, UserId},
    repository::{SESSION_TOUCH_INTERVAL_MIN, SessionRepository, StoreError, UserRepository},
};

use crate::{
    bed::{Bed, cases},
    fixtures::{credentials, now, session},
};

cases! {
    a_session_is_found_by_its_token_until_it_ends,
    a_session_of_an_inactive_person_is_not_found,
    a_touch_moves_the_end_once_a_minute,
    sessions_are_listed_newest_first,
    a_person_ends_own_sessions,
    a_new_session_clears_those_that_are_over,
    a_session_needs_a_person,
}

async fn ada(bed: &Bed) -> UserId {
    let ada = credentials("ada");
    bed.store.create_first_user(&ada).await.unwrap();
    ada.user.id
}

async fn a_session_is_found_by_its_token_until_it_ends(bed: Bed) {
    let user = ada(&bed).await;
    let made = session(user, 1);
    bed.store.create_session(&made).await.unwrap();
    let (found, person) = bed.store.find_session(&[1; 32], now()).await.unwrap().unwrap();
    assert_eq!((found, person.id), (made.clone(), user));
    assert!(bed.store.find_session(&[2; 32], now()).await.unwrap().is_none());
    assert!(
        bed.store
            .find_session(&[1; 32], made.expires_at)
            .await
            .unwrap()
            .is_none()
    );
    bed.finish().await;
}

async fn a_session_of_an_inactive_person_is_not_found(bed: Bed) {
    let mut ada = credentials("ada");
    ada.user.is_active = false;
    bed.store.create_first_user(&ada).await.unwrap();
    bed.store.create_session(&session(ada.user.id, 1)).await.unwrap();
    assert!(bed.store.find_session(&[1; 32], now()).await.unwrap().is_none());
    bed.finish().await;
}

async fn a_touch_moves_the_end_once_a_minute(bed: Bed) {
    let user = ada(&bed).await;
    let made = session(user, 1);
    bed.store.create_session(&made).await.unwrap();
    let end = made.expires_at.plus(Duration::from_mins(30));

    let soon = made.created_at.plus(Duration::from_secs(59));
    bed.store.touch_session(made.id, soon, end).await.unwrap();
    let (found, _) = bed.store.find_session(&[1; 32], soon).await.unwrap().unwrap();
    assert_eq!(found, made);

    let later = made.created_at.plus(SESSION_TOUCH_INTERVAL_MIN);
    bed.store.touch_session(made.id, later, end).await.unwrap();
    let (found, _) = bed.store.find_session(&[1; 32], later).await.unwrap().unwrap();
    assert_eq!((found.last_used_at, found.expires_at), (later, end));
    bed.finish().await;
}

async fn sessions_are_listed_newest_first(bed: Bed) {
    let user = ada(&bed).await;
    let mut ended = session(user, 1);
    ended.expires_at = ended.created_at.plus(Duration::from_secs(1));
    let (early, late) = (session(user, 2), session(user, 3));
    for session in [&ended, &early, &late] {
        bed.store.create_session(session).await.unwrap();
    }
    let then = ended.expires_at;
    let listed = bed.store.list_sessions(user, then).await.unwrap();
    assert_eq!(listed, [late, early]);
    assert!(
        bed.store
            .list_sessions(UserId::new(now()), now())
            .await
            .unwrap()
            .is_empty()
    );
    bed.finish().await;
}

async fn a_person_ends_own_sessions(bed: Bed) {
    let user = ada(&bed).await;
    let (one, two) = (session(user, 1), session(user, 2));
    for session in [&one, &two] {
        bed.store.create_session(session).await.unwrap();
    }
    let delete = async |user, id| bed.store.delete_session(user, id).await.unwrap();
    assert!(!delete(UserId::new(now()), one.id).await);
    assert!(!delete(user, SessionId::new(now())).await);
    assert!(delete(user, one.id).await);
    assert!(!delete(user, one.id).await);
    assert_eq!(bed.store.list_sessions(user, now()).await.unwrap(), [two]);
    bed.store.delete_sessions(user).await.unwrap();
    assert!(bed.store.list_sessions(user, now()).await.unwrap().is_empty());
    bed.finish().await;
}

async fn a_new_session_clears_those_that_are_over(bed: Bed) {
    let user = ada(&bed).await;
    let mut ended = session(user, 1);
    ended.expires_at = ended.created_at;
    bed.store.create_session(&ended).await.unwrap();
    bed.store.create_session(&session(user, 2)).await.unwrap();
    let mut raw = bed.raw().await;
    assert_eq!(raw.number("SELECT count(*) FROM sessions").await, 1);
    bed.finish().await;
}

async fn a_session_needs_a_person(bed: Bed) {
    let refused = bed.store.create_session(&session(UserId::new(now()), 1)).await;
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    bed.finish().await;
}
