//! Whose turn it is on the processor, among the runs that would keep it.
//!
//! A run whose slice of time is over queues for its next one, and only one run of the thread has its turn at a
//! time: between two slices the thread looks at its sockets, and serves all that is quickly done. So it does not
//! matter to a short run whether one long one is on the thread or a thousand. The apps take turns, and within an
//! app its runs.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::Future,
    pin::pin,
    rc::Rc,
    task::{Context, Waker},
};

use picloud_shared::{id::AppId, seam::BusyRuns};

use super::Home;

/// The runs of a thread that wait for their turn, and whether one has it.
#[derive(Default)]
pub(super) struct Turns {
    /// All that wait, and the one that has its turn.
    pub(super) busy: BusyRuns,
    taken: Cell<bool>,
    apps: RefCell<VecDeque<AppQueue>>,
}

struct AppQueue {
    /// Nobody's for what is not run for an app.
    app: Option<AppId>,
    tickets: VecDeque<Rc<Ticket>>,
}

struct Ticket {
    app: Option<AppId>,
    state: Cell<State>,
    waker: RefCell<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    /// It is its turn.
    Up,
    /// It needs none any more.
    Gone,
}

/// The place of a run among those that take turns; left with this value.
pub(super) struct Turn {
    home: Rc<Home>,
    ticket: Rc<Ticket>,
}

impl Turn {
    /// Queues a run of `app` whose first slice is over.
    pub(super) fn queue(home: &Rc<Home>, app: Option<AppId>, waker: &Waker) -> Self {
        let turns = &home.turns;
        let ticket = Rc::new(Ticket {
            app,
            state: Cell::new(State::Waiting),
            waker: RefCell::new(waker.clone()),
        });
        turns.busy.begin();
        turns.push(&ticket);
        if !turns.taken.get() {
            turns.next();
        }
        Self {
            home: Rc::clone(home),
            ticket,
        }
    }

    /// Queues again, after a slice.
    pub(super) fn again(&self, waker: &Waker) {
        self.set_waker(waker);
        if self.ticket.state.replace(State::Waiting) == State::Up {
            self.home.turns.push(&self.ticket);
            self.home.turns.next();
        }
    }

    /// Whether it is its turn. If not, `waker` is woken when it is.
    pub(super) fn has_come(&self, waker: &Waker) -> bool {
        if self.ticket.state.get() == State::Up {
            return true;
        }
        self.set_waker(waker);
        false
    }

    fn set_waker(&self, waker: &Waker) {
        self.ticket.waker.borrow_mut().clone_from(waker);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let turns = &self.home.turns;
        turns.busy.end();
        if self.ticket.state.replace(State::Gone) == State::Up {
            turns.next();
        }
    }
}

impl Turns {
    fn push(&self, ticket: &Rc<Ticket>) {
        let mut apps = self.apps.borrow_mut();
        match apps.iter_mut().find(|queue| queue.app == ticket.app) {
            Some(queue) => queue.tickets.push_back(Rc::clone(ticket)),
            None => apps.push_back(AppQueue {
                app: ticket.app,
                tickets: VecDeque::from([Rc::clone(ticket)]),
            }),
        }
    }

    /// The turn goes to the first run of the app that has waited longest.
    fn next(&self) {
        let next = self.pop();
        self.taken.set(next.is_some());
        if let Some(ticket) = next {
            ticket.state.set(State::Up);
            wake_after_io(&ticket.waker.borrow());
        }
    }

    fn pop(&self) -> Option<Rc<Ticket>> {
        let mut apps = self.apps.borrow_mut();
        loop {
            let mut queue = apps.pop_front()?;
            let ticket = queue.tickets.pop_front();
            if !queue.tickets.is_empty() {
                apps.push_back(queue);
            }
            if let Some(ticket) = ticket.filter(|ticket| ticket.state.get() == State::Waiting) {
                return Some(ticket);
            }
        }
    }
}

/// Wakes a task once the thread has looked at its sockets: that is when tokio wakes a task that yields.
fn wake_after_io(waker: &Waker) {
    let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(waker));
}
