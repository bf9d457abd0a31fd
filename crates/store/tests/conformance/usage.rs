//! What apps keep, counted, and what they may.

use std::{sync::Arc, time::Duration};

use picloud_shared::{
    calls::{AppUse, Day},
    change::Change,
    execution::{Retention, RunBatch},
    id::AppId,
    quota::{AppUsage, Kept, Quota, QuotaExceeded, Quotas},
    repository::{AppRepository, QuotaRepository, QuotaUpdate, RunLog},
    services::{
        Answer, Commit, Expiry, HostServices, KvValue, Question, Service, ServiceError, ServiceUse, Write,
    },
    time::{Clock, Timestamp},
};
use picloud_store::{DataServices, Store};
use uuid::Uuid;

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, now},
};

cases! {
    counts_are_exact_whatever_happens,
    an_app_takes_its_counts_with_it,
    what_is_too_much_is_refused_as_a_whole,
    commits_at_once_stay_within_the_quota,
    quotas_are_set_and_taken_back,
    calls_are_added_up_by_day_and_service,
    an_app_that_has_called_too_often_is_refused_until_it_may_do_more,
    calls_of_long_ago_are_forgotten,
    calls_go_with_their_app,
}

fn put(key: &str, bytes: usize) -> Write {
    Write {
        key: key.to_owned(),
        value: Some(KvValue::Blob(vec![7; bytes])),
        expiry: Expiry::Never,
    }
}

fn delete(key: &str) -> Write {
    Write {
        key: key.to_owned(),
        value: None,
        expiry: Expiry::Never,
    }
}

async fn commit_at(
    store: &Store,
    app: AppId,
    writes: Vec<Write>,
    at: Timestamp,
) -> Result<Answer, ServiceError> {
    let commit = Commit {
        writes,
        ..Commit::default()
    };
    store.answer_kv(app, Question::Commit(commit), at).await
}

async fn commit(store: &Store, app: AppId, writes: Vec<Write>) -> Result<Answer, ServiceError> {
    commit_at(store, app, writes, now()).await
}

async fn usage(store: &Store, app: AppId) -> AppUsage {
    store.app_usage(app).await.unwrap().unwrap().0
}

async fn kept(store: &Store, app: AppId) -> (u64, u64) {
    let Kept { bytes, rows } = usage(store, app).await.kv;
    (bytes, rows)
}

async fn allow(store: &Store, app: AppId, bytes: u64, rows: u64) {
    let update = QuotaUpdate {
        data_bytes_max: Some(Some(bytes)),
        data_rows_max: Some(Some(rows)),
        ..QuotaUpdate::default()
    };
    store
        .update_quotas(app, update, &change())
        .await
        .unwrap()
        .unwrap();
}

/// The same from the keys themselves.
async fn recount(bed: &Bed, app: AppId) -> (u64, u64) {
    let id = if bed.is_sqlite() {
        format!("x'{}'", app.0.simple())
    } else {
        format!("'{}'", app.0)
    };
    let mut raw = bed.raw().await;
    let bytes = format!(
        "SELECT CAST(COALESCE(SUM(length(key) + length(value)), 0) AS BIGINT) FROM kv WHERE app_id = {id}"
    );
    let rows = format!("SELECT count(*) FROM kv WHERE app_id = {id}");
    let bytes = raw.number(&bytes).await;
    (
        u64::try_from(bytes).unwrap(),
        u64::try_from(raw.number(&rows).await).unwrap(),
    )
}

/// Numbers that look like chance, the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn write(&mut self) -> Write {
        // Letters of several bytes: what counts is bytes.
        let key = format!("schlüssel/{}", self.below(40));
        match self.below(10) {
            0..3 => delete(&key),
            3..6 => Write {
                expiry: Expiry::After(1 + self.below(3_000_000) as u64),
                ..put(&key, self.below(50))
            },
            _ => put(&key, self.below(5_000)),
        }
    }

    /// Writes to up to five keys, each once.
    fn writes(&mut self) -> Vec<Write> {
        let mut writes: Vec<Write> = (0..=self.below(5)).map(|_| self.write()).collect();
        writes.sort_by(|one, other| one.key.cmp(&other.key));
        writes.dedup_by(|one, other| one.key == other.key);
        writes
    }
}

async fn counts_are_exact_whatever_happens(bed: Bed) {
    let store = &bed.store;
    let apps = [app(store, "one").await.id, app(store, "two").await.id];
    let mut chance = Chance(7);
    let mut at = now();
    for round in 0..60 {
        // Several at once, so that on PostgreSQL several sessions count.
        let commits: Vec<_> = (0..4)
            .map(|_| commit_at(store, apps[chance.below(2)], chance.writes(), at))
            .collect();
        for answer in futures_util::future::join_all(commits).await {
            assert_eq!(answer, Ok(Answer::Committed));
        }
        at = at.plus(Duration::from_millis(100));
        if round % 7 == 0 {
            store.delete_expired(at).await.unwrap();
        }
        for app in apps {
            assert_eq!(kept(store, app).await, recount(&bed, app).await, "round {round}");
        }
    }
    assert!(kept(store, apps[0]).await.1 > 0);
    let end = at.plus(Duration::from_secs(10));
    assert!(store.delete_expired(end).await.unwrap() > 0);
    for app in apps {
        assert_eq!(kept(store, app).await, recount(&bed, app).await);
        let keys = (0..40).map(|number| delete(&format!("schlüssel/{number}")));
        assert_eq!(commit(store, app, keys.collect()).await, Ok(Answer::Committed));
        assert_eq!(usage(store, app).await, AppUsage::default());
    }
    bed.finish().await;
}

async fn an_app_takes_its_counts_with_it(bed: Bed) {
    let store = &bed.store;
    let (one, two) = (app(store, "one").await.id, app(store, "two").await.id);
    for app in [one, two] {
        let writes = (0..20).map(|number| put(&number.to_string(), 10)).collect();
        assert_eq!(commit(store, app, writes).await, Ok(Answer::Committed));
    }
    allow(store, one, 1, 1).await;
    assert!(store.delete_app(one, true, &change()).await.unwrap());
    assert_eq!(store.app_usage(one).await.unwrap(), None);
    let mut raw = bed.raw().await;
    for (table, rows) in [("app_usage", 1), ("app_quotas", 0), ("kv", 20)] {
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(raw.number(&count).await, rows, "{table}");
    }
    assert_eq!(kept(store, two).await, recount(&bed, two).await);
    bed.finish().await;
}

async fn what_is_too_much_is_refused_as_a_whole(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    allow(store, owner, 100, 3).await;
    let full = vec![put("a", 49), put("b", 49)];
    assert_eq!(commit(store, owner, full).await, Ok(Answer::Committed));
    assert_eq!(kept(store, owner).await, (100, 2));

    let refused = |quota, used, max| {
        let exceeded = QuotaExceeded { quota, used, max };
        Err(ServiceError::QuotaExceeded(exceeded))
    };
    let bytes = refused(Quota::DataBytes, 100, 100);
    for writes in [
        vec![put("a", 50)],
        vec![put("a", 1), put("c", 200)],
        vec![put("c", 0)],
    ] {
        assert_eq!(commit(store, owner, writes).await, bytes);
        assert_eq!(kept(store, owner).await, (100, 2));
        assert_eq!(recount(&bed, owner).await, (100, 2));
    }
    // What makes nothing more is fine, also beyond the quota.
    assert_eq!(
        commit(store, owner, vec![put("a", 49)]).await,
        Ok(Answer::Committed)
    );
    allow(store, owner, 10, 1).await;
    let less = vec![put("a", 48), delete("x")];
    assert_eq!(commit(store, owner, less).await, Ok(Answer::Committed));
    let rows = refused(Quota::DataRows, 2, 1);
    assert_eq!(commit(store, owner, vec![put("a", 0), put("c", 0)]).await, rows);
    assert_eq!(
        commit(store, owner, vec![delete("a")]).await,
        Ok(Answer::Committed)
    );
    assert_eq!(kept(store, owner).await, (50, 1));
    allow(store, owner, 10_000, 100).await;
    let more = vec![put("a", 5_000)];
    assert_eq!(commit(store, owner, more).await, Ok(Answer::Committed));
    bed.finish().await;
}

async fn commits_at_once_stay_within_the_quota(bed: Bed) {
    const FIT: usize = 10;
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    allow(store, owner, 1_000_000, FIT as u64).await;
    let keys: Vec<String> = (0..40).map(|number| format!("k/{number}")).collect();
    let commits = keys.iter().map(|key| commit(store, owner, vec![put(key, 10)]));
    let answers = futures_util::future::join_all(commits).await;
    let committed = answers.iter().filter(|answer| **answer == Ok(Answer::Committed));
    assert_eq!(committed.count(), FIT, "{answers:?}");
    let refused = answers
        .iter()
        .filter(|answer| matches!(answer, Err(ServiceError::QuotaExceeded(_))));
    assert_eq!(refused.count(), keys.len() - FIT, "{answers:?}");
    assert_eq!(kept(store, owner).await, recount(&bed, owner).await);
    assert_eq!(kept(store, owner).await.1, FIT as u64);
    bed.finish().await;
}

async fn quotas_are_set_and_taken_back(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let (_, quotas) = store.app_usage(owner).await.unwrap().unwrap();
    assert_eq!(quotas, Quotas::default());
    let rows = QuotaUpdate {
        data_rows_max: Some(Some(5)),
        ..QuotaUpdate::default()
    };
    let expected = Quotas {
        data_rows_max: 5,
        ..Quotas::default()
    };
    assert_eq!(
        store.update_quotas(owner, rows, &change()).await.unwrap(),
        Some(expected)
    );
    assert_eq!(store.app_usage(owner).await.unwrap().unwrap().1, expected);
    let default = QuotaUpdate {
        data_rows_max: Some(None),
        ..QuotaUpdate::default()
    };
    assert_eq!(
        store.update_quotas(owner, default, &change()).await.unwrap(),
        Some(Quotas::default())
    );
    let nobody = AppId::new(now());
    assert_eq!(store.update_quotas(nobody, rows, &change()).await.unwrap(), None);
    assert_eq!(store.app_usage(nobody).await.unwrap(), None);
    bed.finish().await;
}

fn used(app_id: AppId, service: Service, calls: u64) -> AppUse {
    AppUse {
        app_id,
        used: ServiceUse {
            service,
            calls,
            bytes_read: 10 * calls,
            bytes_written: 100 * calls,
            duration_us: 1_000 * calls,
        },
    }
}

async fn note(store: &Store, used: &[AppUse], at: Timestamp) {
    let batch = RunBatch {
        used,
        ..RunBatch::default()
    };
    store.record_executions(batch, at).await.unwrap();
}

async fn days(store: &Store, app: AppId, since: Day) -> Vec<(Day, Vec<ServiceUse>)> {
    let days = store.app_calls(app, since).await.unwrap();
    days.into_iter().map(|day| (day.day, day.services)).collect()
}

async fn calls_are_added_up_by_day_and_service(bed: Bed) {
    let store = &bed.store;
    let (one, two) = (app(store, "one").await.id, app(store, "two").await.id);
    let today = Day::of(now());
    let yesterday = Day(today.0 - 1);
    // More than go into one statement, of an app that is gone among them.
    let mut all: Vec<_> = Service::ALL
        .iter()
        .flat_map(|service| {
            [
                used(one, *service, 2),
                used(two, *service, 3),
                used(one, *service, 5),
            ]
        })
        .collect();
    all.push(used(AppId(Uuid::new_v4()), Service::Kv, 1));
    note(store, &all, yesterday.start()).await;
    note(store, &[used(one, Service::Kv, 1)], today.start()).await;
    note(store, &[used(one, Service::Kv, 1)], now()).await;

    let of_all = |app, calls| {
        let mut services = Service::ALL.map(|service| used(app, service, calls).used);
        services.sort_by_key(|used| used.service.as_str());
        services.to_vec()
    };
    let kv = vec![used(one, Service::Kv, 2).used];
    assert_eq!(
        days(store, one, yesterday).await,
        [(today, kv.clone()), (yesterday, of_all(one, 7))]
    );
    assert_eq!(days(store, one, today).await, [(today, kv)]);
    assert_eq!(days(store, two, yesterday).await, [(yesterday, of_all(two, 3))]);
}

struct Fixed(Timestamp);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }
}

async fn an_app_that_has_called_too_often_is_refused_until_it_may_do_more(bed: Bed) {
    bed.store.close().await;
    let store = Arc::new(bed.open_again().await.unwrap());
    let (one, two) = (app(&store, "one").await.id, app(&store, "two").await.id);
    let noon = Day::of(now()).start().plus(Duration::from_hours(12));
    let at = |moment| DataServices::start(Arc::clone(&store), Arc::new(Fixed(moment)));
    let services = at(noon);
    let allow = async |max: Option<u64>| {
        let update = QuotaUpdate {
            calls_per_day_max: Some(max),
            ..QuotaUpdate::default()
        };
        let change = Change { at: noon, ..change() };
        let quotas = store.update_quotas(one, update, &change).await.unwrap().unwrap();
        assert_eq!(quotas.calls_per_day_max, max);
    };
    note(&store, &[used(one, Service::Kv, 9)], noon).await;
    assert_eq!(services.may_call(one), Ok(()));
    allow(Some(10)).await;
    assert_eq!(services.may_call(one), Ok(()));
    note(
        &store,
        &[used(one, Service::Http, 2), used(two, Service::Http, 50)],
        noon,
    )
    .await;
    let exceeded = |used, max| {
        Err(QuotaExceeded {
            quota: Quota::CallsPerDay,
            used,
            max,
        })
    };
    assert_eq!(services.may_call(one), exceeded(11, 10));
    assert_eq!(services.may_call(two), Ok(()));
    // The next day begins anew.
    let tomorrow = Day::of(noon).end();
    assert_eq!(at(tomorrow).may_call(one), Ok(()));
    // More, then less than there were, then as many as it likes.
    allow(Some(12)).await;
    assert_eq!(services.may_call(one), Ok(()));
    allow(Some(11)).await;
    assert_eq!(services.may_call(one), exceeded(11, 11));
    allow(Some(0)).await;
    assert_eq!(services.may_call(one), exceeded(11, 0));
    allow(None).await;
    assert_eq!(services.may_call(one), Ok(()));
}

async fn calls_go_with_their_app(bed: Bed) {
    let store = &bed.store;
    let (one, two) = (app(store, "one").await.id, app(store, "two").await.id);
    let (today, kv) = (Day::of(now()), Service::Kv);
    note(store, &[used(one, kv, 1), used(two, kv, 1)], today.start()).await;
    assert!(store.delete_app(one, true, &change()).await.unwrap());
    assert!(days(store, one, today).await.is_empty());
    assert_eq!(days(store, two, today).await.len(), 1);
}

async fn calls_of_long_ago_are_forgotten(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let today = Day::of(now());
    let kept = today.first_kept();
    for day in [kept.0 - 2, kept.0 - 1, kept.0, today.0] {
        note(store, &[used(owner, Service::Kv, 1)], Day(day).start()).await;
    }
    store.purge_executions(Retention::default(), now()).await.unwrap();
    let found = days(store, owner, Day(0)).await;
    let found: Vec<_> = found.into_iter().map(|(day, _)| day).collect();
    assert_eq!(found, [today, kept]);
}
