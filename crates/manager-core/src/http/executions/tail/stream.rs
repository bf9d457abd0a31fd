//! One stream, from its first event to its last.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use http::HeaderMap;
use picloud_shared::{
    execution::{Execution, ExecutionFilter},
    id::{AppId, ExecutionId},
    repository::StoreError,
    seam::{FollowedRuns, RunNews},
    time::Timestamp,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use super::{
    event::{self, End},
    places::Place,
};
use crate::{Manager, http::access::Caller};

/// After so long the stream shows that it lives, and whether it may go on is asked again.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// A client that takes nothing for so long is gone.
const STALL_MAX: Duration = Duration::from_mins(1);
/// Most runs that are told of anew when a stream is taken up again.
const RESUMED_MAX: u32 = 200;
/// Records are stored in about the order in which their runs ended; a run that waited before it began ended later than
/// its record tells. Those that ended so little earlier are told of again rather than not at all.
const OVERLAP: Duration = Duration::from_secs(5);

/// A stream that is being written.
pub(super) struct Tail {
    pub(super) manager: Manager,
    pub(super) caller: Caller,
    /// With the credentials, to ask again.
    pub(super) headers: HeaderMap,
    pub(super) app: AppId,
    pub(super) filter: ExecutionFilter,
    /// The last run that the client has seen; `Err` if it says something that is none.
    pub(super) seen: Option<Result<ExecutionId, Unknown>>,
    pub(super) news: Box<dyn FollowedRuns>,
    pub(super) place: Place,
    pub(super) out: mpsc::Sender<Bytes>,
}

/// No run.
pub(super) struct Unknown;

/// The client is gone, or the stream has had its last event.
struct Over;

impl Tail {
    /// Runs to the end of the stream.
    pub(super) async fn run(mut self) {
        // Whichever way it ends, nobody has to be told.
        let _ = self.write().await;
    }

    async fn write(&mut self) -> Result<(), Over> {
        // From here on changes are seen; one may have come since the request was let in.
        self.place.changes.mark_unchanged();
        self.check_access().await?;
        self.send(event::opening()).await?;
        let told = self.tell_missed().await?;
        let mut next_check = Instant::now() + KEEP_ALIVE;
        loop {
            let Self { place, news, out, .. } = &mut *self;
            let Place {
                changes, stopping, ..
            } = place;
            tokio::select! {
                // In this order: nothing more is told to somebody who may not be told any more.
                biased;
                () = out.closed() => return Err(Over),
                () = stopping.wait() => return end(out, End::Stopping),
                _ = changes.changed() => self.check_access().await?,
                () = sleep_until(next_check) => {
                    next_check = Instant::now() + KEEP_ALIVE;
                    self.check_access().await?;
                    self.send(event::keep_alive()).await?;
                }
                news = news.next() => match news {
                    RunNews::Recorded(run) if told.contains(&run.id) => {}
                    RunNews::Recorded(run) => self.send(event::run((*run).clone())).await?,
                    RunNews::Skipped(runs) => self.send(event::skipped(Some(runs))).await?,
                },
            }
        }
    }

    /// Ends the stream unless its caller still may what they were let in for.
    async fn check_access(&mut self) -> Result<(), Over> {
        if self
            .caller
            .still_may_in(&self.manager, &self.headers, self.app)
            .await
        {
            return Ok(());
        }
        end(&self.out, End::Access)
    }

    async fn send(&mut self, event: Bytes) -> Result<(), Over> {
        let Self { place, out, .. } = &mut *self;
        tokio::select! {
            room = timeout(STALL_MAX, out.reserve()) => match room {
                Ok(Ok(room)) => {
                    room.send(event);
                    Ok(())
                }
                Ok(Err(_)) | Err(_) => Err(Over),
            },
            () = place.stopping.wait() => end(out, End::Stopping),
        }
    }

    /// Tells what was recorded since the last run that the client has seen; gives the ids.
    async fn tell_missed(&mut self) -> Result<HashSet<ExecutionId>, Over> {
        let Some(seen) = self.seen.take() else {
            return Ok(HashSet::new());
        };
        let missed = match seen {
            Ok(seen) => self.missed(seen).await,
            Err(Unknown) => Ok(None),
        };
        let Ok(missed) = missed.inspect_err(|error| tracing::error!(%error, "missed runs are not found"))
        else {
            // The client comes back by itself, with the same id.
            return Err(Over);
        };
        let Some(mut missed) = missed else {
            self.send(event::skipped(None)).await?;
            return Ok(HashSet::new());
        };
        if missed.len() > RESUMED_MAX as usize {
            missed.truncate(RESUMED_MAX as usize);
            self.send(event::skipped(None)).await?;
        }
        missed.sort_by_key(|run| (ended_at(run), run.id));
        let told = missed.iter().map(|run| run.id).collect();
        for run in missed {
            self.send(event::run(run)).await?;
        }
        Ok(told)
    }

    /// The newest first, one more than are told of; `None` if the run that the client has seen is not there any more.
    async fn missed(&self, seen: ExecutionId) -> Result<Option<Vec<Execution>>, StoreError> {
        let repository = self.manager.repository();
        let seen = repository.find_execution(seen).await?;
        let Some(seen) = seen.filter(|seen| seen.app_id == self.app) else {
            return Ok(None);
        };
        let since = ended_at(&seen).minus(OVERLAP);
        let mut ended = repository
            .executions_ended_since(self.app, &self.filter, since, RESUMED_MAX + 2)
            .await?;
        ended.retain(|run| run.id != seen.id);
        Ok(Some(ended))
    }
}

/// Ends a stream. A client that is slow sees that it ends, if not why.
fn end(out: &mpsc::Sender<Bytes>, end: End) -> Result<(), Over> {
    let _ = out.try_send(event::end(end));
    Err(Over)
}

fn ended_at(run: &Execution) -> Timestamp {
    run.started_at.plus(Duration::from_micros(run.usage.duration_us))
}
