//! The thread that writes.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Instant,
};

use picloud_shared::{
    id::AppId,
    repository::StoreError,
    services::{Answer, Commit, ServiceError},
    time::Timestamp,
};
use rusqlite::Connection;
use sqlx::SqlitePool;
use tokio::{runtime::Handle, sync::oneshot};

use super::{
    batch::{Ended, Job, Making, write_all},
    cache::Cache,
    commit::Waiting,
    connection::{fault_of, open_writer},
    lock,
    queue::{Pace, Queue},
};
use crate::{
    error::{store_error, unavailable},
    kv::refusal,
};

/// The side of the thread that commits are given to. It is started with the first of them.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    turns: SqlitePool,
    /// Forgets what is written.
    cache: Arc<Cache>,
    /// Where the connections of `turns` live.
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    NotStarted,
    Running {
        jobs: mpsc::Sender<Job>,
        /// Fails when the thread has ended.
        ended: oneshot::Receiver<()>,
    },
    Closed,
}

impl Writer {
    pub(super) fn new(path: &Path, turns: SqlitePool, cache: Arc<Cache>) -> Self {
        Self {
            path: path.to_owned(),
            turns,
            cache,
            runtime: Handle::current(),
            state: Mutex::new(State::NotStarted),
        }
    }

    /// Commits, together with all that others ask for meanwhile.
    pub(super) async fn commit(
        &self,
        app: AppId,
        commit: Commit,
        now: Timestamp,
    ) -> Result<Answer, ServiceError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Commit {
            waiting: Box::new(Waiting { app, commit, now }),
            answer,
            found: None,
        };
        self.send(job).map_err(|error| refusal(&error))?;
        // The thread broke: before it has written, or after.
        answered.await.unwrap_or(Err(ServiceError::CommitUnknown))
    }

    /// Does `act` with the connection that writes, together with all that others ask for meanwhile, in the turn of an app or
    /// in that of the server. When this returns, what it has written is on disk; after an error nothing of it is.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        app: Option<AppId>,
        act: impl Fn(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Making::job(app, act, answer))?;
        answered.await.unwrap_or_else(|error| Err(unavailable(error)))
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        let mut state = lock(&self.state);
        if let State::NotStarted = *state {
            *state = self.start().map_err(unavailable)?;
        }
        let sent = match &*state {
            State::Running { jobs, .. } => jobs.send(job).is_ok(),
            State::NotStarted | State::Closed => return Err(unavailable("the database is closed")),
        };
        if sent {
            return Ok(());
        }
        // The thread broke; the next commit starts another.
        *state = State::NotStarted;
        Err(unavailable("the writer has stopped"))
    }

    fn start(&self) -> std::io::Result<State> {
        let (jobs, queue) = mpsc::channel();
        let (until_end, ended) = oneshot::channel();
        let thread = WriterThread {
            path: self.path.clone(),
            turns: self.turns.clone(),
            cache: Arc::clone(&self.cache),
            runtime: self.runtime.clone(),
            connection: None,
            pace: Pace::default(),
        };
        thread::Builder::new()
            .name("kv-writer".to_owned())
            .spawn(move || {
                thread.work(&queue);
                drop(until_end);
            })?;
        Ok(State::Running { jobs, ended })
    }

    /// Lets the thread finish what it has, and end.
    pub(super) async fn close(&self) {
        let state = std::mem::replace(&mut *lock(&self.state), State::Closed);
        if let State::Running { jobs, ended } = state {
            drop(jobs);
            let _ = ended.await;
        }
    }
}

struct WriterThread {
    path: PathBuf,
    turns: SqlitePool,
    cache: Arc<Cache>,
    runtime: Handle,
    /// Opened when it is needed; one that failed is not used again.
    connection: Option<Connection>,
    pace: Pace,
}

impl WriterThread {
    fn work(mut self, jobs: &mpsc::Receiver<Job>) {
        // A turn is given back on the runtime that it was taken on.
        let runtime = self.runtime.clone();
        let _entered = runtime.enter();
        let mut queue = Queue::default();
        loop {
            if queue.is_empty() {
                let Ok(job) = jobs.recv() else {
                    return;
                };
                queue.push(job);
            }
            // While others write, more commits come. They are taken when it is this thread's turn.
            let turn = runtime.block_on(self.turns.acquire());
            for job in jobs.try_iter() {
                queue.push(job);
            }
            let ended = match turn {
                Ok(_turn) => {
                    let batch = queue.take(self.pace.jobs_max());
                    self.write(batch)
                }
                Err(error) => Ended::not_begun(queue.take(usize::MAX), store_error(error)),
            };
            ended.tell();
        }
    }

    fn write(&mut self, batch: Vec<Job>) -> Ended {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => match open_writer(&self.path) {
                Ok(connection) => connection,
                Err(error) => return Ended::not_begun(batch, fault_of(error)),
            },
        };
        let written = batch.iter().filter_map(Job::waiting).flat_map(|waiting| {
            let writes = waiting.commit.writes.iter();
            writes.map(|write| (waiting.app, write.key.as_str()))
        });
        // Until the end of this function: nobody has been told of the commits then.
        let _writing = self.cache.write(written);
        let (begun, jobs) = (Instant::now(), batch.len());
        let ended = write_all(&connection, batch);
        if let Some(flush) = ended.flush() {
            self.pace.note(jobs, begun.elapsed().saturating_sub(flush), flush);
        }
        if ended.is_well() {
            self.connection = Some(connection);
        }
        ended
    }
}
