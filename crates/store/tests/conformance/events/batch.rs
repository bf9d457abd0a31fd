//! Several deliveries for one run: they end together, or each for itself.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use picloud_shared::{
    events::{
        BATCH_BYTES_MAX, Batch, Claim, Claimed, DeadReason, DeliveryState, Failure, Held, LEASE, Leased,
        NewDelivery, NewEvent, Next, Origin, QueueTerms,
    },
    execution::{DeliveryRun, Execution, ExecutionFilter},
    id::{DeliveryId, ExecutionId, SubscriptionId},
    invocation::Trigger,
    repository::{DeliveryRepository, EventRepository, ExecutionRepository, RunLog, ScriptRepository},
    services::{Answer, Commit, Question},
    time::Timestamp,
};
use uuid::Uuid;

use super::{Ground, ack, at, claim, event, failure, ids};
use crate::{
    bed::{Bed, cases},
    fixtures::{execution, fifty_at_once, first, now, put},
};

cases! {
    what_is_due_comes_together_up_to_a_bound,
    a_batch_waits_until_it_is_full_or_its_time_has_come,
    a_batch_has_no_more_bytes_than_it_may,
    all_of_a_batch_are_done_or_none,
    a_batch_that_lost_one_commits_nothing_before_its_end,
    what_failed_together_runs_alone,
    what_was_cut_off_runs_alone,
    a_batch_holds_one_of_each_order,
    with_kills_each_has_its_effect_once,
    the_runs_of_each_are_told,
}

/// A subscription whose events come in batches.
struct Batched<'g> {
    ground: &'g Ground,
    subscription: SubscriptionId,
    batch: Batch,
}

impl<'g> Batched<'g> {
    fn new(ground: &'g Ground, events_max: u32, wait_ms: u32) -> Self {
        Self {
            ground,
            subscription: SubscriptionId::new(now()),
            batch: Batch { events_max, wait_ms },
        }
    }

    fn event(&self) -> NewEvent {
        event(vec![NewDelivery {
            origin: Origin::Subscription(self.subscription),
            ..self.ground.delivery()
        }])
    }

    async fn publish(&self, count: usize, moment: Timestamp) -> Vec<DeliveryId> {
        let events = (0..count).map(|_| self.event()).collect();
        self.ground.publish(events, moment).await
    }

    fn terms(&self, node: &str, places: u32, moment: Timestamp) -> Claim {
        let terms = QueueTerms {
            app_id: self.ground.app,
            runs_max: None,
            batch: Some(self.batch),
        };
        Claim {
            queues: HashMap::from([(self.subscription.into(), terms)]),
            ..claim(node, places, moment)
        }
    }

    async fn claim(&self, node: &str, moment: Timestamp) -> Claimed {
        let claim = self.terms(node, 10, moment);
        self.ground.bed.store.claim(claim, moment).await.unwrap()
    }

    /// Claims what is one batch.
    async fn claim_batch(&self, node: &str, moment: Timestamp) -> Vec<Leased> {
        let claimed = self.claim(node, moment).await.leased;
        assert!(claimed.len() > 1, "{claimed:?}");
        assert!(
            claimed
                .iter()
                .all(|leased| leased.batch == Some(claimed[0].delivery)),
            "{claimed:?}"
        );
        claimed
    }
}

fn held(leased: &[Leased]) -> Vec<Held> {
    leased.iter().map(Leased::held).collect()
}

/// The end of a run for all of them, which writes a key.
fn ending(leased: &[Leased], key: &str) -> Commit {
    let execution = ExecutionId::new(now());
    let acks = leased.iter().map(|leased| {
        let mut ack = ack(leased.held());
        ack.execution = execution;
        ack
    });
    Commit {
        writes: vec![put(key, "1")],
        acks: acks.collect(),
        ..Commit::default()
    }
}

async fn has(ground: &Ground, key: &str) -> bool {
    let keys = vec![key.to_owned()];
    let question = Question::KvGet { keys };
    match ground.bed.store.answer_kv(ground.app, question, now()).await {
        Ok(Answer::Entries { entries }) => entries[0].is_some(),
        other => panic!("{other:?}"),
    }
}

async fn what_is_due_comes_together_up_to_a_bound(bed: Bed) {
    let ground = Ground::new(bed).await;
    let batched = Batched::new(&ground, 3, 0);
    let published = batched.publish(7, at(0)).await;
    for expected in [&published[..3], &published[3..6]] {
        let claimed = batched.claim("a", at(1)).await;
        assert_eq!(
            (ids(&claimed), claimed.next_due),
            (expected.to_vec(), Some(at(0)))
        );
        assert!(
            claimed
                .leased
                .iter()
                .all(|leased| leased.batch == Some(expected[0]))
        );
    }
    // One is no batch.
    let claimed = batched.claim("a", at(1)).await;
    assert_eq!((ids(&claimed), claimed.next_due), (published[6..].to_vec(), None));
    assert_eq!(claimed.leased[0].batch, None);

    // Without its terms, a queue is like any other.
    batched.publish(3, at(2)).await;
    let claimed = ground.claim("a", 10, at(2)).await;
    assert_eq!(claimed.leased.len(), 3);
    assert!(claimed.leased.iter().all(|leased| leased.batch.is_none()));
    ground.bed.finish().await;
}

async fn a_batch_waits_until_it_is_full_or_its_time_has_come(bed: Bed) {
    let ground = Ground::new(bed).await;
    let batched = Batched::new(&ground, 3, 10_000);
    batched.publish(1, at(0)).await;
    batched.publish(1, at(5)).await;
    for second in [5, 9] {
        let claimed = batched.claim("a", at(second)).await;
        assert_eq!((claimed.leased.len(), claimed.next_due), (0, Some(at(10))));
        assert!(!claimed.has_more);
    }
    assert_eq!(batched.claim_batch("a", at(10)).await.len(), 2);

    batched.publish(2, at(20)).await;
    assert_eq!(batched.claim("a", at(21)).await.leased.len(), 0);
    batched.publish(3, at(22)).await;
    let claimed = batched.claim("a", at(22)).await;
    assert_eq!((claimed.leased.len(), claimed.next_due), (3, Some(at(32))));
    // What has come before it waits with it.
    assert_eq!(batched.claim("a", at(22)).await.leased.len(), 0);
    assert_eq!(batched.claim_batch("a", at(32)).await.len(), 2);
    ground.bed.finish().await;
}

async fn a_batch_has_no_more_bytes_than_it_may(bed: Bed) {
    let ground = Ground::new(bed).await;
    let batched = Batched::new(&ground, 100, 10_000);
    let quarter = usize::try_from(BATCH_BYTES_MAX / 4).unwrap();
    let large = |_| NewEvent {
        data: Bytes::from(vec![b'a'; quarter]),
        ..batched.event()
    };
    ground.publish((0..4).map(large).collect(), at(0)).await;
    // The next one might be empty.
    assert_eq!(batched.claim("a", at(0)).await.leased.len(), 0);
    ground.publish((0..2).map(large).collect(), at(0)).await;
    assert_eq!(batched.claim_batch("a", at(0)).await.len(), 4);
    assert_eq!(batched.claim("a", at(1)).await.next_due, Some(at(10)));
    assert_eq!(batched.claim_batch("a", at(10)).await.len(), 2);
    ground.bed.finish().await;
}

async fn all_of_a_batch_are_done_or_none(bed: Bed) {
    let ground = Ground::new(bed).await;
    let batched = Batched::new(&ground, 10, 0);
    batched.publish(5, at(0)).await;
    let old = batched.claim_batch("a", at(0)).await;
    // One of them is another's by now.
    let store = &ground.bed.store;
    store.release(vec![old[3].held()], at(1)).await.unwrap();
    let other = batched.claim("b", at(1)).await.leased.remove(0);
    assert_eq!((other.delivery, other.batch), (old[3].delivery, None));
    assert_eq!(
        ground.commit(ending(&old, "old"), at(2)).await,
        Ok(Answer::LeaseLost)
    );
    assert!(!has(&ground, "old").await);
    for leased in &old {
        assert_eq!(ground.state(leased.delivery).await, DeliveryState::Running);
    }
    assert_eq!(
        ground.commit(ending(&[other], "b"), at(3)).await,
        Ok(Answer::Committed)
    );

    store.release(held(&old), at(4)).await.unwrap();
    let new = batched.claim_batch("a", at(4)).await;
    assert_eq!(new.len(), 4);
    let commit = ending(&new, "new");
    let execution = commit.acks[0].execution;
    assert_eq!(ground.commit(commit.clone(), at(5)).await, Ok(Answer::Committed));
    assert!(has(&ground, "new").await);
    for leased in &new {
        let found = ground.find(leased.delivery).await;
        assert_eq!(
            (found.state, found.execution),
            (DeliveryState::Done, Some(execution))
        );
        assert_eq!((found.ended_at, found.node), (Some(at(5)), None));
    }
    assert_eq!(ground.commit(commit, at(6)).await, Ok(Answer::LeaseLost));
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn a_batch_that_lost_one_commits_nothing_before_its_end(bed: Bed) {
    let ground = Ground::new(bed).await;
    let batched = Batched::new(&ground, 10, 0);
    batched.publish(3, at(0)).await;
    let leased = batched.claim_batch("a", at(0)).await;
    let early = |key: &str| Commit {
        writes: vec![put(key, "1")],
        held: held(&leased),
        ..Commit::default()
    };
    assert_eq!(ground.commit(early("before"), at(1)).await, Ok(Answer::Committed));
    let store = &ground.bed.store;
    let cancelled = store.cancel_delivery(ground.app, leased[2].delivery, at(2)).await;
    assert!(cancelled.unwrap().unwrap().1);
    assert_eq!(ground.commit(early("after"), at(3)).await, Ok(Answer::LeaseLost));
    assert_eq!(
        ground.commit(ending(&leased, "end"), at(3)).await,
        Ok(Answer::LeaseLost)
    );
    assert_eq!(
        (
            has(&ground, "before").await,
            has(&ground, "after").await,
            has(&ground, "end").await
        ),
        (true, false, false)
    );
    ground.bed.finish().await;
}

async fn what_failed_together_runs_alone(bed: Bed) {
    let ground = Ground::new(bed).await;
    let batched = Batched::new(&ground, 4, 10_000);
    let published = batched.publish(4, at(0)).await;
    let leased = batched.claim_batch("a", at(0)).await;
    for one in &leased {
        assert!(ground.fail(one.held(), Next::RetryAt(at(10)), at(1)).await);
    }
    // Behind them there are others, with which they do not wait.
    let fresh = batched.publish(2, at(10)).await;
    let claimed = batched.claim("a", at(10)).await;
    assert_eq!(ids(&claimed), published);
    for one in &claimed.leased {
        assert_eq!((one.batch, one.counts.attempts, one.attempt()), (None, 1, 2));
        assert!(one.ran_only_in_batch);
    }
    let good = ending(&claimed.leased[..1], "good");
    assert_eq!(ground.commit(good, at(11)).await, Ok(Answer::Committed));
    let bad = claimed.leased[1].held();
    assert!(ground.fail(bad, Next::Dead(DeadReason::Exhausted), at(11)).await);
    assert_eq!(ground.list(DeliveryState::Dead).await, [bad.delivery]);
    assert_eq!(batched.claim("a", at(11)).await.next_due, Some(at(20)));
    let next = batched.claim_batch("a", at(20)).await;
    assert_eq!(
        next.iter().map(|leased| leased.delivery).collect::<Vec<_>>(),
        fresh
    );

    // What could not run at all is to blame for nothing.
    for one in &next {
        let fault = Failure {
            is_fault: true,
            execution: None,
            ..failure(Next::RetryAt(at(21)))
        };
        assert!(ground.bed.store.fail(one.held(), fault, at(20)).await.unwrap());
    }
    assert_eq!(batched.claim_batch("a", at(31)).await.len(), 2);

    let alone = &claimed.leased[2];
    assert!(ground.fail(alone.held(), Next::RetryAt(at(32)), at(31)).await);
    let again = ground.claim_one("a", at(32)).await;
    assert_eq!(
        (again.delivery, again.counts.attempts, again.ran_only_in_batch),
        (alone.delivery, 2, false)
    );
    ground.bed.finish().await;
}

async fn what_was_cut_off_runs_alone(bed: Bed) {
    let ground = Ground::new(bed).await;
    let batched = Batched::new(&ground, 10, 0);
    batched.publish(3, at(0)).await;
    assert_eq!(batched.claim_batch("a", at(0)).await.len(), 3);
    assert_eq!(ground.bed.store.recover("a", at(1)).await.unwrap(), 3);
    let again = batched.claim("a", at(1)).await.leased;
    assert_eq!(again.len(), 3);
    for leased in again {
        assert_eq!((leased.batch, leased.counts.aborts), (None, 1));
    }
    ground.bed.finish().await;
}

async fn a_batch_holds_one_of_each_order(bed: Bed) {
    let ground = Ground::new(bed).await;
    let batched = Batched::new(&ground, 10, 0);
    let ordered = |key: &str| ground.ordered(batched.subscription, key);
    let events = vec![
        ordered("a"),
        ordered("b"),
        ordered("a"),
        ordered("a"),
        ordered("c"),
    ];
    let published = ground.publish(events, at(0)).await;
    let place = |index: usize| published[index];
    let batch = batched.claim_batch("x", at(0)).await;
    assert_eq!(
        batch.iter().map(|leased| leased.delivery).collect::<Vec<_>>(),
        [place(0), place(1), place(4)]
    );
    assert_eq!(batched.claim("x", at(1)).await.leased.len(), 0);
    assert_eq!(
        ground.commit(ending(&batch, "k"), at(1)).await,
        Ok(Answer::Committed)
    );
    for index in [2, 3] {
        let next = batched.claim("x", at(2)).await;
        assert_eq!(ids(&next), [place(index)]);
        assert_eq!(
            ground.commit(ending(&next.leased, "k"), at(2)).await,
            Ok(Answer::Committed)
        );
    }
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

fn count(effects: &mut HashMap<DeliveryId, u32>, leased: &[Leased]) {
    for one in leased {
        *effects.entry(one.delivery).or_default() += 1;
    }
}

/// Many nodes take batches, and some of them end before they commit, or commit what is another's by then.
async fn with_kills_each_has_its_effect_once(bed: Bed) {
    const EVENTS: usize = 200;
    let ground = Ground::new(bed).await;
    let batched = Batched::new(&ground, 7, 0);
    let published: HashSet<_> = batched.publish(EVENTS, at(0)).await.into_iter().collect();
    let mut effects: HashMap<DeliveryId, u32> = HashMap::new();
    let mut killed: Vec<Vec<Leased>> = Vec::new();
    let mut round = 0;
    while effects.len() < EVENTS {
        let moment = at(100 * round);
        let (batched, ground) = (&batched, &ground);
        let ran = fifty_at_once(|number| async move {
            let node = format!("{round} {number}");
            let claim = batched.terms(&node, 1, moment);
            let leased = ground.bed.store.claim(claim, moment).await.unwrap().leased;
            let is_killed = number % 3 == 0 && round < 3;
            if leased.is_empty() || is_killed {
                return (leased, None);
            }
            let answer = ground.commit(ending(&leased, &node), moment).await.unwrap();
            (leased, Some(answer))
        })
        .await;
        // What was killed the last time goes on by itself, and changes nothing: the leases have run out and are others'.
        for leased in std::mem::take(&mut killed) {
            let answer = ground.commit(ending(&leased, "k"), moment).await;
            if answer == Ok(Answer::Committed) {
                // Nobody has wanted it meanwhile.
                count(&mut effects, &leased);
            }
        }
        for (leased, answer) in ran {
            match answer {
                Some(Answer::Committed) => {
                    count(&mut effects, &leased);
                }
                Some(Answer::LeaseLost) => {}
                Some(other) => panic!("{other:?}"),
                None => killed.push(leased),
            }
        }
        round += 1;
        assert!(round < 100, "{} of {EVENTS}", effects.len());
    }
    assert!(effects.values().all(|count| *count == 1));
    assert_eq!(effects.into_keys().collect::<HashSet<_>>(), published);
    assert!(LEASE.as_secs() < 100);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn the_runs_of_each_are_told(bed: Bed) {
    let ground = Ground::new(bed).await;
    let batched = Batched::new(&ground, 10, 0);
    let store = &ground.bed.store;
    batched.publish(2, at(0)).await;
    let batch = batched.claim_batch("a", at(0)).await;
    let script = store.find_script(ground.script).await.unwrap().unwrap();
    let record = |of: &Leased, events| Execution {
        trigger: Trigger::Event,
        delivery: Some(DeliveryRun {
            id: of.delivery,
            attempt: of.attempt(),
            root: Uuid::new_v4(),
            events,
        }),
        ..execution(&script, now())
    };
    let together = record(&batch[0], 2);
    let records = [together.clone()];
    let written = picloud_shared::execution::RunBatch::of_records(&records);
    store.record_executions(written, now()).await.unwrap();
    for leased in &batch {
        let failure = Failure {
            execution: Some(together.id),
            ..failure(Next::RetryAt(at(1)))
        };
        assert!(store.fail(leased.held(), failure, at(0)).await.unwrap());
    }
    let alone = batched.claim("a", at(1)).await.leased;
    let mut ends = Vec::new();
    for leased in &alone {
        let record = record(leased, 1);
        let commit = Commit {
            record: Some(Box::new(record.clone())),
            ..ending(std::slice::from_ref(leased), "k")
        };
        assert_eq!(ground.commit(commit, at(1)).await, Ok(Answer::Committed));
        ends.push(record);
    }
    for (leased, end) in alone.iter().zip(ends) {
        let filter = ExecutionFilter {
            delivery: Some(leased.delivery),
            ..ExecutionFilter::default()
        };
        let runs = store
            .list_executions(ground.app, &filter, first(10))
            .await
            .unwrap()
            .items;
        let runs: Vec<_> = runs
            .iter()
            .map(|run| (run.id, run.delivery.map(|run| run.events)))
            .collect();
        assert_eq!(runs, [(end.id, Some(1)), (together.id, Some(2))]);
    }
    ground.bed.finish().await;
}
