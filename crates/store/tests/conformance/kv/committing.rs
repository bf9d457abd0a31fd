//! What is committed and read, and what conflicts.

use picloud_shared::{
    id::AppId,
    repository::AppRepository,
    services::{
        Answer, Commit, KvValue, LIST_BYTES_MAX, Question, ReadRange, ServiceError, VALUE_BYTES_MAX, Write,
    },
};
use picloud_store::Store;

use super::{ask, commit, delete, get, json, list, read, text, write};
use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, now, put},
};

cases! {
    what_is_committed_is_there,
    a_commit_is_refused_as_a_whole,
    a_key_that_was_not_there_conflicts_when_it_comes,
    a_listed_range_conflicts_with_what_changes_in_it,
    a_list_is_in_the_order_of_bytes_and_goes_on_at_its_cursor,
    a_page_ends_when_it_is_large,
    apps_do_not_see_each_other,
    increments_at_once_each_count,
    transfers_at_once_keep_the_sum,
    a_name_is_claimed_once,
    deleting_an_app_deletes_its_keys,
}

async fn what_is_committed_is_there(mut bed: Bed) {
    let owner = app(&bed.store, "one").await.id;
    let blob = Write {
        value: Some(KvValue::Blob(vec![0, 255, 7])),
        ..put("blob", "")
    };
    let largest = "1".repeat(VALUE_BYTES_MAX);
    write(
        &bed.store,
        owner,
        vec![put("a", "1"), blob, put("nul\0é", "null"), put("large", &largest)],
    )
    .await;
    bed.reopen().await;
    let store = &bed.store;
    assert_eq!(text(store, owner, "a").await.as_deref(), Some("1"));
    assert_eq!(text(store, owner, "nul\0é").await.as_deref(), Some("null"));
    assert_eq!(text(store, owner, "large").await, Some(largest));
    assert_eq!(
        get(store, owner, "blob").await.unwrap().value,
        KvValue::Blob(vec![0, 255, 7])
    );
    assert_eq!(get(store, owner, "b").await, None);

    let before = get(store, owner, "a").await.unwrap();
    write(
        store,
        owner,
        vec![put("a", "2"), delete("blob"), delete("not there")],
    )
    .await;
    let after = get(store, owner, "a").await.unwrap();
    assert_eq!(after.value, json("2"));
    assert_ne!(before.version, after.version);
    assert_eq!(get(store, owner, "blob").await, None);
    let keys = ["a", "b", "a"].map(str::to_owned).to_vec();
    let several = ask(store, owner, Question::KvGet { keys }, now()).await;
    let entries = vec![Some(after.clone()), None, Some(after)];
    assert_eq!(several, Answer::Entries { entries });
    bed.finish().await;
}

async fn a_commit_is_refused_as_a_whole(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    write(store, owner, vec![put("a", "1"), put("b", "1")]).await;
    let seen = [get(store, owner, "a").await, get(store, owner, "b").await];
    write(store, owner, vec![put("b", "1")]).await;
    let stale = Commit {
        keys: vec![read("a", seen[0].as_ref()), read("b", seen[1].as_ref())],
        ranges: Vec::new(),
        writes: vec![put("a", "9"), put("c", "9"), delete("b")],
        ..Commit::default()
    };
    let refused = Answer::Conflict { key: "b".to_owned() };
    assert_eq!(commit(store, owner, stale.clone()).await, refused);
    let only_read = Commit {
        writes: Vec::new(),
        ..stale
    };
    assert_eq!(commit(store, owner, only_read).await, refused);
    assert_eq!(text(store, owner, "a").await.as_deref(), Some("1"));
    assert_eq!(text(store, owner, "b").await.as_deref(), Some("1"));
    assert_eq!(get(store, owner, "c").await, None);
    bed.finish().await;
}

async fn a_key_that_was_not_there_conflicts_when_it_comes(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let claim = Commit {
        keys: vec![read("a", None)],
        ranges: Vec::new(),
        writes: vec![put("a", "1")],
        ..Commit::default()
    };
    assert_eq!(commit(store, owner, claim.clone()).await, Answer::Committed);
    let conflict = Answer::Conflict { key: "a".to_owned() };
    assert_eq!(commit(store, owner, claim).await, conflict);
    let seen = get(store, owner, "a").await;
    write(store, owner, vec![delete("a")]).await;
    let gone = Commit {
        keys: vec![read("a", seen.as_ref())],
        ..Commit::default()
    };
    assert_eq!(commit(store, owner, gone).await, conflict);
    bed.finish().await;
}

async fn a_listed_range_conflicts_with_what_changes_in_it(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    for (change, conflicts) in [
        (put("k/0", "1"), false),
        (put("k/2", "1"), true),
        (put("k/15", "1"), true),
        (delete("k/1"), false),
        (delete("k/2"), true),
        (put("k/3", "1"), true),
        (put("k/4", "1"), false),
        (put("l", "1"), false),
    ] {
        for key in ["k/0", "k/15"] {
            write(store, owner, vec![delete(key)]).await;
        }
        write(
            store,
            owner,
            ["k/1", "k/2", "k/3", "k/4"].map(|key| put(key, "1")).to_vec(),
        )
        .await;
        let (items, more) = list(store, owner, "k/", Some("k/1"), 2).await;
        assert!(more);
        let range = ReadRange {
            prefix: "k/".to_owned(),
            after: Some("k/1".to_owned()),
            until: Some("k/3".to_owned()),
            count: 2,
            mark: items.iter().fold(0, |mark, item| mark ^ item.entry.version),
        };
        let key = change.key.clone();
        write(store, owner, vec![change]).await;
        let checked = Commit {
            ranges: vec![range],
            writes: vec![put("other", "1")],
            ..Commit::default()
        };
        let committed = commit(store, owner, checked).await == Answer::Committed;
        assert_eq!(committed, !conflicts, "{key}");
    }
    bed.finish().await;
}

async fn a_list_is_in_the_order_of_bytes_and_goes_on_at_its_cursor(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let keys =
        ["", "\0", " ", "A", "Z", "a", "a\0", "a/", "z", "é", "\u{10FFFF}"].map(|end| format!("k{end}"));
    write(store, owner, keys.iter().rev().map(|key| put(key, "1")).collect()).await;
    write(store, owner, vec![put("j", "1"), put("l", "1")]).await;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let (items, more) = list(store, owner, "k", after.as_deref(), 2).await;
        found.extend(items.into_iter().map(|item| item.key));
        after = found.last().cloned();
        if !more {
            break;
        }
    }
    assert_eq!(found, keys);
    assert!(!list(store, owner, "k", None, 11).await.1);
    assert_eq!(list(store, owner, "nothing", None, 5).await, (Vec::new(), false));
    assert_eq!(list(store, owner, "", None, 100).await.0.len(), keys.len() + 2);
    bed.finish().await;
}

async fn a_page_ends_when_it_is_large(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let value = "1".repeat(VALUE_BYTES_MAX);
    for key in ["a", "b", "c", "d", "e", "f"] {
        write(store, owner, vec![put(key, &value)]).await;
    }
    let (items, more) = list(store, owner, "", None, 100).await;
    // As many as begin within the bound.
    let expected = LIST_BYTES_MAX / VALUE_BYTES_MAX;
    assert_eq!((items.len(), more), (expected, true));
    let (rest, more) = list(store, owner, "", Some(&items[expected - 1].key), 100).await;
    assert_eq!((rest.len(), more), (6 - expected, false));
    bed.finish().await;
}

async fn apps_do_not_see_each_other(bed: Bed) {
    let store = &bed.store;
    let (one, two) = (app(store, "one").await.id, app(store, "two").await.id);
    write(store, one, vec![put("a", "\"canary\"")]).await;
    assert_eq!(get(store, two, "a").await, None);
    assert_eq!(list(store, two, "", None, 10).await, (Vec::new(), false));
    write(store, two, vec![delete("a")]).await;
    let range = ReadRange {
        prefix: String::new(),
        after: None,
        until: None,
        count: 0,
        mark: 0,
    };
    let nothing_there = Commit {
        keys: vec![read("a", None)],
        ranges: vec![range],
        writes: vec![put("a", "2")],
        ..Commit::default()
    };
    assert_eq!(commit(store, two, nothing_there).await, Answer::Committed);
    assert_eq!(text(store, one, "a").await.as_deref(), Some("\"canary\""));
    bed.finish().await;
}

/// Adds to whole numbers as a script does: reads, commits, and begins anew after a conflict.
async fn add(store: &Store, app: AppId, changes: &[(&str, i64)]) {
    loop {
        let mut all = Commit::default();
        for (key, by) in changes {
            let entry = get(store, app, key).await;
            let before: i64 = entry.as_ref().map_or(0, |entry| match &entry.value {
                KvValue::Json(text) => text.parse().unwrap(),
                KvValue::Blob(_) => panic!("a blob"),
            });
            all.keys.push(read(key, entry.as_ref()));
            all.writes.push(put(key, &(before + by).to_string()));
        }
        match commit(store, app, all).await {
            Answer::Committed => return,
            Answer::Conflict { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn increments_at_once_each_count(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let adding = (0..8).map(|_| async {
        for _ in 0..5 {
            add(store, owner, &[("n", 1)]).await;
        }
    });
    futures_util::future::join_all(adding).await;
    assert_eq!(text(store, owner, "n").await.as_deref(), Some("40"));
    bed.finish().await;
}

async fn transfers_at_once_keep_the_sum(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let accounts = ["a", "b", "c"];
    write(store, owner, accounts.map(|key| put(key, "100")).to_vec()).await;
    let moving = (0..9_i64).map(|number| async move {
        for step in 0..4 {
            let from = usize::try_from(number + step).unwrap() % 3;
            let to = (from + 1 + usize::try_from(number).unwrap() % 2) % 3;
            add(store, owner, &[(accounts[from], -number), (accounts[to], number)]).await;
        }
    });
    futures_util::future::join_all(moving).await;
    let mut sum = 0;
    for key in accounts {
        sum += text(store, owner, key).await.unwrap().parse::<i64>().unwrap();
    }
    assert_eq!(sum, 300);
    bed.finish().await;
}

async fn a_name_is_claimed_once(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let claims = (0..12).map(|number: u32| async move {
        let claim = Commit {
            keys: vec![read("name", None)],
            ranges: Vec::new(),
            writes: vec![
                put("name", &number.to_string()),
                put(&format!("won/{number}"), "1"),
            ],
            ..Commit::default()
        };
        commit(store, owner, claim).await == Answer::Committed
    });
    let won = futures_util::future::join_all(claims).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    assert_eq!(list(store, owner, "won/", None, 20).await.0.len(), 1);
    bed.finish().await;
}

async fn deleting_an_app_deletes_its_keys(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    write(store, owner, vec![put("a", "1")]).await;
    assert!(get(store, owner, "a").await.is_some());
    assert!(store.delete_app(owner, true, &change()).await.unwrap());
    assert_eq!(
        get(store, owner, "a").await,
        None,
        "what was read before is known no more"
    );
    assert_eq!(bed.raw().await.number("SELECT count(*) FROM kv").await, 0);
    let late = Question::Commit(Commit {
        writes: vec![put("a", "1")],
        ..Commit::default()
    });
    let refused = store.answer_kv(owner, late, now()).await;
    assert_eq!(refused, Err(ServiceError::AppGone));
    assert_eq!(bed.raw().await.number("SELECT count(*) FROM kv").await, 0);
    bed.finish().await;
}
