//! The server: its addresses, its threads, its end.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc as handshake},
    thread,
    time::Duration,
};

use ipnet::IpNet;
use picloud_shared::{
    memory::{MemoryAccount, MemoryBudget},
    seam::ExecutorClient,
    services::HostServices,
    time::Clock,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    runtime,
    sync::{Notify, mpsc, watch},
    time::timeout,
};

use crate::{
    admission::{Host, Hosts, ServingThreads},
    dispatch::{BodyPace, ControlPlane, Dispatcher},
    events::Events,
    ids::RequestIds,
    ingress::{Acceptor, ConnectionBounds, Lane, Load, Pace, Phase, Queues, Worker},
    live::LiveReleases,
    recorder::Recorder,
};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4_096;
/// Longest body of a request in bytes, unless configured.
const REQUEST_BODY_BYTES_MAX: u64 = 10 * 1_024 * 1_024;
/// Most connections at a time, unless configured.
const CONNECTIONS_MAX: usize = 16_384;
/// Most connections of one client at a time, unless configured.
const CONNECTIONS_PER_CLIENT_MAX: usize = 12_000;
/// How long threads have to drop what is left when the time to drain is over.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Settings of the server.
#[derive(Clone)]
pub struct ServerConfig {
    /// Where to listen. Port 0 means any free port.
    pub bind: Vec<SocketAddr>,
    /// How many threads serve.
    pub threads: usize,
    /// Proxies whose `X-Forwarded-*` headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// Longest body of a request to a script, in bytes.
    pub request_body_bytes_max: u64,
    /// How long a client may take for the head of a request.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request. Up to twice that, as it is only looked at so often.
    pub idle_timeout: Duration,
    /// How long a body may take, however small,
    pub body_grace: Duration,
    /// and so many bytes of it must come in each further second.
    pub body_bytes_per_second_min: u64,
    /// Most connections at a time; more wait until they are accepted.
    pub connections_max: usize,
    /// Most connections of one client at a time; more are closed. A client is an address, or a network of 64
    /// bits of version 6. Trusted proxies may have any number.
    pub connections_per_client_max: usize,
    /// What scripts, and bodies on their way to and from them, may hold together.
    pub memory: Arc<MemoryBudget>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl ServerConfig {
    /// The defaults.
    pub fn new(bind: Vec<SocketAddr>, clock: Arc<dyn Clock>) -> Self {
        Self {
            bind,
            threads: thread::available_parallelism().map_or(1, usize::from),
            trusted_proxies: Vec::new(),
            request_body_bytes_max: REQUEST_BODY_BYTES_MAX,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            body_grace: Duration::from_secs(10),
            body_bytes_per_second_min: 1_024,
            connections_max: CONNECTIONS_MAX,
            connections_per_client_max: CONNECTIONS_PER_CLIENT_MAX,
            memory: MemoryBudget::unbounded(),
            clock,
        }
    }
}

/// A server that holds its addresses and does not serve yet.
pub struct Server {
    config: ServerConfig,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
}

/// A server that serves. Dropped without [`stop`](Self::stop), it drops its requests.
pub struct RunningServer {
    addresses: Vec<SocketAddr>,
    phase: watch::Sender<Phase>,
    serving: ServingThreads,
    /// Closed when the last thread has ended.
    threads: watch::Receiver<()>,
}

impl Server {
    /// Takes the addresses.
    pub fn bind(config: ServerConfig) -> io::Result<Self> {
        let mut bind = config.bind.clone();
        bind.sort_unstable();
        bind.dedup_by(|next, previous| next == previous && next.port() != 0);
        let listeners = bind.into_iter().map(listen).collect::<io::Result<Vec<_>>>()?;
        let addresses = listeners
            .iter()
            .map(TcpListener::local_addr)
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            config,
            listeners,
            addresses,
        })
    }

    /// The addresses, with the ports that were found.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Starts the threads. Each makes its own executor.
    pub fn start<E, F>(
        self,
        make_executor: F,
        live: &Arc<LiveReleases>,
        recorder: &Recorder,
        events: &Events,
        services: &Arc<dyn HostServices>,
        control: &ControlPlane,
    ) -> io::Result<RunningServer>
    where
        E: ExecutorClient + 'static,
        F: Fn() -> E + Send + Clone + 'static,
    {
        let (phase, phases) = watch::channel(Phase::Serving);
        let (alive, threads) = watch::channel(());
        let ended = Arc::new(Notify::new());

        let (mut lanes, mut hosts, mut queues) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.config.threads.max(1) {
            let load = Arc::new(Load::new(Arc::clone(&ended)));
            let (arrivals, arriving) = mpsc::unbounded_channel();
            let (guests, coming) = mpsc::unbounded_channel();
            queues.push((
                Arc::clone(&load),
                Queues {
                    arrivals: arriving,
                    guests: coming,
                },
            ));
            hosts.push(Host {
                load: Arc::clone(&load),
                guests,
            });
            lanes.push(Lane { load, arrivals });
        }
        let running = RunningServer {
            addresses: self.addresses,
            phase,
            serving: ServingThreads::new(&hosts),
            threads,
        };
        let hosts: Arc<[Host]> = hosts.into();
        for (index, (load, queues)) in queues.into_iter().enumerate() {
            let hosts = Arc::clone(&hosts);
            let (live, recorder, control) = (Arc::clone(live), recorder.clone(), Arc::clone(control));
            let (events, services) = (events.clone(), Arc::clone(services));
            let (config, make_executor) = (self.config.clone(), make_executor.clone());
            let (phases, alive) = (phases.clone(), alive.clone());
            spawn(format!("serve-{index}"), alive, move |runtime| {
                let executor = make_executor();
                load.set_busy(executor.busy());
                let dispatcher = Dispatcher {
                    hosts: Hosts::new(executor.busy(), hosts),
                    executor,
                    live,
                    recorder: recorder.clone(),
                    node: recorder.node().into(),
                    events,
                    services,
                    control,
                    clock: Arc::clone(&config.clock),
                    ids: RequestIds::new(),
                    proxies: config.trusted_proxies.clone().into(),
                    request_body_bytes_max: config.request_body_bytes_max,
                    body_pace: BodyPace {
                        grace: config.body_grace,
                        bytes_per_second_min: config.body_bytes_per_second_min,
                    },
                    load,
                    memory: MemoryAccount::new(Arc::clone(&config.memory)),
                };
                let pace = Pace {
                    head: config.header_timeout,
                    idle: config.idle_timeout,
                };
                let worker = Worker::new(dispatcher, pace);
                move || runtime.block_on(worker.run(queues, phases))
            })?;
        }
        let bounds = ConnectionBounds {
            all_max: self.config.connections_max,
            per_client_max: self.config.connections_per_client_max,
        };
        let (listeners, proxies) = (self.listeners, self.config.trusted_proxies.into());
        spawn("accept".to_owned(), alive, move |runtime| {
            let acceptor = Acceptor::new(lanes, bounds, proxies, ended);
            move || {
                if let Err(error) = runtime.block_on(acceptor.run(listeners, phases)) {
                    tracing::error!(%error, "connections cannot be accepted");
                }
            }
        })?;
        Ok(running)
    }
}

impl RunningServer {
    /// The addresses, with the ports that were found.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where scripts run that no connection asked for.
    pub fn threads(&self) -> ServingThreads {
        self.serving.clone()
    }

    /// Whether the server accepts connections.
    pub fn is_serving(&self) -> bool {
        *self.phase.borrow() == Phase::Serving && self.threads.has_changed().is_ok()
    }

    /// Stops accepting, lets the requests in flight end for up to `drain`, then drops what is left. Called
    /// again meanwhile with a shorter time, that one counts.
    pub async fn stop(&self, drain: Duration) {
        self.enter(Phase::Draining);
        if timeout(drain, self.ended()).await.is_err() {
            self.enter(Phase::Stopped);
            if timeout(STOP_TIMEOUT, self.ended()).await.is_err() {
                tracing::error!("a serving thread does not end");
            }
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let later = *now < phase;
            *now = phase.max(*now);
            later
        });
    }

    async fn ended(&self) {
        let mut threads = self.threads.clone();
        while threads.changed().await.is_ok() {}
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.enter(Phase::Stopped);
    }
}

/// Starts a thread with a runtime of its own, and returns when it is ready. What `prepare` makes runs there.
fn spawn<P, R>(name: String, alive: watch::Sender<()>, prepare: P) -> io::Result<()>
where
    P: FnOnce(std::rc::Rc<runtime::LocalRuntime>) -> R + Send + 'static,
    R: FnOnce(),
{
    let (ready, is_ready) = handshake::channel();
    thread::Builder::new().name(name).spawn(move || {
        let _alive = alive;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(runtime::LocalOptions::default());
        match runtime {
            Ok(runtime) => {
                let run = prepare(std::rc::Rc::new(runtime));
                // Nobody waits any more if another thread failed to start; then the server ends at once.
                let _ = ready.send(Ok(()));
                run();
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
    })?;
    is_ready
        .recv()
        .unwrap_or_else(|_| Err(io::Error::other("a thread ended while it started")))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    open(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => io::Error::new(
            error.kind(),
            format!("{address} is in use by another program; stop it, or choose another address with --bind or PICLOUD_BIND"),
        ),
        io::ErrorKind::AddrNotAvailable => io::Error::new(
            error.kind(),
            format!("{address} is no address of this machine; choose one that is with --bind or PICLOUD_BIND"),
        ),
        io::ErrorKind::PermissionDenied => io::Error::new(
            error.kind(),
            format!("{address} needs more rights; choose a port from 1024 on with --bind or PICLOUD_BIND"),
        ),
        kind => io::Error::new(kind, format!("cannot listen on {address}: {error}")),
    })
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // So that a restart need not wait for the last connections to be forgotten.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // So that the same port can be bound for both versions of IP.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
