//! Strikes and suspensions of scripts.

use std::{sync::Arc, time::Duration};

use picloud_shared::{
    audit::{AuditFilter, ListedRecord},
    id::{AppId, ExecutionId, ScriptId},
    repository::{AuditRepository, Expected, ReleaseRepository, ScriptRepository, ScriptUpdate},
    script::Script,
    strikes::{STRIKE_AGE_MAX, Strike, Strikes},
    time::Timestamp,
};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, fifty_at_once, first, now, script},
};

cases! {
    the_second_strike_suspends,
    a_strike_for_the_same_run_counts_once,
    a_strike_is_forgotten_after_a_day,
    a_suspension_lasts_until_it_is_lifted,
    a_new_version_begins_without_strikes,
    a_rollback_begins_without_strikes_too,
    other_changes_lift_nothing,
    what_is_not_live_gets_no_strike,
    of_fifty_strikes_at_once_each_counts,
}

fn strike(script: &Script, at: Timestamp) -> Strike {
    Strike {
        script_id: script.id,
        version: script.version,
        execution_id: ExecutionId::new(at),
        at,
    }
}

async fn hello(bed: &Bed) -> Script {
    let owner = app(&bed.store, "one").await;
    script(&bed.store, owner.id, "hello").await
}

async fn strikes(bed: &Bed, script: ScriptId) -> Option<Strikes> {
    bed.store.find_script(script).await.unwrap().unwrap().strikes
}

async fn is_suspended(bed: &Bed, app: AppId) -> bool {
    let release = bed.store.live_release(app).await.unwrap().unwrap();
    let all = bed.store.live_releases().await.unwrap();
    assert_eq!(all[0].scripts, release.scripts);
    release.scripts[0].suspended
}

async fn suspend(bed: &Bed, script: &Script) {
    for _ in 0..2 {
        bed.store
            .strike_script(strike(script, now()))
            .await
            .unwrap()
            .unwrap();
    }
    assert!(is_suspended(bed, script.app_id).await);
}

async fn the_second_strike_suspends(bed: Bed) {
    let made = hello(&bed).await;
    let release = bed.store.live_release(made.app_id).await.unwrap().unwrap().number;
    let first = strike(&made, now());
    let expected = Strikes {
        count: 1,
        last_at: first.at,
        execution_id: first.execution_id,
        suspended_at: None,
    };
    assert_eq!(bed.store.strike_script(first).await.unwrap(), Some(expected));
    assert_eq!(strikes(&bed, made.id).await, Some(expected));
    assert!(!is_suspended(&bed, made.app_id).await);

    let second = strike(&made, first.at.plus(Duration::from_hours(1)));
    let expected = Strikes {
        count: 2,
        last_at: second.at,
        execution_id: second.execution_id,
        suspended_at: Some(second.at),
    };
    assert_eq!(bed.store.strike_script(second).await.unwrap(), Some(expected));
    assert_eq!(strikes(&bed, made.id).await, Some(expected));
    assert!(is_suspended(&bed, made.app_id).await);
    let live = bed.store.live_release(made.app_id).await.unwrap().unwrap();
    assert_eq!(live.number, release, "a suspension is no change of the app");
    bed.finish().await;
}

async fn a_strike_for_the_same_run_counts_once(bed: Bed) {
    let made = hello(&bed).await;
    let first = strike(&made, now());
    assert!(bed.store.strike_script(first).await.unwrap().is_some());
    let again = Strike { at: now(), ..first };
    assert_eq!(bed.store.strike_script(again).await.unwrap(), None);
    assert_eq!(strikes(&bed, made.id).await.map(|strikes| strikes.count), Some(1));
    bed.finish().await;
}

async fn a_strike_is_forgotten_after_a_day(bed: Bed) {
    let made = hello(&bed).await;
    let first = strike(&made, now());
    bed.store.strike_script(first).await.unwrap();
    let late = strike(&made, first.at.plus(STRIKE_AGE_MAX));
    let counted = bed.store.strike_script(late).await.unwrap().unwrap();
    assert_eq!((counted.count, counted.suspended_at), (1, None));
    let soon = strike(
        &made,
        late.at.plus(STRIKE_AGE_MAX).minus(Duration::from_micros(1)),
    );
    let counted = bed.store.strike_script(soon).await.unwrap().unwrap();
    assert_eq!((counted.count, counted.suspended_at), (2, Some(soon.at)));
    bed.finish().await;
}

async fn a_suspension_lasts_until_it_is_lifted(bed: Bed) {
    let made = hello(&bed).await;
    suspend(&bed, &made).await;
    let since = strikes(&bed, made.id).await.unwrap().suspended_at;
    // Somebody tried it, long after.
    let later = strike(&made, now().plus(STRIKE_AGE_MAX * 2));
    let counted = bed.store.strike_script(later).await.unwrap().unwrap();
    assert_eq!((counted.count, counted.suspended_at), (1, since));
    assert!(is_suspended(&bed, made.app_id).await);

    bed.store.forgive_script(made.id, &change()).await.unwrap();
    assert_eq!(strikes(&bed, made.id).await, None);
    assert!(!is_suspended(&bed, made.app_id).await);
    bed.store.forgive_script(made.id, &change()).await.unwrap();
    bed.store
        .forgive_script(ScriptId::new(now()), &change())
        .await
        .unwrap();
    let resumed = AuditFilter {
        action: Some("resume_script".to_owned()),
        ..AuditFilter::default()
    };
    let records = bed.store.list_audit(&resumed, first(10)).await.unwrap().items;
    let records: Vec<_> = records.into_iter().filter_map(ListedRecord::read).collect();
    assert_eq!(records.len(), 1, "only what was forgiven is in the audit log");
    assert_eq!(records[0].app_id, Some(made.app_id));
    bed.finish().await;
}

async fn a_new_version_begins_without_strikes(bed: Bed) {
    let made = hello(&bed).await;
    suspend(&bed, &made).await;
    let update = ScriptUpdate {
        source: Some(Arc::from("2")),
        ..ScriptUpdate::default()
    };
    let saved = bed
        .store
        .update_script(made.id, update, &change())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(saved.strikes, None);
    assert_eq!(strikes(&bed, made.id).await, None);
    assert!(!is_suspended(&bed, made.app_id).await);
    let first = bed
        .store
        .strike_script(strike(&saved, now()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((first.count, first.suspended_at), (1, None));
    bed.finish().await;
}

async fn a_rollback_begins_without_strikes_too(bed: Bed) {
    let made = hello(&bed).await;
    suspend(&bed, &made).await;
    let back = bed
        .store
        .rollback_script(made.id, 1, &Expected::Any, None, &change())
        .await;
    assert_eq!(back.unwrap().unwrap().strikes, None);
    assert!(!is_suspended(&bed, made.app_id).await);
    bed.finish().await;
}

async fn other_changes_lift_nothing(bed: Bed) {
    let made = hello(&bed).await;
    suspend(&bed, &made).await;
    let update = ScriptUpdate {
        description: Some("Greets".to_owned()),
        ..ScriptUpdate::default()
    };
    let changed = bed
        .store
        .update_script(made.id, update, &change())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(Some(changed), bed.store.find_script(made.id).await.unwrap());
    assert!(is_suspended(&bed, made.app_id).await);
    // The strikes go with the script.
    assert!(
        bed.store
            .delete_script(made.id, &Expected::Any, &change())
            .await
            .unwrap()
    );
    assert_eq!(
        bed.raw()
            .await
            .number("SELECT count(*) FROM script_strikes")
            .await,
        0
    );
    bed.finish().await;
}

async fn what_is_not_live_gets_no_strike(bed: Bed) {
    let made = hello(&bed).await;
    let update = ScriptUpdate {
        source: Some(Arc::from("2")),
        ..ScriptUpdate::default()
    };
    bed.store.update_script(made.id, update, &change()).await.unwrap();
    assert_eq!(bed.store.strike_script(strike(&made, now())).await.unwrap(), None);
    let nobody = Strike {
        script_id: ScriptId::new(now()),
        ..strike(&made, now())
    };
    assert_eq!(bed.store.strike_script(nobody).await.unwrap(), None);
    assert_eq!(strikes(&bed, made.id).await, None);
    bed.finish().await;
}

async fn of_fifty_strikes_at_once_each_counts(bed: Bed) {
    let made = hello(&bed).await;
    let results = fifty_at_once(async |_| bed.store.strike_script(strike(&made, now())).await).await;
    assert!(
        results.iter().all(|result| matches!(result, Ok(Some(_)))),
        "{results:?}"
    );
    assert_eq!(
        strikes(&bed, made.id).await.map(|strikes| strikes.count),
        Some(50)
    );
    bed.finish().await;
}
