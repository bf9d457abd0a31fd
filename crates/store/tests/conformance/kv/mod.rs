//! Keys and values of apps, and the commits of their scripts.

mod committing;
mod expiring;
mod failing;

use picloud_shared::{
    id::AppId,
    services::{Answer, Commit, Expiry, KvEntry, KvItem, KvValue, Question, ReadKey, Write},
    time::Timestamp,
};
use picloud_store::Store;

use crate::fixtures::now;

fn json(text: &str) -> KvValue {
    KvValue::Json(text.to_owned())
}

fn delete(key: &str) -> Write {
    Write {
        key: key.to_owned(),
        value: None,
        expiry: Expiry::Never,
    }
}

fn read(key: &str, entry: Option<&KvEntry>) -> ReadKey {
    ReadKey {
        key: key.to_owned(),
        version: entry.map(|entry| entry.version),
    }
}

async fn ask(store: &Store, app: AppId, question: Question, at: Timestamp) -> Answer {
    store.answer_kv(app, question, at).await.unwrap()
}

async fn commit(store: &Store, app: AppId, commit: Commit) -> Answer {
    ask(store, app, Question::Commit(commit), now()).await
}

async fn write(store: &Store, app: AppId, writes: Vec<Write>) {
    let all = Commit {
        writes,
        ..Commit::default()
    };
    assert_eq!(commit(store, app, all).await, Answer::Committed);
}

async fn get_at(store: &Store, app: AppId, key: &str, at: Timestamp) -> Option<KvEntry> {
    let keys = vec![key.to_owned()];
    let Answer::Entries { mut entries } = ask(store, app, Question::KvGet { keys }, at).await else {
        panic!("no entries")
    };
    entries.remove(0)
}

async fn get(store: &Store, app: AppId, key: &str) -> Option<KvEntry> {
    get_at(store, app, key, now()).await
}

async fn text(store: &Store, app: AppId, key: &str) -> Option<String> {
    match get(store, app, key).await?.value {
        KvValue::Json(text) => Some(text),
        KvValue::Blob(_) => panic!("{key} is a blob"),
    }
}

async fn list(
    store: &Store,
    app: AppId,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> (Vec<KvItem>, bool) {
    let question = Question::KvList {
        prefix: prefix.to_owned(),
        after: after.map(str::to_owned),
        limit,
    };
    let Answer::Page { items, more } = ask(store, app, question, now()).await else {
        panic!("no page")
    };
    (items, more)
}
