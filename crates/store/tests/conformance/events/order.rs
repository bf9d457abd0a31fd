//! Deliveries of one subscription and one key: one after the other, in the order in which they were accepted.

use std::{collections::HashSet, time::Duration};

use picloud_shared::{
    events::{Counts, DeadReason, DeliveryState, NewDelivery, NewEvent, Next, Origin},
    id::SubscriptionId,
    repository::{DeliveryRepository, EventRepository},
    services::{Answer, Commit},
};

use super::{Ground, acknowledging, at, event, ids};
use crate::{
    bed::{Bed, cases},
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
    let one = subscription();
    let number = |key: &str| format!("lock_of_order('{}', '{one}', '{key}')", ground.app);
    let mut raw = ground.bed.raw().await;
    let a_is_lower = format!(
        "SELECT CASE WHEN {} < {} THEN CAST(1 AS BIGINT) ELSE 0 END",
        number("a"),
        number("b")
    );
    let (lower, higher) = if raw.number(&a_is_lower).await == 1 {
        ("a", "b")
    } else {
        ("b", "a")
    };
    ground.publish(vec![ground.ordered(one, higher)], at(0)).await;
    let held = ground.claim_one("x", at(0)).await.held();
    let commit = Commit {
        emits: vec![ground.ordered(one, lower)],
        ..acknowledging(held)
    };
    raw.run(&format!("SELECT pg_advisory_lock({})", number(lower)))
        .await;
    // While the commit waits for the lower one, it does not have the higher one yet.
    let look = async {
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))";
        while raw.number(waiting).await == 0 {
            tokio::task::yield_now().await;
        }
        let is_free = format!(
            "SELECT CASE WHEN pg_try_advisory_lock({}) THEN CAST(1 AS BIGINT) ELSE 0 END",
            number(higher)
        );
        let is_free = raw.number(&is_free).await;
        raw.run("SELECT pg_advisory_unlock_all()").await;
        is_free
    };
    let look = tokio::time::timeout(Duration::from_mins(1), look);
    let (answer, is_free) = tokio::join!(ground.commit(commit, at(1)), look);
    assert_eq!((answer, is_free.unwrap()), (Ok(Answer::Committed), 1));
    assert_eq!(ground.claim("x", 10, at(1)).await.leased.len(), 1);
    ground.bed.finish().await;
}
