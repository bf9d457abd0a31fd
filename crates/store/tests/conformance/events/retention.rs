//! What is deleted when it is old, or too much.

use picloud_shared::{
    events::{DeadReason, DeliveryResult, DeliveryState, EventRetention, IdempotencyKey, Next},
    id::DeliveryId,
    repository::{AppRepository, DeliveryRepository, EventRepository},
    services::{Answer, Commit},
    time::Timestamp,
};

use super::{Ground, ack, at};
use crate::{
    bed::{Bed, cases},
    fixtures::{app, change},
};

cases! {
    what_is_too_old_goes,
    each_app_keeps_its_newest,
    keys_that_have_expired_go,
    it_is_known_up_to_when_all_is_kept,
    of_an_app_that_is_gone_nothing_remains,
}

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

async fn done(ground: &Ground, moment: Timestamp) -> DeliveryId {
    ground.publish(vec![ground.event()], moment).await;
    let held = ground.claim_one("a", moment).await.held();
    let mut ack = ack(held);
    ack.result = Some(DeliveryResult {
        status: 200,
        content_type: None,
        body: vec![b'x'; 100].into(),
        is_cut: false,
    });
    let commit = Commit {
        acks: vec![ack],
        ..Commit::default()
    };
    assert_eq!(ground.commit(commit, moment).await, Ok(Answer::Committed));
    held.delivery
}

async fn dead(ground: &Ground, moment: Timestamp) -> DeliveryId {
    ground.publish(vec![ground.event()], moment).await;
    let held = ground.claim_one("a", moment).await.held();
    assert!(ground.fail(held, Next::Dead(DeadReason::Never), moment).await);
    held.delivery
}

async fn purge(ground: &Ground, retention: EventRetention, moment: Timestamp) -> u64 {
    ground
        .bed
        .store
        .purge_deliveries(retention, moment)
        .await
        .unwrap()
}

async fn what_is_too_old_goes(bed: Bed) {
    let ground = Ground::new(bed).await;
    let done = [done(&ground, at(0)).await, done(&ground, at(10)).await];
    let dead = [dead(&ground, at(0)).await, dead(&ground, at(20)).await];
    let cancelled = ground.publish(vec![ground.event()], at(0)).await[0];
    ground
        .bed
        .store
        .cancel_delivery(ground.app, cancelled, at(0))
        .await
        .unwrap();
    let waiting = ground.publish(vec![ground.event()], at(0)).await;
    let retention = EventRetention::default();
    assert_eq!(purge(&ground, retention, at(DAY)).await, 0);
    assert_eq!(purge(&ground, retention, at(DAY + 5)).await, 2);
    assert_eq!(ground.list(DeliveryState::Done).await, done[1..]);
    assert_eq!(ground.count("delivery_results").await, 1);
    assert_eq!(purge(&ground, retention, at(14 * DAY)).await, 1);
    assert_eq!(purge(&ground, retention, at(14 * DAY + 5)).await, 1);
    assert_eq!(ground.list(DeliveryState::Dead).await, dead[1..]);
    assert_eq!(purge(&ground, retention, at(100 * DAY)).await, 1);
    assert_eq!(ground.list(DeliveryState::Waiting).await, waiting);
    assert_eq!(
        (ground.count("events").await, ground.count("deliveries").await),
        (1, 1)
    );
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn each_app_keeps_its_newest(bed: Bed) {
    let ground = Ground::new(bed).await;
    let mut all = Vec::new();
    for second in 0..6 {
        all.push(done(&ground, at(second)).await);
    }
    let mut of_dead = Vec::new();
    for second in 6..12 {
        of_dead.push(dead(&ground, at(second)).await);
    }
    let newest = |ids: &[DeliveryId]| ids.iter().rev().copied().collect::<Vec<_>>();
    let by_number = EventRetention {
        done_per_app_max: 4,
        dead_per_app_max: 5,
        ..EventRetention::default()
    };
    assert_eq!(purge(&ground, by_number, at(20)).await, 3);
    assert_eq!(ground.list(DeliveryState::Done).await, newest(&all[2..]));
    assert_eq!(ground.list(DeliveryState::Dead).await, newest(&of_dead[1..]));
    // With their results, those that are done have 102 bytes each; those that are dead have 2.
    let by_bytes = EventRetention {
        done_bytes_per_app_max: 204,
        dead_bytes_per_app_max: 5,
        ..EventRetention::default()
    };
    assert_eq!(purge(&ground, by_bytes, at(20)).await, 5);
    assert_eq!(ground.list(DeliveryState::Done).await, newest(&all[4..]));
    assert_eq!(ground.list(DeliveryState::Dead).await, newest(&of_dead[4..]));
    let none = EventRetention {
        done_per_app_max: 0,
        dead_per_app_max: 0,
        ..EventRetention::default()
    };
    assert_eq!(purge(&ground, none, at(20)).await, 4);
    assert_eq!(ground.count("events").await, 0);
    ground.bed.finish().await;
}

/// Publishes nothing, with an idempotency key.
async fn publish_with_key(ground: &Ground, name: &str, kept_until: Timestamp) {
    let key = IdempotencyKey {
        scope: "events".to_owned(),
        key: name.to_owned(),
        fingerprint: [1; 32],
        kept_until,
    };
    let publish = ground.bed.store.publish(ground.app, Vec::new(), Some(key), at(0));
    publish.await.unwrap();
}

async fn keys_that_have_expired_go(bed: Bed) {
    let ground = Ground::new(bed).await;
    for (name, kept_until) in [("a", at(10)), ("b", at(20))] {
        publish_with_key(&ground, name, kept_until).await;
    }
    purge(&ground, EventRetention::default(), at(10)).await;
    assert_eq!(ground.count("event_keys").await, 1);
    purge(&ground, EventRetention::default(), at(20)).await;
    assert_eq!(ground.count("event_keys").await, 0);
    ground.bed.finish().await;
}

async fn it_is_known_up_to_when_all_is_kept(bed: Bed) {
    let ground = Ground::new(bed).await;
    let retention = EventRetention::default();
    let kept_until = async || {
        let kept_until = ground.bed.store.deliveries_kept_until(retention).await;
        kept_until.unwrap()
    };
    assert_eq!(kept_until().await, None);
    dead(&ground, at(0)).await;
    assert_eq!(kept_until().await, Some(at(14 * DAY)));
    done(&ground, at(10)).await;
    assert_eq!(kept_until().await, Some(at(DAY + 10)));
    publish_with_key(&ground, "a", at(20)).await;
    assert_eq!(kept_until().await, Some(at(20)));
    // What has not ended is kept for as long as that takes.
    ground.publish(vec![ground.event()], at(0)).await;
    for (moment, left) in [
        (20, Some(at(DAY + 10))),
        (DAY + 11, Some(at(14 * DAY))),
        (14 * DAY + 1, None),
    ] {
        purge(&ground, retention, at(moment)).await;
        assert_eq!(kept_until().await, left, "{moment}");
    }
    ground.bed.finish().await;
}

async fn of_an_app_that_is_gone_nothing_remains(bed: Bed) {
    let ground = Ground::new(bed).await;
    let other = app(&ground.bed.store, "two").await.id;
    ground.publish_in(other, vec![ground.event()], at(0)).await;
    ground
        .publish((0..600).map(|_| ground.event()).collect(), at(0))
        .await;
    assert!(
        ground
            .bed
            .store
            .delete_app(ground.app, true, &change())
            .await
            .unwrap()
    );
    assert_eq!(
        (ground.count("events").await, ground.count("deliveries").await),
        (1, 1)
    );
    ground.is_counted_exactly().await;
    // As if the process had ended between deleting the app and deleting its deliveries.
    let mut raw = ground.bed.raw().await;
    raw.run("DELETE FROM apps WHERE slug = 'two'").await;
    assert_eq!(purge(&ground, EventRetention::default(), at(0)).await, 1);
    assert_eq!(
        (ground.count("events").await, ground.count("deliveries").await),
        (0, 0)
    );
    ground.bed.finish().await;
}
