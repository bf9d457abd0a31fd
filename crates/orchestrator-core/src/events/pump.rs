//! Which deliveries run here, and when.

use std::{sync::Arc, time::Duration};

use picloud_shared::{
    events::{Claim, EventRetention, LEASE, Origin},
    id::ScriptId,
    memory::MemoryBudget,
    repository::StoreError,
    seam::EventTable as _,
    time::Timestamp,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};

use super::{
    Events, LOOK_AT_CLOCK,
    deliver::{Deliverer, Ended},
    deliveries::Deliveries,
    held::{Holdings, Place},
    strays,
};
use crate::{admission::ServingThreads, keeping::Keeping, recorder::Recorder};

/// Most runs that this node holds deliveries for at one time.
const PLACES: usize = 512;
/// An app that holds so many gets no more until one of them ends.
const PLACES_PER_APP: u32 = 128;
/// What waits in one queue of an app may hold so many times as many of these as it leaves free: three of four if nobody else
/// holds any. So a slow script that has much to do keeps no other one waiting.
const SHARE: u32 = 3;
/// So many more of a script are held than may run at one time: the next ones are at hand when a run ends.
const AHEAD: u32 = 16;
/// How often leases are extended: twice before they end.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// While something waits and is not to be had, or other nodes may have changed when it is due, storage is looked at this
/// often at least.
const SWEEP: Duration = Duration::from_secs(30);
/// So long after a claim failed, whatever it has leased has run out.
const STRAYS_AFTER: Duration = LEASE.saturating_add(RETRY_MAX);
/// The first pause after storage failed; each further one is twice as long.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// The longest pause between two tries.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// After so many ends of deliveries, old ones are deleted, but no more often than [`PURGE_INTERVAL_MIN`].
const PURGE_AFTER_ENDS: u32 = 10_000;
/// The least time from one deletion to the next.
const PURGE_INTERVAL_MIN: Duration = Duration::from_mins(1);
/// While deliveries end, old ones are deleted at least this often.
const PURGE_INTERVAL_MAX: Duration = Duration::from_hours(1);

/// What a pump needs.
pub struct PumpParts {
    /// What is published.
    pub events: Events,
    /// Where scripts run.
    pub threads: ServingThreads,
    /// Where records of runs go.
    pub recorder: Recorder,
    /// What scripts may hold together.
    pub memory: Arc<MemoryBudget>,
}

/// Runs scripts for events. Dropped, it claims no more.
pub struct EventPump {
    /// Whether it is to claim no more.
    stopping: watch::Sender<bool>,
    ended: JoinHandle<()>,
    hints: Hints,
}

/// Hears from other nodes; ends with this value.
struct Hints(JoinHandle<()>);

impl EventPump {
    /// Starts on the runtime of the caller, which is that of the store.
    pub fn start(parts: PumpParts) -> Self {
        let (stopping, is_stopping) = watch::channel(false);
        let (ended, endings) = mpsc::unbounded_channel();
        let (events, told) = (parts.events.clone(), parts.events.clone());
        let hints = async move {
            loop {
                told.repository().hint().await;
                told.wake();
            }
        };
        let pump = Pump {
            node: parts.recorder.node().to_owned(),
            held: events.held().clone(),
            events,
            deliverer: Arc::new(Deliverer::new(parts, is_stopping.clone())),
            stopping: is_stopping,
            ended,
            endings,
            next_due: None,
            has_more: false,
            heartbeat: None,
            again: None,
            keeping: Keeping::new(),
            purging: None,
            strays_at: None,
            ended_since_purge: 0,
        };
        Self {
            stopping,
            ended: tokio::spawn(pump.run()),
            hints: Hints(tokio::spawn(hints)),
        }
    }

    /// From here on nothing more is claimed, and what has not begun is given back.
    pub fn stop_claiming(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits until all that runs has ended, or was given back because the serving threads have ended; no longer than
    /// `most`.
    pub async fn stop(self, most: Duration) {
        self.stop_claiming();
        drop(self.hints);
        if timeout(most, self.ended).await.is_err() {
            tracing::warn!(
                "some events could not be given back; they run again when their leases have ended"
            );
        }
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Pump {
    node: String,
    events: Events,
    deliverer: Arc<Deliverer>,
    held: Holdings,
    stopping: watch::Receiver<bool>,
    /// For the runs.
    ended: mpsc::UnboundedSender<Ended>,
    endings: mpsc::UnboundedReceiver<Ended>,
    /// When the next delivery is due, as far as is known.
    next_due: Option<Timestamp>,
    /// Whether there were more than places for them.
    has_more: bool,
    /// When the leases are extended.
    heartbeat: Option<Instant>,
    /// After storage failed: when it is asked again, and the pause before that.
    again: Option<(Instant, Duration)>,
    keeping: Keeping,
    /// What deletes old deliveries, and tells up to when the others may be kept.
    purging: Option<JoinHandle<Option<Timestamp>>>,
    /// When leases are looked for that this node does not know of.
    strays_at: Option<Instant>,
    ended_since_purge: u32,
}

impl Pump {
    async fn run(mut self) {
        self.recover().await;
        self.purge();
        let mut look = true;
        while !is_stopping(&self.stopping) {
            let has_ended = self.keep_up().await;
            look = if look || (has_ended && self.may_claim_now()) {
                self.claim().await
            } else {
                self.wait().await
            };
        }
        // Whoever runs has a sender.
        drop(std::mem::replace(&mut self.ended, mpsc::unbounded_channel().0));
        loop {
            self.keep_up().await;
            tokio::select! {
                ended = self.endings.recv() => if ended.is_none() { break },
                () = at(self.heartbeat) => {}
            }
        }
    }

    /// Does what must be done while there is always more to claim, too; tells whether any run has ended, or is given back.
    async fn keep_up(&mut self) -> bool {
        let mut has_ended = false;
        while let Ok(ended) = self.endings.try_recv() {
            self.note(&ended);
            has_ended = true;
        }
        self.keep_heartbeat();
        if self.heartbeat.is_some_and(|due| due <= Instant::now()) {
            self.extend().await;
        }
        if self.strays_at.is_some_and(|due| due <= Instant::now()) {
            has_ended |= self.give_back_strays().await;
        }
        has_ended
    }

    /// Waits for something to happen; tells whether storage is to be looked at.
    async fn wait(&mut self) -> bool {
        let look_at = self.look_at();
        let now = self.events.clock().now();
        let mut stopping = self.stopping.clone();
        tokio::select! {
            () = stopped(&mut stopping) => false,
            () = self.events.woken() => self.again.is_none(),
            // What waited may go on by other terms.
            () = self.events.live().queues_changed() => self.again.is_none(),
            Some(ended) = self.endings.recv() => {
                self.note(&ended);
                self.may_claim_now()
            }
            Some(kept_until) = purged(&mut self.purging) => {
                self.keeping.keep(kept_until);
                false
            }
            () = self.keeping.wait(now) => {
                self.purge_if_due();
                false
            }
            () = at(self.heartbeat) => false,
            () = at(self.strays_at) => false,
            () = at(look_at) => true,
        }
    }

    /// When to look at storage, if nothing happens before.
    fn look_at(&self) -> Option<Instant> {
        if let Some((again, _)) = self.again {
            return Some(again);
        }
        // Without a place, or without something that waits, there is nothing to look for.
        if self.held.len() >= PLACES {
            return None;
        }
        let now = self.events.clock().now();
        let due_in = match self.next_due {
            Some(due) if due > now && self.events.repository().is_shared() => {
                micros_between(now, due).min(SWEEP)
            }
            Some(due) if due > now => micros_between(now, due).min(LOOK_AT_CLOCK),
            // What is due and was not to be had waits for another one, which may be on another node.
            Some(_) => SWEEP,
            None if self.has_more => SWEEP,
            None => return None,
        };
        Some(Instant::now() + due_in)
    }

    fn note(&mut self, ended: &Ended) {
        self.ended_since_purge += ended.deliveries;
        self.purge_if_due();
        if let Some(due) = ended.due_at {
            self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
        }
    }

    /// Whether there may be something to claim, now that there is a place.
    fn may_claim_now(&self) -> bool {
        let is_due = || self.next_due.is_some_and(|due| due <= self.events.clock().now());
        self.again.is_none() && (self.has_more || is_due())
    }

    /// Claims as many as there are places for; tells whether there is more.
    async fn claim(&mut self) -> bool {
        let places = PLACES.saturating_sub(self.held.len());
        if places == 0 {
            self.has_more = true;
            return false;
        }
        let now = self.events.clock().now();
        // Whatever has come by now, and ends, is kept for so long at least.
        self.keeping.keep(now.plus(EventRetention::default().done_max()));
        let claim = self.wanted(places, now);
        let claimed = match self.events.repository().claim(claim, now).await {
            Ok(claimed) => claimed,
            Err(error) => {
                self.try_again(&error);
                return false;
            }
        };
        let was_away = self.again.take().is_some();
        self.next_due = claimed.next_due;
        self.has_more = claimed.has_more;
        let count = claimed.leased.len();
        for deliveries in Deliveries::of_claim(claimed.leased) {
            self.start(deliveries);
        }
        if claimed.leaves_strays {
            self.strays_at = Some(Instant::now() + STRAYS_AFTER);
        }
        if was_away {
            // The claim that failed may have leased something, long ago, or a moment ago.
            let has_found = self.give_back_strays().await;
            self.strays_at = Some(Instant::now() + STRAYS_AFTER);
            if has_found {
                return true;
            }
        }
        // Whoever was behind what is set aside may be due. Each such claim sets one aside at least, so that has an end.
        claimed.set_aside > 0 || (count > 0 && self.next_due.is_some_and(|due| due <= now))
    }

    /// What is claimed for so many runs, by what is live and what is held already.
    fn wanted(&self, places: usize, now: Timestamp) -> Claim {
        let held = self.held.counts();
        let snapshot = self.events.live().snapshot();
        let is_full = |script: ScriptId, held: u32| {
            let live = snapshot.script(script);
            live.is_some_and(|live| held >= live.script.limits.concurrency_max.saturating_add(AHEAD))
        };
        let scripts = held.scripts.iter();
        let full = scripts.filter(|(script, held)| is_full(**script, **held));
        Claim {
            node: self.node.clone(),
            places: u32::try_from(places).unwrap_or(u32::MAX),
            per_app_max: PLACES_PER_APP,
            share: SHARE,
            queues: snapshot.queues().collect(),
            full: full.map(|(script, _)| *script).collect(),
            held: held.apps,
            held_in_queues: held.queues,
            lease_until: now.plus(LEASE),
        }
    }

    fn start(&mut self, deliveries: Deliveries) {
        let first = &deliveries.first;
        let place = Place {
            app: first.app_id,
            queue: first.queue(),
            script: first.script_id,
        };
        let schedule = match first.origin {
            Origin::Schedule { id, .. } => Some((first.app_id, id)),
            Origin::Invoke | Origin::Subscription(_) | Origin::Destination => None,
        };
        let (holding, lost) = self.held.hold(place, deliveries.held());
        let (deliverer, ended) = (Arc::clone(&self.deliverer), self.ended.clone());
        let events = self.events.clone();
        tokio::spawn(async move {
            let end = deliverer.deliver(deliveries, lost).await;
            drop(holding);
            if let Some((app, schedule)) = schedule.filter(|_| end.is_over) {
                events.run_ended(app, schedule);
            }
            // The pump hears of it unless it is gone itself.
            let _ = ended.send(end);
        });
    }

    /// Gives back what this node held when it ended the last time.
    async fn recover(&self) {
        let (mut pause, mut stopping) = (RETRY_MIN, self.stopping.clone());
        loop {
            let now = self.events.clock().now();
            match self.events.repository().recover(&self.node, now).await {
                Ok(0) => return,
                Ok(count) => {
                    tracing::info!(
                        deliveries = count,
                        "events that were running when the server ended run again"
                    );
                    return;
                }
                Err(error) => tracing::warn!(%error, "events wait for storage"),
            }
            tokio::select! {
                () = stopped(&mut stopping) => return,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(RETRY_MAX),
            }
        }
    }

    /// Gives back what is leased to this node without being held by it; tells whether there was any.
    async fn give_back_strays(&mut self) -> bool {
        self.strays_at = None;
        match strays::give_back(&self.events, &self.node, &self.held).await {
            Ok(0) => false,
            Ok(deliveries) => {
                tracing::info!(
                    deliveries,
                    "events that were leased without an answer are due again"
                );
                let now = self.events.clock().now();
                self.next_due = Some(self.next_due.map_or(now, |next| next.min(now)));
                true
            }
            Err(error) => {
                tracing::warn!(%error, "events that were leased without an answer wait for storage");
                self.strays_at = Some(Instant::now() + SWEEP);
                false
            }
        }
    }

    /// Deletes what is not kept any longer, if it is time.
    fn purge_if_due(&mut self) {
        let since = self.keeping.since_purge();
        let many = self.ended_since_purge >= PURGE_AFTER_ENDS && since >= PURGE_INTERVAL_MIN;
        let some = self.ended_since_purge > 0 && since >= PURGE_INTERVAL_MAX;
        if many || some || self.keeping.is_due(self.events.clock().now()) {
            self.purge();
        }
    }

    /// Deletes what is not kept any longer, beside all else.
    fn purge(&mut self) {
        self.keeping.purge();
        self.ended_since_purge = 0;
        let events = self.events.clone();
        self.purging = Some(tokio::spawn(async move {
            let now = events.clock().now();
            purge(&events, now).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "old events are not deleted");
                Some(now)
            })
        }));
    }

    fn keep_heartbeat(&mut self) {
        self.heartbeat = if self.held.len() == 0 {
            None
        } else {
            self.heartbeat.or_else(|| Some(Instant::now() + HEARTBEAT))
        };
    }

    /// Extends the leases of all that is held.
    async fn extend(&mut self) {
        self.heartbeat = None;
        let held = self.held.list();
        if held.is_empty() {
            return;
        }
        let until = self.events.clock().now().plus(LEASE);
        match self.events.repository().extend(held, until).await {
            Ok(lost) => self.held.lose(&lost),
            // Whoever has one by the time at which its run ends here is told so then.
            Err(error) => tracing::warn!(%error, "the leases of events were not extended"),
        }
    }

    /// Asks again later.
    fn try_again(&mut self, error: &StoreError) {
        let pause = self
            .again
            .map_or(RETRY_MIN, |(_, pause)| (pause * 2).min(RETRY_MAX));
        tracing::warn!(%error, "events wait for storage");
        self.again = Some((Instant::now() + pause, pause));
    }
}

/// Deletes what is too old, or too much; tells up to when the rest may be kept.
async fn purge(events: &Events, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let (repository, retention) = (events.repository(), EventRetention::default());
    let deliveries = repository.purge_deliveries(retention, now).await?;
    if deliveries > 0 {
        tracing::info!(deliveries, "old events are deleted");
    }
    repository.deliveries_kept_until(retention).await
}

/// Waits for the end of that, and tells the same; for ever if it is not under way.
async fn purged(purging: &mut Option<JoinHandle<Option<Timestamp>>>) -> Option<Timestamp> {
    let Some(running) = purging else {
        return std::future::pending().await;
    };
    let kept_until = running.await;
    *purging = None;
    kept_until.ok().flatten()
}

fn micros_between(now: Timestamp, later: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(later.as_micros() - now.as_micros()).unwrap_or(0))
}

/// Whether nothing more is to be claimed. If whoever would say so is gone, it is so.
pub(super) fn is_stopping(stopping: &watch::Receiver<bool>) -> bool {
    *stopping.borrow() || stopping.has_changed().is_err()
}

/// Waits until it is so.
pub(super) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Waits until a moment; for ever if there is none.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
