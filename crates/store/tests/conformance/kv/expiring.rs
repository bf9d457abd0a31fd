//! What is there for a time only.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use picloud_shared::{
    id::AppId,
    services::{Answer, Commit, Expiry, HostServices, Question, Write},
    time::{Clock, Timestamp},
};
use picloud_store::{DataServices, Store};

use super::{ask, get_at, read, write};
use crate::{
    bed::{Bed, cases},
    fixtures::{app, now, put},
};

cases! {
    what_has_expired_is_not_there,
    what_has_expired_is_removed,
    what_expires_soon_is_removed_by_itself,
    services_take_time_from_the_clock,
}

/// Writes `key` at `at`, for a second.
async fn write_for_a_second(store: &Store, app: AppId, key: &str, at: Timestamp) {
    let brief = Write {
        expiry: Expiry::After(1_000_000),
        ..put(key, "1")
    };
    let all = Commit {
        writes: vec![brief],
        ..Commit::default()
    };
    assert_eq!(
        ask(store, app, Question::Commit(all), at).await,
        Answer::Committed
    );
}

async fn what_has_expired_is_not_there(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let start = now();
    write_for_a_second(store, owner, "a", start).await;
    let seen = get_at(store, owner, "a", start.plus(Duration::from_micros(999_999))).await;
    let end = start.plus(Duration::from_secs(1));
    assert_eq!(seen.as_ref().unwrap().expires_at, Some(end.as_micros()));
    assert_eq!(get_at(store, owner, "a", end).await, None);
    let all = Question::KvList {
        prefix: String::new(),
        after: None,
        limit: 5,
    };
    let empty = Answer::Page {
        items: Vec::new(),
        more: false,
    };
    assert_eq!(ask(store, owner, all, end).await, empty);

    // Who has seen it meets a conflict; who has seen that it is gone, none.
    let commit = |version| {
        Question::Commit(Commit {
            keys: vec![read("a", version)],
            ranges: Vec::new(),
            writes: vec![put("a", "2")],
            ..Commit::default()
        })
    };
    let conflict = Answer::Conflict { key: "a".to_owned() };
    assert_eq!(ask(store, owner, commit(seen.as_ref()), end).await, conflict);
    assert_eq!(ask(store, owner, commit(None), end).await, Answer::Committed);
    let far = end.plus(Duration::from_secs(1_000_000));
    assert_eq!(get_at(store, owner, "a", far).await.unwrap().expires_at, None);
    bed.finish().await;
}

async fn what_has_expired_is_removed(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let start = now();
    for key in ["a", "b"] {
        write_for_a_second(store, owner, key, start).await;
    }
    write_for_a_second(store, owner, "c", start.plus(Duration::from_secs(1))).await;
    write(store, owner, vec![put("d", "1")]).await;
    let end = start.plus(Duration::from_secs(1));
    assert_eq!(store.delete_expired(end).await.unwrap(), 2);
    assert_eq!(store.delete_expired(end).await.unwrap(), 0);
    assert_eq!(bed.raw().await.number("SELECT count(*) FROM kv").await, 2);
    bed.finish().await;
}

/// A clock that stands.
struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// A clock that goes.
struct Going(Timestamp, Instant);

impl Clock for Going {
    fn now(&self) -> Timestamp {
        self.0.plus(self.1.elapsed())
    }
}

async fn what_expires_soon_is_removed_by_itself(mut bed: Bed) {
    let owner = app(&bed.store, "one").await.id;
    bed.store.close().await;
    let store = Arc::new(bed.open_again().await.unwrap());
    let services = DataServices::start(Arc::clone(&store), Arc::new(Going(now(), Instant::now())));
    let soon = Write {
        expiry: Expiry::After(100_000),
        ..put("a", "1")
    };
    let commit = Commit {
        writes: vec![soon, put("b", "1")],
        ..Commit::default()
    };
    let answer = services.ask(owner, Question::Commit(commit)).await;
    assert_eq!(answer, Ok(Answer::Committed));
    let mut raw = bed.raw().await;
    let removed = async {
        while raw.number("SELECT count(*) FROM kv").await != 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), removed)
        .await
        .expect("it is removed");
    store.close().await;
    bed.reopen().await;
    bed.finish().await;
}

async fn services_take_time_from_the_clock(mut bed: Bed) {
    let owner = app(&bed.store, "one").await.id;
    let start = now();
    write_for_a_second(&bed.store, owner, "a", start).await;
    let end = start.plus(Duration::from_secs(1));
    bed.store.close().await;
    let store = Arc::new(bed.open_again().await.unwrap());
    let keys = vec!["a".to_owned()];
    for (at, is_there) in [(start, true), (end, false)] {
        let services = DataServices::start(Arc::clone(&store), Arc::new(Standing(at)));
        let question = Question::KvGet { keys: keys.clone() };
        let Ok(Answer::Entries { entries }) = services.ask(owner, question).await else {
            panic!("no entries")
        };
        assert_eq!(entries[0].is_some(), is_there);
    }
    store.close().await;
    bed.reopen().await;
    bed.finish().await;
}
