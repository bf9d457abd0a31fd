//! Records of runs: writing and reading.

use std::time::Duration;

use picloud_shared::{
    durations::{DurationBand, Durations},
    execution::{Execution, ExecutionFilter, ExecutionStatus, RunBatch, UnrecordedRuns},
    id::{AppId, ExecutionId, ScriptId},
    invocation::Trigger,
    outcome::{LogLevel, LogLine, ScriptError, ScriptErrorKind, TraceFrame},
    repository::{AppRepository, ExecutionRepository, RunLog},
    script::Script,
    time::Timestamp,
};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, execution, first, now, script},
};

cases! {
    a_record_is_kept_as_it_was_given,
    the_same_record_is_written_once,
    records_of_a_missing_app_are_left_out,
    records_are_listed_newest_first,
    each_filter_picks_its_records,
    a_text_is_found_wherever_it_stands,
    wildcards_are_ordinary_characters,
    runs_without_a_record_are_counted,
    runs_of_many_scripts_are_counted_at_once,
    a_page_after_a_record_that_is_gone_is_empty,
    records_are_found_by_when_their_runs_ended,
}

async fn hello(bed: &Bed) -> Script {
    let owner = app(&bed.store, "one").await;
    script(&bed.store, owner.id, "hello").await
}

async fn record(bed: &Bed, records: &[Execution]) {
    bed.store
        .record_executions(RunBatch::of_records(records), now())
        .await
        .unwrap();
}

async fn list(bed: &Bed, app: AppId, filter: ExecutionFilter) -> Vec<ExecutionId> {
    let page = bed.store.list_executions(app, &filter, first(100)).await.unwrap();
    page.items.iter().map(|record| record.id).collect()
}

async fn a_record_is_kept_as_it_was_given(bed: Bed) {
    let hello = hello(&bed).await;
    let mut failed = execution(&hello, now());
    failed.status = ExecutionStatus::Error;
    failed.trigger = Trigger::Execute;
    failed.response_status = 500;
    failed.usage.operations = u64::from(u32::MAX) * 4;
    failed.logs.push(LogLine {
        level: LogLevel::Error,
        message: "quotes \" and \n and \0".to_owned(),
        offset_us: 3,
        line: 0,
        script: Some("tools".to_owned()),
    });
    failed.error = Some(ScriptError {
        kind: ScriptErrorKind::Runtime,
        message: "no such thing".to_owned(),
        script: Some("tools".to_owned()),
        line: Some(3),
        column: None,
        excerpt: Some("3 | x".to_owned()),
        trace: vec![TraceFrame {
            function: "f".to_owned(),
            script: None,
            line: 1,
            column: 2,
        }],
    });
    record(&bed, std::slice::from_ref(&failed)).await;
    assert_eq!(bed.store.find_execution(failed.id).await.unwrap(), Some(failed));
    assert_eq!(
        bed.store.find_execution(ExecutionId::new(now())).await.unwrap(),
        None
    );
    bed.finish().await;
}

async fn the_same_record_is_written_once(bed: Bed) {
    let hello = hello(&bed).await;
    let one = execution(&hello, now());
    let two = execution(&hello, now());
    record(&bed, &[one.clone(), one.clone()]).await;
    let mut changed = one.clone();
    changed.node = String::from("other");
    record(&bed, &[changed, two.clone()]).await;
    assert_eq!(
        list(&bed, hello.app_id, ExecutionFilter::default()).await,
        [two.id, one.id]
    );
    assert_eq!(bed.store.find_execution(one.id).await.unwrap(), Some(one));
    bed.finish().await;
}

async fn records_of_a_missing_app_are_left_out(bed: Bed) {
    let hello = hello(&bed).await;
    let gone = app(&bed.store, "gone").await;
    bed.store.delete_app(gone.id, false, &change()).await.unwrap();
    let kept = execution(&hello, now());
    let mut stray = execution(&hello, now());
    stray.app_id = gone.id;
    let runs = UnrecordedRuns {
        app_id: gone.id,
        script_id: hello.id,
        durations: Durations::of(1),
    };
    bed.store
        .record_executions(
            RunBatch {
                records: &[stray.clone(), kept.clone()],
                unrecorded: &[runs],
                ..RunBatch::default()
            },
            now(),
        )
        .await
        .unwrap();
    assert!(bed.store.find_execution(stray.id).await.unwrap().is_none());
    assert!(bed.store.find_execution(kept.id).await.unwrap().is_some());
    assert_eq!(
        bed.store
            .count_unrecorded(gone.id, Timestamp::from_micros(0))
            .await
            .unwrap(),
        0
    );
    bed.finish().await;
}

async fn records_are_listed_newest_first(bed: Bed) {
    let hello = hello(&bed).await;
    // Three began at the same moment: their ids decide.
    let same = now();
    let mut records = vec![
        execution(&hello, same),
        execution(&hello, same),
        execution(&hello, same),
    ];
    records.push(execution(&hello, now()));
    record(&bed, &records).await;
    records.sort_by_key(|record| std::cmp::Reverse((record.started_at, record.id)));

    let mut listed = Vec::new();
    let mut request = first(1);
    loop {
        let page = bed
            .store
            .list_executions(hello.app_id, &ExecutionFilter::default(), request)
            .await
            .unwrap();
        listed.extend(page.items);
        match page.next {
            Some(next) => request.after = Some(next),
            None => break,
        }
    }
    assert_eq!(listed, records);
    bed.finish().await;
}

async fn each_filter_picks_its_records(bed: Bed) {
    let hello = hello(&bed).await;
    let other = script(&bed.store, hello.app_id, "other").await;
    let plain = execution(&hello, now());
    let mut slow = execution(&hello, now());
    slow.status = ExecutionStatus::Timeout;
    let mut direct = execution(&other, now());
    direct.trigger = Trigger::Execute;
    let mut both = execution(&other, now());
    both.status = ExecutionStatus::Timeout;
    record(&bed, &[plain.clone(), slow.clone(), direct.clone(), both.clone()]).await;

    let all = ExecutionFilter::default;
    let timeout = Some(ExecutionStatus::Timeout);
    for (filter, expected) in [
        (all(), vec![both.id, direct.id, slow.id, plain.id]),
        (
            ExecutionFilter {
                script: Some(hello.id),
                ..all()
            },
            vec![slow.id, plain.id],
        ),
        (
            ExecutionFilter {
                status: timeout,
                ..all()
            },
            vec![both.id, slow.id],
        ),
        (
            ExecutionFilter {
                status: timeout,
                script: Some(other.id),
                ..all()
            },
            vec![both.id],
        ),
        (
            ExecutionFilter {
                trigger: Some(Trigger::Execute),
                ..all()
            },
            vec![direct.id],
        ),
        (
            ExecutionFilter {
                trigger: Some(Trigger::Test),
                ..all()
            },
            vec![],
        ),
        (
            ExecutionFilter {
                since: Some(direct.started_at),
                ..all()
            },
            vec![both.id, direct.id],
        ),
        (
            ExecutionFilter {
                until: Some(slow.started_at),
                ..all()
            },
            vec![plain.id],
        ),
    ] {
        assert_eq!(
            list(&bed, hello.app_id, filter.clone()).await,
            expected,
            "{filter:?}"
        );
    }
    let elsewhere = app(&bed.store, "two").await;
    assert_eq!(list(&bed, elsewhere.id, all()).await, []);
    let foreign = ExecutionFilter {
        script: Some(hello.id),
        ..all()
    };
    assert_eq!(list(&bed, elsewhere.id, foreign).await, []);
    // A page that starts after a record is bounded by `until` all the same.
    let mut request = first(10);
    request.after = Some(both.id.0);
    let filter = ExecutionFilter {
        until: Some(slow.started_at),
        ..all()
    };
    let page = bed
        .store
        .list_executions(hello.app_id, &filter, request)
        .await
        .unwrap();
    assert_eq!(page.items, [plain]);
    bed.finish().await;
}

async fn a_text_is_found_wherever_it_stands(bed: Bed) {
    let hello = hello(&bed).await;
    let mut record_with_all = execution(&hello, now());
    record_with_all.request.path = String::from("/Orders/42");
    record_with_all.script_name = String::from("BillingJob");
    record_with_all.logs[0].message = String::from("Grüße aus KÖLN, \"quoted\"");
    record_with_all.error = Some(ScriptError {
        kind: ScriptErrorKind::Runtime,
        message: "Division by zero".to_owned(),
        script: None,
        line: None,
        column: None,
        excerpt: None,
        trace: Vec::new(),
    });
    let plain = execution(&hello, now());
    record(&bed, &[record_with_all.clone(), plain.clone()]).await;
    for text in [
        "orders/",
        "billingjob",
        "DIVISION BY",
        "köln",
        "GRÜSSE",
        "grÜße",
        "\"QUOTED\"",
    ] {
        let filter = ExecutionFilter {
            text: Some(text.to_owned()),
            ..ExecutionFilter::default()
        };
        let expected = if text == "GRÜSSE" {
            vec![]
        } else {
            vec![record_with_all.id]
        };
        assert_eq!(list(&bed, hello.app_id, filter).await, expected, "{text}");
    }
    for (text, found) in [("level", 0), ("message", 0), ("", 2), ("it ran", 1)] {
        let filter = ExecutionFilter {
            text: Some(text.to_owned()),
            ..ExecutionFilter::default()
        };
        assert_eq!(list(&bed, hello.app_id, filter).await.len(), found, "{text}");
    }
    let endless = ExecutionFilter {
        text: Some("x".repeat(100_000)),
        ..ExecutionFilter::default()
    };
    assert_eq!(list(&bed, hello.app_id, endless).await, []);
    bed.finish().await;
}

async fn wildcards_are_ordinary_characters(bed: Bed) {
    let hello = hello(&bed).await;
    let mut records = Vec::new();
    for message in [
        "100% done",
        "100 pieces",
        "snake_case",
        "snakescase",
        "what!",
        "back\\slash",
    ] {
        let mut one = execution(&hello, now());
        one.logs[0].message = String::from(message);
        records.push(one);
    }
    record(&bed, &records).await;
    for (text, expected) in [("100%", 0), ("e_c", 2), ("t!", 4), ("k\\s", 5)] {
        let filter = ExecutionFilter {
            text: Some(text.to_owned()),
            ..ExecutionFilter::default()
        };
        assert_eq!(
            list(&bed, hello.app_id, filter).await,
            [records[expected].id],
            "{text}"
        );
    }
    bed.finish().await;
}

async fn runs_without_a_record_are_counted(bed: Bed) {
    let hello = hello(&bed).await;
    let runs = |count| UnrecordedRuns {
        app_id: hello.app_id,
        script_id: hello.id,
        durations: [(DurationBand::of(1_000), count)].into_iter().collect(),
    };
    let start = Timestamp::from_micros(1_700_000_040_000_000);
    let later = start.plus(Duration::from_mins(5));
    bed.store
        .record_executions(RunBatch::of_unrecorded(&[runs(3), runs(4)]), start)
        .await
        .unwrap();
    bed.store
        .record_executions(RunBatch::of_unrecorded(&[runs(10)]), start)
        .await
        .unwrap();
    bed.store
        .record_executions(RunBatch::of_unrecorded(&[runs(100)]), later)
        .await
        .unwrap();
    bed.store
        .record_executions(RunBatch::of_unrecorded(&[]), later)
        .await
        .unwrap();
    let count = async |since| bed.store.count_unrecorded(hello.app_id, since).await.unwrap();
    assert_eq!(count(start).await, 117);
    assert_eq!(count(start.plus(Duration::from_mins(1))).await, 100);
    assert_eq!(count(later.plus(Duration::from_mins(1))).await, 0);
    bed.finish().await;
}

async fn runs_of_many_scripts_are_counted_at_once(bed: Bed) {
    let hello = hello(&bed).await;
    let other = app(&bed.store, "other").await;
    let gone = app(&bed.store, "gone").await;
    bed.store.delete_app(gone.id, false, &change()).await.unwrap();
    let apps = [hello.app_id, other.id, gone.id];
    let scripts: Vec<_> = (0..35).map(|_| ScriptId::new(now())).collect();
    // Each script twice, as two threads count it.
    let runs: Vec<_> = (0..70)
        .map(|number| UnrecordedRuns {
            app_id: apps[number % 35 % 3],
            script_id: scripts[number % 35],
            durations: Durations::of(10),
        })
        .collect();
    for times in 1..=2 {
        bed.store
            .record_executions(RunBatch::of_unrecorded(&runs), now())
            .await
            .unwrap();
        let count = async |app| {
            bed.store
                .count_unrecorded(app, Timestamp::from_micros(0))
                .await
                .unwrap()
        };
        assert_eq!(count(hello.app_id).await, 24 * times);
        assert_eq!(count(other.id).await, 24 * times);
        assert_eq!(count(gone.id).await, 0);
    }
    bed.finish().await;
}

async fn a_page_after_a_record_that_is_gone_is_empty(bed: Bed) {
    let hello = hello(&bed).await;
    record(&bed, &[execution(&hello, now())]).await;
    let mut request = first(10);
    request.after = Some(ExecutionId::new(now()).0);
    let page = bed
        .store
        .list_executions(hello.app_id, &ExecutionFilter::default(), request)
        .await
        .unwrap();
    assert!(page.items.is_empty() && page.next.is_none());
    bed.finish().await;
}

async fn records_are_found_by_when_their_runs_ended(bed: Bed) {
    let hello = hello(&bed).await;
    let other = script(&bed.store, hello.app_id, "other").await;
    let start = now();
    let run = |script: &Script, begins: u64, ends: u64| {
        let mut run = execution(script, start.plus(Duration::from_secs(begins)));
        run.usage.duration_us = (ends - begins) * 1_000_000;
        run
    };
    let early = run(&hello, 0, 9);
    let long = run(&hello, 1, 200);
    let late = run(&other, 11, 12);
    let mut failed = run(&hello, 10, 10);
    failed.status = ExecutionStatus::Error;
    failed.logs[0].message = String::from("Needle");
    record(&bed, &[early.clone(), long.clone(), late.clone(), failed.clone()]).await;
    let all = ExecutionFilter::default;
    for (filter, limit, expected) in [
        (all(), 10, vec![&late, &failed, &long]),
        (all(), 2, vec![&late, &failed]),
        (
            ExecutionFilter {
                script: Some(hello.id),
                ..all()
            },
            10,
            vec![&failed, &long],
        ),
        (
            ExecutionFilter {
                status: Some(ExecutionStatus::Error),
                trigger: Some(Trigger::Http),
                text: Some("needle".to_owned()),
                ..all()
            },
            10,
            vec![&failed],
        ),
        (
            ExecutionFilter {
                trigger: Some(Trigger::Test),
                ..all()
            },
            10,
            vec![],
        ),
    ] {
        let since = start.plus(Duration::from_secs(10));
        let found = bed
            .store
            .executions_ended_since(hello.app_id, &filter, since, limit)
            .await
            .unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
        // What is told of at once and what is read later are the same.
        for record in &found {
            assert!(filter.lets_through(record), "{filter:?}");
        }
    }
    bed.finish().await;
}
