//! What is due in each queue, and whose turn it is.

use std::collections::{HashMap, VecDeque};

use picloud_shared::{
    events::{Claim, Due, QueueId, QueueTerms, Taken},
    id::{AppId, DeliveryId, ScriptId},
    time::Timestamp,
};
use rusqlite::{Connection, Error, OptionalExtension as _, Row, params};
use uuid::Uuid;

use crate::{
    convert::number,
    sqlite::kv::read::{corrupt, id},
    statements::statements,
};

statements! {
    NEXT_APP = "SELECT app_id FROM deliveries INDEXED BY deliveries_in_queue \
        WHERE state = 'waiting' AND app_id > ?1 ORDER BY app_id LIMIT 1";
    /// The first delivery of the queue that comes after another one.
    NEXT_QUEUE = "SELECT queue, due_at, script_id FROM deliveries INDEXED BY deliveries_in_queue \
        WHERE state = 'waiting' AND app_id = ?1 AND queue > ?2 ORDER BY queue, due_at, id LIMIT 1";
    DUE_OF_QUEUE = "SELECT id FROM deliveries INDEXED BY deliveries_in_queue \
        WHERE state = 'waiting' AND app_id = ?1 AND queue = ?2 AND due_at <= ?3 ORDER BY due_at, id LIMIT ?4";
    DUE_FOR_BATCH = "SELECT id, bytes, attempts + aborts > 0 OR execution_id IS NOT NULL \
        FROM deliveries INDEXED BY deliveries_in_queue \
        WHERE state = 'waiting' AND app_id = ?1 AND queue = ?2 AND due_at <= ?3 ORDER BY due_at, id LIMIT ?4";
    FIRST_DUE_OF_QUEUE = "SELECT MIN(due_at) FROM deliveries INDEXED BY deliveries_in_queue \
        WHERE state = 'waiting' AND app_id = ?1 AND queue = ?2";
    RUNS_OF_QUEUE = "SELECT COUNT(DISTINCT COALESCE(batch, id)) FROM deliveries INDEXED BY deliveries_leased \
        WHERE state = 'running' AND app_id = ?1 AND queue = ?2";
}

/// What waits in all queues.
#[derive(Default)]
pub(super) struct Queues {
    all: Vec<Queue>,
    /// Whether something is due in one that may not have more.
    has_more: bool,
    /// When something is due next in one that may not have more, and where nothing is due yet.
    left_out_until: Option<i64>,
}

/// What waits in one queue.
struct Queue {
    app: AppId,
    id: QueueId,
    terms: Option<QueueTerms>,
    first_due: i64,
    /// What may be run of it, the earliest first.
    runs: VecDeque<Run>,
    /// How many more may run of it, if that is bounded.
    runs_left: Option<u32>,
    is_taken_from: bool,
}

/// What one run is to be for.
pub(super) struct Run {
    pub(super) app: AppId,
    pub(super) deliveries: Vec<Uuid>,
}

impl Run {
    /// What names it, if it is for several.
    pub(super) fn batch(&self) -> Option<DeliveryId> {
        let first = self.deliveries.first().filter(|_| self.deliveries.len() > 1);
        first.copied().map(DeliveryId)
    }
}

impl Queues {
    /// Those of all apps.
    pub(super) fn find(connection: &Connection, claim: &Claim, now: Timestamp) -> Result<Self, Error> {
        let mut queues = Self::default();
        let mut app = next_app(connection, &[])?;
        while let Some(one) = app {
            queues.add_app(connection, claim, one, now)?;
            app = next_app(connection, one.0.as_bytes())?;
        }
        queues.all.sort_by_key(|queue| queue.first_due);
        Ok(queues)
    }

    fn add_app(
        &mut self,
        connection: &Connection,
        claim: &Claim,
        app: AppId,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut first = next_queue(connection, app, &[])?;
        while let Some((queue, first_due, script)) = first {
            first = next_queue(connection, app, queue.0.as_bytes())?;
            let is_due = first_due <= now.as_micros();
            let terms = claim.queues.get(&queue).copied();
            let room = if claim.full.contains(&script) {
                0
            } else {
                claim.room_in(app, queue)
            };
            let runs_left = match terms.and_then(|terms| terms.runs_max) {
                Some(most) if is_due && room > 0 => Some(most.saturating_sub(runs(connection, app, queue)?)),
                _ => None,
            };
            let room = room.min(runs_left.unwrap_or(u32::MAX));
            if room == 0 {
                if is_due {
                    self.has_more = true;
                } else {
                    // There may be room by then, and nobody else tells that it is due.
                    self.left_out_until = Some(earlier(self.left_out_until, first_due));
                }
                continue;
            }
            let mut queue = Queue {
                app,
                id: queue,
                terms,
                first_due,
                runs: VecDeque::new(),
                runs_left,
                is_taken_from: false,
            };
            if is_due {
                queue.runs = queue.due(connection, room.min(claim.places), now)?.0;
            }
            self.all.push(queue);
        }
        Ok(())
    }

    /// Chooses what runs: a run of each app, then the second of each, and so on; within an app its queues take turns.
    pub(super) fn choose(&mut self, claim: &Claim) -> Vec<Run> {
        let places = usize::try_from(claim.places).unwrap_or(usize::MAX);
        let mut found: HashMap<AppId, usize> = HashMap::new();
        let mut apps: Vec<(AppId, Vec<&mut Queue>)> = Vec::new();
        for queue in &mut self.all {
            let app = queue.app;
            let index = *found.entry(app).or_insert(apps.len());
            match apps.get_mut(index) {
                Some((_, queues)) => queues.push(queue),
                None => apps.push((app, vec![queue])),
            }
        }
        let mut apps: Vec<VecDeque<Run>> = apps
            .into_iter()
            .map(|(app, queues)| in_turns(queues, claim.room_of(app).min(claim.places)))
            .collect();
        let mut chosen = Vec::new();
        loop {
            let before = chosen.len();
            for runs in &mut apps {
                if chosen.len() == places {
                    return chosen;
                }
                chosen.extend(runs.pop_front());
            }
            if chosen.len() == before {
                return chosen;
            }
        }
    }

    /// When there is something to claim next in one of them, and whether something is due that may not be had.
    pub(super) fn next(&self, connection: &Connection, now: Timestamp) -> Result<(Option<i64>, bool), Error> {
        let (mut next, mut has_more) = (self.left_out_until, self.has_more);
        for queue in &self.all {
            let Some(first) = queue.first(connection)? else {
                continue;
            };
            let is_due = first <= now.as_micros();
            if is_due && queue.runs_left == Some(0) {
                has_more = true;
                continue;
            }
            let ready = if is_due {
                queue.ready_at(connection, first, now)?
            } else {
                first
            };
            next = Some(earlier(next, ready));
        }
        Ok((next, has_more))
    }
}

/// The next runs of an app, from one queue after the other, up to `most`.
fn in_turns(mut queues: Vec<&mut Queue>, most: u32) -> VecDeque<Run> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut runs = VecDeque::new();
    loop {
        let before = runs.len();
        for queue in &mut queues {
            if runs.len() == most {
                return runs;
            }
            if let Some(run) = queue.runs.pop_front() {
                queue.is_taken_from = true;
                queue.runs_left = queue.runs_left.map(|left| left.saturating_sub(1));
                runs.push_back(run);
            }
        }
        if runs.len() == before {
            return runs;
        }
    }
}

impl Queue {
    /// What may be run of it, up to so many runs; and if that is nothing yet, the moment from which on it may.
    fn due(
        &self,
        connection: &Connection,
        room: u32,
        now: Timestamp,
    ) -> Result<(VecDeque<Run>, Option<Timestamp>), Error> {
        let run = |deliveries: &[Uuid]| Run {
            app: self.app,
            deliveries: deliveries.to_vec(),
        };
        let Some(batch) = self.terms.and_then(|terms| terms.batch) else {
            let mut statement = connection.prepare_cached(DUE_OF_QUEUE)?;
            let due = params![id(&self.app), self.id.0.as_bytes(), now.as_micros(), room];
            let found = statement.query_map(due, |row| Ok(run(&[uuid(row, 0)?])))?;
            return Ok((found.collect::<Result<_, _>>()?, None));
        };
        let (ids, due) = self.due_for_batch(connection, batch.events_max, now)?;
        let first_due = Timestamp::from_micros(self.first_due);
        Ok(match batch.take(&due, first_due, now) {
            Taken::Alone(count) => {
                let count = count.min(usize::try_from(room).unwrap_or(usize::MAX));
                (ids.chunks(1).take(count).map(run).collect(), None)
            }
            Taken::Together(count) => (ids.get(..count).map(run).into_iter().collect(), None),
            Taken::NotYet(ready_at) => (VecDeque::new(), Some(ready_at)),
        })
    }

    fn due_for_batch(
        &self,
        connection: &Connection,
        most: u32,
        now: Timestamp,
    ) -> Result<(Vec<Uuid>, Vec<Due>), Error> {
        let mut statement = connection.prepare_cached(DUE_FOR_BATCH)?;
        let due = params![id(&self.app), self.id.0.as_bytes(), now.as_micros(), most];
        let found = statement.query_map(due, |row| {
            let bytes = number("bytes", row.get(1)?).map_err(corrupt)?;
            let alone = row.get(2)?;
            Ok((uuid(row, 0)?, Due { bytes, alone }))
        })?;
        let found: Vec<_> = found.collect::<Result<_, _>>()?;
        Ok(found.into_iter().unzip())
    }

    /// When the first is due that is left in it.
    fn first(&self, connection: &Connection) -> Result<Option<i64>, Error> {
        if !self.is_taken_from {
            return Ok(Some(self.first_due));
        }
        connection
            .prepare_cached(FIRST_DUE_OF_QUEUE)?
            .query_row(params![id(&self.app), self.id.0.as_bytes()], |row| row.get(0))
    }

    /// When something may be run of it, whose first has been due since `first`.
    fn ready_at(&self, connection: &Connection, first: i64, now: Timestamp) -> Result<i64, Error> {
        if self
            .terms
            .and_then(|terms| terms.batch)
            .is_none_or(|batch| batch.wait_ms == 0)
        {
            return Ok(first);
        }
        let left = Self {
            first_due: first,
            runs: VecDeque::new(),
            ..*self
        };
        let (_, ready_at) = left.due(connection, 1, now)?;
        Ok(ready_at.map_or(first, Timestamp::as_micros))
    }
}

fn next_app(connection: &Connection, after: &[u8]) -> Result<Option<AppId>, Error> {
    connection
        .prepare_cached(NEXT_APP)?
        .query_row(params![after], |row| uuid(row, 0).map(AppId))
        .optional()
}

/// The queue after another one of the same app, when the first in it is due, and for which script.
fn next_queue(
    connection: &Connection,
    app: AppId,
    after: &[u8],
) -> Result<Option<(QueueId, i64, ScriptId)>, Error> {
    connection
        .prepare_cached(NEXT_QUEUE)?
        .query_row(params![id(&app), after], |row| {
            Ok((QueueId(uuid(row, 0)?), row.get(1)?, ScriptId(uuid(row, 2)?)))
        })
        .optional()
}

fn earlier(known: Option<i64>, moment: i64) -> i64 {
    known.map_or(moment, |known| known.min(moment))
}

/// How many runs of a queue are going.
fn runs(connection: &Connection, app: AppId, queue: QueueId) -> Result<u32, Error> {
    connection
        .prepare_cached(RUNS_OF_QUEUE)?
        .query_row(params![id(&app), queue.0.as_bytes()], |row| row.get(0))
}

pub(super) fn uuid(row: &Row<'_>, column: usize) -> Result<Uuid, Error> {
    row.get::<_, [u8; 16]>(column).map(Uuid::from_bytes)
}
