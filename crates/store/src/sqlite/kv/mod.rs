//! Keys and values on SQLite: read on the calling thread, written by a thread of their own.
//!
//! A read takes a few microseconds and never waits for a writer, so that a serving thread does it in place. Commits
//! go to one thread, which takes all that wait, compares and writes each, and has one flush to disk for all of them.
//! While it writes it holds the store's only writing connection, so that it and all other writers take turns.

pub(crate) mod batch;
mod cache;
pub(crate) mod commit;
pub(crate) mod connection;
mod queue;
pub(crate) mod read;
mod room;
mod writer;
pub(crate) mod writes;

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use picloud_shared::{
    id::AppId,
    repository::StoreError,
    services::{Answer, Question, Recalled, ServiceError, docs::Find},
    time::Timestamp,
};
use rusqlite::Connection;
use sqlx::SqlitePool;

use self::{
    cache::{Cache, Lookup},
    connection::Readers,
    writer::Writer,
};
use crate::{
    kv::refusal,
    sqlite::{docs::read as docs, kv::connection::fault_of},
};

/// The keys and values of a database.
#[derive(Debug)]
pub(crate) struct KeyValues {
    cache: Arc<Cache>,
    readers: Readers,
    writer: Writer,
}

impl KeyValues {
    /// Those of the database at `path`, whose other writers take `turns`. Opens nothing before it is asked.
    pub(crate) fn new(path: &Path, turns: SqlitePool) -> Self {
        let cache = Arc::new(Cache::default());
        Self {
            readers: Readers::new(path),
            writer: Writer::new(path, turns, Arc::clone(&cache)),
            cache,
        }
    }

    /// Answers a question of a script of `app`.
    pub(crate) async fn answer(
        &self,
        app: AppId,
        question: Question,
        now: Timestamp,
    ) -> Result<Answer, ServiceError> {
        match question {
            Question::Commit(commit) if !commit.writes_nothing() => {
                let read: Vec<_> = commit.keys.iter().map(|read| read.key.clone()).collect();
                let answer = self.writer.commit(app, commit, now).await;
                if let Ok(Answer::Conflict { .. }) = answer {
                    // Whoever runs again looks into the database.
                    self.cache.forget(app, read.iter().map(String::as_str));
                }
                answer
            }
            question => self.read(app, &question, now),
        }
    }

    /// Answers a question that changes nothing, on this thread.
    pub(crate) fn read(
        &self,
        app: AppId,
        question: &Question,
        now: Timestamp,
    ) -> Result<Answer, ServiceError> {
        if let Question::KvGet { keys } = question
            && let [key] = &keys[..]
        {
            return self.get(app, key, now);
        }
        self.readers
            .with(|connection| read::answer(connection, app, question, now))
            .map_err(|error| refusal(&fault_of(error)))
    }

    /// Finds documents on this thread, if that takes few looks, however many there are.
    pub(crate) fn find_shortly(
        &self,
        app: AppId,
        collection: &str,
        ask: &Find,
    ) -> Result<Option<Answer>, ServiceError> {
        self.readers
            .with(|connection| docs::answer_shortly(connection, app, collection, ask))
            .map(|answer| answer.map(Answer::Docs))
            .map_err(|error| refusal(&fault_of(error)))
    }

    /// What was read of a key lately, if nothing has written it since.
    pub(crate) fn recall(&self, app: AppId, key: &str, now: impl FnOnce() -> Timestamp) -> Recalled {
        match self.cache.look_up(app, key, now) {
            Lookup::Known(entry) => Recalled::Entry(entry),
            Lookup::Unknown(_) => Recalled::Nothing,
        }
    }

    fn get(&self, app: AppId, key: &str, now: Timestamp) -> Result<Answer, ServiceError> {
        let entry = match self.cache.look_up(app, key, || now) {
            Lookup::Known(entry) => entry.as_deref().cloned(),
            Lookup::Unknown(ticket) => {
                let found = self
                    .readers
                    .with(|connection| read::get(connection, app, key, now))
                    .map_err(|error| refusal(&fault_of(error)))?;
                self.cache.keep(ticket, app, key, found.as_ref());
                found
            }
        };
        Ok(Answer::Entries { entries: vec![entry] })
    }

    /// Does `act` with the connection that writes, in one transaction with all that others write meanwhile: in the turn of an
    /// app, or in that of the server.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        app: Option<AppId>,
        act: impl Fn(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(app, act).await
    }

    /// Forgets what was read of an app that is gone.
    pub(crate) fn forget(&self, app: AppId) {
        self.cache.forget_app(app);
    }

    /// Waits for what is under way.
    pub(crate) async fn close(&self) {
        self.writer.close().await;
        self.readers.close();
    }
}

/// The lock of what is never left half done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
