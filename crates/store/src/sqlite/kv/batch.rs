//! What many ask to be written, in one transaction with one flush.

use std::time::{Duration, Instant};

use picloud_shared::{
    id::AppId,
    repository::StoreError,
    services::{Answer, ServiceError},
};
use rusqlite::{Connection, Error};
use tokio::sync::oneshot;

use super::{
    commit::{Waiting, commit, fits, surely},
    connection::fault_of,
    room::Rooms,
};
use crate::{error::unavailable, kv::refusal, statements::statements};

statements! {
    BEGIN_ONE = "SAVEPOINT one";
    KEEP_ONE = "RELEASE one";
    UNDO_ONE = "ROLLBACK TO one";
}

/// What somebody waits for.
pub(super) enum Job {
    /// The commit of a run.
    Commit {
        waiting: Box<Waiting>,
        answer: oneshot::Sender<Result<Answer, ServiceError>>,
        /// What it will be told if all of the batch is on disk.
        found: Option<Result<Answer, ServiceError>>,
    },
    /// Anything else, in the turn of an app or in that of the server.
    Work(Option<AppId>, Box<dyn Work>),
}

/// Something to be done with the connection that writes.
pub(super) trait Work: Send {
    /// Does it; perhaps again, after nothing of it has remained. After an error nothing of it remains.
    fn act(&mut self, connection: &Connection) -> Result<(), Error>;
    /// Tells whoever waits for it how that ended, once it is on disk.
    fn tell(self: Box<Self>, end: Result<(), StoreError>);
}

/// Work that makes something.
pub(super) struct Making<A, T> {
    act: A,
    made: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<A, T> Making<A, T>
where
    A: Fn(&Connection) -> Result<T, Error> + Send + 'static,
    T: Send + 'static,
{
    pub(super) fn job(app: Option<AppId>, act: A, answer: oneshot::Sender<Result<T, StoreError>>) -> Job {
        let making = Self {
            act,
            made: None,
            answer,
        };
        Job::Work(app, Box::new(making))
    }
}

impl<A, T> Work for Making<A, T>
where
    A: Fn(&Connection) -> Result<T, Error> + Send,
    T: Send,
{
    fn act(&mut self, connection: &Connection) -> Result<(), Error> {
        self.made = Some((self.act)(connection)?);
        Ok(())
    }

    fn tell(self: Box<Self>, end: Result<(), StoreError>) {
        let Self { made, answer, .. } = *self;
        let made = end.and_then(|()| made.ok_or_else(|| unavailable("the writer has stopped")));
        let _ = answer.send(made);
    }
}

impl Job {
    /// In whose turn it is done.
    pub(super) fn app(&self) -> Option<AppId> {
        match self {
            Self::Commit { waiting, .. } => Some(waiting.app),
            Self::Work(app, _) => *app,
        }
    }

    pub(super) fn waiting(&self) -> Option<&Waiting> {
        match self {
            Self::Commit { waiting, .. } => Some(waiting),
            Self::Work(..) => None,
        }
    }

    /// Does it, in a savepoint.
    fn act(&mut self, connection: &Connection) -> Result<End, Error> {
        match self {
            Self::Commit { waiting, found, .. } => Ok(ended(found, commit(connection, waiting)?)),
            Self::Work(_, work) => work.act(connection).map(|()| End::Kept),
        }
    }

    /// Tells that it is on disk. Whoever asked may be gone.
    fn end_well(self) {
        match self {
            Self::Commit { answer, found, .. } => {
                let _ = answer.send(found.unwrap_or(Err(ServiceError::Failed)));
            }
            Self::Work(_, work) => work.tell(Ok(())),
        }
    }

    /// Tells that nothing of it remains.
    fn end_badly(self, error: &StoreError, refused: ServiceError) {
        match self {
            Self::Commit { answer, .. } => {
                let _ = answer.send(Err(refused));
            }
            Self::Work(_, work) => work.tell(Err(same(error))),
        }
    }
}

/// What became of a batch, before anybody was told.
pub(super) struct Ended {
    jobs: Vec<(Job, End)>,
    /// How long the flush took, if there was anything to be flushed; or why nothing of any of them remains, and the
    /// connection is not used again then.
    flush: Result<Option<Duration>, StoreError>,
}

/// What became of one of them.
enum End {
    /// All that it has written is kept.
    Kept,
    /// It is refused, and nothing of it remains.
    Undone,
    /// It failed, and nothing of it remains.
    Failed(StoreError),
}

impl Ended {
    /// That nothing was done.
    pub(super) fn not_begun(batch: Vec<Job>, error: StoreError) -> Self {
        Self {
            jobs: batch.into_iter().map(|job| (job, End::Undone)).collect(),
            flush: Err(error),
        }
    }

    pub(super) fn is_well(&self) -> bool {
        self.flush.is_ok()
    }

    /// How long the flush took, if there was one.
    pub(super) fn flush(&self) -> Option<Duration> {
        self.flush.as_ref().ok().copied().flatten()
    }

    /// Tells everybody who waits.
    pub(super) fn tell(self) {
        if let Err(error) = self.flush {
            let refused = refusal(&error);
            self.jobs
                .into_iter()
                .for_each(|(job, _)| job.end_badly(&error, refused));
            return;
        }
        for (job, end) in self.jobs {
            match end {
                End::Kept | End::Undone => job.end_well(),
                End::Failed(error) => job.end_badly(&error, refusal(&error)),
            }
        }
    }
}

/// Does all of them one after the other, each after what those before it have left, and flushes once.
pub(super) fn write_all(connection: &Connection, batch: Vec<Job>) -> Ended {
    let mut jobs: Vec<_> = batch.into_iter().map(|job| (job, End::Undone)).collect();
    let mut rooms = Rooms::default();
    let together = transaction(connection, &mut jobs, |job| match job {
        Job::Commit { waiting, found, .. } if fits(connection, waiting, &mut rooms)? => {
            let answer = surely(connection, waiting)?;
            Ok(ended(found, answer))
        }
        job => alone(connection, job),
    });
    let written = match together {
        Ok(Ok(flush)) => Ok(flush),
        // One has failed from which nothing parted the others: each for itself.
        Ok(Err(_)) => transaction(connection, &mut jobs, |job| alone(connection, job)).flatten(),
        Err(error) => Err(error),
    };
    Ended {
        jobs,
        flush: written.map_err(fault_of),
    }
}

/// Does all of them in one transaction; tells how long its flush took, if anything was written. The inner error is one of
/// `act`, the outer one that of the transaction: in both cases nothing has changed, and after the outer one the connection
/// is not used again.
fn transaction(
    connection: &Connection,
    jobs: &mut [(Job, End)],
    mut act: impl FnMut(&mut Job) -> Result<End, Error>,
) -> Result<Result<Option<Duration>, Error>, Error> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let changes = connection.total_changes();
    let acted = jobs.iter_mut().try_for_each(|(job, end)| {
        *end = act(job)?;
        Ok(())
    });
    let has_written = jobs.iter().any(|(_, end)| matches!(end, End::Kept));
    let flushes = Instant::now();
    let done = match &acted {
        Ok(()) if has_written => connection.execute_batch("COMMIT"),
        _ => Ok(()),
    };
    let flush = (connection.total_changes() > changes).then(|| flushes.elapsed());
    if !connection.is_autocommit() {
        // Of what did not end well nothing remains. If even that fails, the connection is not used again.
        connection.execute_batch("ROLLBACK")?;
    }
    done?;
    Ok(acted.map(|()| flush))
}

/// Notes what a commit is to be told; gives what became of it.
fn ended(found: &mut Option<Result<Answer, ServiceError>>, answer: Result<Answer, ServiceError>) -> End {
    let is_kept = answer == Ok(Answer::Committed);
    *found = Some(answer);
    if is_kept { End::Kept } else { End::Undone }
}

/// Does one of them so that nothing remains of it if it is refused, or fails. An error is one that ended the
/// transaction of all.
fn alone(connection: &Connection, job: &mut Job) -> Result<End, Error> {
    let run = |sql| connection.prepare_cached(sql)?.execute([]);
    run(BEGIN_ONE)?;
    let end = match job.act(connection) {
        Ok(end) => end,
        Err(error) if connection.is_autocommit() => return Err(error),
        Err(error) => End::Failed(fault_of(error)),
    };
    if !matches!(end, End::Kept) {
        run(UNDO_ONE)?;
    }
    run(KEEP_ONE)?;
    Ok(end)
}

/// The error of all, for one of them.
fn same(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(cause) => StoreError::Unavailable(cause.to_string().into()),
        StoreError::Full(cause) => StoreError::Full(cause.to_string().into()),
        StoreError::Corrupt(what) => StoreError::Corrupt(what.clone()),
        error => StoreError::Failed(error.to_string().into()),
    }
}
