//! Stacks for coroutines, kept for the next run.

use std::{cell::RefCell, io, ops::Range};

use corosensei::stack::{DefaultStack, Stack as _};

/// Free stacks of one thread, most recently used first. A kept stack holds the few pages that its last run
/// touched; one that was used deeply is not given back at all.
pub(crate) struct StackPool {
    free: RefCell<Vec<DefaultStack>>,
    stacks_max: usize,
}

impl StackPool {
    /// An empty pool that keeps at most `stacks_max`.
    pub(crate) fn new(stacks_max: usize) -> Self {
        Self {
            free: RefCell::default(),
            stacks_max,
        }
    }

    /// A stack of `bytes`, and the addresses that it may use.
    pub(crate) fn take(&self, bytes: usize) -> io::Result<(DefaultStack, Range<usize>)> {
        let stack = match self.take_free(bytes) {
            Some(stack) => stack,
            None => new(bytes)?,
        };
        let high = stack.base().get();
        Ok((stack, high - bytes..high))
    }

    /// Keeps `stack` if there is room.
    pub(crate) fn give(&self, stack: DefaultStack) {
        let mut free = self.free.borrow_mut();
        if free.len() < self.stacks_max {
            free.push(stack);
        }
    }

    fn take_free(&self, bytes: usize) -> Option<DefaultStack> {
        let mut free = self.free.borrow_mut();
        if size(free.last()?) >= bytes && size(free.last()?) < 2 * bytes {
            return free.pop();
        }
        let place = free
            .iter()
            .rposition(|stack| (bytes..2 * bytes).contains(&size(stack)))?;
        Some(free.swap_remove(place))
    }
}

/// The mapped size, which is the usable size, a guard page and what rounding added.
fn size(stack: &DefaultStack) -> usize {
    stack.base().get() - stack.limit().get()
}

fn new(bytes: usize) -> io::Result<DefaultStack> {
    let stack = DefaultStack::new(bytes)?;
    #[cfg(target_os = "linux")]
    use_small_pages(&stack)?;
    Ok(stack)
}

/// Where huge pages are on for everything, the first touch of a stack would cost two megabytes.
#[cfg(target_os = "linux")]
fn use_small_pages(stack: &DefaultStack) -> io::Result<()> {
    let low = stack.limit().get();
    // SAFETY: the range is exactly the mapping that `stack` owns, and the advice changes no contents.
    let result = unsafe {
        libc::madvise(
            std::ptr::without_provenance_mut(low),
            size(stack),
            libc::MADV_NOHUGEPAGE,
        )
    };
    // A kernel without huge pages refuses the advice as invalid.
    match result {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
            error => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_comes_back_to_runs_of_its_size() {
        let pool = StackPool::new(1);
        let (first, addresses) = pool.take(1 << 20).unwrap();
        assert_eq!(addresses.len(), 1 << 20);
        pool.give(first);
        assert_ne!(pool.take(1 << 22).unwrap().1.end, addresses.end);
        assert_eq!(pool.take(1 << 20).unwrap().1, addresses);
    }

    #[test]
    fn a_full_pool_lets_stacks_go() {
        let pool = StackPool::new(1);
        let (first, _) = pool.take(1 << 16).unwrap();
        let (second, _) = pool.take(1 << 16).unwrap();
        pool.give(first);
        pool.give(second);
        assert_eq!(pool.free.borrow().len(), 1);
    }
}
