//! Secrets in the database, and the key outside of it.

use std::{error::Error as _, fs};

use picloud_shared::{
    id::UserId,
    repository::{
        AccountRepository, AuditRepository, ConfirmedFactor, SecondFactorRepository, StoreError,
        UserRepository,
    },
};
use picloud_store::{SecretKeyError, Store};

use crate::{
    bed::{Bed, cases},
    fixtures::{change, credentials, now},
};

cases! {
    without_secrets_there_is_no_key,
    a_secret_is_not_in_the_database,
    a_missing_key_is_told_and_none_is_made,
    a_wrong_key_is_told,
    a_lost_key_never_switches_a_second_factor_off,
    a_key_that_is_lost_for_good_is_forgotten,
    what_was_plain_is_sealed_at_start,
    a_secret_opens_for_its_person_alone,
}

const SECRET: &[u8] = b"twenty secret bytes!";

async fn ada(bed: &Bed) -> UserId {
    let ada = credentials("ada");
    bed.store.create_first_user(&ada, &change()).await.unwrap();
    ada.user.id
}

async fn propose(store: &Store, user: UserId) -> Result<bool, StoreError> {
    store.propose_second_factor(user, SECRET, &change()).await
}

async fn secret(bed: &Bed, user: UserId) -> Result<Vec<u8>, StoreError> {
    let found = bed.store.find_second_factor(user).await?;
    Ok(found.unwrap().secret)
}

/// What is wrong with the key.
#[track_caller]
fn key_error(error: &StoreError) -> &SecretKeyError {
    let source = error.source().and_then(|source| source.downcast_ref());
    source.unwrap_or_else(|| panic!("{error:?}"))
}

async fn stored_with(bed: &Bed, secret: &[u8]) -> i64 {
    let hex = hex::encode_upper(secret);
    let column = if bed.is_sqlite() {
        "hex(secret)"
    } else {
        "upper(encode(secret, 'hex'))"
    };
    let sql = format!("SELECT count(*) FROM second_factors WHERE {column} LIKE '%{hex}%'");
    bed.raw().await.number(&sql).await
}

async fn without_secrets_there_is_no_key(mut bed: Bed) {
    ada(&bed).await;
    bed.store.prepare_secrets(now()).await.unwrap();
    bed.reopen().await;
    bed.store.prepare_secrets(now()).await.unwrap();
    assert!(!bed.secret_key().exists());
    bed.finish().await;
}

async fn a_secret_is_not_in_the_database(mut bed: Bed) {
    let user = ada(&bed).await;
    assert!(propose(&bed.store, user).await.unwrap());
    assert_eq!(stored_with(&bed, SECRET).await, 0);
    let key = fs::read_to_string(bed.secret_key()).unwrap();

    bed.reopen().await;
    bed.store.prepare_secrets(now()).await.unwrap();
    assert_eq!(secret(&bed, user).await.unwrap(), SECRET);
    assert!(propose(&bed.store, user).await.unwrap());
    assert_eq!(fs::read_to_string(bed.secret_key()).unwrap(), key, "it stays");
    bed.finish().await;
}

async fn a_missing_key_is_told_and_none_is_made(mut bed: Bed) {
    let user = ada(&bed).await;
    propose(&bed.store, user).await.unwrap();
    let kept = fs::read(bed.secret_key()).unwrap();
    fs::remove_file(bed.secret_key()).unwrap();
    bed.reopen().await;

    let error = bed.store.prepare_secrets(now()).await.unwrap_err();
    assert!(matches!(key_error(&error), SecretKeyError::Missing(path) if *path == bed.secret_key()));
    let told = key_error(&error).to_string();
    assert!(
        told.contains("secret.key is missing") && told.contains("--secret-key-file"),
        "{told}"
    );
    for error in [
        propose(&bed.store, user).await.unwrap_err(),
        secret(&bed, user).await.unwrap_err(),
    ] {
        assert!(
            matches!(key_error(&error), SecretKeyError::Missing(_)),
            "{error:?}"
        );
    }
    assert!(!bed.secret_key().exists());

    fs::write(bed.secret_key(), kept).unwrap();
    bed.store.prepare_secrets(now()).await.unwrap();
    assert_eq!(secret(&bed, user).await.unwrap(), SECRET);
    bed.finish().await;
}

async fn a_wrong_key_is_told(mut bed: Bed) {
    let user = ada(&bed).await;
    propose(&bed.store, user).await.unwrap();
    fs::write(bed.secret_key(), "07".repeat(32)).unwrap();
    bed.reopen().await;
    for error in [
        bed.store.prepare_secrets(now()).await.unwrap_err(),
        propose(&bed.store, user).await.unwrap_err(),
        secret(&bed, user).await.unwrap_err(),
    ] {
        assert!(matches!(key_error(&error), SecretKeyError::Wrong(_)), "{error:?}");
    }
    bed.finish().await;
}

async fn a_lost_key_never_switches_a_second_factor_off(mut bed: Bed) {
    let user = ada(&bed).await;
    propose(&bed.store, user).await.unwrap();
    let confirmed = ConfirmedFactor {
        user,
        secret: SECRET,
        step: 10,
        recovery_codes: &[[1; 32]],
    };
    let keep = picloud_shared::id::SessionId::new(now());
    assert!(
        bed.store
            .confirm_second_factor(confirmed, keep, &change())
            .await
            .unwrap()
    );
    fs::remove_file(bed.secret_key()).unwrap();
    bed.reopen().await;
    assert!(
        bed.store.find_second_factor(user).await.is_err(),
        "it is there, and cannot be read"
    );
    // On the machine itself there is a way out for those who lost the key too.
    assert!(bed.store.reset_password(user, "hash", &change()).await.unwrap());
    assert_eq!(bed.store.find_second_factor(user).await.unwrap(), None);
    bed.finish().await;
}

async fn a_key_that_is_lost_for_good_is_forgotten(mut bed: Bed) {
    let user = ada(&bed).await;
    propose(&bed.store, user).await.unwrap();
    fs::remove_file(bed.secret_key()).unwrap();
    bed.reopen().await;
    let forgotten = bed.store.forget_secret_key(&change()).await.unwrap();
    assert_eq!((forgotten.second_factors, forgotten.secrets), (1, 0));
    bed.store.prepare_secrets(now()).await.unwrap();
    assert_eq!(bed.store.find_second_factor(user).await.unwrap(), None);
    assert!(propose(&bed.store, user).await.unwrap(), "with a new key");
    assert!(bed.secret_key().exists());
    assert_eq!(secret(&bed, user).await.unwrap(), SECRET);
    assert!(bed.store.verify_audit().await.unwrap().first_bad.is_none());
    bed.finish().await;
}

async fn what_was_plain_is_sealed_at_start(bed: Bed) {
    let user = ada(&bed).await;
    propose(&bed.store, user).await.unwrap();
    let plain = hex::encode(SECRET);
    let plain = if bed.is_sqlite() {
        format!("x'{plain}'")
    } else {
        format!("'\\x{plain}'")
    };
    bed.raw()
        .await
        .run(&format!(
            "UPDATE second_factors SET secret = {plain}, sealed = FALSE"
        ))
        .await;
    assert_eq!(stored_with(&bed, SECRET).await, 1);

    bed.store.prepare_secrets(now()).await.unwrap();
    assert_eq!(stored_with(&bed, SECRET).await, 0);
    assert_eq!(secret(&bed, user).await.unwrap(), SECRET);
    bed.store.close().await;
    if bed.is_sqlite() {
        let file = fs::read(bed.dir().join("picloud.db")).unwrap();
        let left = file.windows(SECRET.len()).any(|window| window == SECRET);
        assert!(!left, "it is still in the file");
    }
    bed.finish().await;
}

async fn a_secret_opens_for_its_person_alone(bed: Bed) {
    let ada = ada(&bed).await;
    let eve = credentials("eve");
    bed.store.create_account(&eve, &change()).await.unwrap();
    for user in [ada, eve.user.id] {
        propose(&bed.store, user).await.unwrap();
    }
    bed.raw()
        .await
        .run(
            "UPDATE second_factors SET secret = (SELECT f.secret FROM second_factors f \
             WHERE f.user_id <> second_factors.user_id)",
        )
        .await;
    let error = secret(&bed, ada).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
    bed.finish().await;
}
