//! What scripts ask, answered from the database.

use std::sync::Arc;

use async_trait::async_trait;
use picloud_shared::{
    id::AppId,
    quota::QuotaExceeded,
    repository::StoreError,
    services::{Answer, HostServices, Question, Recalled, ServiceError, docs::DocsAsk},
    time::{Clock, Timestamp},
};
use tokio::runtime::Handle;

use super::sweep::{self, Sweep};
use crate::{Store, db::Db};

/// Answers what running scripts ask.
pub struct DataServices {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    sweep: Arc<Sweep>,
    /// Where connections to PostgreSQL live. A serving thread only waits for what is done there.
    runtime: Handle,
}

impl DataServices {
    /// Answers from `store`. To be called on the runtime that the store was opened on; what expires is removed
    /// there too, as long as it runs.
    pub fn start(store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        let sweep = Arc::new(Sweep::default());
        tokio::spawn(Arc::clone(&sweep).run(Arc::clone(&store), Arc::clone(&clock)));
        Self {
            store,
            clock,
            sweep,
            runtime: Handle::current(),
        }
    }
}

/// When the first of what is to be written expires.
fn first_expiry(question: &Question, now: Timestamp) -> Option<i64> {
    let Question::Commit(commit) = question else {
        return None;
    };
    let written = commit.writes.iter().filter(|write| write.value.is_some());
    written
        .filter_map(|write| write.expiry.moment(now.as_micros()))
        .min()
}

/// Whether the answer may take longer than a serving thread should be held up.
fn is_long(question: &Question) -> bool {
    matches!(question, Question::Docs(docs) if matches!(docs.ask, DocsAsk::Find(_)))
}

#[async_trait]
impl HostServices for DataServices {
    async fn ask(&self, app: AppId, question: Question) -> Result<Answer, ServiceError> {
        let now = self.clock.now();
        let first_expiry = first_expiry(&question, now);
        let has_messages = matches!(&question, Question::Commit(commit) if !commit.messages.is_empty());
        let answer = self.answer(app, question, now).await;
        // Only now: whoever looks for it before it is committed does not find it.
        if let (Some(moment), Ok(Answer::Committed)) = (first_expiry, &answer) {
            self.sweep.expires(moment);
        }
        // Where the answer was lost, too: they may be there all the same.
        if has_messages && matches!(answer, Ok(Answer::Committed) | Err(ServiceError::CommitUnknown)) {
            self.store.tell_of_messages(app);
        }
        answer
    }

    fn may_call(&self, app: AppId) -> Result<(), QuotaExceeded> {
        self.store.full_apps.check(app, || self.clock.now())
    }

    fn recall(&self, app: AppId, key: &str) -> Recalled {
        match &self.store.db {
            Db::Sqlite(db) => db.kv.recall(app, key, || self.clock.now()),
            Db::Postgres(_) => Recalled::Nothing,
        }
    }
}

impl DataServices {
    async fn answer(&self, app: AppId, question: Question, now: Timestamp) -> Result<Answer, ServiceError> {
        if let Question::Secret { name } = &question
            && let Some(value) = self.store.secrets.find(app, name)
        {
            return Ok(Answer::Secret { value });
        }
        if let (Db::Sqlite(db), Question::Docs(docs)) = (&self.store.db, &question)
            && let DocsAsk::Find(find) = &docs.ask
            && let Some(answer) = db.kv.find_shortly(app, &docs.collection, find)?
        {
            return Ok(answer);
        }
        match &self.store.db {
            // May look at many documents; a serving thread has others to serve meanwhile.
            Db::Sqlite(_) if is_long(&question) => {
                let store = Arc::clone(&self.store);
                let work = self.runtime.spawn_blocking(move || match &store.db {
                    Db::Sqlite(db) => db.kv.read(app, &question, now),
                    Db::Postgres(_) => Err(ServiceError::Failed),
                });
                work.await.unwrap_or(Err(ServiceError::Unavailable))
            }
            Db::Sqlite(db) if !matches!(question, Question::Secret { .. }) => {
                db.kv.answer(app, question, now).await
            }
            _ => {
                let writes = matches!(&question, Question::Commit(commit) if !commit.writes_nothing());
                let store = Arc::clone(&self.store);
                let work = self
                    .runtime
                    .spawn(async move { store.answer_kv(app, question, now).await });
                work.await.unwrap_or(Err(if writes {
                    ServiceError::CommitUnknown
                } else {
                    ServiceError::Unavailable
                }))
            }
        }
    }
}

impl Store {
    /// Answers a question of a script of `app`. For PostgreSQL on the runtime that the store was opened on.
    pub async fn answer_kv(
        &self,
        app: AppId,
        question: Question,
        now: Timestamp,
    ) -> Result<Answer, ServiceError> {
        if let Question::Secret { name } = &question {
            let opened = self.open_secret(app, name).await;
            return opened
                .map(|value| Answer::Secret { value })
                .map_err(|error| refusal(&error));
        }
        match &self.db {
            Db::Sqlite(db) => db.kv.answer(app, question, now).await,
            Db::Postgres(db) => db.answer_kv(app, question, now).await,
        }
    }

    /// Removes all keys that have expired by `now`; tells how many.
    pub async fn delete_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        sweep::delete_expired(&self.db, now).await
    }
}

/// What a failure means to a script; the log says what it was.
pub(crate) fn refusal(error: &StoreError) -> ServiceError {
    match error {
        StoreError::Unavailable(cause) => {
            tracing::warn!(%cause, "a script found no database");
            ServiceError::Unavailable
        }
        StoreError::Contended(cause) => {
            tracing::warn!(%cause, "a script stood in the way of others");
            ServiceError::Unavailable
        }
        StoreError::Full(cause) => {
            tracing::warn!(%cause, "a script found no space left");
            ServiceError::Full
        }
        StoreError::Failed(cause) | StoreError::SecretKey(cause) => {
            tracing::error!(%cause, "what a script asked could not be answered");
            ServiceError::Failed
        }
        // Scripts act for nobody who could be refused, and release nothing.
        StoreError::NotAllowed { .. } | StoreError::LoopDetected => {
            tracing::error!(%error, "what a script asked was taken for a person's change");
            ServiceError::Failed
        }
        StoreError::Corrupt(what) => {
            tracing::error!(what, "a script found a value that cannot be read");
            ServiceError::Failed
        }
    }
}
