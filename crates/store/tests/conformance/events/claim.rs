//! Leasing what is due.

use std::collections::{HashMap, HashSet};

use picloud_shared::{
    events::{Claim, Counts, LEASE},
    id::{AppId, SubscriptionId},
    repository::EventRepository,
    services::{Answer, Commit, Question},
};

use super::{Ground, at, claim, ids};
use crate::{
    bed::{Bed, cases},
    fixtures::{app, fifty_at_once, now},
};

cases! {
    each_app_gets_its_share,
    apps_that_have_enough_are_left_out,
    an_app_gets_no_more_places_than_it_may_have,
    what_is_next_is_told,
    nothing_is_leased_twice,
    a_lease_that_ran_out_is_anothers,
    the_order_of_an_app_is_that_of_its_dues,
    what_another_node_publishes_is_heard,
    what_cannot_be_read_is_set_aside,
    a_key_that_is_no_text_holds_up_nobody,
}

async fn other_app(ground: &Ground, slug: &str) -> AppId {
    app(&ground.bed.store, slug).await.id
}

async fn each_app_gets_its_share(bed: Bed) {
    let ground = Ground::new(bed).await;
    let busy = (0..50).map(|_| ground.event()).collect();
    ground.publish(busy, at(0)).await;
    let mut quiet = Vec::new();
    for slug in ["two", "three", "four"] {
        let app = other_app(&ground, slug).await;
        ground.publish_in(app, vec![ground.event()], at(5)).await;
        quiet.push(app);
    }
    let of = |claimed: &picloud_shared::events::Claimed, app| {
        let leased = claimed.leased.iter();
        leased.filter(|leased| leased.app_id == app).count()
    };
    let claimed = ground.claim("a", 6, at(10)).await;
    assert_eq!(claimed.leased.len(), 6);
    assert_eq!(of(&claimed, ground.app), 3);
    assert!(quiet.iter().all(|app| of(&claimed, *app) == 1));

    // The quiet apps have nothing left; then the busy one gets all, up to what one app may get.
    let bounded = Claim {
        per_app_max: 10,
        ..claim("a", 40, at(10))
    };
    let claimed = ground.bed.store.claim(bounded, at(10)).await.unwrap();
    assert_eq!(of(&claimed, ground.app), 10);
    assert_eq!(claimed.leased.len(), 10);
    assert_eq!(claimed.next_due, Some(at(0)));
    ground.bed.finish().await;
}

async fn apps_that_have_enough_are_left_out(bed: Bed) {
    let ground = Ground::new(bed).await;
    let two = other_app(&ground, "two").await;
    ground.publish(vec![ground.event()], at(0)).await;
    ground
        .publish_in(two, vec![ground.event(), ground.event()], at(1))
        .await;
    let without = Claim {
        held: HashMap::from([(ground.app, 1)]),
        ..claim("a", 1, at(2))
    };
    let claimed = ground.bed.store.claim(without, at(2)).await.unwrap();
    assert_eq!(claimed.leased.len(), 1);
    assert_eq!(claimed.leased[0].app_id, two);
    assert_eq!(claimed.next_due, Some(at(1)));
    let nobody = Claim {
        held: HashMap::from([(ground.app, 1), (two, 2)]),
        ..claim("a", 1, at(2))
    };
    let claimed = ground.bed.store.claim(nobody, at(2)).await.unwrap();
    assert_eq!((claimed.leased.len(), claimed.next_due), (0, None));
    ground.bed.finish().await;
}

async fn an_app_gets_no_more_places_than_it_may_have(bed: Bed) {
    let ground = Ground::new(bed).await;
    ground
        .publish((0..20).map(|_| ground.event()).collect(), at(0))
        .await;
    let two = other_app(&ground, "two").await;
    ground.publish_in(two, vec![ground.event()], at(0)).await;
    let mut held = HashMap::from([(ground.app, 5)]);
    // With those that it holds it may have eight.
    for (expected, of_two) in [(3, 1), (0, 0)] {
        let bounded = Claim {
            per_app_max: 8,
            held: held.clone(),
            ..claim("a", 100, at(1))
        };
        let claimed = ground.bed.store.claim(bounded, at(1)).await.unwrap();
        let of = |app| {
            let leased = claimed.leased.iter();
            leased.filter(|leased| leased.app_id == app).count()
        };
        assert_eq!((of(ground.app), of(two)), (expected, of_two));
        held = HashMap::from([(ground.app, 8), (two, 1)]);
    }
    ground.bed.finish().await;
}

async fn what_is_next_is_told(bed: Bed) {
    let ground = Ground::new(bed).await;
    let nothing = ground.claim("a", 5, at(0)).await;
    assert_eq!((nothing.leased.len(), nothing.next_due), (0, None));
    ground.publish(vec![ground.event(), ground.event()], at(1)).await;
    assert_eq!(ground.claim("a", 0, at(2)).await.next_due, Some(at(1)));
    assert_eq!(ground.claim("a", 1, at(2)).await.next_due, Some(at(1)));
    // Its own leases are nothing to wait for; those of others may become free.
    assert_eq!(ground.claim("a", 5, at(2)).await.next_due, None);
    assert_eq!(
        ground.claim("b", 5, at(2)).await.next_due,
        Some(at(2).plus(LEASE))
    );
    ground.bed.finish().await;
}

async fn nothing_is_leased_twice(bed: Bed) {
    let ground = Ground::new(bed).await;
    let two = other_app(&ground, "two").await;
    let events = || (0..60).map(|_| ground.event()).collect();
    let mut published = ground.publish(events(), at(0)).await;
    published.extend(ground.publish_in(two, events(), at(0)).await);
    let mut leased = Vec::new();
    while leased.len() < published.len() {
        let before = leased.len();
        let claimed = fifty_at_once(|number| {
            let node = format!("node {}", number % 3);
            let claim = claim(&node, 3, at(1));
            async { ground.bed.store.claim(claim, at(1)).await.unwrap() }
        })
        .await;
        leased.extend(claimed.iter().flat_map(ids));
        assert!(leased.len() > before, "{before} of {}", published.len());
    }
    assert_eq!(leased.len(), published.len());
    assert_eq!(
        leased.into_iter().collect::<HashSet<_>>(),
        published.into_iter().collect()
    );
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn a_lease_that_ran_out_is_anothers(bed: Bed) {
    let ground = Ground::new(bed).await;
    ground.publish(vec![ground.event()], at(0)).await;
    let first = ground.claim_one("a", at(0)).await;
    assert_eq!(ground.claim("b", 5, at(29)).await.leased.len(), 0);
    // Its own node knows better than the clock.
    assert_eq!(ground.claim("a", 5, at(1_000)).await.leased.len(), 0);
    let second = ground.claim_one("b", at(30)).await;
    assert_eq!(second.delivery, first.delivery);
    assert!(second.token > first.token);
    let aborted = Counts {
        aborts: 1,
        ..Counts::default()
    };
    assert_eq!((second.counts, second.attempt()), (aborted, 1));
    ground.bed.finish().await;
}

async fn the_order_of_an_app_is_that_of_its_dues(bed: Bed) {
    let ground = Ground::new(bed).await;
    let mut expected = Vec::new();
    for second in 0..5 {
        expected.extend(ground.publish(vec![ground.event()], at(second)).await);
    }
    let claimed = ground.claim("a", 3, at(10)).await;
    assert_eq!(ids(&claimed), expected[..3]);
    assert_eq!(ids(&ground.claim("a", 3, at(10)).await), expected[3..]);
    ground.bed.finish().await;
}

/// Whether a hint comes at once.
async fn is_hinted(store: &picloud_store::Store) -> bool {
    let soon = std::time::Duration::from_millis(300);
    tokio::time::timeout(soon, store.hint()).await.is_ok()
}

async fn what_another_node_publishes_is_heard(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    if ground.bed.is_sqlite() {
        ground.publish(vec![ground.event()], at(0)).await;
        assert!(!is_hinted(store).await);
        return ground.bed.finish().await;
    }
    // What was before the first look may have been missed.
    store.hint().await;
    ground.publish(vec![ground.event()], at(0)).await;
    assert!(!is_hinted(store).await, "it heard itself");
    let other = ground.bed.open_again().await.unwrap();
    let published = other.publish(ground.app, vec![ground.event()], None, at(0)).await;
    assert_eq!(published.unwrap().events.len(), 1);
    store.hint().await;
    let emits = Commit {
        emits: vec![ground.event()],
        ..Commit::default()
    };
    let answer = other.answer_kv(ground.app, Question::Commit(emits), at(0)).await;
    assert_eq!(answer, Ok(Answer::Committed));
    store.hint().await;
    // Whoever listens does not hold up the end.
    other.close().await;
    let (_, ()) = tokio::join!(
        tokio::time::timeout(std::time::Duration::from_millis(100), store.hint()),
        store.close()
    );
    ground.bed.finish().await;
}

async fn what_cannot_be_read_is_set_aside(bed: Bed) {
    let ground = Ground::new(bed).await;
    let one = SubscriptionId::new(now());
    let events = vec![
        ground.event(),
        ground.event(),
        ground.event(),
        ground.ordered(one, "a"),
        ground.ordered(one, "a"),
    ];
    let published = ground.publish(events, at(0)).await;
    let id = |number: usize| {
        if ground.bed.is_sqlite() {
            format!("x'{}'", published[number].0.simple())
        } else {
            format!("'{}'", published[number])
        }
    };
    let mut raw = ground.bed.raw().await;
    let nonsense = format!(
        "UPDATE deliveries SET terms = 'nonsense' WHERE id IN ({}, {})",
        id(0),
        id(3)
    );
    raw.run(&nonsense).await;
    let gone = format!(
        "DELETE FROM events WHERE number = (SELECT event FROM deliveries WHERE id = {})",
        id(1)
    );
    raw.run(&gone).await;
    let claimed = ground.claim("a", 10, at(1)).await;
    assert_eq!(ids(&claimed), [published[2]]);
    assert_eq!((claimed.set_aside, claimed.leaves_strays), (3, false));
    let dead = "SELECT count(*) FROM deliveries WHERE state = 'dead' AND reason = 'unreadable' AND error IS NOT NULL";
    assert_eq!(raw.number(dead).await, 3);
    // It holds up nobody behind it.
    assert_eq!(ids(&ground.claim("a", 10, at(1)).await), [published[4]]);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn a_key_that_is_no_text_holds_up_nobody(bed: Bed) {
    let ground = Ground::new(bed).await;
    // PostgreSQL looks at each text before it keeps it.
    if ground.bed.is_sqlite() {
        let one = SubscriptionId::new(now());
        let ordered = || ground.ordered(one, "a");
        let events = vec![ordered(), ordered(), ground.event()];
        let published = ground.publish(events, at(0)).await;
        let mut raw = ground.bed.raw().await;
        let broken = "UPDATE deliveries SET event_key = CAST(x'ff' AS TEXT) WHERE place IS NOT NULL";
        raw.run(broken).await;
        let first = ground.claim("a", 10, at(1)).await;
        assert_eq!((ids(&first), first.set_aside), (vec![published[2]], 1));
        // The next one of the key is as broken.
        assert_eq!(ground.claim("a", 10, at(1)).await.set_aside, 1);
        let dead = "SELECT count(*) FROM deliveries WHERE state = 'dead' AND reason = 'unreadable'";
        assert_eq!(raw.number(dead).await, 2);
        ground.is_counted_exactly().await;
    }
    ground.bed.finish().await;
}
