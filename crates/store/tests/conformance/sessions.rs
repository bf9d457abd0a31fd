//! Sessions of people who signed in.

use std::time::Duration;

use picloud_shared::{
    id::{SessionId, UserId},
    repository::{
        ConfirmedFactor, Proof, SESSION_TOUCH_INTERVAL_MIN, SESSIONS_PER_PERSON_MAX, SecondFactorRepository,
        SessionRepository, StoreError, UserRepository,
    },
    user::Session,
};

use crate::{
    bed::{Bed, cases},
    fixtures::{change, credentials, now, session},
};

cases! {
    a_session_is_found_by_its_token_until_it_ends,
    a_session_of_an_inactive_person_is_not_found,
    a_touch_moves_the_end_once_a_minute,
    sessions_are_listed_newest_first,
    a_person_ends_own_sessions,
    a_new_session_clears_those_that_are_over,
    a_person_has_a_bounded_number_of_sessions,
    a_session_needs_a_person,
    a_sign_in_needs_what_it_proved,
    a_sign_in_and_a_new_password_see_each_other,
}

async fn ada(bed: &Bed) -> UserId {
    let ada = credentials("ada");
    bed.store.create_first_user(&ada, &change()).await.unwrap();
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
    bed.store.create_first_user(&ada, &change()).await.unwrap();
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
    let delete = async |user, id| bed.store.delete_session(user, id, &change()).await.unwrap();
    assert!(!delete(UserId::new(now()), one.id).await);
    assert!(!delete(user, SessionId::new(now())).await);
    assert!(delete(user, one.id).await);
    assert!(!delete(user, one.id).await);
    assert_eq!(bed.store.list_sessions(user, now()).await.unwrap(), [two]);
    bed.store.delete_sessions(user, &change()).await.unwrap();
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

async fn a_person_has_a_bounded_number_of_sessions(bed: Bed) {
    let user = ada(&bed).await;
    let first = session(user, 0);
    bed.store.create_session(&first).await.unwrap();
    let mut others = Vec::new();
    for number in 1..SESSIONS_PER_PERSON_MAX {
        let number = u8::try_from(number).unwrap();
        let other = session(user, number);
        bed.store.create_session(&other).await.unwrap();
        others.push(other);
    }
    // The first is used once more, so that it is not the one that goes.
    let later = first.created_at.plus(SESSION_TOUCH_INTERVAL_MIN);
    bed.store
        .touch_session(first.id, later, first.expires_at)
        .await
        .unwrap();
    let one_more = session(user, 255);
    bed.store.create_session(&one_more).await.unwrap();
    let left: Vec<SessionId> = ids(&bed.store.list_sessions(user, now()).await.unwrap());
    assert_eq!(left.len(), SESSIONS_PER_PERSON_MAX as usize);
    assert!(left.contains(&first.id) && left.contains(&one_more.id));
    assert!(!left.contains(&others[0].id), "the one not used for longest goes");
    bed.finish().await;
}

fn ids(sessions: &[Session]) -> Vec<SessionId> {
    sessions.iter().map(|session| session.id).collect()
}

async fn a_sign_in_needs_what_it_proved(bed: Bed) {
    let mut ada = credentials("ada");
    "right".clone_into(&mut ada.password_hash);
    bed.store.create_first_user(&ada, &change()).await.unwrap();
    let user = ada.user.id;
    let sign_in = async |token, password_hash, second_factor| {
        let proof = Proof {
            password_hash,
            second_factor,
        };
        bed.store
            .sign_in(&session(user, token), proof, &change())
            .await
            .unwrap()
    };
    assert!(!sign_in(1, "wrong", false).await);
    assert!(sign_in(2, "right", false).await);

    // A second factor that is not in force asks for nothing.
    bed.store
        .propose_second_factor(user, b"secret", &change())
        .await
        .unwrap();
    assert!(sign_in(3, "right", false).await);
    let confirmed = ConfirmedFactor {
        user,
        secret: b"secret",
        step: 1,
        recovery_codes: &[],
    };
    let keep = SessionId::new(now());
    assert!(
        bed.store
            .confirm_second_factor(confirmed, keep, &change())
            .await
            .unwrap()
    );
    assert!(!sign_in(4, "right", false).await);
    assert!(sign_in(5, "right", true).await);

    bed.raw().await.run("UPDATE users SET is_active = FALSE").await;
    assert!(!sign_in(6, "right", true).await);
    let stranger = Proof {
        password_hash: "right",
        second_factor: true,
    };
    let nobody = session(UserId::new(now()), 7);
    assert!(!bed.store.sign_in(&nobody, stranger, &change()).await.unwrap());
    bed.finish().await;
}

/// Whoever signs in with the old password while it is changed is either refused or signed out by the change.
async fn a_sign_in_and_a_new_password_see_each_other(bed: Bed) {
    let mut ada = credentials("ada");
    let user = ada.user.id;
    "0".clone_into(&mut ada.password_hash);
    bed.store.create_first_user(&ada, &change()).await.unwrap();
    let by = change();
    for round in 0..20_u8 {
        let (old, new) = (round.to_string(), (round + 1).to_string());
        let proof = Proof {
            password_hash: &old,
            second_factor: false,
        };
        let sessions = [session(user, 0), session(user, 1), session(user, 2)];
        let sign_ins = sessions
            .iter()
            .map(|session| bed.store.sign_in(session, proof, &by));
        let change = bed.store.reset_password(user, &new, &by);
        let (begun, changed) = tokio::join!(futures_util::future::join_all(sign_ins), change);
        assert!(changed.unwrap());
        assert!(begun.iter().all(Result::is_ok), "{begun:?}");
        let left = bed.store.list_sessions(user, now()).await.unwrap();
        assert!(left.is_empty(), "round {round}: {left:?} outlived the password");
    }
    bed.finish().await;
}
