//! The in-flight journal: what each thread has on the processor, noted where it outlives the process.
//!
//! No script can end the process, as far as anybody knows. Should one find a way all the same, the next start must be
//! able to tell which. So each thread that runs scripts has a slot in a file that is mapped into memory. A run is
//! noted there when it gets the processor and taken out when it leaves it, with a few plain stores and no system
//! call. The pages of the file belong to the system, so they are there after any end of the process but that of the
//! system itself.
//!
//! Whoever waits is not noted: it does nothing that could end a process. And of several threads with a run on the
//! processor, the one that a fault came from is marked by a signal handler, so that no script answers for what its
//! neighbour did.

mod faults;
mod journal;
mod map;
mod slot;

#[cfg(test)]
mod tests;

use std::cell::Cell;

pub use self::journal::{InFlight, InFlightJournal, SystemState};
pub(crate) use self::slot::Entry;
use self::slot::Slot;

thread_local! {
    /// Where this thread notes what it has on the processor. Without a destructor, so that a signal handler may look.
    static SLOT: Cell<Option<Slot>> = const { Cell::new(None) };
}

/// Notes that `entry` gets the processor of this thread.
#[inline]
pub(super) fn enter(entry: &Entry) {
    if let Some(slot) = SLOT.get() {
        slot.enter(entry);
    }
}

/// Notes that what had the processor of this thread has left it, to `outer` if that is further up the same stack.
#[inline]
pub(super) fn leave(outer: Option<&Entry>) {
    if let Some(slot) = SLOT.get() {
        match outer {
            Some(outer) => slot.enter(outer),
            None => slot.leave(),
        }
    }
}

/// Marks what has the processor of this thread as what a signal came from. Called in a signal handler.
fn blame(signal: u8) {
    if let Some(slot) = SLOT.get() {
        slot.blame(signal);
    }
}
