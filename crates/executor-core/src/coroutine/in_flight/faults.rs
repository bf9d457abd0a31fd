//! Tells which thread it was that a fault ended the process in.
//!
//! When the process dies, every thread with a run on the processor dies with it, and all their slots are in use. The
//! signal of a fault comes to the thread that has it, and its handler marks that thread's slot. It changes nothing
//! else: the signal goes on to whatever it would have met without it.

use std::{
    io, mem, ptr,
    sync::{OnceLock, atomic::AtomicU64},
};

#[cfg(not(target_vendor = "apple"))]
use libc::__errno_location as place_of_errno;
#[cfg(target_vendor = "apple")]
use libc::__error as place_of_errno;
use libc::{c_int, c_void, siginfo_t};

use super::map;

/// The signals of faults: a bad access to memory, an instruction that is none, and what aborts.
const FAULTS: [c_int; 6] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
    libc::SIGABRT,
];

/// What each signal would have met.
static BEFORE: OnceLock<[libc::sigaction; FAULTS.len()]> = OnceLock::new();

/// The journal that is in memory.
static JOURNAL: OnceLock<&'static [AtomicU64]> = OnceLock::new();

/// Watches for faults from now on. Only the first journal of a process is also kept from harm.
pub(super) fn watch(journal: &'static [AtomicU64]) -> io::Result<()> {
    let _ = JOURNAL.set(journal);
    if BEFORE.get().is_some() {
        return Ok(());
    }
    let mut before = [none(); FAULTS.len()];
    for (signal, before) in FAULTS.into_iter().zip(&mut before) {
        // SAFETY: both are valid places for an action, and reading one changes nothing.
        if unsafe { libc::sigaction(signal, ptr::null(), before) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    if BEFORE.set(before).is_err() {
        return Ok(());
    }
    let mut action = none();
    action.sa_sigaction = on_fault as *const () as usize;
    // On the thread's alternate stack, since a run may be at the end of its own.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    for signal in FAULTS {
        // SAFETY: the action is complete, and its handler keeps to what a handler may do.
        if unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

fn none() -> libc::sigaction {
    // SAFETY: zeros are a valid action: the default one, with no flags and no signals blocked.
    unsafe { mem::zeroed() }
}

/// Does nothing but plain loads and stores, and calls that POSIX allows in a handler.
extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: with `SA_SIGINFO` the system passes a valid description.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr().addr()) };
    // What the system itself sends because of an instruction happens again when the handler returns.
    let by_instruction = code > 0;
    if signal == libc::SIGBUS && by_instruction && keep_journal(address) {
        return;
    }
    super::blame(u8::try_from(signal).unwrap_or(u8::MAX));
    let at = FAULTS.iter().position(|fault| *fault == signal);
    if let Some(before) = at.and_then(|at| BEFORE.get().map(|before| &before[at])) {
        // SAFETY: the action was in force before.
        unsafe { libc::sigaction(signal, before, ptr::null_mut()) };
    }
    if !by_instruction {
        // SAFETY: sends this thread a signal. It is blocked until the handler returns.
        unsafe { libc::raise(signal) };
    }
}

/// Goes on without the file if it was the journal that could not be written, as on a full disk of a file system that
/// never writes in place.
fn keep_journal(address: usize) -> bool {
    let Some(words) = JOURNAL.get() else { return false };
    // SAFETY: the place is this thread's own.
    let error = unsafe { place_of_errno() };
    // SAFETY: as above; what the handler interrupted must find its error as it was.
    let saved = unsafe { *error };
    let range = words.as_ptr_range();
    let kept = (range.start.addr()..range.end.addr()).contains(&address) && map::replace(words);
    // SAFETY: as above.
    unsafe { *error = saved };
    kept
}
