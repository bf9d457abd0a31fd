//! Secrets of apps: sealed, and opened for their own app alone.

use std::{error::Error as _, fs, sync::Arc};

use picloud_shared::{
    id::AppId,
    repository::{
        AppRepository, AuditRepository, SecretRepository, SetSecretError, StoreError, UserRepository,
    },
    secret::{SECRETS_PER_APP_MAX, SecretText, SettingName},
    services::{Answer, Question},
};
use picloud_store::{SecretKeyError, Store};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, credentials, now},
};

cases! {
    what_was_set_is_opened,
    only_names_are_listed,
    a_change_is_seen_at_once,
    a_value_is_not_in_the_database,
    a_value_opens_for_its_app_and_name_alone,
    there_is_a_most,
    an_app_that_is_gone_has_none,
    setting_at_once_leaves_one_of_them,
    without_the_key_none_is_opened,
    a_key_that_is_lost_for_good_takes_them_with_it,
}

const CANARY: &str = "canary 7Qd, twenty bytes";

fn name(text: &str) -> SettingName {
    text.parse().unwrap()
}

async fn set(store: &Store, app: AppId, key: &str, value: &str) {
    let value = SecretText::from(value.to_owned());
    store
        .set_secret(app, &name(key), &value, &change())
        .await
        .unwrap();
}

async fn get(store: &Store, app: AppId, key: &str) -> Option<String> {
    let question = Question::Secret { name: name(key) };
    match store.answer_kv(app, question, now()).await.unwrap() {
        Answer::Secret { value } => value.map(|value| value.expose().to_owned()),
        other => panic!("{other:?}"),
    }
}

async fn what_was_set_is_opened(mut bed: Bed) {
    let (one, two) = (app(&bed.store, "one").await.id, app(&bed.store, "two").await.id);
    assert_eq!(get(&bed.store, one, "KEY").await, None);
    let long = "ä\n\0".repeat(8_192);
    for (key, value) in [("KEY", CANARY), ("LONG", &long), ("key", "x")] {
        set(&bed.store, one, key, value).await;
    }
    set(&bed.store, two, "KEY", "another").await;
    for _ in 0..2 {
        assert_eq!(get(&bed.store, one, "KEY").await.as_deref(), Some(CANARY));
        assert_eq!(get(&bed.store, one, "LONG").await.as_ref(), Some(&long));
        assert_eq!(get(&bed.store, one, "key").await.as_deref(), Some("x"));
        assert_eq!(get(&bed.store, one, "NONE").await, None);
        assert_eq!(get(&bed.store, two, "KEY").await.as_deref(), Some("another"));
        assert_eq!(get(&bed.store, two, "LONG").await, None);
        bed.reopen().await;
        bed.store.prepare_secrets(now()).await.unwrap();
    }
    bed.finish().await;
}

async fn only_names_are_listed(bed: Bed) {
    let ada = credentials("ada");
    bed.store.create_first_user(&ada, &change()).await.unwrap();
    let app = app(&bed.store, "one").await.id;
    let mut change = change();
    change.author = Some(ada.user.id);
    let value = SecretText::from(CANARY.to_owned());
    for key in ["b", "A", "_"] {
        bed.store
            .set_secret(app, &name(key), &value, &change)
            .await
            .unwrap();
    }
    let listed = bed.store.list_secrets(app).await.unwrap();
    let names: Vec<_> = listed.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!(names, ["A", "_", "b"]);
    assert!(listed.iter().all(|secret| secret.updated_at == change.at));
    assert!(
        listed
            .iter()
            .all(|secret| secret.updated_by.as_deref() == Some("ada"))
    );
    bed.finish().await;
}

async fn a_change_is_seen_at_once(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    for round in 0..20 {
        let value = format!("value {round}");
        set(&bed.store, app, "KEY", &value).await;
        assert_eq!(get(&bed.store, app, "KEY").await, Some(value));
    }
    assert!(
        bed.store
            .delete_secret(app, &name("KEY"), &change())
            .await
            .unwrap()
    );
    assert_eq!(get(&bed.store, app, "KEY").await, None);
    assert!(
        !bed.store
            .delete_secret(app, &name("KEY"), &change())
            .await
            .unwrap()
    );
    bed.finish().await;
}

async fn a_value_is_not_in_the_database(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    set(&bed.store, app, "KEY", CANARY).await;
    let hex = hex::encode_upper(CANARY);
    let column = if bed.is_sqlite() {
        "hex(sealed)"
    } else {
        "upper(encode(sealed, 'hex'))"
    };
    let sql = format!("SELECT count(*) FROM secrets WHERE {column} LIKE '%{hex}%'");
    assert_eq!(bed.raw().await.number(&sql).await, 0);
    assert!(bed.store.verify_audit().await.unwrap().first_bad.is_none());
    bed.store.close().await;
    if bed.is_sqlite() {
        let file = fs::read(bed.dir().join("picloud.db")).unwrap();
        assert!(
            !file
                .windows(CANARY.len())
                .any(|window| window == CANARY.as_bytes())
        );
    }
    bed.finish().await;
}

async fn a_value_opens_for_its_app_and_name_alone(bed: Bed) {
    let (one, two) = (app(&bed.store, "one").await.id, app(&bed.store, "two").await.id);
    for (app, key) in [(one, "A"), (one, "B"), (two, "A")] {
        set(&bed.store, app, key, CANARY).await;
    }
    // Each row gets the value of another one.
    let swapped = "UPDATE secrets SET sealed = (SELECT s.sealed FROM secrets s \
        WHERE (s.app_id = secrets.app_id) <> (s.name = secrets.name) LIMIT 1)";
    bed.raw().await.run(swapped).await;
    for (app, key) in [(one, "A"), (one, "B"), (two, "A")] {
        let error = bed.store.open_secret(app, &name(key)).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
    }
    bed.finish().await;
}

async fn there_is_a_most(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    for number in 0..SECRETS_PER_APP_MAX {
        set(&bed.store, app, &format!("K{number}"), "x").await;
    }
    let value = SecretText::from("y".to_owned());
    let refused = bed.store.set_secret(app, &name("MORE"), &value, &change()).await;
    assert!(matches!(refused, Err(SetSecretError::TooMany)), "{refused:?}");
    set(&bed.store, app, "K0", "y").await;
    assert!(
        bed.store
            .delete_secret(app, &name("K1"), &change())
            .await
            .unwrap()
    );
    set(&bed.store, app, "MORE", "y").await;
    bed.finish().await;
}

async fn an_app_that_is_gone_has_none(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    set(&bed.store, app, "KEY", CANARY).await;
    assert!(get(&bed.store, app, "KEY").await.is_some());
    assert!(bed.store.delete_app(app, true, &change()).await.unwrap());
    assert_eq!(get(&bed.store, app, "KEY").await, None);
    assert_eq!(bed.raw().await.number("SELECT count(*) FROM secrets").await, 0);
    let value = SecretText::from("y".to_owned());
    let refused = bed.store.set_secret(app, &name("KEY"), &value, &change()).await;
    assert!(matches!(refused, Err(SetSecretError::NoApp)), "{refused:?}");
    assert!(
        !bed.store
            .delete_secret(app, &name("KEY"), &change())
            .await
            .unwrap()
    );
    bed.finish().await;
}

/// Some set, others read: in the end everybody reads what was set last.
async fn setting_at_once_leaves_one_of_them(bed: Bed) {
    const WRITERS: usize = 4;
    const ROUNDS: usize = 10;
    let bed = Arc::new(bed);
    let app = app(&bed.store, "one").await.id;
    let tasks: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let bed = Arc::clone(&bed);
            tokio::spawn(async move {
                for round in 0..ROUNDS {
                    set(&bed.store, app, "KEY", &format!("{writer}-{round}")).await;
                    assert!(get(&bed.store, app, "KEY").await.is_some());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let cached = get(&bed.store, app, "KEY").await;
    let last = format!("-{}", ROUNDS - 1);
    assert!(
        cached.as_ref().is_some_and(|value| value.ends_with(&last)),
        "{cached:?}"
    );
    let mut bed = Arc::into_inner(bed).unwrap();
    bed.reopen().await;
    assert_eq!(
        get(&bed.store, app, "KEY").await,
        cached,
        "what was kept is what is stored"
    );
    bed.finish().await;
}

async fn without_the_key_none_is_opened(mut bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    set(&bed.store, app, "KEY", CANARY).await;
    let kept = fs::read(bed.secret_key()).unwrap();
    fs::remove_file(bed.secret_key()).unwrap();
    bed.reopen().await;
    let error = bed.store.open_secret(app, &name("KEY")).await.unwrap_err();
    let source = error.source().and_then(|source| source.downcast_ref());
    assert!(matches!(source, Some(SecretKeyError::Missing(_))), "{error:?}");
    fs::write(bed.secret_key(), kept).unwrap();
    assert_eq!(get(&bed.store, app, "KEY").await.as_deref(), Some(CANARY));
    bed.finish().await;
}

async fn a_key_that_is_lost_for_good_takes_them_with_it(mut bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    set(&bed.store, app, "KEY", CANARY).await;
    fs::remove_file(bed.secret_key()).unwrap();
    bed.reopen().await;
    let forgotten = bed.store.forget_secret_key(&change()).await.unwrap();
    assert_eq!((forgotten.second_factors, forgotten.secrets), (0, 1));
    assert_eq!(get(&bed.store, app, "KEY").await, None);
    set(&bed.store, app, "KEY", "new").await;
    assert_eq!(get(&bed.store, app, "KEY").await.as_deref(), Some("new"));
    bed.finish().await;
}
