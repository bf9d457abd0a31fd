//! Runs in numbers: what is counted, and what is read of it.

use std::time::Duration;

use picloud_shared::{
    durations::{DurationBand, Durations},
    execution::{Execution, ExecutionStatus, Retention, RunBatch, UnrecordedRuns},
    id::{AppId, ScriptId},
    repository::{AppRepository, ExecutionRepository, RunLog},
    run_stats::{Activity, RunStats, Slots},
    script::Script,
    time::Timestamp,
};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, execution, script},
};

cases! {
    every_run_counts_in_the_minute_in_which_it_ended,
    a_record_that_is_there_already_counts_once,
    slots_are_as_long_as_asked_for,
    numbers_outlive_their_records,
    numbers_go_with_their_app,
    what_apps_did_lately_is_told,
}

/// The beginning of a minute.
const START: Timestamp = Timestamp::from_micros(1_700_000_040_000_000);
const MINUTE: Duration = Duration::from_mins(1);

async fn two_scripts(bed: &Bed) -> (Script, Script) {
    let owner = app(&bed.store, "one").await;
    (
        script(&bed.store, owner.id, "hello").await,
        script(&bed.store, owner.id, "other").await,
    )
}

/// A run that took so long.
fn run(script: &Script, started_at: Timestamp, duration_us: u64, status: ExecutionStatus) -> Execution {
    let mut run = execution(script, started_at);
    run.usage.duration_us = duration_us;
    run.status = status;
    run
}

fn unrecorded(script: &Script, duration_us: u64, count: u64) -> UnrecordedRuns {
    UnrecordedRuns {
        app_id: script.app_id,
        script_id: script.id,
        durations: [(DurationBand::of(duration_us), count)].into_iter().collect(),
    }
}

async fn stats(bed: &Bed, app: AppId, script: Option<ScriptId>, slots: Slots) -> Vec<RunStats> {
    bed.store.run_stats(app, script, slots).await.unwrap()
}

/// So many minutes from the start on, one by one.
fn minutes(count: usize) -> Slots {
    let until = START.plus(MINUTE * u32::try_from(count).unwrap());
    Slots::over(START, until, count)
}

async fn numbers_go_with_their_app(bed: Bed) {
    let (hello, _) = two_scripts(&bed).await;
    let elsewhere = app(&bed.store, "elsewhere").await;
    let foreign = script(&bed.store, elsewhere.id, "hello").await;
    let counted = [unrecorded(&hello, 1_000, 7), unrecorded(&foreign, 1_000, 7)];
    let batch = RunBatch::of_unrecorded(&counted);
    bed.store.record_executions(batch, START).await.unwrap();
    let count = async |app| {
        let stats = stats(&bed, app, None, minutes(1)).await;
        stats[0].count(ExecutionStatus::Success)
    };
    assert_eq!((count(hello.app_id).await, count(elsewhere.id).await), (7, 7));
    assert!(bed.store.delete_app(hello.app_id, true, &change()).await.unwrap());
    assert_eq!((count(hello.app_id).await, count(elsewhere.id).await), (0, 7));
}

async fn every_run_counts_in_the_minute_in_which_it_ended(bed: Bed) {
    use ExecutionStatus::{Cancelled, Error, Success, Timeout};
    let (hello, other) = two_scripts(&bed).await;
    let elsewhere = app(&bed.store, "elsewhere").await;
    let foreign = script(&bed.store, elsewhere.id, "hello").await;
    let records = [
        run(&hello, START, 1_000, Success),
        run(&hello, START, 2_000, Error),
        // Ends in the second minute.
        run(&hello, START.plus(MINUTE / 2), 40_000_000, Timeout),
        run(&other, START.plus(MINUTE), 5_000, Cancelled),
        run(&foreign, START, 9_000, Error),
        // Before and after what is asked for.
        run(&hello, START.minus(MINUTE / 2), 1_000, Error),
        run(&hello, START.plus(MINUTE * 3), 1_000, Error),
    ];
    let counted = [unrecorded(&hello, 1_000, 7), unrecorded(&foreign, 1_000, 7)];
    bed.store
        .record_executions(
            RunBatch {
                records: &records,
                unrecorded: &counted,
                ..RunBatch::default()
            },
            START,
        )
        .await
        .unwrap();
    bed.store
        .record_executions(
            RunBatch::of_unrecorded(&[unrecorded(&other, 3_000_000, 2)]),
            START,
        )
        .await
        .unwrap();

    let of_app = stats(&bed, hello.app_id, None, minutes(3)).await;
    let counts = |stats: &RunStats| ExecutionStatus::ALL.map(|status| stats.count(status));
    assert_eq!(
        of_app.iter().map(counts).collect::<Vec<_>>(),
        [[10, 1, 0, 0, 0], [0, 0, 1, 0, 1], [0; 5]]
    );
    let mut first = Durations::default();
    first.add(DurationBand::of(1_000), 8);
    first.add(DurationBand::of(2_000), 1);
    first.add(DurationBand::of(3_000_000), 2);
    assert_eq!(of_app[0].durations, first);

    let of_hello = stats(&bed, hello.app_id, Some(hello.id), minutes(3)).await;
    assert_eq!(
        of_hello.iter().map(counts).collect::<Vec<_>>(),
        [[8, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0; 5]]
    );
    // A script of another app has no runs in this one.
    let foreign = stats(&bed, hello.app_id, Some(foreign.id), minutes(3)).await;
    assert_eq!(foreign, vec![RunStats::default(); 3]);
    bed.finish().await;
}

async fn a_record_that_is_there_already_counts_once(bed: Bed) {
    let (hello, _) = two_scripts(&bed).await;
    let one = run(&hello, START, 1_000, ExecutionStatus::Error);
    for batch in [&[one.clone(), one.clone()][..], std::slice::from_ref(&one)] {
        bed.store
            .record_executions(RunBatch::of_records(batch), START)
            .await
            .unwrap();
    }
    let stats = stats(&bed, hello.app_id, None, minutes(1)).await;
    assert_eq!(stats[0].count(ExecutionStatus::Error), 1);
    bed.finish().await;
}

async fn slots_are_as_long_as_asked_for(bed: Bed) {
    let (hello, _) = two_scripts(&bed).await;
    // One run in the first minute, two in the second, and so on.
    let records: Vec<Execution> = (0..6)
        .flat_map(|minute| {
            let start = START.plus(MINUTE * minute);
            (0..=minute).map(move |_| start).collect::<Vec<_>>()
        })
        .map(|start| run(&hello, start, 10, ExecutionStatus::Success))
        .collect();
    bed.store
        .record_executions(RunBatch::of_records(&records), START)
        .await
        .unwrap();
    for (slots, expected) in [
        (6, vec![1, 2, 3, 4, 5, 6]),
        (3, vec![3, 7, 11]),
        (4, vec![3, 7, 11]),
        (1, vec![21]),
    ] {
        let slots = Slots::over(START, START.plus(MINUTE * 6), slots);
        let found = stats(&bed, hello.app_id, None, slots).await;
        let counts: Vec<u64> = found
            .iter()
            .map(|stats| stats.count(ExecutionStatus::Success))
            .collect();
        assert_eq!(counts, expected);
    }
    bed.finish().await;
}

async fn numbers_outlive_their_records(bed: Bed) {
    let (hello, _) = two_scripts(&bed).await;
    let records: Vec<Execution> = (0..5)
        .map(|_| run(&hello, START, 10, ExecutionStatus::Error))
        .collect();
    bed.store
        .record_executions(RunBatch::of_records(&records), START)
        .await
        .unwrap();
    let few = Retention {
        records_per_app_max: 1,
        ..Retention::default()
    };
    assert_eq!(bed.store.purge_executions(few, START).await.unwrap(), 4);
    let found = stats(&bed, hello.app_id, None, minutes(1)).await;
    assert_eq!(found[0].count(ExecutionStatus::Error), 5);
    bed.finish().await;
}

async fn what_apps_did_lately_is_told(bed: Bed) {
    use ExecutionStatus::{Cancelled, Error, Success, Timeout};
    let (hello, other) = two_scripts(&bed).await;
    // More apps than one statement asks for.
    let mut apps = vec![hello.app_id];
    for number in 0..20 {
        apps.push(app(&bed.store, &format!("quiet-{number}")).await.id);
    }
    let last = START.plus(MINUTE * 2);
    let records = [
        run(&hello, START.minus(MINUTE * 3), 10, Error),
        run(&hello, START, 10, Success),
        run(&other, START, 10, Timeout),
        run(&hello, START, 10, Cancelled),
        run(&other, last, 10, Error),
    ];
    bed.store
        .record_executions(
            RunBatch {
                records: &records,
                unrecorded: &[unrecorded(&hello, 10, 5)],
                ..RunBatch::default()
            },
            START,
        )
        .await
        .unwrap();
    let found = bed.store.activity(&apps, START).await.unwrap();
    assert_eq!(found.len(), apps.len());
    let mut expected = Activity {
        last_run_at: Some(last),
        runs: 9,
        errors: 2,
    };
    assert_eq!(found[&hello.app_id], expected);
    assert_eq!(found[&apps[20]], Activity::default());
    // One without a record is the last now; nobody knows more of it than its minute.
    let later = START.plus(MINUTE * 5);
    bed.store
        .record_executions(RunBatch::of_unrecorded(&[unrecorded(&hello, 10, 1)]), later)
        .await
        .unwrap();
    expected.last_run_at = Some(later);
    expected.runs += 1;
    let found = bed.store.activity(&apps[..1], START).await.unwrap();
    assert_eq!(found[&hello.app_id], expected);
    assert!(bed.store.activity(&[], START).await.unwrap().is_empty());
    bed.finish().await;
}
