//! Mail servers of apps: the password sealed, and opened for its app and its mail server alone.

use std::fs;

use picloud_shared::{
    id::AppId,
    mail::{MailSettings, Senders},
    repository::{AppRepository, MailServers, PutSmtpError, SmtpRepository, UserRepository},
    secret::SecretText,
};
use picloud_store::Store;

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, credentials, now},
};

cases! {
    what_was_set_is_given_to_those_who_send,
    a_password_stays_where_it_goes,
    a_password_is_in_no_database,
    a_mail_server_goes_with_its_app,
    without_anybody_there_is_no_password,
    a_lost_key_takes_those_with_a_password_with_it,
}

const CANARY: &str = "canary 7Qd, twenty bytes";

fn settings(host: &str, username: Option<&str>) -> MailSettings {
    let from = ["Shop <shop@example.com>", "*@example.org"];
    MailSettings {
        host: host.parse().unwrap(),
        port: 587,
        security: "starttls".parse().unwrap(),
        username: username.map(str::to_owned),
        senders: Senders::new(from.iter().map(|text| text.parse().unwrap()).collect()).unwrap(),
    }
}

async fn set(
    store: &Store,
    app: AppId,
    settings: &MailSettings,
    password: Option<&str>,
) -> Result<(), PutSmtpError> {
    let password = password.map(|password| SecretText::from(password.to_owned()));
    let set = store.put_smtp(app, settings, password.as_ref(), &change()).await;
    set.map(|smtp| assert_eq!(smtp.settings, *settings))
}

/// The password of an app's mail server, as it is given to those who send.
async fn password(store: &Store, app: AppId) -> Option<String> {
    let server = store.mail_server(app).await.unwrap()?;
    server
        .credentials
        .map(|credentials| credentials.password.expose().to_owned())
}

async fn what_was_set_is_given_to_those_who_send(mut bed: Bed) {
    let ada = credentials("ada");
    bed.store.create_first_user(&ada, &change()).await.unwrap();
    let (one, two) = (app(&bed.store, "one").await.id, app(&bed.store, "two").await.id);
    assert_eq!(bed.store.find_smtp(one).await.unwrap(), None);
    assert_eq!(bed.store.mail_server(one).await.unwrap(), None);
    let settings = settings("mail.example.com", Some("shop"));
    let mut by_ada = change();
    by_ada.author = Some(ada.user.id);
    let secret = SecretText::from(CANARY.to_owned());
    bed.store
        .put_smtp(one, &settings, Some(&secret), &by_ada)
        .await
        .unwrap();
    for _ in 0..2 {
        let found = bed.store.find_smtp(one).await.unwrap().unwrap();
        assert_eq!(found.settings, settings);
        assert_eq!(found.updated_by.as_deref(), Some("ada"));
        let server = bed.store.mail_server(one).await.unwrap().unwrap();
        assert_eq!(server, settings.clone().with(Some(secret.clone())));
        assert_eq!(bed.store.mail_server(two).await.unwrap(), None);
        bed.reopen().await;
        bed.store.prepare_secrets(now()).await.unwrap();
    }
    assert!(bed.store.delete_smtp(one, &change()).await.unwrap());
    assert!(!bed.store.delete_smtp(one, &change()).await.unwrap());
    assert_eq!(bed.store.mail_server(one).await.unwrap(), None);
    bed.finish().await;
}

async fn a_password_stays_where_it_goes(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let here = settings("mail.example.com", Some("shop"));
    let needed = |set: Result<(), PutSmtpError>| matches!(set, Err(PutSmtpError::PasswordNeeded));
    assert!(needed(set(&bed.store, app, &here, None).await));
    set(&bed.store, app, &here, Some(CANARY)).await.unwrap();
    let others = [
        settings("other.example.com", Some("shop")),
        settings("mail.example.com", Some("eve")),
        MailSettings {
            port: 25,
            ..here.clone()
        },
        MailSettings {
            security: "none".parse().unwrap(),
            ..here.clone()
        },
    ];
    for other in &others {
        assert!(needed(set(&bed.store, app, other, None).await), "{other:?}");
        assert_eq!(password(&bed.store, app).await.as_deref(), Some(CANARY));
    }
    let from = ["other@example.com".parse().unwrap()].to_vec();
    let renamed = MailSettings {
        senders: Senders::new(from).unwrap(),
        ..here
    };
    set(&bed.store, app, &renamed, None).await.unwrap();
    assert_eq!(password(&bed.store, app).await.as_deref(), Some(CANARY));
    set(&bed.store, app, &renamed, Some("another")).await.unwrap();
    assert_eq!(password(&bed.store, app).await.as_deref(), Some("another"));
    bed.finish().await;
}

async fn a_password_is_in_no_database(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let settings = settings("mail.example.com", Some("shop"));
    set(&bed.store, app, &settings, Some(CANARY)).await.unwrap();
    set(&bed.store, app, &settings, None).await.unwrap();
    let hex = hex::encode_upper(CANARY);
    let column = if bed.is_sqlite() {
        "hex(sealed)"
    } else {
        "upper(encode(sealed, 'hex'))"
    };
    let sql = format!("SELECT count(*) FROM app_smtp WHERE {column} LIKE '%{hex}%'");
    assert_eq!(bed.raw().await.number(&sql).await, 0);
    assert_eq!(password(&bed.store, app).await.as_deref(), Some(CANARY));
    // Whoever writes another host into the row gets no password that opens.
    bed.raw()
        .await
        .run("UPDATE app_smtp SET host = 'eve.example.com'")
        .await;
    assert!(bed.store.mail_server(app).await.is_err());
    bed.raw()
        .await
        .run("UPDATE app_smtp SET host = 'mail.example.com'")
        .await;
    assert_eq!(password(&bed.store, app).await.as_deref(), Some(CANARY));
    bed.finish().await;
}

async fn a_mail_server_goes_with_its_app(bed: Bed) {
    let app = app(&bed.store, "one").await;
    let settings = settings("mail.example.com", None);
    set(&bed.store, app.id, &settings, None).await.unwrap();
    assert!(bed.store.delete_app(app.id, true, &change()).await.unwrap());
    assert_eq!(bed.store.find_smtp(app.id).await.unwrap(), None);
    assert!(matches!(
        set(&bed.store, app.id, &settings, None).await,
        Err(PutSmtpError::NoApp)
    ));
    assert!(!bed.store.delete_smtp(app.id, &change()).await.unwrap());
    bed.finish().await;
}

async fn without_anybody_there_is_no_password(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    set(&bed.store, app, &settings("10.1.2.3", Some("shop")), Some(CANARY))
        .await
        .unwrap();
    set(&bed.store, app, &settings("10.1.2.3", None), None)
        .await
        .unwrap();
    let server = bed.store.mail_server(app).await.unwrap().unwrap();
    assert_eq!(server.credentials, None);
    assert!(matches!(
        set(&bed.store, app, &settings("10.1.2.3", Some("shop")), None).await,
        Err(PutSmtpError::PasswordNeeded)
    ));
    bed.finish().await;
}

async fn a_lost_key_takes_those_with_a_password_with_it(mut bed: Bed) {
    let (one, two) = (app(&bed.store, "one").await.id, app(&bed.store, "two").await.id);
    set(
        &bed.store,
        one,
        &settings("mail.example.com", Some("shop")),
        Some(CANARY),
    )
    .await
    .unwrap();
    set(&bed.store, two, &settings("mail.example.com", None), None)
        .await
        .unwrap();
    fs::remove_file(bed.secret_key()).unwrap();
    bed.reopen().await;
    let forgotten = bed.store.forget_secret_key(&change()).await.unwrap();
    assert_eq!(forgotten.mail_servers, 1);
    assert_eq!(bed.store.find_smtp(one).await.unwrap(), None);
    assert!(bed.store.find_smtp(two).await.unwrap().is_some());
    bed.finish().await;
}
