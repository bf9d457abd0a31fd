//! Deliveries of one subscription and one key: one after the other, in the order in which they were accepted.

use std::{collections::HashSet, time::Duration};

use picloud_shared::{
    events::{Counts, DeadReason, DeliveryFilter, DeliveryState, NewDelivery, NewEvent, Next, Origin},
    id::{AppId, DeliveryId, SubscriptionId},
    repository::{DeliveryRepository, EventRepository},
    services::{Answer, Commit},
};

use super::{Ground, acknowledging, at, event, ids};
use crate::{
    bed::{Bed, Raw, cases},
    fixtures::{fifty_at_once, now},
};

cases! {
    those_of_a_key_run_one_after_the_other,
    one_that_waits_for_its_next_run_holds_up_those_behind_it,
    one_that_ended_otherwise_lets_the_next_one_go,
    one_that_has_another_chance_is_the_last,
    without_a_key_there_is_no_order,
    many_at_once_get_into_one_line,
    one_commit_tells_many_of_a_thousand_keys,
    whoever_changes_two_orders_takes_their_locks_in_one_order,
    many_that_have_another_chance_take_their_locks_in_one_order,
}

fn subscription() -> SubscriptionId {
    SubscriptionId::new(now())
}

async fn those_of_a_key_run_one_after_the_other(bed: Bed) {
    let ground = Ground::new(bed).await;
    let (one, two) = (subscription(), subscription());
    let events = ["a", "a", "b", "a"].map(|key| ground.ordered(one, key)).to_vec();
    let of_one = ground.publish(events, at(0)).await;
    let of_two = ground.publish(vec![ground.ordered(two, "a")], at(1)).await;
    // One of each subscription and key; the subscriptions take turns.
    let claimed = ground.claim("x", 10, at(2)).await;
    assert_eq!(ids(&claimed), [of_one[0], of_two[0], of_one[2]]);
    assert!(claimed.leased.iter().all(|leased| leased.ordered));
    assert_eq!(ground.list(DeliveryState::Waiting).await.len(), 2);
    assert_eq!(ground.claim("x", 10, at(2)).await.next_due, None);
    let mut held = claimed.leased[0].held();
    for next in [of_one[1], of_one[3]] {
        assert_eq!(ground.acknowledge(held, at(3)).await, Answer::Committed);
        let leased = ground.claim_one("x", at(3)).await;
        assert_eq!(leased.delivery, next);
        held = leased.held();
    }
    assert_eq!(ground.acknowledge(held, at(4)).await, Answer::Committed);
    // Nobody is in front any more.
    let later = ground.publish(vec![ground.ordered(one, "a")], at(5)).await;
    assert_eq!(ids(&ground.claim("x", 10, at(5)).await), later);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn one_that_waits_for_its_next_run_holds_up_those_behind_it(bed: Bed) {
    let ground = Ground::new(bed).await;
    let one = subscription();
    let events = vec![ground.ordered(one, "a"), ground.ordered(one, "a")];
    let published = ground.publish(events, at(0)).await;
    let held = ground.claim_one("x", at(0)).await.held();
    assert!(ground.fail(held, Next::RetryAt(at(10)), at(1)).await);
    let waiting = ground.claim("x", 10, at(9)).await;
    assert_eq!((waiting.leased.len(), waiting.next_due), (0, Some(at(10))));
    let leased = ground.claim_one("x", at(10)).await;
    assert_eq!((leased.delivery, leased.attempt()), (published[0], 2));
    // A node that ended, or gave it back, changes nothing about that.
    ground
        .bed
        .store
        .release(vec![leased.held()], at(11))
        .await
        .unwrap();
    let leased = ground.claim_one("x", at(11)).await;
    assert_eq!(leased.delivery, published[0]);
    ground.bed.store.recover("x", at(12)).await.unwrap();
    assert_eq!(ground.claim_one("y", at(12)).await.delivery, published[0]);
    assert_eq!(ground.claim_one("z", at(50)).await.delivery, published[0]);
    ground.bed.finish().await;
}

async fn one_that_ended_otherwise_lets_the_next_one_go(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    let one = subscription();
    let events = (0..5).map(|_| ground.ordered(one, "a")).collect();
    let published = ground.publish(events, at(0)).await;
    let held = ground.claim_one("x", at(0)).await.held();
    assert!(ground.fail(held, Next::Dead(DeadReason::Never), at(1)).await);
    // One that is behind can be cancelled, without anybody overtaking the first.
    store
        .cancel_delivery(ground.app, published[2], at(1))
        .await
        .unwrap();
    let leased = ground.claim_one("x", at(1)).await;
    assert_eq!(leased.delivery, published[1]);
    store
        .cancel_delivery(ground.app, published[1], at(2))
        .await
        .unwrap();
    let leased = ground.claim_one("x", at(2)).await;
    assert_eq!(leased.delivery, published[3]);
    assert_eq!(ground.acknowledge(leased.held(), at(3)).await, Answer::Committed);
    assert_eq!(ground.claim_one("x", at(3)).await.delivery, published[4]);
    ground.bed.finish().await;
}

async fn one_that_has_another_chance_is_the_last(bed: Bed) {
    let ground = Ground::new(bed).await;
    let one = subscription();
    let events = vec![ground.ordered(one, "a"), ground.ordered(one, "a")];
    let published = ground.publish(events, at(0)).await;
    let held = ground.claim_one("x", at(0)).await.held();
    assert!(ground.fail(held, Next::Dead(DeadReason::Never), at(1)).await);
    let redriven = ground
        .bed
        .store
        .redrive_delivery(ground.app, published[0], None, 0, at(2))
        .await;
    let (delivery, is_new) = redriven.unwrap().unwrap();
    assert_eq!((delivery.state, is_new), (DeliveryState::Waiting, true));
    assert_eq!((delivery.counts, delivery.redrives), (Counts::default(), 1));
    let leased = ground.claim_one("x", at(2)).await;
    assert_eq!(leased.delivery, published[1]);
    assert_eq!(ground.acknowledge(leased.held(), at(3)).await, Answer::Committed);
    let leased = ground.claim_one("x", at(3)).await;
    assert_eq!((leased.delivery, leased.since), (published[0], at(2)));
    ground.bed.finish().await;
}

async fn without_a_key_there_is_no_order(bed: Bed) {
    let ground = Ground::new(bed).await;
    let one = subscription();
    let without = || NewEvent {
        key: None,
        ..ground.ordered(one, "a")
    };
    let unordered = || {
        let mut event = ground.ordered(one, "a");
        event.deliveries[0].ordered = false;
        event
    };
    let invoked = || NewEvent {
        key: Some("a".to_owned()),
        ..event(vec![NewDelivery {
            ordered: true,
            ..ground.delivery()
        }])
    };
    let events = vec![
        without(),
        without(),
        unordered(),
        unordered(),
        invoked(),
        invoked(),
    ];
    let published = ground.publish(events, at(0)).await;
    assert_eq!(ground.claim("x", 10, at(0)).await.leased.len(), published.len());
    ground.bed.finish().await;
}

async fn many_at_once_get_into_one_line(bed: Bed) {
    let ground = Ground::new(bed).await;
    let one = subscription();
    let mut expected = HashSet::new();
    let mut ended = HashSet::new();
    for second in 0..3 {
        // Some publish while others end.
        let published = fifty_at_once(|number| {
            let events = vec![ground.ordered(one, "a"), ground.ordered(one, "b")];
            let ground = &ground;
            async move {
                let mut ended = Vec::new();
                if number % 5 == 0 {
                    for leased in ground.claim("x", 2, at(second)).await.leased {
                        let answer = ground.acknowledge(leased.held(), at(second)).await;
                        assert_eq!(answer, Answer::Committed);
                        ended.push(leased.delivery);
                    }
                }
                (ground.publish(events, at(second)).await, ended)
            }
        })
        .await;
        for (published, acknowledged) in published {
            expected.extend(published);
            ended.extend(acknowledged);
        }
        // Of each key there is one in front, unless somebody holds it.
        ground.bed.store.recover("x", at(second)).await.unwrap();
    }
    while ended.len() < expected.len() {
        let claimed = ground.claim("x", 10, at(10)).await;
        assert!(
            (1..=2).contains(&claimed.leased.len()),
            "{}",
            claimed.leased.len()
        );
        for leased in claimed.leased {
            assert!(ended.insert(leased.delivery));
            assert_eq!(ground.acknowledge(leased.held(), at(10)).await, Answer::Committed);
        }
    }
    assert_eq!(ended, expected);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn one_commit_tells_many_of_a_thousand_keys(bed: Bed) {
    const KEYS: usize = 1_000;
    let ground = Ground::new(bed).await;
    // PostgreSQL has room for a few thousand locks.
    let subscriptions: Vec<_> = (0..10).map(|_| subscription()).collect();
    let emits = (0..KEYS).map(|number| {
        let deliveries = subscriptions.iter().map(|id| NewDelivery {
            origin: Origin::Subscription(*id),
            ordered: true,
            ..ground.delivery()
        });
        NewEvent {
            topic: Some("picloud.kv.changed".parse().unwrap()),
            key: Some(format!("key {number}")),
            ..event(deliveries.collect())
        }
    });
    let commit = Commit {
        emits: emits.collect(),
        ..Commit::default()
    };
    assert_eq!(ground.commit(commit, at(0)).await, Ok(Answer::Committed));
    let expected = i64::try_from(KEYS * subscriptions.len()).unwrap();
    assert_eq!(ground.count("deliveries").await, expected);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn whoever_changes_two_orders_takes_their_locks_in_one_order(bed: Bed) {
    let ground = Ground::new(bed).await;
    if ground.bed.is_sqlite() {
        // Only one at a time writes there.
        return ground.bed.finish().await;
    }
    let mut orders = TwoOrders::new(&ground).await;
    let (one, lower, higher) = (orders.subscription, orders.lower, orders.higher);
    ground.publish(vec![ground.ordered(one, higher)], at(0)).await;
    let held = ground.claim_one("x", at(0)).await.held();
    let commit = Commit {
        emits: vec![ground.ordered(one, lower)],
        ..acknowledging(held)
    };
    let (answer, is_free) = orders
        .while_lower_is_held(Box::pin(ground.commit(commit, at(1))))
        .await;
    assert_eq!((answer, is_free), (Ok(Answer::Committed), true));
    assert_eq!(ground.claim("x", 10, at(1)).await.leased.len(), 1);
    ground.bed.finish().await;
}

async fn many_that_have_another_chance_take_their_locks_in_one_order(bed: Bed) {
    let ground = Ground::new(bed).await;
    if ground.bed.is_sqlite() {
        return ground.bed.finish().await;
    }
    let mut orders = TwoOrders::new(&ground).await;
    // The one that comes first has the lock that comes second.
    let mut made = [DeliveryId::new(now()), DeliveryId::new(now())];
    made.sort();
    let events = [orders.higher, orders.lower].into_iter().zip(made);
    let events = events.map(|(key, id)| {
        let mut event = ground.ordered(orders.subscription, key);
        event.deliveries[0].id = id;
        event
    });
    ground.publish(events.collect(), at(0)).await;
    for leased in ground.claim("x", 10, at(0)).await.leased {
        let held = leased.held();
        assert!(ground.fail(held, Next::Dead(DeadReason::Never), at(1)).await);
    }
    let all = DeliveryFilter::default();
    let redrive = ground
        .bed
        .store
        .redrive_deliveries(ground.app, &all, 10, 0, at(2));
    let (redriven, is_free) = orders.while_lower_is_held(redrive).await;
    assert_eq!((redriven.unwrap(), is_free), (2, true));
    assert_eq!(ground.claim("x", 10, at(2)).await.leased.len(), 2);
    ground.bed.finish().await;
}

/// Two keys of a subscription on PostgreSQL, by the numbers of their locks.
struct TwoOrders {
    raw: Raw,
    subscription: SubscriptionId,
    app: AppId,
    lower: &'static str,
    higher: &'static str,
}

impl TwoOrders {
    async fn new(ground: &Ground) -> Self {
        let mut orders = Self {
            raw: ground.bed.raw().await,
            subscription: subscription(),
            app: ground.app,
            lower: "a",
            higher: "b",
        };
        let is_so = format!("{} < {}", orders.number("a"), orders.number("b"));
        if !orders.is(&is_so).await {
            (orders.lower, orders.higher) = ("b", "a");
        }
        orders
    }

    fn number(&self, key: &str) -> String {
        format!("lock_of_order('{}', '{}', '{key}')", self.app, self.subscription)
    }

    async fn is(&mut self, condition: &str) -> bool {
        let sql = format!("SELECT CASE WHEN {condition} THEN CAST(1 AS BIGINT) ELSE 0 END");
        self.raw.number(&sql).await == 1
    }

    /// Has somebody wait for the lower one; gives their answer, and whether they did not have the higher one yet.
    async fn while_lower_is_held<T>(&mut self, asked: impl Future<Output = T>) -> (T, bool) {
        let hold = format!("SELECT pg_advisory_lock({})", self.number(self.lower));
        self.raw.run(&hold).await;
        let is_free = format!("pg_try_advisory_lock({})", self.number(self.higher));
        let look = async {
            let waiting =
                "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))";
            while self.raw.number(waiting).await == 0 {
                tokio::task::yield_now().await;
            }
            let is_free = self.is(&is_free).await;
            self.raw.run("SELECT pg_advisory_unlock_all()").await;
            is_free
        };
        let look = tokio::time::timeout(Duration::from_mins(1), look);
        let (answer, is_free) = tokio::join!(asked, look);
        (answer, is_free.unwrap())
    }
}
