//! Records of runs: retention.

use std::time::Duration;

use picloud_shared::{
    durations::Durations,
    execution::{Execution, ExecutionFilter, Retention, RunBatch, UnrecordedRuns},
    id::{AppId, ExecutionId},
    repository::{ExecutionRepository, RunLog},
    script::Script,
    time::Timestamp,
};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, execution, first, now, script},
};

cases! {
    nothing_goes_within_the_bounds,
    old_records_and_counts_go,
    it_is_known_up_to_when_all_is_kept,
    each_app_keeps_its_newest_records,
    each_app_keeps_its_newest_bytes,
    records_of_an_app_that_is_gone_go,
    more_than_one_step_is_taken,
    the_file_shrinks,
}

const DAY: Duration = Duration::from_hours(24);

async fn hello(bed: &Bed, slug: &str) -> Script {
    let owner = app(&bed.store, slug).await;
    script(&bed.store, owner.id, "hello").await
}

/// Records that began one second after the other, the last one at `end`.
fn run(script: &Script, count: u64, end: Timestamp) -> Vec<Execution> {
    (0..count)
        .rev()
        .map(|seconds| execution(script, end.minus(Duration::from_secs(seconds))))
        .collect()
}

async fn record(bed: &Bed, records: &[Execution]) {
    bed.store
        .record_executions(RunBatch::of_records(records), now())
        .await
        .unwrap();
}

async fn left(bed: &Bed, app: AppId) -> Vec<ExecutionId> {
    let page = bed
        .store
        .list_executions(app, &ExecutionFilter::default(), first(1_000))
        .await
        .unwrap();
    page.items.iter().rev().map(|record| record.id).collect()
}

fn ids(records: &[Execution]) -> Vec<ExecutionId> {
    records.iter().map(|record| record.id).collect()
}

async fn nothing_goes_within_the_bounds(bed: Bed) {
    let hello = hello(&bed, "one").await;
    let now = now();
    let records = run(&hello, 5, now);
    record(&bed, &records).await;
    assert_eq!(
        bed.store
            .purge_executions(Retention::default(), now)
            .await
            .unwrap(),
        0
    );
    assert_eq!(left(&bed, hello.app_id).await, ids(&records));
    bed.finish().await;
}

async fn old_records_and_counts_go(bed: Bed) {
    let hello = hello(&bed, "one").await;
    let start = Timestamp::from_micros(1_700_000_040_000_000);
    let old = run(&hello, 3, start);
    let new = run(&hello, 3, start.plus(DAY));
    record(&bed, &old).await;
    record(&bed, &new).await;
    let runs = UnrecordedRuns {
        app_id: hello.app_id,
        script_id: hello.id,
        durations: Durations::of(1),
    };
    for moment in [start, start.plus(DAY)] {
        bed.store
            .record_executions(RunBatch::of_unrecorded(std::slice::from_ref(&runs)), moment)
            .await
            .unwrap();
    }
    let retention = Retention {
        age_days_max: 2,
        ..Retention::default()
    };
    let deleted = bed
        .store
        .purge_executions(retention, start.plus(DAY * 5 / 2))
        .await;
    assert_eq!(deleted.unwrap(), 3);
    assert_eq!(left(&bed, hello.app_id).await, ids(&new));
    let counted = bed
        .store
        .count_unrecorded(hello.app_id, Timestamp::from_micros(0))
        .await;
    assert_eq!(counted.unwrap(), 1);
    let mut raw = bed.raw().await;
    assert_eq!(raw.number("SELECT count(*) FROM execution_payloads").await, 3);
    bed.finish().await;
}

async fn it_is_known_up_to_when_all_is_kept(bed: Bed) {
    let (one, two) = (hello(&bed, "one").await, hello(&bed, "two").await);
    let start = Timestamp::from_micros(1_700_000_040_000_000);
    let retention = Retention {
        age_days_max: 2,
        ..Retention::default()
    };
    let kept_until = async || bed.store.executions_kept_until(retention).await.unwrap();
    assert_eq!(kept_until().await, None);
    record(&bed, &run(&one, 1, start.plus(DAY))).await;
    record(&bed, &run(&two, 1, start)).await;
    assert_eq!(kept_until().await, Some(start.plus(2 * DAY)));
    let after = Duration::from_mins(2);
    for (moment, left) in [
        (start.plus(2 * DAY + after), Some(start.plus(3 * DAY))),
        (start.plus(3 * DAY + after), None),
    ] {
        assert_eq!(bed.store.purge_executions(retention, moment).await.unwrap(), 1);
        assert_eq!(kept_until().await, left);
    }
    bed.finish().await;
}

async fn each_app_keeps_its_newest_records(bed: Bed) {
    let (one, two) = (hello(&bed, "one").await, hello(&bed, "two").await);
    let now = now();
    let (of_one, of_two) = (run(&one, 5, now), run(&two, 2, now));
    record(&bed, &of_one).await;
    record(&bed, &of_two).await;
    let retention = Retention {
        records_per_app_max: 3,
        ..Retention::default()
    };
    assert_eq!(bed.store.purge_executions(retention, now).await.unwrap(), 2);
    assert_eq!(left(&bed, one.app_id).await, ids(&of_one[2..]));
    assert_eq!(left(&bed, two.app_id).await, ids(&of_two));
    bed.finish().await;
}

async fn each_app_keeps_its_newest_bytes(bed: Bed) {
    let hello = hello(&bed, "one").await;
    let now = now();
    let mut records = run(&hello, 6, now);
    for record in &mut records {
        record.logs[0].message = "x".repeat(10_000);
    }
    record(&bed, &records).await;
    let mut raw = bed.raw().await;
    let total = raw
        .number("SELECT CAST(sum(bytes) AS BIGINT) FROM executions")
        .await;
    let half = Retention {
        bytes_per_app_max: u64::try_from(total / 2).unwrap(),
        ..Retention::default()
    };
    assert_eq!(bed.store.purge_executions(half, now).await.unwrap(), 3);
    assert_eq!(left(&bed, hello.app_id).await, ids(&records[3..]));
    let none = Retention {
        bytes_per_app_max: 0,
        ..Retention::default()
    };
    assert_eq!(bed.store.purge_executions(none, now).await.unwrap(), 3);
    assert_eq!(left(&bed, hello.app_id).await, []);
    bed.finish().await;
}

async fn records_of_an_app_that_is_gone_go(bed: Bed) {
    let (one, two) = (hello(&bed, "one").await, hello(&bed, "two").await);
    let now = now();
    let kept = run(&two, 2, now);
    record(&bed, &run(&one, 4, now)).await;
    record(&bed, &kept).await;
    // As if the process had ended between deleting the app and deleting its records.
    let mut raw = bed.raw().await;
    raw.run("DELETE FROM apps WHERE slug = 'one'").await;
    assert_eq!(
        bed.store
            .purge_executions(Retention::default(), now)
            .await
            .unwrap(),
        4
    );
    assert_eq!(left(&bed, one.app_id).await, []);
    assert_eq!(left(&bed, two.app_id).await, ids(&kept));
    bed.finish().await;
}

async fn more_than_one_step_is_taken(bed: Bed) {
    let hello = hello(&bed, "one").await;
    let now = now();
    let records = run(&hello, 1_205, now);
    record(&bed, &records).await;
    let retention = Retention {
        records_per_app_max: 5,
        ..Retention::default()
    };
    assert_eq!(bed.store.purge_executions(retention, now).await.unwrap(), 1_200);
    assert_eq!(left(&bed, hello.app_id).await, ids(&records[1_200..]));
    bed.finish().await;
}

async fn the_file_shrinks(mut bed: Bed) {
    let hello = hello(&bed, "one").await;
    let now = now();
    let mut records = run(&hello, 200, now);
    for record in &mut records {
        record.logs[0].message = "x".repeat(60_000);
    }
    record(&bed, &records).await;
    let none = Retention {
        records_per_app_max: 0,
        ..Retention::default()
    };
    assert_eq!(bed.store.purge_executions(none, now).await.unwrap(), 200);
    if bed.is_sqlite() {
        let mut raw = bed.raw().await;
        let free = raw
            .number("SELECT freelist_count FROM pragma_freelist_count")
            .await;
        assert!(free <= 256, "{free} pages are free");
        raw.close().await;
        bed.reopen().await;
        let bytes = std::fs::metadata(bed.dir().join("picloud.db")).unwrap().len();
        assert!(bytes < 2 * 1_024 * 1_024, "{bytes} bytes");
    }
    bed.finish().await;
}
