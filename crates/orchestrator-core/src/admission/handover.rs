//! Runs that start on another thread than the one that has their connection.
//!
//! A thread that is busy with scripts which use all the time they get serves everybody else between their slices.
//! That is fair, but slow if another thread has nothing to do. Before it starts, a run is plain data, so it can
//! still go there; once it has started it stays where it is.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use picloud_shared::{invocation::Invocation, outcome::Outcome, seam::BusyRuns};
use tokio::sync::{mpsc, oneshot};

use crate::ingress::Load;

/// A run on its way to the thread where it starts. It ends when nobody waits for its outcome any more.
pub(crate) struct Guest {
    pub(crate) invocation: Invocation,
    pub(crate) outcome: oneshot::Sender<Outcome>,
}

/// The way of a run to one thread. Its queue needs no bound of its own: each run in it has its place already.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) load: Arc<Load>,
    pub(crate) guests: mpsc::UnboundedSender<Guest>,
}

/// All threads where a run may start, for whoever is none of them. All copies are one.
#[derive(Clone)]
pub struct ServingThreads(Arc<[Thread]>);

struct Thread {
    host: Host,
    /// How many runs it was given from here that have not ended.
    given: AtomicUsize,
}

/// A run that a thread was given; ends with this value.
struct Given<'t>(&'t Thread);

/// All threads where a run may start, as one of them sees them.
pub(crate) struct Hosts {
    busy: BusyRuns,
    all: Arc<[Host]>,
}

impl Hosts {
    /// The threads as seen by the one that has these busy runs.
    pub(crate) fn new(busy: BusyRuns, all: Arc<[Host]>) -> Self {
        Self { busy, all }
    }

    /// Whether it is worth a look at the other threads.
    #[inline]
    pub(crate) fn is_busy_here(&self) -> bool {
        self.busy.count() > 0
    }

    /// Sends a run to a thread with less than half as many busy runs, if there is one; gives it back if not.
    pub(crate) fn send(&self, invocation: Invocation) -> Result<oneshot::Receiver<Outcome>, Invocation> {
        let least = self.all.iter().min_by_key(|host| host.load.busy());
        let Some(host) = least.filter(|host| host.load.busy() * 2 < self.busy.count()) else {
            return Err(invocation);
        };
        let (outcome, awaited) = oneshot::channel();
        host.guests
            .send(Guest { invocation, outcome })
            .map(|()| awaited)
            // The thread takes no more, because the server stops.
            .map_err(|refused| refused.0.invocation)
    }
}

impl ServingThreads {
    pub(crate) fn new(all: &[Host]) -> Self {
        let threads = all.iter().map(|host| Thread {
            host: host.clone(),
            given: AtomicUsize::new(0),
        });
        Self(threads.collect())
    }

    /// Runs a script on the thread that has the least to do. Nothing if the server stops first, so that there is no
    /// outcome: the run may have committed all the same.
    pub(crate) async fn execute(&self, invocation: Invocation) -> Option<Outcome> {
        let thread = self.0.iter().min_by_key(|thread| thread.weight())?;
        let _given = Given::to(thread);
        let (outcome, awaited) = oneshot::channel();
        thread.host.guests.send(Guest { invocation, outcome }).ok()?;
        awaited.await.ok()
    }
}

impl Thread {
    /// Scripts that use all the time they get weigh more than any number that may wait for something.
    fn weight(&self) -> (usize, usize) {
        (self.host.load.busy(), self.given.load(Relaxed))
    }
}

impl<'t> Given<'t> {
    fn to(thread: &'t Thread) -> Self {
        thread.given.fetch_add(1, Relaxed);
        Self(thread)
    }
}

impl Drop for Given<'_> {
    fn drop(&mut self) {
        self.0.given.fetch_sub(1, Relaxed);
    }
}
