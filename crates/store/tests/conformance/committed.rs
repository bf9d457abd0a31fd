//! Records of runs that are written with their commits.

use std::time::Duration;

use picloud_shared::{
    audit::{AuditFilter, AuditRecord, DataChange, ListedRecord, Recorded, Target},
    execution::{CommittedRun, Execution, ExecutionStatus, Retention, RunBatch},
    id::AppId,
    repository::{AppRepository, AuditRepository, ExecutionRepository, QuotaRepository, QuotaUpdate, RunLog},
    run_stats::Slots,
    script::Script,
    services::{Answer, Commit, Question, ReadKey, ServiceError},
};
use picloud_store::Store;
use serde_json::json;
use uuid::Uuid;

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, execution, first, new_collection, now, put, script},
};

cases! {
    a_record_is_there_with_what_its_run_wrote,
    a_commit_that_is_refused_leaves_no_record,
    the_record_of_a_run_is_written_once,
    a_run_with_a_record_counts_once,
    a_run_that_has_committed_has_succeeded,
    what_is_too_old_is_deleted_however_it_was_written,
    what_a_person_changes_is_in_the_audit_log_or_not_at_all,
}

async fn hello(bed: &Bed) -> Script {
    let owner = app(&bed.store, "one").await;
    script(&bed.store, owner.id, "hello").await
}

/// A commit with the record of a run of `script`.
fn of(script: &Script, commit: Commit) -> (Execution, Commit) {
    let mut record = execution(script, now());
    record.logs[0].message.push_str("quotes \" and \n and \0");
    let commit = Commit {
        record: Some(Box::new(record.clone())),
        ..commit
    };
    (record, commit)
}

/// The same of a run that writes one key.
fn of_one_write(script: &Script) -> (Execution, Commit) {
    let commit = Commit {
        writes: vec![put("a", "1")],
        ..Commit::default()
    };
    of(script, commit)
}

async fn ask(store: &Store, app: AppId, commit: Commit) -> Result<Answer, ServiceError> {
    store.answer_kv(app, Question::Commit(commit), now()).await
}

async fn runs(bed: &Bed, script: &Script, status: ExecutionStatus) -> u64 {
    let moments = Duration::from_mins(30);
    let slots = Slots::over(now().minus(moments), now().plus(moments), 1);
    let found = bed.store.run_stats(script.app_id, None, slots).await.unwrap();
    found[0].count(status)
}

async fn a_record_is_there_with_what_its_run_wrote(bed: Bed) {
    let hello = hello(&bed).await;
    let keys = Commit {
        writes: vec![put("a", "1"), put("b", "1")],
        ..Commit::default()
    };
    let documents = Commit {
        docs: vec![new_collection("one")],
        ..Commit::default()
    };
    let collections = Commit {
        docs: vec![new_collection("three"), new_collection("two")],
        ..Commit::default()
    };
    let both = Commit {
        writes: vec![put("c", "1")],
        docs: vec![new_collection("five"), new_collection("four")],
        ..Commit::default()
    };
    for commit in [keys, documents, collections, both] {
        let (record, commit) = of(&hello, commit);
        assert_eq!(ask(&bed.store, hello.app_id, commit).await, Ok(Answer::Committed));
        let found = bed.store.find_execution(record.id).await.unwrap().unwrap();
        assert_eq!(found, record);
    }
    let kept = bed.store.app_usage(hello.app_id).await.unwrap().unwrap().0;
    assert_eq!((kept.kv.rows, kept.docs.rows), (3, 5));
}

async fn a_commit_that_is_refused_leaves_no_record(bed: Bed) {
    let hello = hello(&bed).await;
    let stale = Commit {
        keys: vec![ReadKey {
            key: "a".to_owned(),
            version: Some(1),
        }],
        writes: vec![put("a", "1")],
        ..Commit::default()
    };
    let (conflicting, commit) = of(&hello, stale);
    let answer = ask(&bed.store, hello.app_id, commit).await;
    assert!(matches!(answer, Ok(Answer::Conflict { .. })), "{answer:?}");
    let update = QuotaUpdate {
        data_bytes_max: None,
        data_rows_max: Some(Some(1)),
        ..QuotaUpdate::default()
    };
    let allowed = bed.store.update_quotas(hello.app_id, update, &change()).await;
    allowed.unwrap().unwrap();
    let much = Commit {
        writes: vec![put("a", "1"), put("b", "1")],
        ..Commit::default()
    };
    let (too_much, commit) = of(&hello, much);
    let answer = ask(&bed.store, hello.app_id, commit).await;
    assert!(
        matches!(answer, Err(ServiceError::QuotaExceeded(_))),
        "{answer:?}"
    );
    let gone = app(&bed.store, "two").await.id;
    let (lost, commit) = of_one_write(&hello);
    assert!(bed.store.delete_app(gone, true, &change()).await.unwrap());
    assert_eq!(ask(&bed.store, gone, commit).await, Err(ServiceError::AppGone));
    for record in [conflicting, too_much, lost] {
        assert_eq!(bed.store.find_execution(record.id).await.unwrap(), None);
    }
}

async fn the_record_of_a_run_is_written_once(bed: Bed) {
    let hello = hello(&bed).await;
    // The client has left, and the recorder was quicker.
    let (record, commit) = of_one_write(&hello);
    let cancelled = Execution {
        status: ExecutionStatus::Cancelled,
        ..record.clone()
    };
    let batch = RunBatch::of_records(std::slice::from_ref(&cancelled));
    bed.store.record_executions(batch, now()).await.unwrap();
    assert_eq!(ask(&bed.store, hello.app_id, commit).await, Ok(Answer::Committed));
    let found = bed.store.find_execution(record.id).await.unwrap();
    assert_eq!(found, Some(cancelled));
}

async fn a_run_with_a_record_counts_once(bed: Bed) {
    let hello = hello(&bed).await;
    let (record, commit) = of_one_write(&hello);
    assert_eq!(ask(&bed.store, hello.app_id, commit).await, Ok(Answer::Committed));
    assert_eq!(runs(&bed, &hello, ExecutionStatus::Success).await, 0);
    let stray = CommittedRun {
        record: Execution {
            app_id: AppId(Uuid::new_v4()),
            ..record.clone()
        },
        duration_us: 7,
    };
    let run = CommittedRun {
        duration_us: record.usage.duration_us + 10_000,
        record,
    };
    let batch = RunBatch {
        committed: &[run.clone(), stray],
        ..RunBatch::default()
    };
    bed.store.record_executions(batch, now()).await.unwrap();
    assert_eq!(runs(&bed, &hello, ExecutionStatus::Success).await, 1);
    let unrecorded = bed.store.count_unrecorded(hello.app_id, now()).await.unwrap();
    assert_eq!(unrecorded, 0);
    // What is kept is how long it took until its commit; what counts is all of it.
    let found = bed.store.find_execution(run.record.id).await.unwrap();
    assert_eq!(found, Some(run.record));
}

async fn a_run_that_has_committed_has_succeeded(bed: Bed) {
    let hello = hello(&bed).await;
    let (record, commit) = of_one_write(&hello);
    assert_eq!(ask(&bed.store, hello.app_id, commit).await, Ok(Answer::Committed));
    // The client has left before it heard of it.
    let cancelled = Execution {
        status: ExecutionStatus::Cancelled,
        ..record.clone()
    };
    let batch = RunBatch::of_records(std::slice::from_ref(&cancelled));
    bed.store.record_executions(batch, now()).await.unwrap();
    assert_eq!(
        bed.store.find_execution(record.id).await.unwrap(),
        Some(record.clone())
    );
    for (status, expected) in [(ExecutionStatus::Success, 1), (ExecutionStatus::Cancelled, 0)] {
        assert_eq!(runs(&bed, &hello, status).await, expected, "{status:?}");
    }
}

async fn what_is_too_old_is_deleted_however_it_was_written(bed: Bed) {
    let hello = hello(&bed).await;
    let (record, commit) = of_one_write(&hello);
    assert_eq!(ask(&bed.store, hello.app_id, commit).await, Ok(Answer::Committed));
    let later = now().plus(Duration::from_hours(24 * 365));
    let purged = bed.store.purge_executions(Retention::default(), later).await;
    assert_eq!(purged.unwrap(), 1);
    assert_eq!(bed.store.find_execution(record.id).await.unwrap(), None);
}

/// A commit that the audit log tells of as `name`.
fn told(name: &str, commit: Commit) -> Commit {
    let done = DataChange {
        action: "import_kv",
        target: Target {
            kind: "app".to_owned(),
            id: None,
            name: Some(name.to_owned()),
        },
        before: None,
        after: Some(json!({ "keys_written": 1 })),
    };
    let recorded = Recorded {
        done,
        change: change(),
    };
    Commit {
        audit: Some(Box::new(recorded)),
        ..commit
    }
}

async fn told_of(store: &Store) -> Vec<AuditRecord> {
    let filter = AuditFilter {
        action: Some("import_kv".to_owned()),
        ..AuditFilter::default()
    };
    let found = store.list_audit(&filter, first(100)).await.unwrap().items;
    found.into_iter().filter_map(ListedRecord::read).collect()
}

async fn what_a_person_changes_is_in_the_audit_log_or_not_at_all(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let keys = || Commit {
        keys: vec![ReadKey {
            key: "a".to_owned(),
            version: None,
        }],
        writes: vec![put("a", "1")],
        ..Commit::default()
    };
    let document = Commit {
        docs: vec![new_collection("one")],
        ..Commit::default()
    };
    let all = Commit {
        writes: vec![put("b", "1")],
        docs: vec![new_collection("three"), new_collection("two")],
        ..Commit::default()
    };
    for (name, commit) in [("keys", keys()), ("document", document), ("all", all)] {
        let answer = ask(&bed.store, owner.id, told(name, commit)).await;
        assert_eq!(answer, Ok(Answer::Committed), "{name}");
    }
    // The key is there by now.
    let answer = ask(&bed.store, owner.id, told("keys again", keys())).await;
    assert!(matches!(answer, Ok(Answer::Conflict { .. })), "{answer:?}");
    let update = QuotaUpdate {
        data_rows_max: Some(Some(1)),
        ..QuotaUpdate::default()
    };
    let allowed = bed.store.update_quotas(owner.id, update, &change()).await;
    allowed.unwrap().unwrap();
    let much = Commit {
        writes: vec![put("c", "1")],
        ..Commit::default()
    };
    let answer = ask(&bed.store, owner.id, told("too much", much)).await;
    assert!(
        matches!(answer, Err(ServiceError::QuotaExceeded(_))),
        "{answer:?}"
    );

    let mut names = Vec::new();
    for record in told_of(&bed.store).await {
        assert_eq!(record.app_id, Some(owner.id));
        assert_eq!(record.after, Some(json!({ "keys_written": 1 })));
        names.extend(record.target.name);
    }
    names.sort();
    assert_eq!(names, ["all", "document", "keys"]);
    assert!(bed.store.verify_audit().await.unwrap().is_valid());
}
