//! What every step of a script looks at, and nothing else: it is taken some hundred million times in a second.
//!
//! The guard grants steps in advance. A step counts one of them and sees whether the stack is deeper than it should
//! be; whoever finds none left asks the guard, which looks at everything. The allocator withholds what was granted
//! when a run holds more than was expected, so that memory is looked at without a step asking for it.

use std::cell::Cell;

/// The steps of the run that is on this thread's processor; none while no run is.
struct Steps {
    granted: Cell<u64>,
    withheld: Cell<u64>,
    stack_line: Cell<usize>,
}

thread_local! {
    static STEPS: Steps = const {
        Steps { granted: Cell::new(0), withheld: Cell::new(0), stack_line: Cell::new(0) }
    };
}

/// Counts `steps`; or tells that the guard has to look, and counts nothing.
#[inline]
pub(crate) fn take(steps: u64) -> bool {
    STEPS.with(|of_run| {
        let granted = of_run.granted.get();
        if steps > granted || stack_pointer() < of_run.stack_line.get() {
            return false;
        }
        of_run.granted.set(granted - steps);
        true
    })
}

/// Grants `steps` to a run whose stack should not reach below `stack_line`, instead of all that it has.
#[inline]
pub(crate) fn grant(steps: u64, stack_line: usize) {
    STEPS.with(|of_run| {
        of_run.granted.set(steps);
        of_run.withheld.set(0);
        of_run.stack_line.set(stack_line);
    });
}

/// Has the next step ask the guard.
#[cold]
pub(crate) fn withhold() {
    STEPS.with(|of_run| {
        let granted = of_run.granted.replace(0);
        of_run.withheld.set(of_run.withheld.get() + granted);
    });
}

/// Steps that were granted and not taken.
#[inline]
pub(crate) fn left() -> u64 {
    STEPS.with(|of_run| of_run.granted.get() + of_run.withheld.get())
}

/// About where the stack ends at this moment.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "it is the caller's place on the stack that is asked for"
)]
pub(crate) fn stack_pointer() -> usize {
    let here = std::mem::MaybeUninit::<u8>::uninit();
    std::hint::black_box(here.as_ptr()).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_was_granted() {
        grant(3, 0);
        assert!(take(2));
        assert!(!take(2));
        assert!(take(1));
        assert!(!take(1));
        assert_eq!(left(), 0);
    }

    #[test]
    fn what_is_withheld_is_not_lost() {
        grant(5, 0);
        assert!(take(1));
        withhold();
        assert!(!take(1));
        withhold();
        assert_eq!(left(), 4);
        grant(2, 0);
        assert_eq!(left(), 2);
    }

    #[test]
    fn nothing_is_taken_below_the_line_of_the_stack() {
        grant(5, usize::MAX);
        assert!(!take(1));
        assert_eq!(left(), 5);
    }
}
