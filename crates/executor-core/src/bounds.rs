//! From the limits that people set to the bounds that the guard checks.

use std::time::Duration;

use picloud_shared::limits::Limits;

use crate::guard::Verdict;

/// Stack that one heap block of a script's data can cost.
///
/// Dropping, cloning, hashing and formatting nested data recurses once per level without taking a step, so
/// nobody looks at the stack meanwhile. A level is an array in an array, a map in a map, or a function pointer
/// curried with another, and each holds two blocks at least (the box of the value and the buffer of its
/// elements). A test measures the stack that a level takes.
const STACK_BYTES_PER_BLOCK: usize = 220;

/// Bytes of memory for which one block is granted. With fewer bytes per block, and so more blocks, the stack
/// would have to be larger: at this ratio the default of 32 MiB of memory goes with a stack of 32 MiB, of
/// which only the pages that are used are ever backed by memory.
const MEMORY_BYTES_PER_BLOCK: u64 = 256;

/// Blocks that every run may hold, however little its memory.
const BLOCKS_MIN: u64 = 16_384;

/// Stack for evaluation itself: calls, nested expressions, native functions.
const STACK_EVALUATION_BYTES: usize = 4 * 1_024 * 1_024;

/// Stack below the line at which a run ends, for native functions that are called just above it.
const STACK_MARGIN_BYTES: usize = 64 * 1_024;

/// What one run may use, in the guard's own terms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Steps.
    pub(crate) operations_max: u64,
    /// Time on the processor.
    pub(crate) cpu: Duration,
    /// Time on the clock.
    pub(crate) timeout: Duration,
    /// Bytes held at one time.
    pub(crate) bytes_max: isize,
    /// Heap blocks held at one time.
    pub(crate) blocks_max: isize,
    /// Stack that must be left at every step.
    pub(crate) stack_reserve_bytes: usize,
}

impl Bounds {
    /// For turning a source into a prepared script, whatever its author set for running it. A source of the
    /// largest size takes about a tenth of this; what reaches it was made to.
    pub(crate) const COMPILE: Self = Self {
        operations_max: u64::MAX,
        cpu: Duration::from_secs(1),
        timeout: Duration::from_secs(10),
        bytes_max: 96 * 1_024 * 1_024,
        blocks_max: isize::MAX,
        stack_reserve_bytes: 16 * 1_024 * 1_024,
    };

    /// For running a script.
    pub(crate) fn of(limits: &Limits) -> Self {
        let blocks_max = (limits.memory_bytes_max / MEMORY_BYTES_PER_BLOCK).max(BLOCKS_MIN);
        let blocks_max = usize::try_from(blocks_max).unwrap_or(usize::MAX);
        Self {
            operations_max: limits.operations_max,
            cpu: Duration::from_millis(limits.cpu_ms_max),
            timeout: Duration::from_millis(limits.timeout_ms),
            bytes_max: isize::try_from(limits.memory_bytes_max).unwrap_or(isize::MAX),
            blocks_max: isize::try_from(blocks_max).unwrap_or(isize::MAX),
            stack_reserve_bytes: blocks_max * STACK_BYTES_PER_BLOCK + STACK_MARGIN_BYTES,
        }
    }

    /// The same within what is left to the run that calls.
    pub(crate) fn within(self, left: &Self) -> Self {
        Self {
            operations_max: self.operations_max.min(left.operations_max),
            cpu: self.cpu.min(left.cpu),
            timeout: self.timeout.min(left.timeout),
            bytes_max: self.bytes_max.min(left.bytes_max),
            blocks_max: self.blocks_max.min(left.blocks_max),
            stack_reserve_bytes: self.stack_reserve_bytes,
        }
    }

    /// Whether a run within `bounds` that ended by `verdict` broke one of these, and not one that it was left.
    pub(crate) fn are_broken_by(&self, verdict: Verdict, bounds: &Self) -> bool {
        match verdict {
            Verdict::Operations => bounds.operations_max == self.operations_max,
            Verdict::CpuTime => bounds.cpu == self.cpu,
            Verdict::Timeout => bounds.timeout == self.timeout,
            Verdict::Memory => bounds.bytes_max == self.bytes_max,
            Verdict::Values => bounds.blocks_max == self.blocks_max,
            Verdict::ServerMemory => false,
            Verdict::Depth => true,
        }
    }

    /// Size of the stack to run on: a power of two, so that few sizes are in use and a pool of stacks works.
    pub(crate) fn stack_bytes(&self) -> usize {
        (self.stack_reserve_bytes + STACK_EVALUATION_BYTES).next_power_of_two()
    }
}

#[cfg(test)]
mod tests;
