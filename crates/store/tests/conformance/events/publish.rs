//! Accepting events.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use picloud_shared::{
    events::{
        Destination, IdempotencyKey, Lineage, NewDelivery, NewEvent, Next, Origin, RetryPolicy,
        StoredRequest, WAITING_BYTES_PER_APP_MAX, WAITING_PER_APP_MAX,
    },
    id::{AppId, ExecutionId, ScheduleId, SubscriptionId},
    repository::{DeliveryRepository, EventRepository, PublishError},
};
use uuid::Uuid;

use super::{Ground, at, event, failure, ids};
use crate::{
    bed::{Bed, cases},
    fixtures::{fifty_at_once, now},
};

cases! {
    what_is_published_is_claimed_as_it_was,
    an_event_has_one_row_and_goes_with_its_last_delivery,
    what_nobody_wants_is_not_kept,
    what_is_due_later_waits_for_its_moment,
    no_more_waits_than_may,
    in_an_app_that_is_gone_nothing_is_published,
    a_key_publishes_once,
    a_key_of_what_was_refused_is_free,
    fifty_publishers_with_one_key_publish_once,
}

async fn what_is_published_is_claimed_as_it_was(bed: Bed) {
    let ground = Ground::new(bed).await;
    let subscribed = NewDelivery {
        origin: Origin::Subscription(SubscriptionId::new(now())),
        ordered: true,
        retry: RetryPolicy {
            attempts_max: 3,
            ..RetryPolicy::default()
        },
        on_success: Some(Destination::Topic("orders.done".parse().unwrap())),
        on_failure: Some(Destination::Script(ground.script)),
        ..ground.delivery()
    };
    let scheduled = NewDelivery {
        origin: Origin::Schedule {
            id: ScheduleId::new(now()),
            scheduled_at: at(3),
            catch_up: true,
        },
        ..ground.delivery()
    };
    let full = NewEvent {
        topic: Some("orders.created".parse().unwrap()),
        source: "/shop \0".to_owned(),
        subject: Some("order/1".to_owned()),
        time: at(17),
        extensions: BTreeMap::from([("traceparent".to_owned(), "00-1".to_owned())]),
        content_type: "text/plain".to_owned(),
        data: Bytes::from_static(&[0, 255, 7]),
        key: Some("customer/ä".to_owned()),
        lineage: Lineage {
            root: Uuid::new_v4(),
            cause: Some(ExecutionId::new(now())),
            depth: 3,
        },
        ..event(vec![subscribed, scheduled])
    };
    let request = StoredRequest {
        headers: vec![("x-a".to_owned(), "\u{FF}".to_owned())],
        ..StoredRequest::default()
    };
    let invoked = NewEvent {
        request: Some(request),
        data: Bytes::new(),
        ..ground.event()
    };
    let published = vec![full, invoked];
    ground.publish(published.clone(), at(20)).await;

    let claimed = ground.claim("a", 10, at(20)).await;
    assert_eq!(claimed.leased.len(), 3);
    for (event, delivery) in published
        .iter()
        .flat_map(|event| event.deliveries.iter().map(move |delivery| (event, delivery)))
    {
        let leased = claimed
            .leased
            .iter()
            .find(|leased| leased.delivery == delivery.id);
        let leased = leased.unwrap();
        assert_eq!((leased.app_id, leased.script_id), (ground.app, ground.script));
        assert_eq!((leased.attempt(), leased.since), (1, at(20)));
        assert_eq!(leased.until, at(50));
        assert_eq!(leased.origin, delivery.origin);
        assert_eq!(leased.ordered, delivery.ordered);
        assert_eq!(leased.retry, delivery.retry);
        assert_eq!(leased.on_success, delivery.on_success);
        assert_eq!(leased.on_failure, delivery.on_failure);
        assert_eq!(leased.event.id, event.id);
        assert_eq!(leased.event.topic, event.topic);
        assert_eq!(leased.event.source, event.source.replace('\0', "\u{FFFD}"));
        assert_eq!(leased.event.subject, event.subject);
        assert_eq!(leased.event.time, event.time);
        assert_eq!(leased.event.extensions, event.extensions);
        assert_eq!(leased.event.content_type, event.content_type);
        assert_eq!(leased.event.data, event.data);
        assert_eq!(leased.event.key, event.key);
        assert_eq!(leased.event.request, event.request);
        assert_eq!(leased.event.lineage, event.lineage);
    }
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn an_event_has_one_row_and_goes_with_its_last_delivery(bed: Bed) {
    let ground = Ground::new(bed).await;
    let shared = event(vec![ground.delivery(), ground.delivery(), ground.delivery()]);
    ground.publish(vec![shared, ground.event()], at(0)).await;
    assert_eq!(
        (ground.count("events").await, ground.count("deliveries").await),
        (2, 4)
    );
    let mut raw = ground.bed.raw().await;
    for (left, events) in [(3, 2), (2, 2), (1, 1), (0, 0)] {
        raw.run("DELETE FROM deliveries WHERE id = (SELECT id FROM deliveries ORDER BY id LIMIT 1)")
            .await;
        assert_eq!(ground.count("deliveries").await, left);
        assert_eq!(ground.count("events").await, events);
        ground.is_counted_exactly().await;
    }
    ground.bed.finish().await;
}

async fn what_nobody_wants_is_not_kept(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    let nobody = event(Vec::new());
    let published = store
        .publish(ground.app, vec![nobody.clone()], None, at(0))
        .await
        .unwrap();
    assert_eq!(published.events[0].event, nobody.id);
    assert!(published.events[0].deliveries.is_empty());
    assert_eq!(ground.count("events").await, 0);
    ground.bed.finish().await;
}

async fn what_is_due_later_waits_for_its_moment(bed: Bed) {
    let ground = Ground::new(bed).await;
    let due = |seconds| NewEvent {
        due_at: Some(at(seconds)),
        ..ground.event()
    };
    let expected = ground.publish(vec![due(10), due(30), due(0)], at(5)).await;
    let before = at(10).minus(Duration::from_micros(1));
    let claimed = ground.claim("a", 10, before).await;
    assert_eq!(ids(&claimed), expected[2..]);
    assert_eq!(claimed.leased[0].since, at(5));
    assert_eq!(claimed.next_due, Some(at(10)));
    let claimed = ground.claim("a", 10, at(10)).await;
    assert_eq!(ids(&claimed), expected[..1]);
    assert_eq!(claimed.leased[0].since, at(10));
    assert_eq!(claimed.next_due, Some(at(30)));
    ground.bed.finish().await;
}

/// Says that so much waits already.
pub(super) async fn pretend(ground: &Ground, column: &str, value: u64) {
    let mut raw = ground.bed.raw().await;
    let sql = format!(
        "INSERT INTO app_queues (app_id, shard, count, bytes) SELECT id, 99, 0, 0 FROM apps WHERE slug = 'one' \
         ON CONFLICT DO NOTHING; UPDATE app_queues SET {column} = {value} WHERE shard = {}",
        if ground.bed.is_sqlite() { 0 } else { 99 }
    );
    raw.run(&sql).await;
}

async fn no_more_waits_than_may(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    let published = ground.publish(vec![ground.event()], at(0)).await;
    let refused = |result: Result<_, PublishError>| {
        let error = result.map(|_: picloud_shared::events::Published| ()).unwrap_err();
        assert!(matches!(error, PublishError::QueueFull { .. }), "{error:?}");
    };
    let bytes = u64::try_from(ground.event().bytes()).unwrap();
    for (column, max, one) in [
        ("count", WAITING_PER_APP_MAX, 1),
        ("bytes", WAITING_BYTES_PER_APP_MAX, bytes),
    ] {
        // What is there on PostgreSQL is counted beside what is pretended.
        let there = if ground.bed.is_sqlite() { 0 } else { one };
        pretend(&ground, column, max - there - one).await;
        refused(
            store
                .publish(ground.app, vec![ground.event(), ground.event()], None, at(0))
                .await,
        );
        assert_eq!(ground.count("events").await, 1, "{column}");
        let fits = ground.publish(vec![ground.event()], at(0)).await;
        refused(store.publish(ground.app, vec![ground.event()], None, at(0)).await);
        // What nobody wants takes no room.
        ground.publish(vec![event(Vec::new())], at(0)).await;
        store.cancel_delivery(ground.app, fits[0], at(0)).await.unwrap();
        let mut raw = ground.bed.raw().await;
        raw.run("DELETE FROM deliveries WHERE state = 'cancelled'").await;
        pretend(&ground, column, max).await;
        refused(store.publish(ground.app, vec![ground.event()], None, at(0)).await);
        // A script that is to be told of an end is told, however much waits. Who only subscribes is not.
        let held = ground.claim_one("a", at(0)).await.held();
        let destination = event(vec![NewDelivery {
            origin: Origin::Destination,
            ..ground.delivery()
        }]);
        let told = picloud_shared::events::Failure {
            emits: vec![destination, ground.event()],
            ..failure(Next::RetryAt(at(0)))
        };
        assert!(store.fail(held, told, at(0)).await.unwrap());
        assert_eq!(ground.count("events").await, 2);
        let error = ground.find(held.delivery).await.error.unwrap();
        assert!(
            error.ends_with("as many events of the app wait as may)"),
            "{error}"
        );
        raw.run(&format!(
            "DELETE FROM deliveries WHERE id <> {}",
            if ground.bed.is_sqlite() {
                format!("x'{}'", published[0].0.simple())
            } else {
                format!("'{}'", published[0])
            }
        ))
        .await;
        pretend(&ground, column, u64::from(ground.bed.is_sqlite()) * one).await;
    }
    // With room for it, everybody is told.
    let held = ground.claim_one("a", at(0)).await.held();
    let told = picloud_shared::events::Failure {
        emits: vec![ground.event()],
        ..failure(Next::RetryAt(at(0)))
    };
    assert!(store.fail(held, told, at(0)).await.unwrap());
    assert_eq!(ground.count("events").await, 2);
    let error = ground.find(held.delivery).await.error;
    assert_eq!(error.as_deref(), Some("it \u{FFFD} failed"));
    ground.bed.finish().await;
}

async fn in_an_app_that_is_gone_nothing_is_published(bed: Bed) {
    let ground = Ground::new(bed).await;
    let gone = AppId::new(now());
    let refused = ground
        .bed
        .store
        .publish(gone, vec![ground.event()], None, at(0))
        .await;
    assert!(matches!(refused, Err(PublishError::NoApp)));
    assert_eq!(ground.count("events").await, 0);
    ground.bed.finish().await;
}

fn key(name: &str, fingerprint: u8) -> IdempotencyKey {
    IdempotencyKey {
        scope: "events".to_owned(),
        key: name.to_owned(),
        fingerprint: [fingerprint; 32],
        kept_until: at(100),
    }
}

async fn a_key_publishes_once(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    let publish = |key: IdempotencyKey, moment| {
        let events = vec![ground.event(), event(Vec::new())];
        store.publish(ground.app, events, Some(key), moment)
    };
    let first = publish(key("k", 1), at(0)).await.unwrap();
    assert!(!first.is_repeated);
    let again = publish(key("k", 1), at(99)).await.unwrap();
    assert!(again.is_repeated);
    assert_eq!(again.events, first.events);
    let other = publish(key("k", 2), at(1)).await;
    assert!(matches!(other, Err(PublishError::KeyReused)), "{other:?}");
    let elsewhere = IdempotencyKey {
        scope: "execute".to_owned(),
        ..key("k", 2)
    };
    assert!(!publish(elsewhere, at(1)).await.unwrap().is_repeated);
    assert!(!publish(key("other", 1), at(1)).await.unwrap().is_repeated);
    assert_eq!(ground.count("deliveries").await, 3);

    let later = IdempotencyKey {
        kept_until: at(200),
        ..key("k", 2)
    };
    let anew = publish(later.clone(), at(100)).await.unwrap();
    assert!(!anew.is_repeated);
    assert_eq!(publish(later, at(101)).await.unwrap().events, anew.events);
    assert_eq!(ground.count("deliveries").await, 4);
    ground.bed.finish().await;
}

async fn a_key_of_what_was_refused_is_free(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    ground.publish(vec![ground.event()], at(0)).await;
    pretend(&ground, "count", WAITING_PER_APP_MAX).await;
    let publish = |key| store.publish(ground.app, vec![ground.event()], Some(key), at(0));
    assert!(matches!(
        publish(key("k", 1)).await,
        Err(PublishError::QueueFull { .. })
    ));
    pretend(&ground, "count", 1).await;
    assert!(!publish(key("k", 2)).await.unwrap().is_repeated);
    ground.bed.finish().await;
}

async fn fifty_publishers_with_one_key_publish_once(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    for round in 0..10 {
        let name = format!("key {round}");
        let published = fifty_at_once(|_| {
            let events = vec![ground.event()];
            store.publish(ground.app, events, Some(key(&name, 1)), at(0))
        })
        .await;
        let published: Vec<_> = published.into_iter().map(Result::unwrap).collect();
        assert_eq!(published.iter().filter(|one| !one.is_repeated).count(), 1);
        assert!(published.iter().all(|one| one.events == published[0].events));
    }
    assert_eq!(ground.count("events").await, 10);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}
