//! Brokers of apps: the password sealed, the messages that wait for them, and whose connection it is.

use std::{fs, time::Duration};

use bytes::Bytes;
use picloud_shared::{
    id::AppId,
    mqtt::{
        BROKERS_PER_APP_MAX, Broker, BrokerName, BrokerSettings, Credentials, MESSAGE_AGE_MAX,
        MESSAGES_WAITING_BYTES_PER_BROKER_MAX, MESSAGES_WAITING_PER_BROKER_MAX, MqttVersion, NewMessage, Qos,
        SignIn, Subscribed,
    },
    repository::{AppRepository, BrokerConnections, BrokerRepository, PutBrokerError},
    secret::SecretText,
    services::{Answer, Commit, Expiry, KvValue, Question, ServiceError, Write},
};
use picloud_store::Store;

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, now},
};

cases! {
    what_was_set_is_given_to_those_who_connect,
    a_password_stays_where_it_goes,
    a_password_is_in_no_database,
    an_app_has_so_many_brokers,
    messages_are_written_with_their_commit,
    with_too_many_waiting_nothing_is_published,
    with_too_much_waiting_nothing_is_published,
    what_is_too_old_to_be_sent_takes_no_place,
    a_broker_is_one_process_s_at_a_time,
    the_brokers_of_a_process_that_ended_are_free,
    who_has_lost_the_database_for_a_moment_keeps_what_nobody_took,
    a_broker_goes_with_its_app,
    a_lost_key_takes_those_with_a_password_with_it,
}

const CANARY: &str = "canary 8Rx, twenty bytes";

fn name(text: &str) -> BrokerName {
    text.parse().unwrap()
}

fn settings(url: &str, username: Option<&str>) -> BrokerSettings {
    BrokerSettings {
        url: url.parse().unwrap(),
        ca: None,
        version: MqttVersion::V5,
        client_id: Some("picloud".to_owned()),
        username: username.map(str::to_owned),
        keep_alive_s: 60,
        filters: vec![Subscribed {
            filter: "sensors/#".parse().unwrap(),
            qos: Qos::AtLeastOnce,
        }],
        is_paused: false,
    }
}

async fn set(
    store: &Store,
    app: AppId,
    settings: &BrokerSettings,
    password: Option<&str>,
) -> Result<Broker, PutBrokerError> {
    let password = password.map(|password| SecretText::from(password.to_owned()));
    let home = name("home");
    store
        .put_broker(app, &home, settings, password.as_ref(), &change())
        .await
}

async fn put(store: &Store, app: AppId, name: &BrokerName, settings: &BrokerSettings) -> Broker {
    let put = store.put_broker(app, name, settings, None, &change()).await;
    put.unwrap()
}

async fn password(store: &Store, broker: &Broker) -> Option<String> {
    let now = store.find_broker(broker.app_id, &broker.name).await.unwrap()?;
    match store.broker_credentials(now.id, now.revision).await.unwrap() {
        SignIn::As(credentials) => credentials.password.map(|password| password.expose().to_owned()),
        SignIn::Nobody => None,
        SignIn::Outdated => panic!("it is what is set"),
    }
}

fn message(broker: &str, topic: &str) -> NewMessage {
    NewMessage {
        broker: name(broker),
        topic: topic.parse().unwrap(),
        payload: Bytes::from_static(b"ON\0\xFF"),
        qos: Qos::AtLeastOnce,
        retain: true,
        content_type: Some("text/plain".to_owned()),
        depth: 3,
    }
}

/// Writes a key, and messages.
async fn commit(store: &Store, app: AppId, messages: Vec<NewMessage>) -> Result<Answer, ServiceError> {
    let write = Write {
        key: "a".to_owned(),
        value: Some(KvValue::Json("1".to_owned())),
        expiry: Expiry::Never,
    };
    let commit = Commit {
        writes: vec![write],
        messages,
        ..Commit::default()
    };
    store.answer_kv(app, Question::Commit(commit), now()).await
}

async fn has_key(store: &Store, app: AppId) -> bool {
    let keys = vec!["a".to_owned()];
    match store.answer_kv(app, Question::KvGet { keys }, now()).await {
        Ok(Answer::Entries { entries }) => entries[0].is_some(),
        other => panic!("{other:?}"),
    }
}

async fn what_was_set_is_given_to_those_who_connect(mut bed: Bed) {
    let (one, two) = (app(&bed.store, "one").await.id, app(&bed.store, "two").await.id);
    let first = settings("mqtt://broker.example.com", Some("shop"));
    let made = set(&bed.store, one, &first, Some(CANARY)).await.unwrap();
    assert_eq!((made.revision, made.waiting, &made.settings), (1, 0, &first));
    for _ in 0..2 {
        let found = bed.store.find_broker(one, &name("home")).await.unwrap();
        assert_eq!(found.as_ref(), Some(&made));
        assert_eq!(bed.store.find_broker(two, &name("home")).await.unwrap(), None);
        assert_eq!(
            bed.store.list_brokers(one).await.unwrap(),
            std::slice::from_ref(&made)
        );
        assert_eq!(
            bed.store.all_brokers().await.unwrap(),
            std::slice::from_ref(&made)
        );
        let expected = Credentials {
            username: "shop".to_owned(),
            password: Some(CANARY.to_owned().into()),
        };
        let found = bed.store.broker_credentials(made.id, 1).await.unwrap();
        assert_eq!(found, SignIn::As(expected));
        bed.reopen().await;
        bed.store.prepare_secrets(now()).await.unwrap();
    }
    bed.store.set_subscribed(made.id, &first.filters).await.unwrap();
    let mut paused = first.clone();
    paused.is_paused = true;
    let again = set(&bed.store, one, &paused, None).await.unwrap();
    assert_eq!((again.id, again.revision), (made.id, 2));
    // What is set now is not told to who knows of what was set before.
    let found = bed.store.broker_credentials(made.id, 1).await.unwrap();
    assert_eq!(found, SignIn::Outdated);
    assert_eq!(again.subscribed, first.filters, "the session is the same");
    paused.client_id = None;
    let other = set(&bed.store, one, &paused, None).await.unwrap();
    assert_eq!(other.subscribed, [], "it is another session");
    assert!(other.client_id().starts_with("pc") && other.client_id().len() <= 23);
    let home = name("home");
    assert!(bed.store.delete_broker(one, &home, &change()).await.unwrap());
    assert!(!bed.store.delete_broker(one, &home, &change()).await.unwrap());
    let gone = bed.store.broker_credentials(made.id, other.revision).await;
    assert_eq!(gone.unwrap(), SignIn::Outdated);
    bed.finish().await;
}

async fn a_password_stays_where_it_goes(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let here = settings("mqtt://broker.example.com", Some("shop"));
    // Some brokers want a name alone.
    let broker = set(&bed.store, app, &here, None).await.unwrap();
    assert_eq!(password(&bed.store, &broker).await, None);
    set(&bed.store, app, &here, Some(CANARY)).await.unwrap();
    let mut trusting = here.clone();
    trusting.ca = Some("an authority".to_owned());
    for other in [
        trusting.clone(),
        settings("mqtt://eve.example.com", Some("shop")),
        settings("mqtts://broker.example.com", Some("shop")),
        settings("mqtt://broker.example.com", Some("eve")),
    ] {
        let refused = set(&bed.store, app, &other, None).await;
        assert!(
            matches!(refused, Err(PutBrokerError::PasswordNeeded)),
            "{other:?}"
        );
        assert_eq!(password(&bed.store, &broker).await.as_deref(), Some(CANARY));
    }
    let mut otherwise = here;
    (otherwise.version, otherwise.keep_alive_s) = (MqttVersion::V3, 5);
    set(&bed.store, app, &otherwise, None).await.unwrap();
    assert_eq!(password(&bed.store, &broker).await.as_deref(), Some(CANARY));
    set(&bed.store, app, &trusting, Some(CANARY)).await.unwrap();
    let kept = set(&bed.store, app, &trusting, None).await.unwrap();
    assert_eq!(kept.settings, trusting);
    assert_eq!(password(&bed.store, &broker).await.as_deref(), Some(CANARY));
    otherwise.username = None;
    let nobody = set(&bed.store, app, &otherwise, None).await.unwrap();
    let found = bed.store.broker_credentials(broker.id, nobody.revision).await;
    assert_eq!(found.unwrap(), SignIn::Nobody);
    bed.finish().await;
}

async fn a_password_is_in_no_database(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let settings = settings("mqtt://broker.example.com", Some("shop"));
    let broker = set(&bed.store, app, &settings, Some(CANARY)).await.unwrap();
    let hex = hex::encode_upper(CANARY);
    let column = if bed.is_sqlite() {
        "hex(sealed)"
    } else {
        "upper(encode(sealed, 'hex'))"
    };
    let sql = format!("SELECT count(*) FROM brokers WHERE {column} LIKE '%{hex}%'");
    assert_eq!(bed.raw().await.number(&sql).await, 0);
    // Whoever writes another place into the row gets no password that opens, nor with another authority for it.
    let mut raw = bed.raw().await;
    for place in [
        "ca = 'an authority'",
        "ca = NULL, url = 'mqtt://eve.example.com:1883'",
    ] {
        raw.run(&format!("UPDATE brokers SET {place}")).await;
        assert!(
            bed.store.broker_credentials(broker.id, 1).await.is_err(),
            "{place}"
        );
    }
    bed.finish().await;
}

async fn an_app_has_so_many_brokers(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let settings = settings("mqtt://broker.example.com", None);
    for number in 0..BROKERS_PER_APP_MAX {
        let name = name(&format!("broker-{number}"));
        put(&bed.store, app, &name, &settings).await;
    }
    let more = set(&bed.store, app, &settings, None).await;
    assert!(matches!(more, Err(PutBrokerError::TooMany)));
    let same = put(&bed.store, app, &name("broker-0"), &settings).await;
    assert_eq!(same.revision, 2);
    bed.finish().await;
}

async fn messages_are_written_with_their_commit(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let nowhere = commit(&bed.store, app, vec![message("home", "lamp")]).await;
    assert_eq!(nowhere, Err(ServiceError::NoBroker));
    assert!(!has_key(&bed.store, app).await, "nothing of it takes effect");
    let settings = settings("mqtt://broker.example.com", None);
    let broker = set(&bed.store, app, &settings, None).await.unwrap();
    let messages = vec![message("home", "one"), message("away", "two")];
    assert_eq!(
        commit(&bed.store, app, messages).await,
        Err(ServiceError::NoBroker)
    );
    assert!(bed.store.waiting_messages(broker.id, 9).await.unwrap().is_empty());
    let messages = vec![message("home", "one"), message("home", "two")];
    assert_eq!(commit(&bed.store, app, messages).await, Ok(Answer::Committed));
    assert!(has_key(&bed.store, app).await);
    let alone = Commit {
        messages: vec![message("home", "three")],
        ..Commit::default()
    };
    let alone = bed.store.answer_kv(app, Question::Commit(alone), now()).await;
    assert_eq!(alone, Ok(Answer::Committed));
    let waiting = bed.store.waiting_messages(broker.id, 9).await.unwrap();
    let topics: Vec<_> = waiting.iter().map(|message| message.topic.as_str()).collect();
    assert_eq!(topics, ["one", "two", "three"]);
    let (first, expected) = (&waiting[0], message("home", "one"));
    assert_eq!(
        (
            &first.payload,
            first.qos,
            first.retain,
            &first.content_type,
            first.depth
        ),
        (
            &expected.payload,
            expected.qos,
            expected.retain,
            &expected.content_type,
            expected.depth
        )
    );
    assert!(first.published_at < waiting[2].published_at && waiting[2].published_at < now());
    let found = bed.store.find_broker(app, &name("home")).await.unwrap();
    assert_eq!(found.map(|found| found.waiting), Some(3));
    let numbers: Vec<_> = waiting.iter().take(2).map(|message| message.number).collect();
    bed.store.delete_messages(broker.id, &numbers).await.unwrap();
    assert_eq!(bed.store.waiting_messages(broker.id, 9).await.unwrap().len(), 1);
    bed.finish().await;
}

async fn with_too_many_waiting_nothing_is_published(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let settings = settings("mqtt://broker.example.com", None);
    set(&bed.store, app, &settings, None).await.unwrap();
    assert!(commit(&bed.store, app, vec![message("home", "a")]).await.is_ok());
    // As if so many had been published.
    let mut raw = bed.raw().await;
    let mut waiting = 1;
    while waiting * 2 <= MESSAGES_WAITING_PER_BROKER_MAX {
        raw.run(
            "INSERT INTO broker_messages (broker_id, topic, bytes, payload, qos, retain, depth, published_at) \
             SELECT broker_id, topic, bytes, payload, qos, retain, depth, published_at FROM broker_messages",
        )
        .await;
        waiting *= 2;
    }
    let more = usize::try_from(MESSAGES_WAITING_PER_BROKER_MAX - waiting).unwrap();
    let too_many = vec![message("home", "a"); more + 1];
    assert_eq!(
        commit(&bed.store, app, too_many).await,
        Err(ServiceError::MessagesFull)
    );
    let as_many = vec![message("home", "a"); more];
    assert_eq!(commit(&bed.store, app, as_many).await, Ok(Answer::Committed));
    assert_eq!(
        commit(&bed.store, app, vec![message("home", "a")]).await,
        Err(ServiceError::MessagesFull)
    );
    bed.finish().await;
}

async fn with_too_much_waiting_nothing_is_published(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let settings = settings("mqtt://broker.example.com", None);
    set(&bed.store, app, &settings, None).await.unwrap();
    let one = message("home", "a");
    assert!(commit(&bed.store, app, vec![one.clone()]).await.is_ok());
    // As if it were so large that one more like it fits.
    let bytes = MESSAGES_WAITING_BYTES_PER_BROKER_MAX - one.bytes();
    let mut raw = bed.raw().await;
    raw.run(&format!("UPDATE broker_messages SET bytes = {bytes}"))
        .await;
    assert_eq!(
        commit(&bed.store, app, vec![one.clone(), one.clone()]).await,
        Err(ServiceError::MessagesFull)
    );
    let fits = commit(&bed.store, app, vec![one.clone()]).await;
    assert_eq!(fits, Ok(Answer::Committed));
    assert_eq!(
        commit(&bed.store, app, vec![one]).await,
        Err(ServiceError::MessagesFull)
    );
    bed.finish().await;
}

async fn what_is_too_old_to_be_sent_takes_no_place(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let settings = settings("mqtt://broker.example.com", None);
    let broker = set(&bed.store, app, &settings, None).await.unwrap().id;
    let both = vec![message("home", "old"), message("home", "new")];
    assert!(commit(&bed.store, app, both).await.is_ok());
    let old = now().minus(MESSAGE_AGE_MAX).minus(Duration::from_mins(1));
    let old = old.as_micros();
    let mut raw = bed.raw().await;
    raw.run(&format!(
        "UPDATE broker_messages SET published_at = {old}, bytes = {MESSAGES_WAITING_BYTES_PER_BROKER_MAX} \
         WHERE topic = 'old'"
    ))
    .await;
    let fits = commit(&bed.store, app, vec![message("home", "next")]).await;
    assert_eq!(fits, Ok(Answer::Committed));
    let waiting = bed.store.waiting_messages(broker, 9).await.unwrap();
    let topics: Vec<_> = waiting.iter().map(|message| message.topic.as_str()).collect();
    assert_eq!(topics, ["new", "next"]);
    bed.finish().await;
}

/// Long enough to be asked for by others meanwhile.
const LEASE: Duration = Duration::from_hours(1);

async fn lease(store: &Store, broker: &Broker) -> bool {
    store.lease_broker(broker.id, LEASE).await.unwrap()
}

/// Whether the store is told who signs in.
async fn may_sign_in(store: &Store, broker: &Broker) -> bool {
    let sign_in = store.broker_credentials(broker.id, broker.revision).await;
    sign_in.unwrap() != SignIn::Outdated
}

async fn a_broker_is_one_process_s_at_a_time(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let settings = settings("mqtt://broker.example.com", None);
    let broker = set(&bed.store, app, &settings, None).await.unwrap();
    assert!(lease(&bed.store, &broker).await && may_sign_in(&bed.store, &broker).await);
    if bed.is_sqlite() {
        // There is one process.
        return bed.finish().await;
    }
    let other = bed.open_again().await.unwrap();
    assert!(!lease(&other, &broker).await && !may_sign_in(&other, &broker).await);
    assert!(lease(&bed.store, &broker).await, "its own lease is extended");
    let mut raw = bed.raw().await;
    raw.run("UPDATE brokers SET held_until = 0").await;
    assert!(lease(&other, &broker).await, "it has run out");
    assert!(!lease(&bed.store, &broker).await && !may_sign_in(&bed.store, &broker).await);
    bed.store.release_broker(broker.id).await.unwrap();
    assert!(!lease(&bed.store, &broker).await, "that was not its own");
    other.release_broker(broker.id).await.unwrap();
    assert!(lease(&bed.store, &broker).await);
    other.close().await;
    bed.finish().await;
}

async fn the_brokers_of_a_process_that_ended_are_free(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let settings = settings("mqtt://broker.example.com", None);
    let broker = set(&bed.store, app, &settings, None).await.unwrap();
    if bed.is_sqlite() {
        // There is one process.
        return bed.finish().await;
    }
    let killed = bed.open_again().await.unwrap();
    assert!(lease(&killed, &broker).await && !lease(&bed.store, &broker).await);
    // It gives nothing back.
    killed.close().await;
    let free = async {
        // The database hears a moment later of it.
        while !lease(&bed.store, &broker).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), free).await.unwrap();
    bed.finish().await;
}

async fn who_has_lost_the_database_for_a_moment_keeps_what_nobody_took(bed: Bed) {
    if bed.is_sqlite() {
        // There is no connection to lose.
        return bed.finish().await;
    }
    let app = app(&bed.store, "one").await.id;
    let settings = settings("mqtt://broker.example.com", None);
    let broker = set(&bed.store, app, &settings, None).await.unwrap();
    let other = bed.open_again().await.unwrap();
    let mut raw = bed.raw().await;
    assert!(lease(&bed.store, &broker).await);
    let lose = "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    raw.number(lose).await;
    assert!(lease(&bed.store, &broker).await);
    assert!(!lease(&other, &broker).await, "it is seen to live again");
    raw.number(lose).await;
    assert!(lease(&other, &broker).await, "nothing says that it lives");
    assert!(!lease(&bed.store, &broker).await);
    other.close().await;
    bed.finish().await;
}

async fn a_broker_goes_with_its_app(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let settings = settings("mqtt://broker.example.com", None);
    set(&bed.store, app, &settings, None).await.unwrap();
    commit(&bed.store, app, vec![message("home", "a")]).await.unwrap();
    assert!(bed.store.delete_app(app, true, &change()).await.unwrap());
    assert!(bed.store.all_brokers().await.unwrap().is_empty());
    let messages = bed
        .raw()
        .await
        .number("SELECT count(*) FROM broker_messages")
        .await;
    assert_eq!(messages, 0);
    assert!(matches!(
        set(&bed.store, app, &settings, None).await,
        Err(PutBrokerError::NoApp)
    ));
    bed.finish().await;
}

async fn a_lost_key_takes_those_with_a_password_with_it(mut bed: Bed) {
    let (one, two) = (app(&bed.store, "one").await.id, app(&bed.store, "two").await.id);
    let settings = settings("mqtt://broker.example.com", Some("shop"));
    set(&bed.store, one, &settings, Some(CANARY)).await.unwrap();
    set(&bed.store, two, &settings, None).await.unwrap();
    fs::remove_file(bed.secret_key()).unwrap();
    bed.reopen().await;
    let forgotten = bed.store.forget_secret_key(&change()).await.unwrap();
    assert_eq!(forgotten.brokers, 1);
    assert!(bed.store.list_brokers(one).await.unwrap().is_empty());
    assert_eq!(bed.store.list_brokers(two).await.unwrap().len(), 1);
    bed.finish().await;
}
