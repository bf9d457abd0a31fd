//! Second factors and their recovery codes.

use picloud_shared::{
    change::{Change, Via},
    id::{SessionId, UserId},
    repository::{ConfirmedFactor, SecondFactorRepository, SessionRepository, UserRepository},
    second_factor::RecoveryCodeHash,
};

use crate::{
    bed::{Bed, cases},
    fixtures::{change, credentials, fifty_at_once, now, session},
};

cases! {
    a_proposal_is_replaced_until_it_is_confirmed,
    only_the_secret_that_waits_is_confirmed,
    a_second_factor_ends_the_other_sessions,
    of_fifty_who_bring_one_code_one_passes,
    no_step_is_taken_after_a_later_one,
    of_fifty_who_bring_one_recovery_code_one_passes,
    recovery_codes_are_replaced,
    a_second_factor_is_removed_with_its_codes,
    an_ended_session_changes_no_second_factor,
}

const CODES: [RecoveryCodeHash; 3] = [[1; 32], [2; 32], [3; 32]];

async fn ada(bed: &Bed) -> UserId {
    let ada = credentials("ada");
    bed.store.create_first_user(&ada, &change()).await.unwrap();
    ada.user.id
}

/// A person whose second factor is in force since time step 10.
async fn protected(bed: &Bed) -> UserId {
    let user = ada(bed).await;
    assert!(propose(bed, user, b"secret").await);
    assert!(confirm(bed, user, b"secret").await);
    user
}

async fn propose(bed: &Bed, user: UserId, secret: &[u8]) -> bool {
    bed.store
        .propose_second_factor(user, secret, &change())
        .await
        .unwrap()
}

async fn confirm(bed: &Bed, user: UserId, secret: &[u8]) -> bool {
    confirm_in(bed, user, secret, SessionId::new(now())).await
}

async fn confirm_in(bed: &Bed, user: UserId, secret: &[u8], keep: SessionId) -> bool {
    let confirmed = ConfirmedFactor {
        user,
        secret,
        step: 10,
        recovery_codes: &CODES,
    };
    bed.store
        .confirm_second_factor(confirmed, keep, &change())
        .await
        .unwrap()
}

async fn a_proposal_is_replaced_until_it_is_confirmed(bed: Bed) {
    let user = ada(&bed).await;
    assert_eq!(bed.store.find_second_factor(user).await.unwrap(), None);
    assert!(propose(&bed, user, b"one").await);
    assert!(propose(&bed, user, b"two").await);
    let found = bed.store.find_second_factor(user).await.unwrap().unwrap();
    assert_eq!(found.secret, b"two");
    assert_eq!((found.confirmed_at, found.recovery_codes_left), (None, 0));
    assert!(!bed.store.spend_totp_step(user, 1).await.unwrap(), "not in force");

    assert!(confirm(&bed, user, b"two").await);
    assert!(!propose(&bed, user, b"three").await);
    let found = bed.store.find_second_factor(user).await.unwrap().unwrap();
    assert_eq!(found.secret, b"two");
    assert!(found.confirmed_at.is_some());
    assert_eq!(found.recovery_codes_left, 3);
    bed.finish().await;
}

async fn only_the_secret_that_waits_is_confirmed(bed: Bed) {
    let user = ada(&bed).await;
    assert!(!confirm(&bed, user, b"one").await);
    assert!(propose(&bed, user, b"one").await);
    assert!(propose(&bed, user, b"two").await);
    assert!(!confirm(&bed, user, b"one").await);
    assert!(confirm(&bed, user, b"two").await);
    assert!(!confirm(&bed, user, b"two").await, "once");
    bed.finish().await;
}

async fn a_second_factor_ends_the_other_sessions(bed: Bed) {
    let user = ada(&bed).await;
    let (kept, other) = (session(user, 1), session(user, 2));
    for session in [&kept, &other] {
        bed.store.create_session(session).await.unwrap();
    }
    propose(&bed, user, b"secret").await;
    assert!(confirm_in(&bed, user, b"secret", kept.id).await);
    assert_eq!(bed.store.list_sessions(user, now()).await.unwrap(), [kept]);
    bed.finish().await;
}

async fn of_fifty_who_bring_one_code_one_passes(bed: Bed) {
    let user = protected(&bed).await;
    assert!(
        !bed.store.spend_totp_step(user, 10).await.unwrap(),
        "it confirmed"
    );
    let results = fifty_at_once(async |_| bed.store.spend_totp_step(user, 11).await.unwrap()).await;
    assert_eq!(results.iter().filter(|passed| **passed).count(), 1);
    bed.finish().await;
}

async fn no_step_is_taken_after_a_later_one(bed: Bed) {
    let user = protected(&bed).await;
    assert!(bed.store.spend_totp_step(user, 12).await.unwrap());
    assert!(!bed.store.spend_totp_step(user, 11).await.unwrap());
    assert!(bed.store.spend_totp_step(user, 13).await.unwrap());
    assert!(!bed.store.spend_totp_step(UserId::new(now()), 20).await.unwrap());
    bed.finish().await;
}

async fn of_fifty_who_bring_one_recovery_code_one_passes(bed: Bed) {
    let user = protected(&bed).await;
    assert!(!bed.store.spend_recovery_code(user, &[9; 32]).await.unwrap());
    let results = fifty_at_once(async |_| bed.store.spend_recovery_code(user, &[2; 32]).await.unwrap()).await;
    assert_eq!(results.iter().filter(|passed| **passed).count(), 1);
    let found = bed.store.find_second_factor(user).await.unwrap().unwrap();
    assert_eq!(found.recovery_codes_left, 2);
    bed.finish().await;
}

async fn recovery_codes_are_replaced(bed: Bed) {
    let user = ada(&bed).await;
    propose(&bed, user, b"secret").await;
    let replace = async |codes: &[RecoveryCodeHash]| {
        bed.store
            .replace_recovery_codes(user, codes, &change())
            .await
            .unwrap()
    };
    assert!(!replace(&[[4; 32]]).await, "not in force");
    confirm(&bed, user, b"secret").await;
    assert!(replace(&[[4; 32]]).await);
    assert!(!bed.store.spend_recovery_code(user, &[1; 32]).await.unwrap());
    assert!(bed.store.spend_recovery_code(user, &[4; 32]).await.unwrap());
    bed.finish().await;
}

async fn a_second_factor_is_removed_with_its_codes(bed: Bed) {
    let user = protected(&bed).await;
    let remove = async || bed.store.remove_second_factor(user, &change()).await.unwrap();
    assert!(remove().await);
    assert!(!remove().await);
    assert_eq!(bed.store.find_second_factor(user).await.unwrap(), None);
    assert!(!bed.store.spend_recovery_code(user, &[1; 32]).await.unwrap());
    assert_eq!(
        bed.raw()
            .await
            .number("SELECT count(*) FROM recovery_codes")
            .await,
        0
    );
    bed.finish().await;
}

async fn an_ended_session_changes_no_second_factor(bed: Bed) {
    let user = ada(&bed).await;
    let keep = SessionId::new(now());
    let by = Change {
        author: Some(user),
        via: Via::Session(keep),
        ..change()
    };
    assert!(propose(&bed, user, b"secret").await);
    let confirmed = ConfirmedFactor {
        user,
        secret: b"secret",
        step: 10,
        recovery_codes: &CODES,
    };
    let store = &bed.store;
    assert!(!store.confirm_second_factor(confirmed, keep, &by).await.unwrap());
    assert!(confirm(&bed, user, b"secret").await);
    assert!(!store.replace_recovery_codes(user, &[], &by).await.unwrap());
    assert!(!store.remove_second_factor(user, &by).await.unwrap());
    let found = store.find_second_factor(user).await.unwrap().unwrap();
    assert_eq!(found.recovery_codes_left, 3);
    bed.finish().await;
}
