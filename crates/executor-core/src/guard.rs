//! Keeps one run within its limits.
//!
//! Rhai's own limits do not hold: operations inside native callbacks are not counted, a limit error raised
//! there can be caught by the script, and nested data overflows the native stack in code that never looks.
//! So the host counts for itself, at every step that Rhai reports, and what it decides is final: once there is
//! a verdict, every further step and host call fails, and the run ends with it whatever the script does.
//!
//! The memory of a run is what its thread's allocation counters gained while the run was on the processor. It
//! also stands in the account of the server's budget, brought up to date whenever the guard looks at it.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use picloud_shared::memory::{MemoryAccount, Pressure};

use crate::{
    allocator,
    bounds::Bounds,
    steps::{self, stack_pointer},
};

/// Steps between two looks at the clock, for a run that holds little.
const STEPS_MAX: u64 = 256;

/// Steps between two looks at the clock, for a run that holds much.
const STEPS_MIN: u64 = 4;

/// What "little" means. One native call may walk over everything that a run holds, so the more it holds, the
/// more often the clock is read.
const BYTES_SMALL: isize = 128 * 1_024;

/// How long a run keeps the thread while others wait for it.
const SLICE: Duration = Duration::from_millis(1);

/// A stack that was used deeper than this holds pages that are better given back.
const STACK_SHALLOW_BYTES: usize = 64 * 1_024;

/// A run that holds more blocks than this may have nested them, and a nested value is dropped by recursion
/// that takes no steps: its stack counts as deeply used too.
const BLOCKS_SHALLOW: isize = 512;

/// What a run counts for in the server's budget beside what it holds: the pages of its stack, its future.
const BYTES_OF_ANY_RUN: isize = 16 * 1_024;

/// A run that holds more may not grow while the server's budget is exhausted.
const BYTES_LARGE: isize = 1_024 * 1_024;

/// Why a run must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Out of steps.
    Operations,
    /// Out of time on the processor.
    CpuTime,
    /// Out of time on the clock.
    Timeout,
    /// Holds too many bytes.
    Memory,
    /// Would hold more when all runs of the server together hold too much.
    ServerMemory,
    /// Holds too many blocks.
    Values,
    /// The stack is used up.
    Depth,
}

/// What a run is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Go on.
    Go,
    /// Go on after others had the thread.
    Yield,
    /// End.
    Stop(Verdict),
}

/// The counters of one run and their bounds.
pub(crate) struct Guard {
    bounds: Bounds,
    started: Instant,
    verdict: Cell<Option<Verdict>>,
    steps_granted: Cell<u64>,
    /// What is left of them, while the run is not on the processor.
    steps_left: Cell<u64>,
    on_processor: Cell<bool>,
    stack_end: usize,
    stack_line: Cell<usize>,
    deep: Cell<bool>,
    memory: Memory,
    account: Rc<MemoryAccount>,
    /// What of the memory stands in the account.
    accounted: Cell<isize>,
    on_processor_since: Cell<Instant>,
    /// When this thread began to run it, or what it is called by, without a pause.
    slice_since: Cell<Instant>,
    off_processor_since: Cell<Instant>,
    cpu: Cell<Duration>,
}

/// The thread's counters when the run holds nothing (`*_base`), valid while it is on the processor; and what it holds
/// while it is not.
#[derive(Default)]
struct Memory {
    bytes_base: Cell<isize>,
    bytes_held: Cell<isize>,
    bytes_peak: Cell<isize>,
    /// What the run may hold before it is looked at again.
    bytes_next: Cell<isize>,
    blocks_base: Cell<isize>,
    blocks_held: Cell<isize>,
}

impl Guard {
    /// The guard of a run that starts at `now` on a stack that reaches from `stack_low` up to `stack_high`.
    pub(crate) fn new(
        bounds: Bounds,
        account: Rc<MemoryAccount>,
        now: Instant,
        stack_low: usize,
        stack_high: usize,
    ) -> Self {
        account.add(BYTES_OF_ANY_RUN);
        let stack_end = stack_low + bounds.stack_reserve_bytes;
        Self {
            bounds,
            started: now,
            verdict: Cell::new(None),
            // A short run never looks at the clock.
            steps_granted: Cell::new(STEPS_MAX.min(bounds.operations_max)),
            steps_left: Cell::new(STEPS_MAX.min(bounds.operations_max)),
            on_processor: Cell::new(false),
            stack_end,
            stack_line: Cell::new(stack_end.max(stack_high - STACK_SHALLOW_BYTES)),
            deep: Cell::new(false),
            memory: Memory {
                bytes_next: Cell::new(BYTES_SMALL.min(bounds.bytes_max)),
                ..Memory::default()
            },
            account,
            accounted: Cell::new(BYTES_OF_ANY_RUN),
            on_processor_since: Cell::new(now),
            slice_since: Cell::new(now),
            off_processor_since: Cell::new(now),
            cpu: Cell::new(Duration::ZERO),
        }
    }

    /// Whether the run may hold `bytes` more. If not, it is over.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<(), Verdict> {
        if let Some(verdict) = self.verdict.get() {
            return Err(verdict);
        }
        let after = self.memory.bytes_held_now().saturating_add_unsigned(bytes);
        if after > self.bounds.bytes_max {
            return Err(self.stop(Verdict::Memory));
        }
        if after > BYTES_LARGE {
            let bytes = isize::try_from(bytes).unwrap_or(isize::MAX);
            if self.account.budget().pressure_with(bytes) > Pressure::None {
                return Err(self.stop(Verdict::ServerMemory));
            }
        }
        Ok(())
    }

    /// Ends the run with `verdict`, or with the one that it has already.
    pub(crate) fn stop(&self, verdict: Verdict) -> Verdict {
        let verdict = self.verdict.get().unwrap_or(verdict);
        self.verdict.set(Some(verdict));
        self.grant(self.operations(), 0);
        verdict
    }

    /// What is left of its time on the clock.
    pub(crate) fn time_left(&self) -> Duration {
        self.bounds.timeout.saturating_sub(self.started.elapsed())
    }

    /// Why the run must end, if it must.
    #[inline]
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.verdict.get()
    }

    /// When the slice of time began that the run is in.
    pub(crate) fn slice_since(&self) -> Instant {
        self.slice_since.get()
    }

    /// What is left to the run that is on the processor, for another that it calls.
    pub(crate) fn left(&self) -> Bounds {
        let cpu = self.cpu.get() + self.on_processor_since.get().elapsed();
        Bounds {
            operations_max: self.bounds.operations_max.saturating_sub(self.operations()),
            cpu: self.bounds.cpu.saturating_sub(cpu),
            timeout: self.time_left(),
            bytes_max: (self.bounds.bytes_max - self.memory.bytes_held_now()).max(1),
            blocks_max: (self.bounds.blocks_max - self.memory.blocks_held_now()).max(1),
            stack_reserve_bytes: self.bounds.stack_reserve_bytes,
        }
    }

    /// Takes over what a run holds that this one, which is on the processor, has called, and the time that it used.
    pub(crate) fn take_over(&self, called: &Self) {
        self.memory.take_over(&called.memory);
        self.cpu.set(self.cpu.get() + called.cpu.get());
    }

    /// Does `act`, of which nothing counts as memory of the run, which is on the processor.
    pub(crate) fn not_counting<T>(&self, act: impl FnOnce() -> T) -> T {
        let (bytes, blocks) = (allocator::bytes(), allocator::blocks());
        let result = act();
        let memory = &self.memory;
        memory
            .bytes_base
            .set(memory.bytes_base.get() + allocator::bytes() - bytes);
        memory
            .blocks_base
            .set(memory.blocks_base.get() + allocator::blocks() - blocks);
        result
    }

    /// The run gets the processor, in a slice of time that began at `slice_since`.
    pub(crate) fn resume(&self, now: Instant, slice_since: Instant) {
        self.on_processor_since.set(now);
        self.slice_since.set(slice_since);
        self.on_processor.set(true);
        steps::grant(self.steps_left.get(), self.stack_line.get());
        self.memory.resume(self.bounds.blocks_max);
    }

    /// The run leaves the processor.
    pub(crate) fn pause(&self, now: Instant) {
        self.off_processor_since.set(now);
        self.cpu
            .set(self.cpu.get() + (now - self.on_processor_since.get()));
        self.steps_left.set(steps::left());
        self.on_processor.set(false);
        steps::grant(0, 0);
        self.memory.pause();
        self.put_in_account(self.memory.bytes_held.get());
    }

    /// When the run started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// When the run last left the processor.
    pub(crate) fn paused_at(&self) -> Instant {
        self.off_processor_since.get()
    }

    /// When the run must have ended.
    pub(crate) fn deadline(&self) -> Instant {
        self.started + self.bounds.timeout
    }

    /// Steps taken.
    pub(crate) fn operations(&self) -> u64 {
        let left = if self.on_processor.get() {
            steps::left()
        } else {
            self.steps_left.get()
        };
        self.steps_granted.get() - left
    }

    /// Time on the processor, up to the last pause.
    pub(crate) fn cpu(&self) -> Duration {
        self.cpu.get()
    }

    /// The most bytes held at one time, up to the last pause.
    pub(crate) fn memory_bytes_peak(&self) -> u64 {
        u64::try_from(self.memory.bytes_peak.get()).unwrap_or(0)
    }

    /// Whether the stack may have been used so deeply that it should not be kept.
    pub(crate) fn used_stack_deeply(&self) -> bool {
        self.deep.get()
    }

    /// Has the account say what the run holds; tells by how much that has grown.
    #[inline]
    fn put_in_account(&self, held: isize) -> isize {
        let due = held.max(0) + BYTES_OF_ANY_RUN;
        let grown = due - self.accounted.replace(due);
        self.account.add(grown);
        grown
    }

    /// Lets the run, which has taken so many steps, take `steps` more until the next look.
    fn grant(&self, taken: u64, steps: u64) {
        self.steps_granted.set(taken + steps);
        self.steps_left.set(steps);
        if self.on_processor.get() {
            steps::grant(steps, self.stack_line.get());
        }
    }

    /// Counts `steps` that could not be [taken](steps::take): looks at everything, and decides how far the run may go
    /// until the next look.
    #[cold]
    #[inline(never)]
    pub(crate) fn look(&self, steps: u64) -> Step {
        if let Some(verdict) = self.verdict.get() {
            return Step::Stop(verdict);
        }
        let taken = self.operations().saturating_add(steps);
        if taken > self.bounds.operations_max {
            self.grant(self.bounds.operations_max, 0);
            return Step::Stop(self.stop(Verdict::Operations));
        }
        let held = self.memory.bytes_held_now();
        let grant = steps_until_next_look(held).min(self.bounds.operations_max - taken);
        let now = Instant::now();
        let on_processor = now - self.on_processor_since.get();
        let verdict = self.broken_bound(held, now, on_processor);
        self.grant(taken, grant);
        self.memory.look_again_at(
            held.saturating_mul(2).max(BYTES_SMALL).min(self.bounds.bytes_max),
            self.bounds.blocks_max,
        );
        if let Some(verdict) = verdict {
            return Step::Stop(self.stop(verdict));
        }
        if now - self.slice_since.get() >= SLICE {
            Step::Yield
        } else {
            Step::Go
        }
    }

    /// Whether the server's budget allows that a run which holds so much has grown.
    fn may_grow_to(&self, held: isize) -> bool {
        match self.account.budget().pressure() {
            Pressure::None => true,
            Pressure::Exhausted => held <= BYTES_LARGE,
            Pressure::Overdrawn => held <= BYTES_OF_ANY_RUN,
        }
    }

    fn broken_bound(&self, held: isize, now: Instant, on_processor: Duration) -> Option<Verdict> {
        let stack_pointer = stack_pointer();
        if stack_pointer < self.stack_line.get() {
            self.deep.set(true);
            self.stack_line.set(self.stack_end);
        }
        let blocks = self.memory.blocks_held_now();
        if blocks > BLOCKS_SHALLOW {
            self.deep.set(true);
        }
        let grown = self.put_in_account(held);
        if stack_pointer < self.stack_end {
            Some(Verdict::Depth)
        } else if held > self.bounds.bytes_max {
            Some(Verdict::Memory)
        } else if grown > 0 && !self.may_grow_to(held) {
            Some(Verdict::ServerMemory)
        } else if blocks > self.bounds.blocks_max {
            Some(Verdict::Values)
        } else if self.cpu.get() + on_processor > self.bounds.cpu {
            Some(Verdict::CpuTime)
        } else if now - self.started > self.bounds.timeout {
            Some(Verdict::Timeout)
        } else {
            None
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.account.add(-self.accounted.get());
    }
}

impl Memory {
    fn bytes_held_now(&self) -> isize {
        allocator::bytes() - self.bytes_base.get()
    }

    fn blocks_held_now(&self) -> isize {
        allocator::blocks() - self.blocks_base.get()
    }

    /// Has the run looked at when it holds more than this.
    fn look_again_at(&self, bytes: isize, blocks: isize) {
        self.bytes_next.set(bytes);
        allocator::watch(
            self.bytes_base.get().saturating_add(bytes),
            self.blocks_base.get().saturating_add(blocks),
        );
    }

    fn resume(&self, blocks_max: isize) {
        allocator::reset_peak();
        self.bytes_base.set(allocator::bytes() - self.bytes_held.get());
        self.blocks_base.set(allocator::blocks() - self.blocks_held.get());
        self.look_again_at(self.bytes_next.get(), blocks_max);
    }

    fn take_over(&self, called: &Self) {
        let peak = self.bytes_held_now() + called.bytes_peak.get();
        self.bytes_peak.set(self.bytes_peak.get().max(peak));
        self.bytes_base
            .set(self.bytes_base.get() - called.bytes_held.get());
        self.blocks_base
            .set(self.blocks_base.get() - called.blocks_held.get());
    }

    fn pause(&self) {
        self.bytes_held.set(self.bytes_held_now());
        self.blocks_held.set(self.blocks_held_now());
        let peak = allocator::bytes_peak() - self.bytes_base.get();
        self.bytes_peak.set(self.bytes_peak.get().max(peak));
        allocator::watch(isize::MAX, isize::MAX);
    }
}

/// The more a run holds, the longer one step may take.
fn steps_until_next_look(bytes_held: isize) -> u64 {
    let multiple = u64::try_from(bytes_held / BYTES_SMALL).unwrap_or(0) + 1;
    (STEPS_MAX / multiple).max(STEPS_MIN)
}
