//! One serving thread.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::Waker,
};

use hyper::rt::Executor;
use hyper_util::server::conn::auto;
use picloud_shared::seam::ExecutorClient;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::spawn_local,
};

use super::{Pace, Phase, acceptor::Arrival, connection};
use crate::{admission::Guest, dispatch::Dispatcher};

/// Longest head of a request in bytes: request line and headers. A head may have 100 headers, the bound that
/// the HTTP library has by itself.
pub(super) const HEAD_BYTES_MAX: usize = 32 * 1_024;
/// Most requests at a time on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// How much of one body a client may send over HTTP/2 before it is read.
const STREAM_WINDOW_BYTES: u32 = 256 * 1_024;
/// How much of all bodies of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 1_024 * 1_024;

/// One serving thread: all its connections, and what they share.
pub(crate) struct Worker<E> {
    pub(super) dispatcher: Dispatcher<E>,
    pub(super) http: auto::Builder<LocalExecutor>,
    pub(super) pace: Pace,
    pub(super) phase: Cell<Phase>,
    pub(super) connections: Connections,
    /// Runs of other threads' connections that are here.
    guests: Cell<usize>,
}

/// What comes to a serving thread.
pub(crate) struct Queues {
    pub(crate) arrivals: mpsc::UnboundedReceiver<Arrival>,
    pub(crate) guests: mpsc::UnboundedReceiver<Guest>,
}

impl<E: ExecutorClient + 'static> Worker<E> {
    pub(crate) fn new(dispatcher: Dispatcher<E>, pace: Pace) -> Self {
        Self {
            dispatcher,
            http: http(),
            pace,
            phase: Cell::default(),
            connections: Connections::default(),
            guests: Cell::new(0),
        }
    }

    /// Serves what arrives until the server stops, and what is in flight until it is done or dropped.
    pub(crate) async fn run(self, queues: Queues, mut phase: watch::Receiver<Phase>) {
        let worker = Rc::new(self);
        let Queues {
            mut arrivals,
            mut guests,
        } = queues;
        loop {
            tokio::select! {
                Some(arrival) = arrivals.recv() => {
                    spawn_local(connection::serve(Rc::clone(&worker), arrival));
                }
                Some(guest) = guests.recv() => worker.take_in(guest),
                entered = entered(&mut phase, Phase::Draining) => {
                    worker.enter(entered);
                    break;
                }
            }
        }
        drop(arrivals);
        while worker.phase.get() < Phase::Stopped {
            if worker.is_empty() {
                // From here on other threads keep their runs. One may have come just before.
                guests.close();
                match guests.try_recv() {
                    Ok(guest) => worker.take_in(guest),
                    Err(_) => break,
                }
            }
            tokio::select! {
                () = worker.connections.ended.notified() => {}
                Some(guest) = guests.recv() => worker.take_in(guest),
                entered = entered(&mut phase, Phase::Stopped) => worker.enter(entered),
            }
        }
    }

    /// Runs a script for another thread, until it ends or nobody waits for it any more.
    fn take_in(self: &Rc<Self>, guest: Guest) {
        let worker = Rc::clone(self);
        worker.guests.set(worker.guests.get() + 1);
        spawn_local(async move {
            let dispatcher = &worker.dispatcher;
            // Counted here as well, so that new connections see it; its own thread has let it in.
            let running = dispatcher.load.begin_run(usize::MAX);
            let Guest {
                invocation,
                mut outcome,
            } = guest;
            tokio::select! {
                ended = dispatcher.executor.execute(invocation) => drop(outcome.send(ended)),
                () = outcome.closed() => {}
            }
            drop(running);
            worker.guests.set(worker.guests.get() - 1);
            if worker.is_empty() {
                worker.connections.ended.notify_one();
            }
        });
    }

    fn is_empty(&self) -> bool {
        self.connections.is_empty() && self.guests.get() == 0
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.connections.wake();
    }
}

/// Waits until the server is in `phase` or a later one. A server that is gone has stopped.
async fn entered(phases: &mut watch::Receiver<Phase>, phase: Phase) -> Phase {
    phases
        .wait_for(|now| *now >= phase)
        .await
        .map_or(Phase::Stopped, |now| *now)
}

/// How HTTP is spoken. Deadlines are not the library's: it would set and clear a timer for each request.
fn http() -> auto::Builder<LocalExecutor> {
    let mut http = auto::Builder::new(LocalExecutor);
    http.http1()
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX)
        // Head and body leave in one plain write; see `ResponseBody`.
        .writev(false);
    http.http2()
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    http
}

/// Runs the tasks of HTTP/2 connections on their own thread.
#[derive(Clone, Copy)]
pub(super) struct LocalExecutor;

impl<F: Future<Output: 'static> + 'static> Executor<F> for LocalExecutor {
    fn execute(&self, task: F) {
        spawn_local(task);
    }
}

/// The connections of a thread, so that all of them can be told when the server stops.
#[derive(Default)]
pub(super) struct Connections {
    wakers: RefCell<Vec<Option<Waker>>>,
    free: RefCell<Vec<usize>>,
    /// Notified when the last connection has ended.
    ended: Notify,
}

/// A connection in the list; it leaves with this value.
pub(super) struct Registered<'c> {
    connections: &'c Connections,
    slot: usize,
}

impl Connections {
    pub(super) fn register(&self) -> Registered<'_> {
        let mut wakers = self.wakers.borrow_mut();
        let slot = self.free.borrow_mut().pop().unwrap_or_else(|| {
            wakers.push(None);
            wakers.len() - 1
        });
        Registered {
            connections: self,
            slot,
        }
    }

    fn is_empty(&self) -> bool {
        self.free.borrow().len() == self.wakers.borrow().len()
    }

    fn wake(&self) {
        self.wakers.borrow().iter().flatten().for_each(Waker::wake_by_ref);
    }
}

impl Registered<'_> {
    /// Says how the connection is woken.
    pub(super) fn set_waker(&self, waker: &Waker) {
        let known = &mut self.connections.wakers.borrow_mut()[self.slot];
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.connections.wakers.borrow_mut()[self.slot] = None;
        self.connections.free.borrow_mut().push(self.slot);
        if self.connections.is_empty() {
            self.connections.ended.notify_one();
        }
    }
}
