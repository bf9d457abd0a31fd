//! Somebody gives up, because it takes too long or because their client has left, at any step of what they asked for.

use std::{future::poll_fn, task::Poll};

use picloud_shared::{
    id::AppId,
    repository::AppRepository,
    services::{
        Answer, Commit, Expiry, KvValue, Question, Write,
        docs::{DocsAsk, DocsQuestion},
    },
};
use picloud_store::Store;

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, new_app, now},
};

cases! {
    what_is_given_up_takes_nothing_with_it,
}

/// More than any of the questions has to wait for.
const STEPS: usize = 16;
/// What is written after each of them: more than there are connections at that time, which take turns.
const WRITES: i64 = 8;

async fn what_is_given_up_takes_nothing_with_it(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await.id;
    let (mut raw, mut written) = (bed.raw().await, 0);
    for steps in 0..STEPS {
        let (new, change) = (new_app(&format!("given-up-{steps}")), change());
        give_up_after(steps, store.create_app(new, &change)).await;
        written += write(store, owner, &format!("change-{steps}")).await;
        let kept = raw.number("SELECT count(*) FROM kv").await;
        assert_eq!(kept, written, "a change was given up after {steps} steps");

        let question = Question::Docs(DocsQuestion {
            collection: "people".to_owned(),
            ask: DocsAsk::Get { ids: Vec::new() },
        });
        give_up_after(steps, store.answer_kv(owner, question, now())).await;
        written += write(store, owner, &format!("question-{steps}")).await;
        let kept = raw.number("SELECT count(*) FROM kv").await;
        assert_eq!(kept, written, "a question was given up after {steps} steps");
    }
    raw.close().await;
    bed.finish().await;
}

/// Writes some keys, one after the other; tells how many.
async fn write(store: &Store, owner: AppId, name: &str) -> i64 {
    for number in 0..WRITES {
        let commit = Commit {
            writes: vec![Write {
                key: format!("{name}-{number}"),
                value: Some(KvValue::Json("1".to_owned())),
                expiry: Expiry::Never,
            }],
            ..Commit::default()
        };
        let answer = store.answer_kv(owner, Question::Commit(commit), now()).await;
        assert_eq!(answer, Ok(Answer::Committed), "{name}");
    }
    WRITES
}

/// Asks until it has waited so often, and gives up then.
async fn give_up_after<T>(steps: usize, question: impl Future<Output = T>) {
    let (mut question, mut left) = (Box::pin(question), steps);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        question.as_mut().poll(context).map(|_| ())
    })
    .await;
}
