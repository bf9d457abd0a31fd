//! The ledgers of schedules, and the events that come of them.

use picloud_shared::{
    bindings::{ScheduleSpec, ScheduledScript},
    change::Change,
    events::{DeliveryFilter, DeliveryState, EventRetention, RetryPolicy, WAITING_PER_APP_MAX},
    id::{AppId, DeliveryId, ScheduleId},
    page::PageRequest,
    repository::{
        AppRepository, BindingRepository, BindingUpdate, Decided, DeliveryRepository, EventRepository,
        LedgerStep, LedgerWritten, ScheduleRepository, ScheduleStanding,
    },
    schedule::{Entry, EverySeconds, Fate, Policy, Schedule, SkippedWhy},
    time::Timestamp,
};
use picloud_store::Store;
use serde_json::Value;

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, now, script},
};

cases! {
    rows_and_events_are_written_together,
    of_two_who_plan_one_is_first,
    what_waits_is_started_once,
    what_is_replaced_is_cancelled,
    of_two_who_replace_one_cancels,
    where_there_is_no_room_nothing_is_replaced,
    what_waits_for_a_schedule_that_is_inactive_is_skipped,
    old_rows_are_forgotten,
    old_rows_are_forgotten_without_a_step,
    what_is_changed_begins_anew_after_a_clock_that_was_far_ahead,
    an_app_that_is_gone_has_no_ledger,
}

fn second(number: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + number * 1_000_000)
}

async fn schedule(store: &Store) -> ScheduledScript {
    let app = app(store, "one").await.id;
    let script = script(store, app, "hello").await.id;
    let at = now();
    ScheduledScript {
        id: ScheduleId::new(at).0,
        app_id: app,
        name: "each-second".to_owned(),
        script_id: script,
        is_paused: false,
        spec: ScheduleSpec {
            schedule: Schedule::Every {
                seconds: EverySeconds::try_from(1).unwrap(),
                anchor: second(0),
            },
            arguments: Value::Null,
            policy: Policy::default(),
            retry: RetryPolicy::default(),
            on_success: None,
            on_failure: None,
        },
        created_at: at,
        updated_at: at,
    }
}

fn new(since: Option<i64>, until: i64) -> Decided {
    Decided::New {
        since: since.map(second),
        until: second(until),
        replaces: false,
        prunes: false,
    }
}

/// The same, with what runs and what waits replaced.
fn replacing(since: i64, until: i64) -> Decided {
    Decided::New {
        since: Some(second(since)),
        until: second(until),
        replaces: true,
        prunes: false,
    }
}

/// That a step is written, and has cancelled these.
fn cancelling(cancelled: &[DeliveryId]) -> LedgerWritten {
    LedgerWritten::Written {
        cancelled: cancelled.to_vec(),
    }
}

fn step(schedule: &ScheduledScript, decided: Decided, rows: &[(i64, Fate)]) -> LedgerStep {
    let rows = rows.iter().map(|(number, fate)| {
        let scheduled_at = second(*number);
        let entry = Entry {
            scheduled_at,
            until: None,
            fate: *fate,
        };
        let event = fate.starts().then(|| schedule.event(scheduled_at, false, now()));
        (entry, event)
    });
    LedgerStep {
        app_id: schedule.app_id,
        schedule: schedule.schedule_id(),
        decided,
        rows: rows.collect(),
        tells: Vec::new(),
    }
}

async fn write(
    store: &Store,
    schedule: &ScheduledScript,
    decided: Decided,
    rows: &[(i64, Fate)],
) -> LedgerWritten {
    let step = step(schedule, decided, rows);
    store.write_ledger(step, now()).await.unwrap()
}

/// State by state, newest first.
async fn states(store: &Store, schedule: &ScheduledScript) -> Vec<(i64, Fate)> {
    let (app, id) = (schedule.app_id, schedule.schedule_id());
    let rows = store.list_ledger(app, id, 100, None).await.unwrap();
    let number = |at: Timestamp| (at.as_micros() - second(0).as_micros()) / 1_000_000;
    rows.iter()
        .map(|row| (number(row.entry.scheduled_at), row.entry.fate))
        .collect()
}

/// What was started for an occurrence.
async fn started(store: &Store, schedule: &ScheduledScript, number: i64) -> DeliveryId {
    let (app, id) = (schedule.app_id, schedule.schedule_id());
    let before = Some(second(number + 1));
    let rows = store.list_ledger(app, id, 1, before).await.unwrap();
    assert_eq!(rows[0].entry.scheduled_at, second(number));
    rows[0].delivery.unwrap()
}

async fn standing(store: &Store, schedule: &ScheduledScript) -> ScheduleStanding {
    let (app, id) = (schedule.app_id, schedule.schedule_id());
    store.schedule_standing(app, id).await.unwrap()
}

async fn deliveries(store: &Store, app: AppId, state: DeliveryState) -> usize {
    let filter = DeliveryFilter {
        state: Some(state),
        ..DeliveryFilter::default()
    };
    let page = PageRequest {
        limit: 100,
        after: None,
    };
    store
        .list_deliveries(app, &filter, page)
        .await
        .unwrap()
        .items
        .len()
}

async fn rows_and_events_are_written_together(mut bed: Bed) {
    let schedule = schedule(&bed.store).await;
    assert_eq!(standing(&bed.store, &schedule).await, ScheduleStanding::default());
    let skipped = Fate::Skipped(SkippedWhy::StillRunning);
    let rows = [(1, Fate::Ran), (2, skipped), (3, Fate::Waiting)];
    let written = write(&bed.store, &schedule, new(None, 3), &rows).await;
    assert_eq!(written, cancelling(&[]));
    for _ in 0..2 {
        let expected = [(3, Fate::Waiting), (2, skipped), (1, Fate::Ran)];
        assert_eq!(states(&bed.store, &schedule).await, expected);
        let stands = ScheduleStanding {
            planned_until: Some(second(3)),
            running: 1,
            waiting: vec![second(3)],
        };
        assert_eq!(standing(&bed.store, &schedule).await, stands);
        let id = schedule.schedule_id();
        assert_eq!(bed.store.planned_schedules().await.unwrap(), [(id, second(3))]);
        assert_eq!(bed.store.waiting_schedules().await.unwrap(), [id]);
        bed.reopen().await;
    }
    let (app, id) = (schedule.app_id, schedule.schedule_id());
    let rows = bed.store.list_ledger(app, id, 2, Some(second(3))).await.unwrap();
    let first = &rows[1];
    let found = bed
        .store
        .find_delivery(app, first.delivery.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.event.time, second(1));
    assert_eq!(rows[0].delivery, None);
    bed.finish().await;
}

async fn of_two_who_plan_one_is_first(bed: Bed) {
    let schedule = schedule(&bed.store).await;
    let both = [(1, Fate::Ran)];
    let first = write(&bed.store, &schedule, new(None, 1), &both);
    let second_one = write(&bed.store, &schedule, new(None, 1), &both);
    let (first, second_one) = tokio::join!(first, second_one);
    assert_ne!(first, second_one);
    for since in [None, Some(0), Some(2)] {
        let written = write(&bed.store, &schedule, new(since, 5), &[(2, Fate::Ran)]).await;
        assert_eq!(written, LedgerWritten::Taken, "{since:?}");
    }
    assert_eq!(states(&bed.store, &schedule).await, both);
    assert_eq!(
        deliveries(&bed.store, schedule.app_id, DeliveryState::Waiting).await,
        1
    );
    let written = write(&bed.store, &schedule, new(Some(1), 2), &[(2, Fate::Late)]).await;
    assert_eq!(written, cancelling(&[]));
    // The same occurrence has its row already: nothing of the step remains.
    let doubled = step(&schedule, new(Some(2), 3), &[(2, Fate::Ran)]);
    assert!(bed.store.write_ledger(doubled, now()).await.is_err());
    assert_eq!(
        deliveries(&bed.store, schedule.app_id, DeliveryState::Waiting).await,
        2
    );
    assert_eq!(
        standing(&bed.store, &schedule).await.planned_until,
        Some(second(2))
    );
    bed.finish().await;
}

async fn what_waits_is_started_once(bed: Bed) {
    let schedule = schedule(&bed.store).await;
    let waiting = [(1, Fate::Waiting), (2, Fate::Waiting)];
    write(&bed.store, &schedule, new(None, 2), &waiting).await;
    for _ in 0..2 {
        let rows = [(1, Fate::Late), (2, Fate::Expired)];
        let written = write(&bed.store, &schedule, Decided::Waiting, &rows).await;
        assert_eq!(written, cancelling(&[]));
        assert_eq!(
            deliveries(&bed.store, schedule.app_id, DeliveryState::Waiting).await,
            1
        );
    }
    let expected = [(2, Fate::Expired), (1, Fate::Late)];
    assert_eq!(states(&bed.store, &schedule).await, expected);
    assert_eq!(bed.store.waiting_schedules().await.unwrap(), []);
    bed.finish().await;
}

async fn what_is_replaced_is_cancelled(bed: Bed) {
    let schedule = schedule(&bed.store).await;
    let rows = [(1, Fate::Ran), (2, Fate::Waiting)];
    write(&bed.store, &schedule, new(None, 2), &rows).await;
    let old = started(&bed.store, &schedule, 1).await;
    // Who says so too late cancels nothing.
    for since in [0, 1, 3] {
        let late = write(&bed.store, &schedule, replacing(since, 4), &[(4, Fate::Ran)]).await;
        assert_eq!(late, LedgerWritten::Taken, "{since}");
    }
    assert_eq!(standing(&bed.store, &schedule).await.running, 1);
    let done = write(&bed.store, &schedule, replacing(2, 3), &[(3, Fate::Ran)]).await;
    assert_eq!(done, cancelling(&[old]));
    let replaced = Fate::Skipped(SkippedWhy::Replaced);
    let expected = [(3, Fate::Ran), (2, replaced), (1, Fate::Ran)];
    assert_eq!(states(&bed.store, &schedule).await, expected);
    assert_eq!(standing(&bed.store, &schedule).await.running, 1);
    let cancelled = deliveries(&bed.store, schedule.app_id, DeliveryState::Cancelled).await;
    assert_eq!(cancelled, 1);
    // One that has ended is not cancelled again.
    let newer = started(&bed.store, &schedule, 3).await;
    let done = write(&bed.store, &schedule, replacing(3, 4), &[(4, Fate::Ran)]).await;
    assert_eq!(done, cancelling(&[newer]));
    bed.finish().await;
}

async fn of_two_who_replace_one_cancels(bed: Bed) {
    let schedule = schedule(&bed.store).await;
    write(&bed.store, &schedule, new(None, 1), &[(1, Fate::Ran)]).await;
    let old = started(&bed.store, &schedule, 1).await;
    let newer = [(2, Fate::Ran)];
    let both = tokio::join!(
        write(&bed.store, &schedule, replacing(1, 2), &newer),
        write(&bed.store, &schedule, replacing(1, 2), &newer),
    );
    let expected = (cancelling(&[old]), LedgerWritten::Taken);
    let other_way = (LedgerWritten::Taken, cancelling(&[old]));
    assert!(both == expected || both == other_way, "{both:?}");
    // What the first has started goes on.
    assert_eq!(standing(&bed.store, &schedule).await.running, 1);
    let cancelled = deliveries(&bed.store, schedule.app_id, DeliveryState::Cancelled).await;
    assert_eq!(cancelled, 1);
    bed.finish().await;
}

async fn where_there_is_no_room_nothing_is_replaced(bed: Bed) {
    let schedule = schedule(&bed.store).await;
    let rows = [(1, Fate::Ran), (2, Fate::Waiting)];
    write(&bed.store, &schedule, new(None, 2), &rows).await;
    let old = started(&bed.store, &schedule, 1).await;
    let full = format!("UPDATE app_queues SET count = {WAITING_PER_APP_MAX}");
    bed.raw().await.run(&full).await;
    // The end of one makes room for one, not for two.
    let two = [(3, Fate::Ran), (4, Fate::Ran)];
    let refused = write(&bed.store, &schedule, replacing(2, 4), &two).await;
    assert_eq!(refused, LedgerWritten::QueueFull);
    let before = [(2, Fate::Waiting), (1, Fate::Ran)];
    assert_eq!(states(&bed.store, &schedule).await, before);
    let stands = ScheduleStanding {
        planned_until: Some(second(2)),
        running: 1,
        waiting: vec![second(2)],
    };
    assert_eq!(standing(&bed.store, &schedule).await, stands);
    let done = write(&bed.store, &schedule, replacing(2, 3), &[(3, Fate::Ran)]).await;
    assert_eq!(done, cancelling(&[old]));
    bed.finish().await;
}

async fn what_waits_for_a_schedule_that_is_inactive_is_skipped(bed: Bed) {
    let schedule = schedule(&bed.store).await;
    let other = ScheduledScript {
        id: ScheduleId::new(now()).0,
        name: "another".to_owned(),
        ..schedule.clone()
    };
    let rows = [(1, Fate::Ran), (2, Fate::Waiting)];
    for one in [&schedule, &other] {
        write(&bed.store, one, new(None, 2), &rows).await;
    }
    bed.store
        .skip_waiting(schedule.schedule_id(), now())
        .await
        .unwrap();
    let skipped = Fate::Skipped(SkippedWhy::Inactive);
    assert_eq!(
        states(&bed.store, &schedule).await,
        [(2, skipped), (1, Fate::Ran)]
    );
    assert_eq!(standing(&bed.store, &schedule).await.waiting, []);
    // Nobody starts it any more.
    let late = [(2, Fate::Late)];
    write(&bed.store, &schedule, Decided::Waiting, &late).await;
    assert_eq!(
        deliveries(&bed.store, schedule.app_id, DeliveryState::Waiting).await,
        2
    );
    assert_eq!(
        bed.store.waiting_schedules().await.unwrap(),
        [other.schedule_id()]
    );
    bed.finish().await;
}

async fn old_rows_are_forgotten(bed: Bed) {
    let schedule = schedule(&bed.store).await;
    let skipped = Fate::Skipped(SkippedWhy::StillRunning);
    let days = |days: i64| -days * 86_400;
    let rows = [(days(91), skipped), (days(89), skipped), (1, skipped)];
    write(&bed.store, &schedule, new(None, 1), &rows).await;
    let decided = Decided::New {
        since: Some(second(1)),
        until: second(2),
        replaces: false,
        prunes: true,
    };
    write(&bed.store, &schedule, decided, &[(2, skipped)]).await;
    let expected = [(2, skipped), (1, skipped), (days(89), skipped)];
    assert_eq!(states(&bed.store, &schedule).await, expected);
    bed.finish().await;
}

async fn old_rows_are_forgotten_without_a_step(bed: Bed) {
    let schedule = schedule(&bed.store).await;
    let skipped = Fate::Skipped(SkippedWhy::StillRunning);
    let day = |day: i64| second(day * 86_400);
    let rows = [(0, skipped), (1, Fate::Waiting), (86_400, skipped)];
    write(&bed.store, &schedule, new(None, 86_400), &rows).await;
    let retention = EventRetention::default();
    let kept_until = async || bed.store.deliveries_kept_until(retention).await.unwrap();
    assert_eq!(kept_until().await, Some(day(90)));
    let purge = async |at| bed.store.purge_deliveries(retention, at).await.unwrap();
    purge(day(90)).await;
    assert_eq!(states(&bed.store, &schedule).await.len(), 3);
    purge(day(91)).await;
    let expected = [(86_400, skipped), (1, Fate::Waiting)];
    assert_eq!(states(&bed.store, &schedule).await, expected);
    assert_eq!(kept_until().await, Some(day(91)));
    purge(day(100)).await;
    assert_eq!(states(&bed.store, &schedule).await, expected[1..]);
    assert_eq!(kept_until().await, None);
    bed.finish().await;
}

async fn what_is_changed_begins_anew_after_a_clock_that_was_far_ahead(bed: Bed) {
    let schedule = schedule(&bed.store).await;
    let (app, id) = (schedule.app_id, schedule.id);
    let other = ScheduledScript {
        id: ScheduleId::new(now()).0,
        name: "another".to_owned(),
        ..schedule.clone()
    };
    let day = 86_400;
    let ahead = [(1, Fate::Ran), (day, Fate::Ran), (2 * day, Fate::Waiting)];
    for one in [&schedule, &other] {
        let made = bed.store.create_binding(one.clone(), &change()).await;
        assert_eq!(made.unwrap(), *one);
        write(&bed.store, one, new(None, 2 * day), &ahead).await;
    }
    let pause = async |is_paused: bool, at: i64| {
        let update = BindingUpdate {
            is_paused: Some(is_paused),
            ..BindingUpdate::default()
        };
        let changed: Option<ScheduledScript> = bed
            .store
            .update_binding(app, id, update, &Change::by_server(second(at)))
            .await
            .unwrap();
        assert_eq!(changed.unwrap().updated_at, second(at));
    };
    pause(true, 10).await;
    let stands = standing(&bed.store, &schedule).await;
    assert_eq!(stands.planned_until, Some(second(10)));
    assert_eq!(stands.waiting, []);
    assert_eq!(states(&bed.store, &schedule).await, [(1, Fate::Ran)]);
    let untouched = states(&bed.store, &other).await;
    assert_eq!(untouched.len(), 3, "what is not changed stays");
    // The same moments come once more, and have their rows.
    let again = [(day, Fate::Ran)];
    let written = write(&bed.store, &schedule, new(Some(10), day), &again).await;
    assert_eq!(written, cancelling(&[]));

    // A change that waited while something was planned undoes nothing.
    pause(false, day - 1).await;
    assert_eq!(
        standing(&bed.store, &schedule).await.planned_until,
        Some(second(day))
    );
    assert_eq!(
        states(&bed.store, &schedule).await,
        [(day, Fate::Ran), (1, Fate::Ran)]
    );
    bed.finish().await;
}

async fn an_app_that_is_gone_has_no_ledger(bed: Bed) {
    let schedule = schedule(&bed.store).await;
    write(&bed.store, &schedule, new(None, 1), &[(1, Fate::Ran)]).await;
    let deleted = bed.store.delete_app(schedule.app_id, true, &change()).await;
    assert!(deleted.unwrap());
    for table in [
        "SELECT count(*) FROM schedule_ledger",
        "SELECT count(*) FROM schedule_standings",
    ] {
        assert_eq!(bed.raw().await.number(table).await, 0, "{table}");
    }
    let written = write(&bed.store, &schedule, new(None, 2), &[(2, Fate::Ran)]).await;
    assert_eq!(written, LedgerWritten::Taken);
    bed.finish().await;
}
