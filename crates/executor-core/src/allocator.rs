//! The allocator of every PiCloud program: mimalloc, plus a count of what each thread holds.
//!
//! A run's memory is the difference that the thread's counters make while the run is on the processor, so
//! counting must cost next to nothing: a handful of additions on plain thread-local cells. Sizes are those
//! that were asked for. Memory that is freed on another thread than the one that allocated it makes both
//! counters drift, by as much as crossed over; what a run holds never crosses while it runs.

#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]

use std::{
    alloc::{GlobalAlloc, Layout},
    cell::Cell,
};

use mimalloc::MiMalloc;

/// mimalloc with counters per thread. Without it as `#[global_allocator]` scripts have no memory limit.
pub struct CountingAllocator;

struct Counters {
    bytes: Cell<isize>,
    blocks: Cell<isize>,
    bytes_peak: Cell<isize>,
}

thread_local! {
    static COUNTERS: Counters = const {
        Counters { bytes: Cell::new(0), blocks: Cell::new(0), bytes_peak: Cell::new(0) }
    };
}

/// Bytes that this thread holds.
#[inline]
pub(crate) fn bytes() -> isize {
    COUNTERS.with(|counters| counters.bytes.get())
}

/// Blocks that this thread holds.
#[inline]
pub(crate) fn blocks() -> isize {
    COUNTERS.with(|counters| counters.blocks.get())
}

/// The most bytes that this thread held since [`reset_peak`].
pub(crate) fn bytes_peak() -> isize {
    COUNTERS.with(|counters| counters.bytes_peak.get())
}

/// Begins to look for a peak again.
pub(crate) fn reset_peak() {
    COUNTERS.with(|counters| counters.bytes_peak.set(counters.bytes.get()));
}

impl Counters {
    #[inline]
    fn grow(&self, size: usize) {
        let bytes = self.bytes.get().wrapping_add_unsigned(size);
        self.bytes.set(bytes);
        if bytes > self.bytes_peak.get() {
            self.bytes_peak.set(bytes);
        }
    }

    #[inline]
    fn shrink(&self, size: usize) {
        self.bytes.set(self.bytes.get().wrapping_sub_unsigned(size));
    }

    #[inline]
    fn count_block(&self, change: isize) {
        self.blocks.set(self.blocks.get().wrapping_add(change));
    }
}

#[inline]
fn allocated(block: *mut u8, size: usize) {
    if !block.is_null() {
        COUNTERS.with(|counters| {
            counters.grow(size);
            counters.count_block(1);
        });
    }
}

// SAFETY: every call goes to mimalloc with its arguments unchanged, and its answer goes back unchanged. The
// counters are plain cells in const-initialised thread-local storage without a destructor: reaching them
// neither allocates nor fails, at any point of a thread's life.
unsafe impl GlobalAlloc for CountingAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`, which is mimalloc's own.
        let block = unsafe { MiMalloc.alloc(layout) };
        allocated(block, layout.size());
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        let block = unsafe { MiMalloc.alloc_zeroed(layout) };
        allocated(block, layout.size());
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        COUNTERS.with(|counters| {
            counters.shrink(layout.size());
            counters.count_block(-1);
        });
        // SAFETY: the caller says that `block` came from this allocator, and so from mimalloc.
        unsafe { MiMalloc.dealloc(block, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`.
        let moved = unsafe { MiMalloc.realloc(block, layout, size) };
        if !moved.is_null() {
            COUNTERS.with(|counters| {
                counters.shrink(layout.size());
                counters.grow(size);
            });
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_held_and_the_peak() {
        let (bytes_before, blocks_before) = (bytes(), blocks());
        reset_peak();
        let mut buffer: Vec<u8> = Vec::with_capacity(1_000);
        buffer.reserve_exact(5_000);
        assert_eq!(bytes() - bytes_before, 5_000);
        assert_eq!(blocks() - blocks_before, 1);
        drop(buffer);
        assert_eq!(bytes(), bytes_before);
        assert_eq!(blocks(), blocks_before);
        assert_eq!(bytes_peak() - bytes_before, 5_000);
    }
}
