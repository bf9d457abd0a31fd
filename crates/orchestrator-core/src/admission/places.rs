//! A number of places, and a queue of those who wait for one.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
};

use tokio::sync::oneshot;

/// A number of places, shared by all threads. While there are enough, taking one and giving it back are one
/// atomic operation each. The lock is for those who wait, and for those who give a place to one of them.
pub(super) struct Places {
    /// How many places are taken, plus [`ONE_WAITS`] for each who waits. So there is a free place, and nobody who
    /// is before us, exactly if this is below `max`. The number of those who wait only changes under the lock.
    count: AtomicU64,
    max: AtomicU32,
    queue: Mutex<Queue>,
}

const ONE_WAITS: u64 = 1 << 32;
/// After so many who went before them, one of the patient gets its turn.
const PASSED_MAX: u32 = 8;

/// Those who wait, in the order in which they came.
#[derive(Default)]
struct Queue {
    waiters: VecDeque<Waiter>,
    /// Those who let the others go first.
    patient: VecDeque<Waiter>,
    /// How many went before the first of them.
    passed: u32,
    arrived: u64,
}

/// When somebody who waits gets a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// After those who came before.
    Own,
    /// After all the others, or nearly: so that they go on, however many others come.
    Patient,
}

struct Waiter {
    number: u64,
    granted: oneshot::Sender<()>,
}

/// A place that is taken; given back with this value.
pub(super) struct Place<'p>(&'p Places);

/// A place in the queue; left with this value.
struct Waiting<'p> {
    places: &'p Places,
    number: u64,
    granted: oneshot::Receiver<()>,
    /// The place was granted and noticed: nothing is to be left any more.
    over: bool,
}

impl Places {
    pub(super) fn new(max: u32) -> Self {
        Self {
            count: AtomicU64::new(0),
            max: AtomicU32::new(max),
            queue: Mutex::default(),
        }
    }

    /// Takes a place, if one is free and nobody waits for it.
    #[inline]
    pub(super) fn take(&self) -> Option<Place<'_>> {
        let max = u64::from(self.max.load(Relaxed));
        let taken = self
            .count
            .try_update(Acquire, Relaxed, |count| (count < max).then_some(count + 1));
        taken.is_ok().then(|| Place(self))
    }

    /// Takes a place when it is our turn. Whoever stops waiting leaves the queue.
    pub(super) async fn wait(&self, turn: Turn) -> Place<'_> {
        match self.take_or_queue(turn) {
            Ok(place) => place,
            Err(mut waiting) => {
                // Its sender is in the queue until it is used, so this cannot fail.
                let _ = (&mut waiting.granted).await;
                waiting.into_place()
            }
        }
    }

    /// From now on there are `max` places. Those that are taken beyond it stay so until they are given back.
    pub(super) fn set_max(&self, max: u32) {
        let mut queue = self.queue();
        self.max.store(max, Relaxed);
        self.grant(&mut queue);
    }

    #[inline]
    fn give_back(&self) {
        let given = self
            .count
            .try_update(Release, Relaxed, |count| (count < ONE_WAITS).then(|| count - 1));
        if given.is_err() {
            self.give_to_the_first();
        }
    }

    #[cold]
    fn give_to_the_first(&self) {
        let mut queue = self.queue();
        self.count.fetch_sub(1, AcqRel);
        self.grant(&mut queue);
    }

    /// Gives free places to those who wait, the first before the others.
    fn grant(&self, queue: &mut Queue) {
        let is_free = || self.count.load(Relaxed) % ONE_WAITS < u64::from(self.max.load(Relaxed));
        while is_free()
            && let Some(first) = queue.pop()
        {
            self.count.fetch_sub(ONE_WAITS - 1, AcqRel);
            // Whoever waits leaves the queue before it drops the receiver, so this arrives.
            let _ = first.granted.send(());
        }
    }

    #[cold]
    fn take_or_queue(&self, turn: Turn) -> Result<Place<'_>, Waiting<'_>> {
        let mut queue = self.queue();
        let max = u64::from(self.max.load(Relaxed));
        // A place may have become free since the last look; from here on whoever gives one back sees us.
        let before = self.count.update(AcqRel, Relaxed, |count| {
            count + if count < max { 1 } else { ONE_WAITS }
        });
        if before < max {
            return Ok(Place(self));
        }
        let (granted, receiver) = oneshot::channel();
        let number = queue.arrived;
        queue.arrived += 1;
        let waiters = match turn {
            Turn::Own => &mut queue.waiters,
            Turn::Patient => &mut queue.patient,
        };
        waiters.push_back(Waiter { number, granted });
        Err(Waiting {
            places: self,
            number,
            granted: receiver,
            over: false,
        })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places that are taken, and how many wait for one.
    #[cfg(test)]
    pub(super) fn taken_and_waiting(&self) -> (u64, u64) {
        let count = self.count.load(Acquire);
        (count % ONE_WAITS, count / ONE_WAITS)
    }
}

impl Queue {
    /// Who gets the next place.
    fn pop(&mut self) -> Option<Waiter> {
        if (self.waiters.is_empty() || self.passed >= PASSED_MAX)
            && let Some(patient) = self.patient.pop_front()
        {
            self.passed = 0;
            return Some(patient);
        }
        if !self.patient.is_empty() {
            self.passed += 1;
        }
        self.waiters.pop_front()
    }

    /// Whether somebody was still there, who now is not any more.
    fn remove(&mut self, number: u64) -> bool {
        [&mut self.waiters, &mut self.patient].into_iter().any(|waiters| {
            let at = waiters.iter().position(|waiter| waiter.number == number);
            at.is_some_and(|at| waiters.remove(at).is_some())
        })
    }
}

impl<'p> Waiting<'p> {
    /// The place that was granted.
    fn into_place(mut self) -> Place<'p> {
        self.over = true;
        Place(self.places)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut queue = self.places.queue();
        if queue.remove(self.number) {
            self.places.count.fetch_sub(ONE_WAITS, AcqRel);
        } else {
            // Granted, and not noticed any more.
            drop(queue);
            self.places.give_back();
        }
    }
}

impl Drop for Place<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.give_back();
    }
}
