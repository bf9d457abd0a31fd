//! Accepts connections and gives each to the thread that has the least to do.
//!
//! One thread accepts for all, because the kernel's way to share a port between threads (`SO_REUSEPORT`) deals
//! connections out by a hash of their addresses: of two connections both may land on one of two threads, and a
//! thread that is busy with scripts gets as many as an idle one. The acceptor never waits behind a script, and
//! sleeps while nobody connects.

use std::{
    io,
    net::{self, IpAddr},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc, watch},
    task::spawn_local,
    time::sleep,
};

use super::{
    Load, Phase,
    clients::{Clients, Counted},
    load::Open,
};
use crate::proxy::TrustedProxies;

/// How long to wait after the system refused a connection for want of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection on its way to a serving thread.
pub(crate) struct Arrival {
    pub(crate) stream: net::TcpStream,
    pub(crate) peer: IpAddr,
    pub(crate) open: Open,
    pub(crate) client: Counted,
}

/// The way to one serving thread.
pub(crate) struct Lane {
    pub(crate) load: Arc<Load>,
    pub(crate) arrivals: mpsc::UnboundedSender<Arrival>,
}

/// Accepts for all listeners.
pub(crate) struct Acceptor {
    lanes: Vec<Lane>,
    connections_max: usize,
    clients: Clients,
    /// Notified whenever a connection ends.
    ended: Arc<Notify>,
}

/// How many connections there may be at a time.
#[derive(Clone, Copy)]
pub(crate) struct ConnectionBounds {
    /// Of everybody.
    pub(crate) all_max: usize,
    /// Of one client that is no trusted proxy.
    pub(crate) per_client_max: usize,
}

impl Acceptor {
    pub(crate) fn new(
        lanes: Vec<Lane>,
        bounds: ConnectionBounds,
        proxies: TrustedProxies,
        ended: Arc<Notify>,
    ) -> Self {
        Self {
            lanes,
            connections_max: bounds.all_max,
            clients: Clients::new(bounds.per_client_max, proxies),
            ended,
        }
    }

    /// Accepts until the server drains.
    pub(crate) async fn run(
        self,
        listeners: Vec<net::TcpListener>,
        mut phase: watch::Receiver<Phase>,
    ) -> io::Result<()> {
        let acceptor = Rc::new(self);
        for listener in listeners {
            let listener = TcpListener::from_std(listener)?;
            let acceptor = Rc::clone(&acceptor);
            spawn_local(async move { acceptor.accept_from(&listener).await });
        }
        // Fails when the server is dropped, which ends it as well. The tasks, and with them the listeners, end
        // with the runtime.
        let _ = phase.wait_for(|phase| *phase != Phase::Serving).await;
        Ok(())
    }

    async fn accept_from(&self, listener: &TcpListener) {
        loop {
            self.wait_for_room().await;
            match listener.accept().await {
                Ok((stream, peer)) => self.hand_over(stream, peer.ip()),
                // The client was gone before it was its turn.
                Err(error) if is_clients_fault(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::select! {
                        () = self.ended.notified() => {}
                        () = sleep(ACCEPT_PAUSE) => {}
                    }
                }
            }
        }
    }

    /// Beyond the bound, clients wait in the queue of the kernel until somebody leaves.
    async fn wait_for_room(&self) {
        while self
            .lanes
            .iter()
            .map(|lane| lane.load.connections())
            .sum::<usize>()
            >= self.connections_max
        {
            self.ended.notified().await;
        }
    }

    fn hand_over(&self, stream: TcpStream, peer: IpAddr) {
        let Some(client) = self.clients.admit(peer) else {
            tracing::debug!(%peer, "a client has as many connections as it may; one more is closed");
            return;
        };
        let stream = match stream.set_nodelay(true).and_then(|()| stream.into_std()) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection broke before it was served");
                return;
            }
        };
        if let Some(lane) = self.lanes.iter().min_by_key(|lane| lane.load.weight()) {
            let open = lane.load.open();
            // Fails when the thread has ended, with the server.
            let _ = lane.arrivals.send(Arrival {
                stream,
                peer,
                open,
                client,
            });
        }
    }
}

fn is_clients_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
