//! What a commit that fails, waits or is lost does to others.

use picloud_shared::services::{Answer, Commit, Question, ServiceError};

use super::{commit, get, list, text, write};
use crate::{
    bed::{Bed, cases},
    fixtures::{app, now, put},
};

cases! {
    a_closed_store_refuses,
    one_bad_commit_spoils_no_other,
    commits_that_wait_hold_up_nobody_else,
    a_lost_connection_leaves_it_open,
}

async fn a_closed_store_refuses(mut bed: Bed) {
    let owner = app(&bed.store, "one").await.id;
    write(&bed.store, owner, vec![put("a", "1")]).await;
    bed.store.close().await;
    let question = || Question::KvGet {
        keys: vec!["a".to_owned()],
    };
    let refused = Err(ServiceError::Unavailable);
    assert_eq!(bed.store.answer_kv(owner, question(), now()).await, refused);
    let all = Question::Commit(Commit {
        writes: vec![put("a", "2")],
        ..Commit::default()
    });
    assert_eq!(bed.store.answer_kv(owner, all, now()).await, refused);
    bed.reopen().await;
    assert_eq!(text(&bed.store, owner, "a").await.as_deref(), Some("1"));
    bed.finish().await;
}

/// Has the database refuse the key `bad`.
async fn refuse_bad(bed: &Bed) {
    let refuse = if bed.is_sqlite() {
        "CREATE TRIGGER refuse BEFORE INSERT ON kv WHEN new.key = x'626164' BEGIN SELECT RAISE(ABORT, 'bad'); END"
    } else {
        "CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS \
            'BEGIN RAISE EXCEPTION ''bad''; END'; \
         CREATE TRIGGER refuse BEFORE INSERT ON kv FOR EACH ROW WHEN (new.key = 'bad') \
            EXECUTE FUNCTION refuse()"
    };
    bed.raw().await.run(refuse).await;
}

async fn one_bad_commit_spoils_no_other(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    refuse_bad(&bed).await;
    let keys: Vec<String> = (0..20).map(|number| format!("k/{number}")).collect();
    let commits = keys.iter().enumerate().map(|(number, key)| {
        let mut writes = vec![put(key, "1")];
        if number == 7 {
            writes.push(put("bad", "1"));
        }
        let commit = Commit {
            writes,
            ..Commit::default()
        };
        store.answer_kv(owner, Question::Commit(commit), now())
    });
    let answers = futures_util::future::join_all(commits).await;
    for (number, answer) in answers.into_iter().enumerate() {
        let expected = match number {
            7 => Err(ServiceError::Failed),
            _ => Ok(Answer::Committed),
        };
        assert_eq!(answer, expected, "{number}");
    }
    assert_eq!(list(store, owner, "", None, 100).await.0.len(), 19);
    bed.finish().await;
}

/// Where commits wait for locks.
const HOLD_LOCK: &str = "SELECT pg_advisory_lock(lock_of_app(id)) FROM apps WHERE slug = 'one'";

async fn commits_that_wait_hold_up_nobody_else(bed: Bed) {
    if bed.is_sqlite() {
        // There all commits go one after the other.
        return bed.finish().await;
    }
    let store = &bed.store;
    let (one, two) = (app(store, "one").await.id, app(store, "two").await.id);
    let mut holder = bed.raw().await;
    holder.run(HOLD_LOCK).await;
    let writes = |key: &str| Commit {
        writes: vec![put(key, "1")],
        ..Commit::default()
    };
    // More than there are connections.
    let waiting = (0..40).map(|_| commit(store, one, writes("a")));
    let waiting = futures_util::future::join_all(waiting);
    let others = async {
        for number in 0..20 {
            let key = number.to_string();
            assert_eq!(commit(store, two, writes(&key)).await, Answer::Committed);
            assert_eq!(text(store, two, &key).await.as_deref(), Some("1"));
        }
    };
    let (answers, ()) = tokio::join!(waiting, others);
    let conflict = Answer::Conflict { key: "a".to_owned() };
    assert!(answers.iter().all(|answer| *answer == conflict), "{answers:?}");
    holder.run("SELECT pg_advisory_unlock_all()").await;
    assert_eq!(get(store, one, "a").await, None);
    write(store, one, vec![put("a", "1")]).await;
    bed.finish().await;
}

async fn a_lost_connection_leaves_it_open(bed: Bed) {
    if bed.is_sqlite() {
        // There is no connection to lose.
        return bed.finish().await;
    }
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let (mut holder, mut raw) = (bed.raw().await, bed.raw().await);
    holder.run(HOLD_LOCK).await;
    let question = Question::Commit(Commit {
        writes: vec![put("a", "1")],
        ..Commit::default()
    });
    let end = async {
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
            WHERE datname = current_database() AND wait_event = 'advisory'";
        while raw.number(end).await == 0 {
            tokio::task::yield_now().await;
        }
    };
    let (answer, ()) = tokio::join!(store.answer_kv(owner, question, now()), end);
    assert_eq!(answer, Err(ServiceError::CommitUnknown));
    holder.run("SELECT pg_advisory_unlock_all()").await;
    write(store, owner, vec![put("a", "2")]).await;
    bed.finish().await;
}
