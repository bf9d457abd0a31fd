//! Leases: who holds one ends it, and nobody else.

use std::time::Duration;

use bytes::Bytes;
use picloud_shared::{
    events::{
        ABORTS_MAX, Counts, DeadReason, DeliveryResult, DeliveryState, Failure, LEASE, Leased, Next,
        RetryPolicy, Verdict,
    },
    repository::{DeliveryRepository, EventRepository},
    services::Answer,
    time::Timestamp,
};

use super::{Ground, ack, acknowledging, at, failure, ids};
use crate::bed::{Bed, cases};

cases! {
    who_lost_a_lease_changes_nothing,
    what_was_cancelled_cannot_be_ended,
    a_lease_lasts_as_long_as_it_is_extended,
    a_script_that_fails_k_times_runs_at_the_moments_of_its_policy,
    faults_use_up_no_attempts,
    what_ends_servers_is_set_aside_while_others_are_done,
    what_a_node_held_when_it_ended_counts_an_abort,
    what_only_waited_when_servers_ended_is_not_set_aside,
    what_is_released_was_never_held,
    a_node_finds_its_leases_that_have_run_out_and_no_others,
    what_is_done_keeps_its_result,
}

async fn who_lost_a_lease_changes_nothing(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    ground.publish(vec![ground.event()], at(0)).await;
    let old = ground.claim_one("a", at(0)).await.held();
    let new = ground.claim_one("b", at(30)).await.held();
    let before = ground.find(old.delivery).await;

    assert_eq!(ground.acknowledge(old, at(31)).await, Answer::LeaseLost);
    assert!(!ground.fail(old, Next::RetryAt(at(31)), at(31)).await);
    assert!(!ground.fail(old, Next::Dead(DeadReason::Never), at(31)).await);
    store.release(vec![old], at(31)).await.unwrap();
    assert_eq!(store.extend(vec![old, new], at(61)).await.unwrap(), [old]);
    assert_eq!(ground.find(old.delivery).await, before);

    assert_eq!(ground.acknowledge(new, at(40)).await, Answer::Committed);
    assert_eq!(ground.state(new.delivery).await, DeliveryState::Done);
    // What has ended never runs again.
    for held in [old, new] {
        assert_eq!(ground.acknowledge(held, at(41)).await, Answer::LeaseLost);
        assert!(!ground.fail(held, Next::RetryAt(at(41)), at(41)).await);
        store.release(vec![held], at(41)).await.unwrap();
    }
    assert_eq!(store.extend(vec![new], at(99)).await.unwrap(), [new]);
    assert_eq!(ground.claim("c", 5, at(10_000)).await.leased.len(), 0);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn what_was_cancelled_cannot_be_ended(bed: Bed) {
    let ground = Ground::new(bed).await;
    ground.publish(vec![ground.event()], at(0)).await;
    let held = ground.claim_one("a", at(0)).await.held();
    let cancelled = ground
        .bed
        .store
        .cancel_delivery(ground.app, held.delivery, at(1))
        .await;
    let (delivery, is_new) = cancelled.unwrap().unwrap();
    assert_eq!((delivery.state, is_new), (DeliveryState::Cancelled, true));
    assert_eq!(ground.acknowledge(held, at(2)).await, Answer::LeaseLost);
    let again = ground
        .bed
        .store
        .cancel_delivery(ground.app, held.delivery, at(1))
        .await;
    assert_eq!(again.unwrap().unwrap(), (delivery, false));
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn a_lease_lasts_as_long_as_it_is_extended(bed: Bed) {
    let ground = Ground::new(bed).await;
    ground.publish(vec![ground.event(), ground.event()], at(0)).await;
    let claimed = ground.claim("a", 5, at(0)).await;
    let held: Vec<_> = claimed.leased.iter().map(Leased::held).collect();
    for second in [10, 20, 30] {
        let kept = vec![held[0]];
        let until = at(second).plus(LEASE);
        assert_eq!(ground.bed.store.extend(kept, until).await.unwrap(), []);
    }
    assert_eq!(ids(&ground.claim("b", 5, at(59)).await), [held[1].delivery]);
    assert_eq!(ids(&ground.claim("b", 5, at(60)).await), [held[0].delivery]);
    ground.bed.finish().await;
}

/// Fails a delivery until it does no longer come, or has failed often enough; gives the moments of its runs.
async fn run(ground: &Ground, failures: u32) -> Vec<Timestamp> {
    let policy = RetryPolicy::default();
    // No jitter.
    let chance = 200;
    let mut moment = at(0);
    let mut runs = Vec::new();
    loop {
        let leased = ground.claim_one("a", moment).await;
        runs.push(moment);
        assert_eq!(leased.attempt() as usize, runs.len());
        assert_eq!(leased.since, at(0));
        if leased.counts.attempts == failures {
            assert_eq!(ground.acknowledge(leased.held(), moment).await, Answer::Committed);
            return runs;
        }
        let next = policy.next(leased.counts, Verdict::Failed, leased.since, moment, chance);
        assert!(ground.fail(leased.held(), next, moment).await);
        let Next::RetryAt(due) = next else {
            return runs;
        };
        let early = ground.claim("a", 5, due.minus(Duration::from_micros(1))).await;
        assert_eq!((early.leased.len(), early.next_due), (0, Some(due)));
        moment = due;
    }
}

async fn a_script_that_fails_k_times_runs_at_the_moments_of_its_policy(bed: Bed) {
    let ground = Ground::new(bed).await;
    let moments = [0, 10, 70, 370, 2_170].map(at);
    for failures in 0..=6_u32 {
        let delivery = ground.publish(vec![ground.event()], at(0)).await[0];
        let runs = run(&ground, failures).await;
        let expected = (failures as usize + 1).min(5);
        assert_eq!(runs, moments[..expected], "{failures}");
        let found = ground.find(delivery).await;
        assert_eq!(found.counts.attempts, failures.min(5));
        if failures < 5 {
            assert_eq!((found.state, found.reason), (DeliveryState::Done, None));
            assert_eq!(found.error, None);
        } else {
            assert_eq!(found.state, DeliveryState::Dead);
            assert_eq!(found.reason, Some(DeadReason::Exhausted));
            assert_eq!(found.error.as_deref(), Some("it \u{FFFD} failed"));
        }
        assert_eq!(found.ended_at, runs.last().copied());
        assert!(found.execution.is_some());
    }
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn faults_use_up_no_attempts(bed: Bed) {
    let ground = Ground::new(bed).await;
    let policy = RetryPolicy::default();
    let delivery = ground.publish(vec![ground.event()], at(0)).await[0];
    let mut moment = at(0);
    let reason = loop {
        let leased = ground.claim_one("a", moment).await;
        assert_eq!(leased.attempt(), 1);
        let next = policy.next(leased.counts, Verdict::Fault, leased.since, moment, 200);
        let fault = Failure {
            is_fault: true,
            execution: None,
            ..failure(next)
        };
        assert!(ground.bed.store.fail(leased.held(), fault, moment).await.unwrap());
        match next {
            Next::RetryAt(due) => moment = due,
            Next::Dead(reason) => break reason,
        }
    };
    assert_eq!((reason, moment), (DeadReason::Expired, at(24 * 60 * 60)));
    let found = ground.find(delivery).await;
    assert_eq!((found.counts.attempts, found.execution), (0, None));
    assert!(found.counts.faults > 280, "{:?}", found.counts);
    ground.bed.finish().await;
}

async fn what_ends_servers_is_set_aside_while_others_are_done(bed: Bed) {
    let ground = Ground::new(bed).await;
    let policy = RetryPolicy::default();
    let poison = ground.publish(vec![ground.event()], at(0)).await[0];
    let mut good = Vec::new();
    for round in 0..ABORTS_MAX {
        let moment = at(u64::from(round) * 30);
        let events = (0..20).map(|_| ground.event()).collect();
        good.extend(ground.publish(events, moment).await);
        // A node takes everything, is done with the good ones, and then ends.
        let claimed = ground.claim(&format!("node {round}"), 100, moment).await;
        assert_eq!(claimed.leased.len(), 21);
        for leased in claimed.leased {
            if leased.delivery == poison {
                assert_eq!(leased.counts.aborts, round);
                assert_eq!(policy.dead_before_run(leased.counts, leased.since, moment), None);
                assert!(ground.bed.store.begin(leased.held()).await.unwrap());
            } else {
                assert_eq!(ground.acknowledge(leased.held(), moment).await, Answer::Committed);
            }
        }
    }
    let moment = at(u64::from(ABORTS_MAX) * 30);
    let leased = ground.claim_one("last", moment).await;
    let reason = policy.dead_before_run(leased.counts, leased.since, moment);
    assert_eq!(reason, Some(DeadReason::Poison));
    assert!(
        ground
            .fail(leased.held(), Next::Dead(DeadReason::Poison), moment)
            .await
    );
    assert_eq!(ground.list(DeliveryState::Dead).await, [poison]);
    assert_eq!(ground.list(DeliveryState::Done).await.len(), good.len());
    ground.bed.finish().await;
}

async fn what_a_node_held_when_it_ended_counts_an_abort(bed: Bed) {
    let mut ground = Ground::new(bed).await;
    ground.publish(vec![ground.event(), ground.event()], at(0)).await;
    let of_a = ground.claim("a", 1, at(0)).await.leased.remove(0);
    let of_b = ground.claim("b", 1, at(0)).await.leased.remove(0);
    ground.bed.reopen().await;
    assert_eq!(ground.bed.store.recover("a", at(1)).await.unwrap(), 1);
    let again = ground.claim_one("a", at(1)).await;
    assert_eq!(again.delivery, of_a.delivery);
    assert_eq!((again.counts.aborts, again.attempt()), (1, 1));
    assert_eq!(ground.acknowledge(of_a.held(), at(2)).await, Answer::LeaseLost);
    assert_eq!(ground.acknowledge(of_b.held(), at(2)).await, Answer::Committed);
    assert_eq!(ground.acknowledge(again.held(), at(2)).await, Answer::Committed);
    assert_eq!(ground.bed.store.recover("a", at(3)).await.unwrap(), 0);
    ground.bed.finish().await;
}

async fn what_only_waited_when_servers_ended_is_not_set_aside(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    let events = (0..20).map(|_| ground.event()).collect();
    let poison = ground.publish(events, at(0)).await[0];
    // Its own node comes back each time; then each time another one has what was held.
    for round in 0..2 * ABORTS_MAX {
        let comes_back = round < ABORTS_MAX;
        let node = if comes_back {
            "a".to_owned()
        } else {
            format!("b{round}")
        };
        let moment = at(u64::from(round) * 30);
        let claimed = ground.claim(&node, 100, moment).await;
        assert_eq!(claimed.leased.len(), 20, "{round}");
        for leased in claimed.leased {
            let is_poison = leased.delivery == poison;
            let expected = if is_poison { round } else { round.min(1) };
            assert_eq!(leased.counts.aborts, expected, "{round}");
            if is_poison {
                assert!(store.begin(leased.held()).await.unwrap());
            }
        }
        if comes_back {
            assert_eq!(store.recover("a", moment).await.unwrap(), 20);
        }
    }
    // Whoever has lost the lease begins nothing.
    let end = at(u64::from(2 * ABORTS_MAX) * 30);
    let old = ground.claim("c", 1, end).await.leased.remove(0).held();
    store.release(vec![old], end).await.unwrap();
    assert!(!store.begin(old).await.unwrap());
    ground.bed.finish().await;
}

async fn what_is_released_was_never_held(bed: Bed) {
    let ground = Ground::new(bed).await;
    ground.publish(vec![ground.event()], at(0)).await;
    let held = ground.claim_one("a", at(0)).await.held();
    ground.bed.store.release(vec![held], at(7)).await.unwrap();
    assert_eq!(ground.claim("a", 5, at(6)).await.next_due, Some(at(7)));
    let again = ground.claim_one("a", at(7)).await;
    assert_eq!((again.counts, again.since), (Counts::default(), at(0)));
    assert_eq!(ground.acknowledge(held, at(8)).await, Answer::LeaseLost);
    ground.bed.finish().await;
}

async fn a_node_finds_its_leases_that_have_run_out_and_no_others(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    let events = (0..3).map(|_| ground.event()).collect();
    ground.publish(events, at(0)).await;
    let claimed = ground.claim("a", 2, at(0)).await.leased;
    ground.claim_one("b", at(0)).await;
    let [one, two] = &claimed[..] else {
        panic!("{claimed:?}")
    };
    let (one, two) = (one.held(), two.held());
    assert!(store.expired_leases("a", at(29)).await.unwrap().is_empty());
    let mut found = store.expired_leases("a", at(30)).await.unwrap();
    found.sort_by_key(|held| held.delivery);
    let mut expected = [one, two];
    expected.sort_by_key(|held| held.delivery);
    assert_eq!(found, expected);

    // What was extended has not run out, and what has ended or was given back is no lease any more.
    store.extend(vec![one], at(60)).await.unwrap();
    assert_eq!(store.expired_leases("a", at(30)).await.unwrap(), [two]);
    store.release(vec![two], at(31)).await.unwrap();
    assert!(store.expired_leases("a", at(31)).await.unwrap().is_empty());
    ground.acknowledge(one, at(32)).await;
    assert!(store.expired_leases("a", at(99)).await.unwrap().is_empty());
    assert_eq!(store.expired_leases("b", at(99)).await.unwrap().len(), 1);
    ground.bed.finish().await;
}

async fn what_is_done_keeps_its_result(bed: Bed) {
    let ground = Ground::new(bed).await;
    let delivery = ground.publish(vec![ground.event()], at(0)).await[0];
    let held = ground.claim_one("a", at(0)).await.held();
    let result = DeliveryResult {
        status: 201,
        content_type: Some("text/plain".to_owned()),
        body: Bytes::from_static(b"made \0"),
        is_cut: true,
    };
    let mut commit = acknowledging(held);
    let mut acknowledged = ack(held);
    acknowledged.result = Some(result.clone());
    let execution = acknowledged.execution;
    commit.acks = vec![acknowledged];
    assert_eq!(ground.commit(commit, at(5)).await, Ok(Answer::Committed));
    let found = ground.bed.store.find_delivery(ground.app, delivery).await;
    let found = found.unwrap().unwrap();
    assert_eq!(found.result, Some(result));
    assert_eq!(found.delivery.response_status, Some(201));
    assert_eq!(found.delivery.execution, Some(execution));
    assert_eq!(found.delivery.ended_at, Some(at(5)));
    assert_eq!(found.delivery.node, None);
    ground.bed.finish().await;
}
