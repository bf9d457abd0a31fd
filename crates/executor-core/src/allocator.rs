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
    ffi::c_void,
};

use libmimalloc_sys as mi;

use crate::steps;

/// mimalloc with counters per thread. Without it as `#[global_allocator]` scripts have no memory limit.
pub struct CountingAllocator;

struct Counters {
    bytes: Cell<isize>,
    blocks: Cell<isize>,
    bytes_peak: Cell<isize>,
    bytes_line: Cell<isize>,
    blocks_line: Cell<isize>,
}

thread_local! {
    static COUNTERS: Counters = const {
        Counters {
            bytes: Cell::new(0),
            blocks: Cell::new(0),
            bytes_peak: Cell::new(0),
            bytes_line: Cell::new(isize::MAX),
            blocks_line: Cell::new(isize::MAX),
        }
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

/// Has the run on this thread looked at as soon as the thread holds more than this.
pub(crate) fn watch(bytes_line: isize, blocks_line: isize) {
    COUNTERS.with(|counters| {
        counters.bytes_line.set(bytes_line);
        counters.blocks_line.set(blocks_line);
        counters.look();
    });
}

/// Does `act` without counting what it allocates and frees: for what comes from another thread, or goes there.
pub(crate) fn uncounted<T>(act: impl FnOnce() -> T) -> T {
    let _restored = Restored {
        bytes: bytes(),
        blocks: blocks(),
        bytes_peak: bytes_peak(),
    };
    act()
}

/// Puts the counters back when it is dropped.
struct Restored {
    bytes: isize,
    blocks: isize,
    bytes_peak: isize,
}

impl Drop for Restored {
    fn drop(&mut self) {
        COUNTERS.with(|counters| {
            counters.bytes.set(self.bytes);
            counters.blocks.set(self.blocks);
            counters.bytes_peak.set(self.bytes_peak);
        });
    }
}

impl Counters {
    #[inline]
    fn look(&self) {
        if self.bytes.get() > self.bytes_line.get() || self.blocks.get() > self.blocks_line.get() {
            steps::withhold();
        }
    }

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
            counters.look();
        });
    }
}

/// Gives free memory back to the system now, instead of keeping it for what comes next. To be called after something
/// rare that took much, on the thread that took it; it takes a millisecond or so.
pub fn give_memory_back() {
    // SAFETY: takes and returns nothing, and may be called on any thread at any time.
    unsafe { mi::mi_collect(true) };
}

/// Turns huge pages off: the system would back the allocator's first blocks with pages of 2 MiB, of which a small
/// server leaves most unused. Pages that are there already stay, so this comes before the first block, and with that
/// before `main`.
#[cfg(target_os = "linux")]
extern "C" fn refuse_huge_pages() {
    // SAFETY: changes a flag of this process; the unused arguments are zeros, as is asked for. A system without huge
    // pages refuses, and then there is nothing to turn off.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}

/// Has [`refuse_huge_pages`] called when the program starts, before the constructors that have no number.
// SAFETY: the section holds pointers to functions of this type, and this one needs nothing to be set up before it.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array.00001")]
static AT_START: extern "C" fn() = refuse_huge_pages;

/// Whether mimalloc's plain functions align a block of this size as much as is asked. They align every block
/// to 8 bytes, and to 16 if it is that large; asking for an alignment takes a longer way.
#[inline]
const fn is_aligned_anyway(size: usize, align: usize) -> bool {
    align <= 8 || (align == 16 && size >= 16)
}

// SAFETY: every block comes from mimalloc with the size that was asked for, and aligned as asked: by
// mimalloc's own guarantee (`MI_MAX_ALIGN_SIZE`) in the plain functions, and by their contract in the aligned
// ones. The counters are plain cells in const-initialised thread-local storage without a destructor: reaching
// them neither allocates nor fails, at any point of a thread's life.
unsafe impl GlobalAlloc for CountingAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        let block = if is_aligned_anyway(size, align) {
            // SAFETY: mimalloc takes any size.
            unsafe { mi::mi_malloc(size) }
        } else {
            // SAFETY: mimalloc takes any size, and a `Layout` holds a power of two as alignment.
            unsafe { mi::mi_malloc_aligned(size, align) }
        };
        allocated(block.cast(), size);
        block.cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        let block = if is_aligned_anyway(size, align) {
            // SAFETY: as in `alloc`.
            unsafe { mi::mi_zalloc(size) }
        } else {
            // SAFETY: as in `alloc`.
            unsafe { mi::mi_zalloc_aligned(size, align) }
        };
        allocated(block.cast(), size);
        block.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        COUNTERS.with(|counters| {
            counters.shrink(layout.size());
            counters.count_block(-1);
        });
        // SAFETY: the caller says that `block` came from this allocator, and so from mimalloc.
        unsafe { mi::mi_free(block.cast::<c_void>()) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let block = block.cast::<c_void>();
        let moved = if is_aligned_anyway(size, layout.align()) {
            // SAFETY: as in `dealloc`; mimalloc takes any size.
            unsafe { mi::mi_realloc(block, size) }
        } else {
            // SAFETY: as in `dealloc`; a `Layout` holds a power of two as alignment.
            unsafe { mi::mi_realloc_aligned(block, size, layout.align()) }
        };
        if !moved.is_null() {
            COUNTERS.with(|counters| {
                counters.shrink(layout.size());
                counters.grow(size);
                counters.look();
            });
        }
        moved.cast()
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

    #[test]
    fn blocks_are_aligned_as_asked() {
        for size in (1..=64).chain([1_000, 1_024, 1_025, 4_096, 70_000]) {
            for align in [1, 2, 4, 8, 16, 32, 64, 4_096] {
                let layout = Layout::from_size_align(size, align).expect("a layout");
                // SAFETY: the size is not zero, and the block goes back with the layout that it has.
                unsafe {
                    let block = CountingAllocator.alloc(layout);
                    assert_eq!(block.align_offset(align), 0, "{layout:?}");
                    let grown = CountingAllocator.realloc(block, layout, size * 3);
                    assert_eq!(grown.align_offset(align), 0, "{layout:?} grown");
                    let layout = Layout::from_size_align(size * 3, align).expect("a layout");
                    CountingAllocator.dealloc(grown, layout);
                    let zeroed = CountingAllocator.alloc_zeroed(layout);
                    assert_eq!(zeroed.align_offset(align), 0, "{layout:?} zeroed");
                    assert!((0..layout.size()).all(|at| *zeroed.add(at) == 0), "{layout:?}");
                    CountingAllocator.dealloc(zeroed, layout);
                }
            }
        }
    }
}
