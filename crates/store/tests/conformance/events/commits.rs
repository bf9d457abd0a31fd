//! What a run publishes, and the end of the delivery that began it: parts of its commit.

use picloud_shared::{
    events::{DeliveryState, Topic, WAITING_PER_APP_MAX},
    execution::{DeliveryRun, Execution, ExecutionFilter},
    id::AppId,
    invocation::Trigger,
    page::PageRequest,
    repository::{
        DeliveryRepository, ExecutionRepository, QuotaRepository, QuotaUpdate, RunLog, ScriptRepository,
    },
    services::{Answer, Commit, Question, ReadKey, ServiceError},
};

use super::{Ground, acknowledging, at, ids};
use crate::{
    bed::{Bed, cases},
    fixtures::{change, execution, first, new_collection, now, put},
};

cases! {
    a_run_ends_its_delivery_with_what_it_writes,
    of_a_run_that_lost_its_lease_nothing_takes_effect,
    a_run_that_was_cancelled_commits_nothing_before_its_end,
    a_conflict_takes_everything_back,
    a_refused_commit_takes_everything_back,
    with_too_much_waiting_nothing_is_emitted,
    records_know_their_delivery,
}

async fn has(ground: &Ground, key: &str) -> bool {
    let keys = vec![key.to_owned()];
    let answer = ground
        .bed
        .store
        .answer_kv(ground.app, Question::KvGet { keys }, now())
        .await;
    let Ok(Answer::Entries { entries }) = answer else {
        panic!("{answer:?}")
    };
    entries[0].is_some()
}

async fn record(ground: &Ground, run: Option<DeliveryRun>) -> Execution {
    let script = ground
        .bed
        .store
        .find_script(ground.script)
        .await
        .unwrap()
        .unwrap();
    Execution {
        trigger: Trigger::Event,
        delivery: run,
        ..execution(&script, now())
    }
}

/// Each kind of data, alone and together: PostgreSQL has a way of its own for each.
async fn a_run_ends_its_delivery_with_what_it_writes(bed: Bed) {
    let ground = Ground::new(bed).await;
    for (number, (keys, collections)) in [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1)].into_iter().enumerate() {
        for (is_recorded, emits) in [(false, false), (true, false), (false, true), (true, true)] {
            let name = format!("{number} {is_recorded} {emits}");
            let delivery = ground.publish(vec![ground.event()], at(0)).await[0];
            let held = ground.claim_one("a", at(0)).await.held();
            let emitted = [ground.event(), ground.event()];
            let collections = ["one", "two"].into_iter().take(collections);
            let record = record(&ground, None).await;
            let commit = Commit {
                writes: (0..keys).map(|_| put(&name, "1")).collect(),
                docs: collections
                    .map(|collection| new_collection(&format!("{collection}{number}{is_recorded}{emits}")))
                    .collect(),
                record: is_recorded.then(|| Box::new(record.clone())),
                emits: if emits { emitted.to_vec() } else { Vec::new() },
                ..acknowledging(held)
            };
            let documents = ground.count("documents").await;
            let answer = ground.commit(commit.clone(), at(1)).await;
            assert_eq!(answer, Ok(Answer::Committed), "{name}");
            assert_eq!(ground.state(delivery).await, DeliveryState::Done, "{name}");
            assert_eq!(has(&ground, &name).await, keys > 0, "{name}");
            let more = ground.count("documents").await - documents;
            assert_eq!(usize::try_from(more), Ok(commit.docs.len()), "{name}");
            let recorded = ground.bed.store.find_execution(record.id).await.unwrap();
            assert_eq!(recorded.is_some(), is_recorded, "{name}");
            // What was emitted is there at once.
            let claimed = ground.claim("a", 10, at(1)).await;
            assert_eq!(claimed.leased.len(), if emits { 2 } else { 0 }, "{name}");
            for leased in claimed.leased {
                assert_eq!(ground.acknowledge(leased.held(), at(2)).await, Answer::Committed);
            }
        }
    }
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn of_a_run_that_lost_its_lease_nothing_takes_effect(bed: Bed) {
    let ground = Ground::new(bed).await;
    let delivery = ground.publish(vec![ground.event()], at(0)).await[0];
    let old = ground.claim_one("a", at(0)).await.held();
    let new = ground.claim_one("b", at(30)).await.held();
    let record = record(&ground, None).await;
    let full = |held| Commit {
        writes: vec![put("k", "1")],
        docs: vec![new_collection("one")],
        record: Some(Box::new(record.clone())),
        emits: vec![ground.event()],
        ..acknowledging(held)
    };
    let keys_alone = Commit {
        docs: Vec::new(),
        ..full(old)
    };
    let documents_alone = Commit {
        writes: Vec::new(),
        ..full(old)
    };
    for commit in [full(old), keys_alone, documents_alone, acknowledging(old)] {
        assert_eq!(ground.commit(commit, at(31)).await, Ok(Answer::LeaseLost));
    }
    assert!(!has(&ground, "k").await);
    assert_eq!(ground.count("collections").await, 0);
    assert_eq!(ground.bed.store.find_execution(record.id).await.unwrap(), None);
    assert_eq!(ground.count("events").await, 1);
    let found = ground.find(delivery).await;
    assert_eq!(
        (found.state, found.node.as_deref()),
        (DeliveryState::Running, Some("b"))
    );

    assert_eq!(ground.commit(full(new), at(32)).await, Ok(Answer::Committed));
    assert!(has(&ground, "k").await);
    assert_eq!(ground.count("events").await, 2);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn a_run_that_was_cancelled_commits_nothing_before_its_end(bed: Bed) {
    let ground = Ground::new(bed).await;
    let delivery = ground.publish(vec![ground.event()], at(0)).await[0];
    let held = ground.claim_one("a", at(0)).await.held();
    let early = || Commit {
        held: vec![held],
        ..Commit::default()
    };
    // Each kind alone: PostgreSQL has a way of its own for each.
    let all = |name: &str| {
        [
            Commit {
                writes: vec![put(name, "1")],
                ..early()
            },
            Commit {
                docs: vec![new_collection(name)],
                ..early()
            },
            Commit {
                emits: vec![ground.event()],
                ..early()
            },
        ]
    };
    for commit in all("before") {
        assert_eq!(ground.commit(commit, at(1)).await, Ok(Answer::Committed));
    }
    assert_eq!(ground.state(delivery).await, DeliveryState::Running);
    let cancelled = ground
        .bed
        .store
        .cancel_delivery(ground.app, delivery, at(2))
        .await;
    assert!(cancelled.unwrap().unwrap().1);
    for commit in all("after") {
        assert_eq!(ground.commit(commit, at(3)).await, Ok(Answer::LeaseLost));
    }
    assert!(has(&ground, "before").await && !has(&ground, "after").await);
    assert_eq!(ground.count("collections").await, 1);
    assert_eq!(ground.count("events").await, 2);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn a_conflict_takes_everything_back(bed: Bed) {
    let ground = Ground::new(bed).await;
    let delivery = ground.publish(vec![ground.event()], at(0)).await[0];
    let held = ground.claim_one("a", at(0)).await.held();
    let run = |keys| Commit {
        keys,
        writes: vec![put("counter", "1")],
        emits: vec![ground.event()],
        ..acknowledging(held)
    };
    let stale = vec![ReadKey {
        key: "counter".to_owned(),
        version: Some(7),
    }];
    let conflict = Answer::Conflict {
        key: "counter".to_owned(),
    };
    assert_eq!(ground.commit(run(stale), at(1)).await, Ok(conflict));
    assert_eq!(ground.state(delivery).await, DeliveryState::Running);
    assert_eq!(ground.claim("a", 10, at(1)).await.leased.len(), 0);
    assert_eq!(ground.count("events").await, 1);
    // The run is repeated, under the same lease.
    let absent = vec![ReadKey {
        key: "counter".to_owned(),
        version: None,
    }];
    assert_eq!(ground.commit(run(absent), at(2)).await, Ok(Answer::Committed));
    assert_eq!(ground.state(delivery).await, DeliveryState::Done);
    assert_eq!(ground.claim("a", 10, at(2)).await.leased.len(), 1);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn a_refused_commit_takes_everything_back(bed: Bed) {
    let ground = Ground::new(bed).await;
    let tiny = QuotaUpdate {
        data_rows_max: Some(Some(0)),
        ..QuotaUpdate::default()
    };
    ground
        .bed
        .store
        .update_quotas(ground.app, tiny, &change())
        .await
        .unwrap();
    let delivery = ground.publish(vec![ground.event()], at(0)).await[0];
    let held = ground.claim_one("a", at(0)).await.held();
    let record = record(&ground, None).await;
    let commit = Commit {
        writes: vec![put("k", "1")],
        record: Some(Box::new(record.clone())),
        emits: vec![ground.event()],
        ..acknowledging(held)
    };
    let refused = ground.commit(commit, at(1)).await;
    assert!(
        matches!(refused, Err(ServiceError::QuotaExceeded(_))),
        "{refused:?}"
    );
    assert_eq!(ground.state(delivery).await, DeliveryState::Running);
    assert_eq!(ground.count("events").await, 1);
    assert_eq!(ground.bed.store.find_execution(record.id).await.unwrap(), None);
    // The lease is still there to be ended.
    assert_eq!(ground.acknowledge(held, at(2)).await, Answer::Committed);
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}

async fn with_too_much_waiting_nothing_is_emitted(bed: Bed) {
    let ground = Ground::new(bed).await;
    let published = ground.publish(vec![ground.event(), ground.event()], at(0)).await;
    let claimed = ground.claim("a", 5, at(0)).await;
    assert_eq!(ids(&claimed), published);
    let held = claimed.leased[0].held();
    let mut raw = ground.bed.raw().await;
    raw.run(&format!("UPDATE app_queues SET count = {WAITING_PER_APP_MAX}"))
        .await;
    let commit = || Commit {
        writes: vec![put("k", "1")],
        emits: vec![ground.event(), ground.event()],
        ..acknowledging(held)
    };
    // Its own end makes room for one, not for two.
    assert_eq!(ground.commit(commit(), at(1)).await, Err(ServiceError::QueueFull));
    assert!(!has(&ground, "k").await);
    assert_eq!(ground.state(published[0]).await, DeliveryState::Running);
    let one = Commit {
        emits: vec![ground.event()],
        ..commit()
    };
    assert_eq!(ground.commit(one, at(1)).await, Ok(Answer::Committed));
    assert!(has(&ground, "k").await);

    let gone = AppId::new(now());
    let emits = Commit {
        emits: vec![ground.event()],
        ..Commit::default()
    };
    let answer = ground
        .bed
        .store
        .answer_kv(gone, Question::Commit(emits), now())
        .await;
    assert_eq!(answer, Err(ServiceError::AppGone));
    ground.bed.finish().await;
}

async fn records_know_their_delivery(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    let event = ground.event();
    let root = event.lineage.root;
    let topic: Option<Topic> = None;
    assert_eq!(event.topic, topic);
    let delivery = ground.publish(vec![event], at(0)).await[0];
    let held = ground.claim_one("a", at(0)).await.held();
    let run = |attempt| DeliveryRun {
        id: delivery,
        attempt,
        root,
        events: 1,
    };
    let failed = record(&ground, Some(run(1))).await;
    let done = record(&ground, Some(run(2))).await;
    let other = record(&ground, None).await;
    let batch = [failed.clone(), other.clone()];
    store
        .record_executions(picloud_shared::execution::RunBatch::of_records(&batch), now())
        .await
        .unwrap();
    let commit = Commit {
        record: Some(Box::new(done.clone())),
        ..acknowledging(held)
    };
    assert_eq!(ground.commit(commit, at(1)).await, Ok(Answer::Committed));
    let list = async |filter: ExecutionFilter, page: PageRequest| {
        let page = store.list_executions(ground.app, &filter, page).await.unwrap();
        page.items
    };
    let of_delivery = ExecutionFilter {
        delivery: Some(delivery),
        ..ExecutionFilter::default()
    };
    let found = list(of_delivery, first(10)).await;
    let runs: Vec<_> = found.iter().map(|record| (record.id, record.delivery)).collect();
    assert_eq!(runs, [(done.id, Some(run(2))), (failed.id, Some(run(1)))]);
    let of_root = ExecutionFilter {
        root: Some(root),
        ..ExecutionFilter::default()
    };
    assert_eq!(list(of_root, first(10)).await.len(), 2);
    let of_itself = ExecutionFilter {
        root: Some(other.id.0),
        ..ExecutionFilter::default()
    };
    let found = list(of_itself, first(10)).await;
    assert_eq!((found.len(), found[0].id), (1, other.id));
    ground.bed.finish().await;
}
