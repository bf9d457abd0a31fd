//! The queues of an app take turns, and have bounds of their own.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use picloud_shared::{
    events::{Batch, Claim, Claimed, Leased, NewDelivery, NewEvent, Next, Origin, QueueId, QueueTerms},
    id::{DeliveryId, ScriptId, SubscriptionId},
    repository::EventRepository,
    services::Answer,
    time::Timestamp,
};

use super::{Ground, at, claim, event, ids};
use crate::{
    bed::{Bed, cases},
    fixtures::{fifty_at_once, now, script},
};

cases! {
    the_queues_of_an_app_take_turns,
    a_queue_gets_no_more_than_its_share,
    scripts_that_have_enough_are_left_out,
    no_more_runs_of_a_queue_are_going_than_may,
    the_bound_on_runs_is_exact_on_many_nodes,
    a_claim_takes_from_no_bounded_queue_that_it_does_not_have_alone,
    what_is_due_later_counts_without_room_for_it,
    a_batch_is_one_run,
}

fn of(ground: &Ground, script: ScriptId, subscription: SubscriptionId) -> NewEvent {
    event(vec![NewDelivery {
        script_id: script,
        origin: Origin::Subscription(subscription),
        ..ground.delivery()
    }])
}

async fn publish(
    ground: &Ground,
    subscription: SubscriptionId,
    count: usize,
    moment: Timestamp,
) -> Vec<DeliveryId> {
    let events = (0..count)
        .map(|_| of(ground, ground.script, subscription))
        .collect();
    ground.publish(events, moment).await
}

fn terms(ground: &Ground, runs_max: u32, batch: Option<Batch>) -> QueueTerms {
    QueueTerms {
        app_id: ground.app,
        runs_max: Some(runs_max),
        batch,
    }
}

async fn claimed(ground: &Ground, claim: Claim, moment: Timestamp) -> Claimed {
    ground.bed.store.claim(claim, moment).await.unwrap()
}

async fn the_queues_of_an_app_take_turns(bed: Bed) {
    let ground = Ground::new(bed).await;
    let (busy, quiet) = (SubscriptionId::new(now()), SubscriptionId::new(now()));
    let many = publish(&ground, busy, 20, at(0)).await;
    let few = publish(&ground, quiet, 2, at(5)).await;
    let asked = ground.publish(vec![ground.event()], at(6)).await;
    let claimed = ids(&ground.claim("a", 6, at(10)).await);
    assert_eq!(claimed[..3], [many[0], few[0], asked[0]]);
    assert_eq!(
        claimed[3..].iter().collect::<HashSet<_>>(),
        [many[1], few[1], many[2]].iter().collect()
    );
    ground.bed.finish().await;
}

async fn a_queue_gets_no_more_than_its_share(bed: Bed) {
    let ground = Ground::new(bed).await;
    let (busy, quiet) = (SubscriptionId::new(now()), SubscriptionId::new(now()));
    publish(&ground, busy, 200, at(0)).await;
    let mut held = 0;
    let wanted = |held: u32| Claim {
        per_app_max: 128,
        share: 3,
        held: HashMap::from([(ground.app, held)]),
        held_in_queues: HashMap::from([(QueueId::from(busy), held)]),
        ..claim("a", 512, at(1))
    };
    loop {
        let claimed = claimed(&ground, wanted(held), at(1)).await;
        if claimed.leased.is_empty() {
            // It waits for others of its own.
            assert_eq!((claimed.next_due, claimed.has_more), (None, true));
            break;
        }
        held += u32::try_from(claimed.leased.len()).unwrap();
    }
    assert_eq!(held, 96);
    publish(&ground, quiet, 50, at(2)).await;
    let claimed = claimed(&ground, wanted(held), at(2)).await;
    assert_eq!(claimed.leased.len(), 24);
    assert!(claimed.leased.iter().all(|leased| leased.queue() == quiet.into()));
    assert!(claimed.has_more);
    ground.bed.finish().await;
}

async fn scripts_that_have_enough_are_left_out(bed: Bed) {
    let ground = Ground::new(bed).await;
    let other = script(&ground.bed.store, ground.app, "other").await.id;
    let one = SubscriptionId::new(now());
    publish(&ground, one, 3, at(0)).await;
    ground.publish(vec![ground.event()], at(0)).await;
    let events = vec![of(&ground, other, SubscriptionId::new(now()))];
    let expected = ground.publish(events, at(1)).await;
    let without = Claim {
        full: HashSet::from([ground.script]),
        ..claim("a", 10, at(2))
    };
    let found = claimed(&ground, without.clone(), at(2)).await;
    assert_eq!(
        (ids(&found), found.next_due, found.has_more),
        (expected, None, true)
    );
    let found = claimed(&ground, without, at(2)).await;
    assert_eq!((found.leased.len(), found.has_more), (0, true));
    let found = ground.claim("a", 10, at(2)).await;
    assert_eq!((found.leased.len(), found.has_more), (4, false));
    ground.bed.finish().await;
}

async fn no_more_runs_of_a_queue_are_going_than_may(bed: Bed) {
    let ground = Ground::new(bed).await;
    let (one, other) = (SubscriptionId::new(now()), SubscriptionId::new(now()));
    publish(&ground, one, 5, at(0)).await;
    let free = publish(&ground, other, 3, at(0)).await;
    let wanted = |node: &str, moment| Claim {
        queues: HashMap::from([(one.into(), terms(&ground, 2, None))]),
        ..claim(node, 10, moment)
    };
    let first = claimed(&ground, wanted("a", at(1)), at(1)).await;
    let of_one: Vec<_> = first
        .leased
        .iter()
        .filter(|leased| leased.queue() == one.into())
        .map(Leased::held)
        .collect();
    assert_eq!((first.leased.len(), of_one.len()), (2 + free.len(), 2));
    assert_eq!((first.next_due, first.has_more), (None, true));
    // Whoever asks.
    assert_eq!(claimed(&ground, wanted("b", at(1)), at(1)).await.leased.len(), 0);
    // One that ends, however it does, lets one more in.
    assert_eq!(ground.acknowledge(of_one[0], at(2)).await, Answer::Committed);
    let second = claimed(&ground, wanted("b", at(2)), at(2)).await;
    assert_eq!(second.leased.len(), 1);
    assert!(ground.fail(of_one[1], Next::RetryAt(at(500)), at(3)).await);
    assert_eq!(claimed(&ground, wanted("a", at(3)), at(3)).await.leased.len(), 1);
    assert_eq!(claimed(&ground, wanted("a", at(3)), at(3)).await.leased.len(), 0);
    ground.bed.finish().await;
}

async fn the_bound_on_runs_is_exact_on_many_nodes(bed: Bed) {
    const RUNS_MAX: u32 = 4;
    let ground = Ground::new(bed).await;
    let one = SubscriptionId::new(now());
    let published: HashSet<_> = publish(&ground, one, 60, at(0)).await.into_iter().collect();
    let mut ran = HashSet::new();
    while ran.len() < published.len() {
        let leased = fifty_at_once(|number| {
            let wanted = Claim {
                queues: HashMap::from([(one.into(), terms(&ground, RUNS_MAX, None))]),
                ..claim(&format!("node {}", number % 5), 3, at(1))
            };
            async { ground.bed.store.claim(wanted, at(1)).await.unwrap().leased }
        })
        .await;
        let leased: Vec<_> = leased.into_iter().flatten().collect();
        assert_eq!(
            leased.len(),
            RUNS_MAX as usize,
            "of {} that are left",
            published.len() - ran.len()
        );
        for leased in leased {
            assert!(ran.insert(leased.delivery));
            assert_eq!(ground.acknowledge(leased.held(), at(2)).await, Answer::Committed);
        }
    }
    assert_eq!(ran, published);
    ground.bed.finish().await;
}

async fn a_claim_takes_from_no_bounded_queue_that_it_does_not_have_alone(bed: Bed) {
    let ground = Ground::new(bed).await;
    if ground.bed.is_sqlite() {
        // Only one at a time claims there.
        return ground.bed.finish().await;
    }
    let (one, other) = (SubscriptionId::new(now()), SubscriptionId::new(now()));
    let bound = terms(&ground, 1, None);
    let wanted = Claim {
        queues: HashMap::from([(one.into(), bound), (other.into(), bound)]),
        ..claim("a", 10, at(1))
    };
    let first = publish(&ground, one, 1, at(0)).await;
    let mut raw = ground.bed.raw().await;
    let lock = format!("SELECT pg_advisory_lock(hashtextextended('{one}'::uuid::text, 25))");
    raw.run(&lock).await;
    // While the claim waits for the one queue, something comes into the other one.
    let meanwhile = async {
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))";
        while raw.number(waiting).await == 0 {
            tokio::task::yield_now().await;
        }
        let second = publish(&ground, other, 1, at(1)).await;
        raw.run("SELECT pg_advisory_unlock_all()").await;
        second
    };
    let meanwhile = tokio::time::timeout(Duration::from_mins(1), meanwhile);
    let (found, second) = tokio::join!(claimed(&ground, wanted.clone(), at(1)), meanwhile);
    assert_eq!((ids(&found), found.next_due), (first, Some(at(1))));
    // It is told, and had with the next claim.
    assert_eq!(ids(&claimed(&ground, wanted, at(1)).await), second.unwrap());
    ground.bed.finish().await;
}

async fn what_is_due_later_counts_without_room_for_it(bed: Bed) {
    let ground = Ground::new(bed).await;
    let one = SubscriptionId::new(now());
    let first = publish(&ground, one, 1, at(0)).await;
    let later = NewEvent {
        due_at: Some(at(10)),
        ..of(&ground, ground.script, one)
    };
    ground.publish(vec![later], at(0)).await;
    let limited = Claim {
        queues: HashMap::from([(one.into(), terms(&ground, 1, None))]),
        ..claim("a", 10, at(1))
    };
    // The one that takes the last room.
    let found = claimed(&ground, limited.clone(), at(1)).await;
    assert_eq!(
        (ids(&found), found.next_due, found.has_more),
        (first, Some(at(10)), false)
    );
    let full = Claim {
        full: HashSet::from([ground.script]),
        ..claim("a", 10, at(1))
    };
    let shared = Claim {
        per_app_max: 128,
        share: 3,
        held: HashMap::from([(ground.app, 96)]),
        held_in_queues: HashMap::from([(one.into(), 96)]),
        ..claim("a", 10, at(1))
    };
    let without_room = [("limit", limited), ("script", full), ("share", shared)];
    for (moment, expected) in [(at(1), (Some(at(10)), false)), (at(10), (None, true))] {
        for (why, wanted) in &without_room {
            let found = claimed(&ground, wanted.clone(), moment).await;
            assert_eq!(found.leased.len(), 0, "{why}");
            assert_eq!((found.next_due, found.has_more), expected, "{why}");
        }
    }
    ground.bed.finish().await;
}

async fn a_batch_is_one_run(bed: Bed) {
    let ground = Ground::new(bed).await;
    let one = SubscriptionId::new(now());
    publish(&ground, one, 35, at(0)).await;
    let batch = Batch {
        events_max: 10,
        wait_ms: 0,
    };
    let wanted = |places| Claim {
        queues: HashMap::from([(one.into(), terms(&ground, 2, Some(batch)))]),
        ..claim("a", places, at(1))
    };
    let mut batches = Vec::new();
    for expected in [10, 10, 0] {
        let found = claimed(&ground, wanted(1), at(1)).await;
        assert_eq!(found.leased.len(), expected);
        batches.push(found.leased);
    }
    for leased in batches.remove(0) {
        ground
            .bed
            .store
            .release(vec![leased.held()], at(500))
            .await
            .unwrap();
    }
    assert_eq!(claimed(&ground, wanted(1), at(1)).await.leased.len(), 10);
    ground.bed.finish().await;
}
