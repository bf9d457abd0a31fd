//! A clock that is set.

use std::time::Duration;

use picloud_shared::{
    events::{LEASE, NewEvent, Next},
    repository::EventRepository,
};

use super::{Ground, at, ids};
use crate::bed::{Bed, cases};

cases! {
    a_clock_that_is_set_back_delays_nothing,
    a_clock_that_was_set_back_before_the_start_delays_nothing,
    what_failed_while_the_clock_was_ahead_waits_no_longer,
    a_clock_that_is_set_forward_runs_nothing_twice,
}

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

async fn a_clock_that_is_set_back_delays_nothing(bed: Bed) {
    for step in [HOUR, DAY] {
        let ground = Ground::new(bed_again(&bed).await).await;
        let before = at(2 * DAY);
        let after = |seconds| at(2 * DAY - step + seconds);
        let retried = ground.publish(vec![ground.event()], before).await;
        let held = ground.claim_one("a", before).await.held();
        let in_ten = before.plus(Duration::from_secs(10));
        assert!(ground.fail(held, Next::RetryAt(in_ten), before).await);
        let held_by_another = ground.publish(vec![ground.event()], before).await;
        ground.claim_one("b", before).await;
        let at_moment = NewEvent {
            due_at: Some(before.plus(Duration::from_secs(5))),
            ..ground.event()
        };
        let timed = ground.publish(vec![at_moment], before).await;
        let waits = ground.publish(vec![ground.event()], before).await;

        let claimed = ground.claim("a", 10, after(0)).await;
        assert_eq!(ids(&claimed), waits);
        assert_eq!(claimed.next_due, Some(after(10)));
        let later = ground.publish(vec![ground.event()], after(1)).await;
        assert_eq!(ids(&ground.claim("a", 10, after(1)).await), later);
        assert_eq!(ids(&ground.claim("a", 10, after(10)).await), retried);
        // As long as it would have been.
        assert_eq!(
            ids(&ground.claim("a", 10, after(LEASE.as_secs())).await),
            held_by_another
        );
        assert_eq!(ids(&ground.claim("a", 10, before).await), [], "too early");
        let due = before.plus(Duration::from_secs(5));
        assert_eq!(ids(&ground.claim("a", 10, due).await), timed);
        ground.is_counted_exactly().await;
        ground.bed.finish().await;
    }
    bed.finish().await;
}

async fn bed_again(bed: &Bed) -> Bed {
    if bed.is_sqlite() {
        Bed::sqlite().await
    } else {
        Bed::postgres().await
    }
}

async fn a_clock_that_was_set_back_before_the_start_delays_nothing(bed: Bed) {
    let mut ground = Ground::new(bed).await;
    let waits = ground.publish(vec![ground.event()], at(DAY)).await;
    ground.bed.reopen().await;
    ground.bed.store.recover("a", at(0)).await.unwrap();
    assert_eq!(ids(&ground.claim("a", 10, at(0)).await), waits);
    ground.bed.finish().await;
}

async fn what_failed_while_the_clock_was_ahead_waits_no_longer(bed: Bed) {
    // What was accepted last tells nothing of how far it was ahead, or something.
    for accepted in [0, HOUR] {
        let mut ground = Ground::new(bed_again(&bed).await).await;
        let at_moment = NewEvent {
            due_at: Some(at(DAY + 5)),
            ..ground.event()
        };
        let timed = ground.publish(vec![at_moment], at(0)).await;
        let retried = ground.publish(vec![ground.event()], at(0)).await;
        let held = ground.claim_one("a", at(DAY)).await.held();
        assert!(ground.fail(held, Next::RetryAt(at(DAY + 10)), at(DAY)).await);
        let waits = ground.publish(vec![ground.event()], at(accepted)).await;

        ground.bed.reopen().await;
        ground.bed.store.recover("a", at(60)).await.unwrap();
        let claimed = ground.claim("a", 10, at(60)).await;
        assert_eq!(ids(&claimed), waits);
        assert_eq!(claimed.next_due, Some(at(70)));
        ground.acknowledge(claimed.leased[0].held(), at(60)).await;
        // As long as it was to, and not once more at the next start.
        ground.bed.reopen().await;
        ground.bed.store.recover("a", at(65)).await.unwrap();
        assert_eq!(ground.claim("a", 10, at(65)).await.next_due, Some(at(70)));
        assert_eq!(ids(&ground.claim("a", 10, at(70)).await), retried);
        assert_eq!(ids(&ground.claim("a", 10, at(DAY + 5)).await), timed);
        ground.bed.finish().await;
    }
    bed.finish().await;
}

async fn a_clock_that_is_set_forward_runs_nothing_twice(bed: Bed) {
    let ground = Ground::new(bed).await;
    ground.publish(vec![ground.event()], at(0)).await;
    let held = ground.claim_one("a", at(0)).await.held();
    for step in [HOUR, DAY] {
        assert_eq!(ids(&ground.claim("a", 10, at(step)).await), []);
    }
    let until = at(DAY).plus(LEASE);
    assert_eq!(ground.bed.store.extend(vec![held], until).await.unwrap(), []);
    ground.bed.finish().await;
}
