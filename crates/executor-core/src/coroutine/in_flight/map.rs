//! A file in memory that stays there until the process ends.

use std::{fs::File, io, slice, sync::atomic::AtomicU64};

use memmap2::MmapRaw;

/// The words of `file`, shared with it, and where they begin.
pub(super) fn map(file: &File) -> io::Result<&'static [AtomicU64]> {
    let map: &'static MmapRaw = Box::leak(Box::new(MmapRaw::map_raw(file)?));
    #[expect(clippy::cast_ptr_alignment, reason = "a mapping begins at a page")]
    let words = map.as_mut_ptr().cast::<AtomicU64>();
    // SAFETY: a mapping begins at a page, so the words are aligned, and it has at least as many bytes as the slice.
    // It is leaked, so it is never unmapped. Any bits are a valid word, and this process touches them through atomics
    // alone. Nobody else writes: the file belongs to its owner alone and is locked. Should it lose its pages all the
    // same, `faults` puts others in their place.
    Ok(unsafe { slice::from_raw_parts(words, map.len() / size_of::<AtomicU64>()) })
}

/// Puts fresh memory in the place of `words`, so that the process can go on without the file. It may be called in a
/// signal handler.
pub(super) fn replace(words: &'static [AtomicU64]) -> bool {
    // SAFETY: the pages are those of a mapping that `map` made, which nobody else has and which is never unmapped.
    // New pages in their place have the same address and rights, and zeros in them are valid words.
    let replaced = unsafe {
        libc::mmap(
            words.as_ptr().cast_mut().cast(),
            size_of_val(words),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
            -1,
            0,
        )
    };
    replaced != libc::MAP_FAILED
}
