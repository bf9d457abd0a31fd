//! A run as a future: a coroutine with a stack of its own, pinned to its thread.
//!
//! Rhai is synchronous. A native function that has to wait polls its future in place, on the coroutine's
//! stack, and suspends the coroutine while the future is pending; the thread goes on with other work. At the
//! end of its time slice a run suspends too, so that scripts share a thread fairly.
//!
//! Nothing here ever crosses a thread, so neither Rhai's types nor the futures need to be `Send`.

#![expect(
    unsafe_code,
    reason = "the current run is reached through a pointer in thread-local storage; the in-flight journal is a file in \
        memory"
)]

mod home;
mod in_flight;
mod stack;
mod turns;

use std::{
    cell::Cell,
    future::Future,
    io,
    pin::{Pin, pin},
    ptr,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Instant,
};

use corosensei::{Coroutine, CoroutineResult, Yielder};
use picloud_shared::id::AppId;
use tokio::time::Sleep;

pub use self::in_flight::{InFlight, InFlightJournal, SystemState};
use self::turns::Turn;
pub(crate) use self::{home::Home, in_flight::Entry};
use crate::{
    bounds::Bounds,
    guard::{Step, Verdict},
    run::{Call, Run, Settings},
};

/// Why a coroutine gave the thread up.
enum Pause {
    /// It waits for something that will wake it.
    Wait,
    /// Its time slice is over.
    Slice,
}

thread_local! {
    static CURRENT: Cell<*const Run> = const { Cell::new(ptr::null()) };
}

/// The side of a run that native functions suspend it through.
pub(crate) struct Link {
    yielder: Cell<*const Yielder<(), Pause>>,
    context: Cell<*mut Context<'static>>,
    dropping: Cell<bool>,
}

impl Link {
    /// The link of a run that has not started.
    pub(crate) fn new() -> Self {
        Self {
            yielder: Cell::new(ptr::null()),
            context: Cell::new(ptr::null_mut()),
            dropping: Cell::new(false),
        }
    }

    /// Whether the run was given up by its owner: its stack is being unwound.
    pub(crate) fn is_dropping(&self) -> bool {
        self.dropping.get()
    }

    fn suspend(&self, pause: Pause) {
        if self.dropping.get() {
            return;
        }
        // SAFETY: only the current run's link is suspended, from code on its own coroutine's stack (see
        // `with_current`). There the yielder, which lives at the root of that stack, is set and alive.
        unsafe { (*self.yielder.get()).suspend(pause) };
    }
}

/// Calls `f` with the run that is current on this thread, if one is.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(Option<&Run>) -> R) -> R {
    // SAFETY: the pointer is null, or was set by `OnProcessor` from a reference that outlives the time for
    // which it is set. `f` may suspend: then the coroutine's stack, which holds an `Rc` of this very run, is
    // frozen with `f` on it, so the reference stays valid until `f` returns or is unwound.
    f(unsafe { CURRENT.get().as_ref() })
}

/// The run that is current on this thread, to be kept for as long as something needs it.
pub(crate) fn current() -> Option<Rc<Run>> {
    let run = CURRENT.get();
    // SAFETY: the pointer is null, or `OnProcessor` made it from an `Rc` that outlives the time for which it is set.
    (!run.is_null()).then(|| unsafe {
        Rc::increment_strong_count(run);
        Rc::from_raw(run)
    })
}

/// Waits for `future` on behalf of the current run; the error is the run's verdict. Outside of a run the thread
/// is blocked.
pub(crate) fn wait<F: Future>(future: F) -> Result<F::Output, Option<Verdict>> {
    let mut future = pin!(future);
    with_current(|run| {
        let Some(run) = run else {
            return Ok(block_on(future));
        };
        loop {
            if run.guard.verdict().is_some() || run.link.is_dropping() {
                return Err(run.guard.verdict());
            }
            // SAFETY: `OnProcessor` set the pointer for the time of this resume, in which the context is
            // borrowed for the coroutine alone. It is read anew after each suspension.
            let context = unsafe { &mut *run.link.context.get() };
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return Ok(value);
            }
            run.link.suspend(Pause::Wait);
        }
    })
}

/// Does what the guard of the current run says; the error is its verdict.
#[inline]
pub(crate) fn obey(run: &Run, step: Step) -> Result<(), Verdict> {
    match step {
        Step::Go => Ok(()),
        Step::Yield => {
            run.link.suspend(Pause::Slice);
            run.guard.verdict().map_or(Ok(()), Err)
        }
        Step::Stop(verdict) => Err(verdict),
    }
}

/// A run of `T`: polls a coroutine to its end. Dropping it ends the run at once and frees all that it holds.
pub(crate) struct Task<T: 'static> {
    coroutine: Option<Coroutine<(), Pause, T>>,
    run: Rc<Run>,
    home: Rc<Home>,
    started: bool,
    app: Option<AppId>,
    /// Its place among those that take turns, from the end of its first slice until it waits or ends.
    turn: Option<Turn>,
    /// Made when the run first waits: one that never waits looks at the clock itself.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<T: 'static> Task<T> {
    /// A run of `body` within `bounds`. Fails if there is no memory for a stack.
    pub(crate) fn new(
        home: &Rc<Home>,
        bounds: Bounds,
        settings: Settings,
        body: impl FnOnce(&Run) -> T + 'static,
    ) -> io::Result<Self> {
        Self::called(home, bounds, settings, None, body)
    }

    /// The same for what a run has called, which is on the processor now and whenever this is polled or dropped.
    pub(crate) fn called(
        home: &Rc<Home>,
        bounds: Bounds,
        settings: Settings,
        call: Option<Call>,
        body: impl FnOnce(&Run) -> T + 'static,
    ) -> io::Result<Self> {
        let (stack, addresses) = home.stacks.take(bounds.stack_bytes())?;
        let account = Rc::clone(&home.account);
        let services = home.services.clone();
        let app = settings.app;
        let run = Run::new(
            bounds,
            settings,
            call,
            account,
            services,
            Instant::now(),
            &addresses,
        );
        let run = Rc::new(run);
        let on_stack = Rc::clone(&run);
        let coroutine = Coroutine::with_stack(stack, move |yielder, ()| {
            on_stack.link.yielder.set(yielder);
            body(&on_stack)
        });
        Ok(Self {
            coroutine: Some(coroutine),
            run,
            home: Rc::clone(home),
            started: false,
            app,
            turn: None,
            deadline: None,
        })
    }

    fn resume(&mut self, context: &mut Context<'_>) -> CoroutineResult<Pause, T> {
        let now = if self.started {
            Instant::now()
        } else {
            self.started = true;
            self.run.guard.started()
        };
        let coroutine = self.coroutine.as_mut().expect("a run is polled until it ends");
        let _on_processor = OnProcessor::enter(&self.run, context, now);
        coroutine.resume(())
    }

    fn check_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let guard = &self.run.guard;
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(guard.deadline().into())));
        deadline.as_mut().poll(context).map(|()| {
            guard.stop(Verdict::Timeout);
        })
    }
}

impl<T: 'static> Future for Task<T> {
    type Output = (T, Rc<Run>);

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let task = self.get_mut();
        // If it has passed, the verdict stands, and the resumed run ends by it, whoever's turn it is.
        let late = task.deadline.is_some() && task.check_deadline(context).is_ready();
        if let Some(turn) = &task.turn
            && !turn.has_come(context.waker())
            && !late
        {
            return Poll::Pending;
        }
        loop {
            match task.resume(context) {
                CoroutineResult::Return(value) => {
                    task.turn = None;
                    task.run.hand_over();
                    let coroutine = task.coroutine.take().expect("it has just returned");
                    if !task.run.guard.used_stack_deeply() {
                        task.home.stacks.give(coroutine.into_stack());
                    }
                    return Poll::Ready((value, Rc::clone(&task.run)));
                }
                CoroutineResult::Yield(Pause::Slice) => {
                    if task.check_deadline(context).is_ready() {
                        continue;
                    }
                    match &task.turn {
                        Some(turn) => turn.again(context.waker()),
                        None => task.turn = Some(Turn::queue(&task.home, task.app, context.waker())),
                    }
                    return Poll::Pending;
                }
                CoroutineResult::Yield(Pause::Wait) => {
                    task.turn = None;
                    if task.check_deadline(context).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl<T: 'static> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(coroutine) = &mut self.coroutine {
            self.run.link.dropping.set(true);
            let mut context = Context::from_waker(Waker::noop());
            let on_processor = OnProcessor::enter(&self.run, &mut context, Instant::now());
            coroutine.force_unwind();
            drop(on_processor);
            self.run.hand_over();
        }
    }
}

/// Makes a run the current one, and puts things back when it leaves the processor, by whatever way. Runs nest:
/// one may poll another in place.
struct OnProcessor<'a> {
    run: &'a Run,
    outer: *const Run,
}

impl<'a> OnProcessor<'a> {
    fn enter(run: &'a Rc<Run>, context: &'a mut Context<'_>, now: Instant) -> Self {
        let outer = CURRENT.replace(Rc::as_ptr(run));
        let mut slice_since = now;
        // SAFETY: the outer run is on the processor further up this very call stack.
        if let Some(outer) = unsafe { outer.as_ref() } {
            outer.guard.pause(now);
            slice_since = outer.guard.slice_since();
        }
        run.link.context.set(ptr::from_mut(context).cast());
        run.guard.resume(now, slice_since);
        in_flight::enter(&run.entry);
        Self { run, outer }
    }
}

impl Drop for OnProcessor<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        self.run.guard.pause(now);
        self.run.link.context.set(ptr::null_mut());
        CURRENT.set(self.outer);
        // SAFETY: as in `enter`.
        let outer = unsafe { self.outer.as_ref() };
        in_flight::leave(outer.map(|outer| &outer.entry));
        if let Some(outer) = outer {
            outer.guard.resume(now, outer.guard.slice_since());
        }
    }
}

fn block_on<F: Future>(mut future: Pin<&mut F>) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        thread::park();
    }
}
