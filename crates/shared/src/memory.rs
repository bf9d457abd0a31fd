//! The memory that everything running for scripts may hold together, on one node.
//!
//! What a run holds changes all the time, and there are many threads. So each thread keeps an account of its own
//! in plain cells, and tells the shared count only when it has moved by a step.

use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicIsize, Ordering::Relaxed},
    },
};

use bytes::Bytes;

/// By how much an account moves before the shared count is told.
const STEP_BYTES: isize = 256 * 1_024;

/// Beyond this part of the budget on top of it, nothing may grow any more.
const RESERVE_DIVISOR: isize = 8;

/// The bound, and how much is held.
#[derive(Debug)]
pub struct MemoryBudget {
    bytes_max: isize,
    held: AtomicIsize,
}

/// How much of a budget is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// Enough.
    None,
    /// Nothing: nothing new may begin, and what is large may not grow.
    Exhausted,
    /// Less than nothing: what was small grew all the same. Nothing may grow.
    Overdrawn,
}

impl MemoryBudget {
    /// A budget of `bytes_max`.
    pub fn new(bytes_max: u64) -> Arc<Self> {
        Arc::new(Self {
            bytes_max: isize::try_from(bytes_max).unwrap_or(isize::MAX),
            held: AtomicIsize::new(0),
        })
    }

    /// A budget that is never exhausted.
    pub fn unbounded() -> Arc<Self> {
        Self::new(u64::MAX)
    }

    /// How much is left.
    #[inline]
    pub fn pressure(&self) -> Pressure {
        self.pressure_with(0)
    }

    /// How much would be left with `bytes` more.
    #[inline]
    pub fn pressure_with(&self, bytes: isize) -> Pressure {
        let held = self.held.load(Relaxed).saturating_add(bytes);
        if held < self.bytes_max {
            Pressure::None
        } else if held < self.bytes_max.saturating_add(self.bytes_max / RESERVE_DIVISOR) {
            Pressure::Exhausted
        } else {
            Pressure::Overdrawn
        }
    }

    /// Bytes that are held, as far as the accounts have told.
    pub fn bytes_held(&self) -> u64 {
        u64::try_from(self.held.load(Relaxed)).unwrap_or(0)
    }

    /// Something that holds nothing yet, and may go from thread to thread.
    pub fn begin(self: &Arc<Self>) -> Growing {
        Growing {
            budget: Arc::clone(self),
            bytes: 0,
        }
    }

    /// The same bytes, which count as held until the last copy is gone, on whatever thread.
    pub fn keep(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        let size = size(bytes.len());
        self.held.fetch_add(size, Relaxed);
        Bytes::from_owner(Kept {
            bytes,
            size,
            budget: Arc::clone(self),
        })
    }
}

/// What grows, on whatever thread. Given back with this value.
#[derive(Debug)]
pub struct Growing {
    budget: Arc<MemoryBudget>,
    bytes: isize,
}

impl Growing {
    /// Holds `bytes` more, unless the budget is exhausted; tells whether it does.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let bytes = size(bytes);
        if self.budget.pressure_with(bytes) > Pressure::None {
            return false;
        }
        self.budget.held.fetch_add(bytes, Relaxed);
        self.bytes += bytes;
        true
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Relaxed);
    }
}

struct Kept {
    bytes: Bytes,
    size: isize,
    budget: Arc<MemoryBudget>,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.size, Relaxed);
    }
}

/// What one thread holds of a budget.
#[derive(Debug)]
pub struct MemoryAccount {
    budget: Arc<MemoryBudget>,
    held: Cell<isize>,
    told: Cell<isize>,
}

impl MemoryAccount {
    /// An account that holds nothing yet.
    pub fn new(budget: Arc<MemoryBudget>) -> Rc<Self> {
        Rc::new(Self {
            budget,
            held: Cell::new(0),
            told: Cell::new(0),
        })
    }

    /// The budget that it is of.
    pub fn budget(&self) -> &Arc<MemoryBudget> {
        &self.budget
    }

    /// Adds `bytes`, or takes them away if they are negative.
    #[inline]
    pub fn add(&self, bytes: isize) {
        let held = self.held.get() + bytes;
        self.held.set(held);
        if (held - self.told.get()).abs() >= STEP_BYTES {
            self.tell();
        }
    }

    /// Holds `bytes` for as long as the value lives.
    pub fn hold(self: &Rc<Self>, bytes: usize) -> Held {
        let mut held = Held {
            account: Rc::clone(self),
            bytes: 0,
        };
        held.grow(bytes);
        held
    }

    #[cold]
    fn tell(&self) {
        let held = self.held.get();
        self.budget.held.fetch_add(held - self.told.get(), Relaxed);
        self.told.set(held);
    }
}

impl Drop for MemoryAccount {
    fn drop(&mut self) {
        self.held.set(0);
        self.tell();
    }
}

/// A part of an account; given back with this value.
#[derive(Debug)]
pub struct Held {
    account: Rc<MemoryAccount>,
    bytes: isize,
}

impl Held {
    /// Holds `bytes` more.
    pub fn grow(&mut self, bytes: usize) {
        let bytes = size(bytes);
        self.bytes += bytes;
        self.account.add(bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.account.add(-self.bytes);
    }
}

fn size(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_tell_in_steps_and_give_everything_back() {
        let budget = MemoryBudget::new(1_000_000);
        let account = MemoryAccount::new(Arc::clone(&budget));
        account.add(200_000);
        assert_eq!(budget.bytes_held(), 0);
        account.add(100_000);
        assert_eq!(budget.bytes_held(), 300_000);
        let held = account.hold(700_000);
        assert_eq!(
            (budget.bytes_held(), budget.pressure()),
            (1_000_000, Pressure::Exhausted)
        );
        assert_eq!(budget.pressure_with(200_000), Pressure::Overdrawn);
        drop(held);
        assert_eq!(
            (budget.bytes_held(), budget.pressure()),
            (300_000, Pressure::None)
        );
        drop(account);
        assert_eq!(budget.bytes_held(), 0);
    }

    #[test]
    fn what_grows_stops_at_the_budget_and_gives_everything_back() {
        let budget = MemoryBudget::new(1_000);
        let mut growing = budget.begin();
        assert!(growing.grow(900));
        assert!(!growing.grow(100));
        assert_eq!(budget.bytes_held(), 900);
        drop(growing);
        assert_eq!(budget.bytes_held(), 0);
    }

    #[test]
    fn kept_bytes_count_until_the_last_copy_is_gone() {
        let budget = MemoryBudget::new(1_000);
        let bytes = budget.keep(Bytes::from_static(b"12345"));
        let part = bytes.slice(1..3);
        drop(bytes);
        assert_eq!((part.as_ref(), budget.bytes_held()), (b"23".as_slice(), 5));
        drop(part);
        assert_eq!(budget.bytes_held(), 0);
    }
}
