//! Events in memory.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use picloud_shared::{
    events::{
        Claim, Claimed, EventRetention, Failure, Held, IdempotencyKey, Leased, NewEvent, Published,
        PublishedEvent,
    },
    id::AppId,
    repository::{EventRepository, PublishError, StoreError},
    time::Timestamp,
};

/// How long a test waits for something that is sure to come.
pub(super) const WAIT_MAX: Duration = Duration::from_mins(1);

/// Keeps what is published, and gives out what a test makes due.
#[derive(Default)]
pub(crate) struct FakeEvents {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// What was asked of it.
#[derive(Default)]
pub(crate) struct Seen {
    /// What was published, and with which key.
    pub(crate) published: Vec<(NewEvent, Option<IdempotencyKey>)>,
    /// What is given out next.
    due: Vec<Leased>,
    /// What is told of the next one.
    next_due: Option<Timestamp>,
    /// So many claims find nothing but one that cannot be read.
    unreadable: u32,
    /// The answer to the next claim is lost.
    is_away: bool,
    /// What the node has leased, and what has run out, as storage says.
    leases: Vec<Held>,
    pub(crate) claims: usize,
    /// The last one.
    pub(crate) claim: Option<Claim>,
    pub(crate) begun: Vec<Held>,
    pub(crate) failures: Vec<(Held, Failure)>,
    pub(crate) released: Vec<Held>,
    pub(crate) recovered: Vec<String>,
    /// How often old things were to be deleted.
    pub(crate) purges: usize,
    /// What is told after each deletion, the last one first.
    kept_until: Vec<Timestamp>,
}

impl FakeEvents {
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is due from now on. Whoever claims is to be woken.
    pub(crate) fn make_due(&self, leased: Leased) {
        self.seen().due.push(leased);
    }

    /// Tells whoever claims when the next one is due.
    pub(crate) fn is_next_due(&self, moment: Timestamp) {
        self.seen().next_due = Some(moment);
    }

    /// So many claims find nothing but one that cannot be read, and is set aside.
    pub(crate) fn cannot_be_read(&self, claims: u32) {
        self.seen().unreadable = claims;
    }

    /// The answer to the next claim is lost; from then on these leases of the node have run out.
    pub(crate) fn loses_an_answer(&self, leases: Vec<Held>) {
        let mut seen = self.seen();
        (seen.is_away, seen.leases) = (true, leases);
    }

    /// Tells after each deletion up to when all that is left may be kept, the last one first; then that nothing is there.
    pub(crate) fn is_kept_until(&self, moments: Vec<Timestamp>) {
        self.seen().kept_until = moments;
    }

    /// Waits until what was asked of it is so.
    #[track_caller]
    pub(crate) fn wait_until(&self, is_so: impl Fn(&Seen) -> bool) -> MutexGuard<'_, Seen> {
        let (seen, waited) = self
            .changed
            .wait_timeout_while(self.seen(), WAIT_MAX, |seen| !is_so(seen))
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "it never came to be so");
        seen
    }

    fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.seen());
        self.changed.notify_all();
    }
}

#[async_trait]
impl EventRepository for FakeEvents {
    async fn publish(
        &self,
        _app: AppId,
        events: Vec<NewEvent>,
        idempotency: Option<IdempotencyKey>,
        _now: Timestamp,
    ) -> Result<Published, PublishError> {
        let published = events.iter().map(|event| PublishedEvent {
            event: event.id,
            deliveries: event.deliveries.iter().map(|delivery| delivery.id).collect(),
        });
        let published = Published {
            events: published.collect(),
            is_repeated: false,
        };
        let events = events.into_iter().map(|event| (event, idempotency.clone()));
        self.note(|seen| seen.published.extend(events));
        Ok(published)
    }

    async fn claim(&self, claim: Claim, _now: Timestamp) -> Result<Claimed, StoreError> {
        let mut claimed = Claimed {
            leased: Vec::new(),
            next_due: None,
            has_more: false,
            set_aside: 0,
            leaves_strays: false,
        };
        let mut is_away = false;
        self.note(|seen| {
            seen.claims += 1;
            seen.claim = Some(claim);
            is_away = std::mem::take(&mut seen.is_away);
            if is_away {
                return;
            }
            if seen.unreadable > 0 {
                seen.unreadable -= 1;
                claimed.set_aside = 1;
                return;
            }
            claimed.leased = std::mem::take(&mut seen.due);
            claimed.next_due = seen.next_due;
        });
        if is_away {
            return Err(StoreError::Unavailable("told to be".into()));
        }
        Ok(claimed)
    }

    async fn extend(&self, _held: Vec<Held>, _until: Timestamp) -> Result<Vec<Held>, StoreError> {
        Ok(Vec::new())
    }

    async fn begin(&self, held: Held) -> Result<bool, StoreError> {
        self.note(|seen| seen.begun.push(held));
        Ok(true)
    }

    async fn fail(&self, held: Held, failure: Failure, _now: Timestamp) -> Result<bool, StoreError> {
        self.note(|seen| seen.failures.push((held, failure)));
        Ok(true)
    }

    async fn release(&self, held: Vec<Held>, _due_at: Timestamp) -> Result<(), StoreError> {
        self.note(|seen| seen.released.extend(held));
        Ok(())
    }

    async fn expired_leases(&self, _node: &str, _now: Timestamp) -> Result<Vec<Held>, StoreError> {
        Ok(self.seen().leases.clone())
    }

    async fn recover(&self, node: &str, _now: Timestamp) -> Result<u64, StoreError> {
        self.note(|seen| seen.recovered.push(node.to_owned()));
        Ok(0)
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn hint(&self) {
        std::future::pending::<()>().await;
    }

    async fn purge_deliveries(&self, _retention: EventRetention, _now: Timestamp) -> Result<u64, StoreError> {
        self.note(|seen| seen.purges += 1);
        Ok(0)
    }

    async fn deliveries_kept_until(
        &self,
        _retention: EventRetention,
    ) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.seen().kept_until.pop())
    }
}
