//! What people see of deliveries, and do with them.

use std::time::Duration;

use bytes::Bytes;
use picloud_shared::{
    events::{
        DeadReason, Delivery, DeliveryFilter, DeliveryState, Destination, NewDelivery, NewEvent, Next,
        OriginKind, QueueDepth, RetryPolicy,
    },
    id::{AppId, DeliveryId, SubscriptionId},
    page::PageRequest,
    repository::{DeliveryRepository, StoreError},
    services::Answer,
};

use super::{Ground, at, event};
use crate::{
    bed::{Bed, cases},
    fixtures::{app, fifty_at_once, first, now, script},
};

cases! {
    a_list_holds_what_fits,
    a_delivery_is_shown_with_all_that_is_known_of_it,
    what_is_dead_gets_another_chance_once,
    a_new_event_takes_the_place_of_the_old_one,
    two_that_leave_an_event_at_once_leave_nothing_of_it,
    what_a_run_gives_another_chance_is_as_deep_as_that,
    many_get_another_chance,
    what_others_stood_in_the_way_of_is_tried_again,
    a_fault_leaves_those_before_it,
    what_has_ended_can_be_deleted,
    queues_are_counted_by_script_and_topic,
}

/// Publishes so many on a topic, and has the first of them die.
async fn with_dead(ground: &Ground, topic: &str, count: usize, dead: usize) -> Vec<DeliveryId> {
    let events = (0..count).map(|_| NewEvent {
        topic: Some(topic.parse().unwrap()),
        ..ground.event()
    });
    let published = ground.publish(events.collect(), at(0)).await;
    let claimed = ground.claim("a", u32::try_from(dead).unwrap(), at(0)).await;
    for leased in claimed.leased {
        assert!(
            ground
                .fail(leased.held(), Next::Dead(DeadReason::Never), at(1))
                .await
        );
    }
    published
}

async fn list(ground: &Ground, filter: &DeliveryFilter) -> Vec<DeliveryId> {
    let page = ground
        .bed
        .store
        .list_deliveries(ground.app, filter, first(200))
        .await;
    page.unwrap().items.iter().map(|delivery| delivery.id).collect()
}

fn newest_first(mut ids: Vec<DeliveryId>) -> Vec<DeliveryId> {
    ids.sort_by(|one, other| other.cmp(one));
    ids
}

async fn a_list_holds_what_fits(bed: Bed) {
    let ground = Ground::new(bed).await;
    let other = script(&ground.bed.store, ground.app, "other").await.id;
    let orders = with_dead(&ground, "orders", 6, 2).await;
    let elsewhere = NewDelivery {
        script_id: other,
        origin: picloud_shared::events::Origin::Subscription(SubscriptionId::new(now())),
        ..ground.delivery()
    };
    let to_other = ground.publish(vec![event(vec![elsewhere])], at(0)).await;
    let foreign = app(&ground.bed.store, "two").await.id;
    ground.publish_in(foreign, vec![ground.event()], at(0)).await;

    let all = [orders.clone(), to_other.clone()].concat();
    assert_eq!(list(&ground, &DeliveryFilter::default()).await, newest_first(all));
    let of = |change: &dyn Fn(&mut DeliveryFilter)| {
        let mut filter = DeliveryFilter::default();
        change(&mut filter);
        filter
    };
    let dead = of(&|filter| filter.state = Some(DeliveryState::Dead));
    assert_eq!(list(&ground, &dead).await, newest_first(orders[..2].to_vec()));
    let waiting = of(&|filter| filter.state = Some(DeliveryState::Waiting));
    assert_eq!(list(&ground, &waiting).await.len(), 5);
    for state in [
        DeliveryState::Running,
        DeliveryState::Done,
        DeliveryState::Cancelled,
    ] {
        assert_eq!(list(&ground, &of(&|filter| filter.state = Some(state))).await, []);
    }
    let of_script = of(&|filter| filter.script = Some(other));
    assert_eq!(list(&ground, &of_script).await, to_other);
    let of_topic = of(&|filter| filter.topic = Some("orders".parse().unwrap()));
    assert_eq!(list(&ground, &of_topic).await.len(), 6);
    let of_origin = of(&|filter| filter.origin = Some(OriginKind::Subscription));
    assert_eq!(list(&ground, &of_origin).await, to_other);

    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = PageRequest { limit: 3, after };
        let page = ground
            .bed
            .store
            .list_deliveries(ground.app, &DeliveryFilter::default(), page)
            .await;
        let page = page.unwrap();
        found.extend(page.items.iter().map(|delivery| delivery.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, list(&ground, &DeliveryFilter::default()).await);
    ground.bed.finish().await;
}

async fn a_delivery_is_shown_with_all_that_is_known_of_it(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    let new = NewDelivery {
        retry: RetryPolicy {
            attempts_max: 2,
            ..RetryPolicy::default()
        },
        on_failure: Some(Destination::Script(ground.script)),
        ..ground.delivery()
    };
    let published = event(vec![new.clone()]);
    ground.publish(vec![published.clone()], at(3)).await;
    let detail = store.find_delivery(ground.app, new.id).await.unwrap().unwrap();
    assert_eq!((detail.retry, detail.on_failure), (new.retry, new.on_failure));
    assert_eq!((detail.on_success, detail.result), (None, None));
    assert_eq!(
        (detail.event.id, &detail.event.data),
        (published.id, &published.data)
    );
    let expected = Delivery {
        id: new.id,
        app_id: ground.app,
        script_id: ground.script,
        event_id: published.id,
        topic: None,
        key: None,
        origin: new.origin,
        ordered: false,
        state: DeliveryState::Waiting,
        counts: picloud_shared::events::Counts::default(),
        redrives: 0,
        accepted_at: at(3),
        due_at: at(3),
        ended_at: None,
        reason: None,
        error: None,
        execution: None,
        response_status: None,
        node: None,
        bytes: 2,
    };
    assert_eq!(detail.delivery, expected);
    ground.claim_one("a", at(3)).await;
    let running = Delivery {
        state: DeliveryState::Running,
        node: Some("a".to_owned()),
        ..expected
    };
    assert_eq!(ground.find(new.id).await, running);
    let elsewhere = AppId::new(now());
    assert_eq!(store.find_delivery(elsewhere, new.id).await.unwrap(), None);
    assert_eq!(
        store.cancel_delivery(elsewhere, new.id, at(4)).await.unwrap(),
        None
    );
    assert!(
        store
            .redrive_delivery(elsewhere, new.id, None, 0, at(4))
            .await
            .unwrap()
            .is_none()
    );
    ground.bed.finish().await;
}

async fn what_is_dead_gets_another_chance_once(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    let dead = with_dead(&ground, "orders", 1, 1).await[0];
    assert_eq!(ground.find(dead).await.ended_at, Some(at(1)));
    let redriven = fifty_at_once(|_| store.redrive_delivery(ground.app, dead, None, 0, at(9))).await;
    let redriven = redriven.into_iter().map(|one| one.unwrap().unwrap());
    assert_eq!(redriven.filter(|(_, is_new)| *is_new).count(), 1);
    let found = ground.find(dead).await;
    assert_eq!((found.state, found.redrives), (DeliveryState::Waiting, 1));
    assert_eq!((found.reason, found.error, found.ended_at), (None, None, None));
    let leased = ground.claim_one("a", at(9)).await;
    assert_eq!((leased.attempt(), leased.since), (1, at(9)));
    assert_eq!(ground.acknowledge(leased.held(), at(10)).await, Answer::Committed);
    let (_, is_new) = store
        .redrive_delivery(ground.app, dead, None, 0, at(11))
        .await
        .unwrap()
        .unwrap();
    assert!(!is_new);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn a_new_event_takes_the_place_of_the_old_one(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    let shared = event(vec![ground.delivery(), ground.delivery()]);
    let published = ground.publish(vec![shared.clone()], at(0)).await;
    for leased in ground.claim("a", 5, at(0)).await.leased {
        assert!(
            ground
                .fail(leased.held(), Next::Dead(DeadReason::Never), at(1))
                .await
        );
    }
    for (number, events) in [(0, 2), (1, 2)] {
        let data = Bytes::from_static(b"\"mended\"");
        let redriven = fifty_at_once(|_| {
            store.redrive_delivery(ground.app, published[number], Some(data.clone()), 0, at(2))
        })
        .await;
        let redriven = redriven.into_iter().map(|one| one.unwrap().unwrap());
        assert_eq!(redriven.filter(|(_, is_new)| *is_new).count(), 1);
        let leased = ground.claim_one("a", at(2)).await;
        assert_eq!(leased.event.data, data);
        assert_ne!(leased.event.id, shared.id);
        assert_eq!(leased.event.source, shared.source);
        assert_eq!(leased.event.lineage, shared.lineage);
        assert_eq!(ground.find(published[number]).await.bytes, 8);
        // The old one is there as long as somebody has it.
        assert_eq!(ground.count("events").await, events);
        ground.is_counted_exactly().await;
    }
    ground.bed.finish().await;
}

async fn two_that_leave_an_event_at_once_leave_nothing_of_it(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    let shared = event(vec![ground.delivery(), ground.delivery()]);
    let published = ground.publish(vec![shared], at(0)).await;
    for leased in ground.claim("a", 5, at(0)).await.leased {
        let held = leased.held();
        assert!(ground.fail(held, Next::Dead(DeadReason::Never), at(1)).await);
    }
    // On SQLite only one at a time writes; on PostgreSQL both wait for the event, and go on from there.
    let both_meet = !ground.bed.is_sqlite();
    let (mut holder, mut raw) = (ground.bed.raw().await, ground.bed.raw().await);
    if both_meet {
        holder
            .run("BEGIN; UPDATE events SET deliveries = deliveries")
            .await;
    }
    let let_go = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
            AND cardinality(pg_blocking_pids(pid)) > 0";
        while both_meet && raw.number(waiting).await < 2 {
            tokio::task::yield_now().await;
        }
        if both_meet {
            holder.run("COMMIT").await;
        }
    };
    let let_go = tokio::time::timeout(Duration::from_mins(1), let_go);
    let data = Bytes::from_static(b"\"mended\"");
    let redrive = |one| store.redrive_delivery(ground.app, one, Some(data.clone()), 0, at(2));
    let (one, other, met) = tokio::join!(redrive(published[0]), redrive(published[1]), let_go);
    assert!(met.is_ok() && one.unwrap().unwrap().1 && other.unwrap().unwrap().1);
    assert_eq!(ground.count("events").await, 2);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn what_a_run_gives_another_chance_is_as_deep_as_that(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    let shared = event(vec![ground.delivery(), ground.delivery()]);
    let published = ground.publish(vec![shared.clone()], at(0)).await;
    for leased in ground.claim("a", 5, at(0)).await.leased {
        let held = leased.held();
        assert!(ground.fail(held, Next::Dead(DeadReason::Never), at(1)).await);
    }
    // A person takes nothing from it, and a run that is not as deep does not either.
    for (depth, expected) in [(7, 7), (3, 7), (0, 7), (9, 9)] {
        let redriven = store.redrive_delivery(ground.app, published[0], None, depth, at(2));
        assert!(redriven.await.unwrap().unwrap().1);
        let leased = ground.claim_one("a", at(2)).await;
        assert_eq!(leased.event.lineage.depth, expected);
        assert_eq!(leased.event.lineage.root, shared.lineage.root);
        assert_eq!((leased.event.id, &leased.event.data), (shared.id, &shared.data));
        let held = leased.held();
        assert!(ground.fail(held, Next::Dead(DeadReason::Never), at(2)).await);
        // The other delivery has the event as it was.
        assert_eq!(ground.count("events").await, 2);
    }
    let all = DeliveryFilter::default();
    let redriven = store.redrive_deliveries(ground.app, &all, 10, 8, at(3)).await;
    assert_eq!(redriven.unwrap(), 2);
    let claimed = ground.claim("a", 5, at(3)).await.leased;
    let mut depths: Vec<u8> = claimed.iter().map(|leased| leased.event.lineage.depth).collect();
    depths.sort_unstable();
    assert_eq!(depths, [8, 9]);
    assert_eq!(ground.count("events").await, 2);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn many_get_another_chance(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    let orders = with_dead(&ground, "orders", 450, 450).await;
    with_dead(&ground, "other", 3, 3).await;
    let of_orders = DeliveryFilter {
        topic: Some("orders".parse().unwrap()),
        ..DeliveryFilter::default()
    };
    let redriven = store
        .redrive_deliveries(ground.app, &of_orders, 420, 0, at(5))
        .await;
    assert_eq!(redriven.unwrap(), 420);
    let mut oldest = orders.clone();
    oldest.sort();
    let mut left = ground.list(DeliveryState::Dead).await;
    left.retain(|delivery| orders.contains(delivery));
    assert_eq!(left, newest_first(oldest[420..].to_vec()));
    let redriven = store
        .redrive_deliveries(ground.app, &of_orders, 420, 0, at(5))
        .await;
    assert_eq!(redriven.unwrap(), 30);
    assert_eq!(ground.list(DeliveryState::Dead).await.len(), 3);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

/// Has PostgreSQL end what gives dead deliveries another chance with an error, for those of all tries that fit.
async fn fail_redrives(ground: &Ground, which: &str, code: &str) {
    let sql = format!(
        "CREATE SEQUENCE tries; \
        CREATE FUNCTION fail_redrive() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN \
        IF nextval('tries') {which} THEN RAISE EXCEPTION 'as a test' USING ERRCODE = '{code}'; END IF; \
        RETURN NEW; END $$; \
        CREATE TRIGGER fail_redrive BEFORE UPDATE OF redrives ON deliveries \
        FOR EACH ROW EXECUTE FUNCTION fail_redrive()"
    );
    ground.bed.raw().await.run(&sql).await;
}

async fn what_others_stood_in_the_way_of_is_tried_again(bed: Bed) {
    let ground = Ground::new(bed).await;
    if ground.bed.is_sqlite() {
        // Only one at a time writes there.
        return ground.bed.finish().await;
    }
    with_dead(&ground, "orders", 3, 3).await;
    let (store, all) = (&ground.bed.store, DeliveryFilter::default());
    fail_redrives(&ground, "= 2", "40P01").await;
    let redriven = store.redrive_deliveries(ground.app, &all, 10, 0, at(5)).await;
    assert_eq!(redriven.unwrap(), 3);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn a_fault_leaves_those_before_it(bed: Bed) {
    let ground = Ground::new(bed).await;
    if ground.bed.is_sqlite() {
        return ground.bed.finish().await;
    }
    with_dead(&ground, "orders", 230, 230).await;
    let (store, all) = (&ground.bed.store, DeliveryFilter::default());
    fail_redrives(&ground, "> 200", "40P01").await;
    let redriven = store.redrive_deliveries(ground.app, &all, 1_000, 0, at(5)).await;
    assert_eq!(redriven.unwrap(), 200);
    assert_eq!(ground.list(DeliveryState::Dead).await.len(), 30);
    let redriven = store.redrive_deliveries(ground.app, &all, 1_000, 0, at(5)).await;
    assert!(matches!(redriven, Err(StoreError::Contended(_))), "{redriven:?}");
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn what_has_ended_can_be_deleted(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    with_dead(&ground, "orders", 230, 230).await;
    with_dead(&ground, "other", 3, 3).await;
    with_dead(&ground, "orders", 20, 0).await;
    let of_topic = |state| DeliveryFilter {
        state,
        topic: Some("orders".parse().unwrap()),
        ..DeliveryFilter::default()
    };
    for state in [
        DeliveryState::Waiting,
        DeliveryState::Running,
        DeliveryState::Done,
    ] {
        let deleted = store.delete_deliveries(ground.app, &of_topic(Some(state))).await;
        assert_eq!(deleted.unwrap(), 0, "{state:?}");
    }
    let deleted = store.delete_deliveries(ground.app, &of_topic(None)).await;
    assert_eq!(deleted.unwrap(), 230);
    assert_eq!(
        (ground.count("events").await, ground.count("deliveries").await),
        (23, 23)
    );
    // As many as one transaction deletes, and then none.
    with_dead(&ground, "orders", 180, 200).await;
    for expected in [200, 0] {
        let deleted = store.delete_deliveries(ground.app, &of_topic(None)).await;
        assert_eq!(deleted.unwrap(), expected);
    }
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn queues_are_counted_by_script_and_topic(bed: Bed) {
    let ground = Ground::new(bed).await;
    with_dead(&ground, "orders", 5, 2).await;
    ground.claim("a", 1, at(0)).await;
    ground.publish(vec![ground.event()], at(8)).await;
    let depth = |topic: Option<&str>, waiting, running, dead, bytes, since| QueueDepth {
        script_id: ground.script,
        topic: topic.map(|topic| topic.parse().unwrap()),
        waiting,
        running,
        dead,
        bytes,
        oldest_accepted_at: Some(at(since)),
    };
    let mut found = ground.bed.store.queue_depths(ground.app).await.unwrap();
    found.sort_by_key(|depth| depth.topic.clone());
    assert_eq!(
        found,
        [depth(None, 1, 0, 0, 2, 8), depth(Some("orders"), 2, 1, 2, 6, 0)]
    );
    ground.bed.finish().await;
}
