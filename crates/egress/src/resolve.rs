//! From names to addresses.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    sync::Arc,
};

use async_trait::async_trait;
use tokio::{sync::Semaphore, task::spawn_blocking};

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All of them, each with `port`.
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// Names that are looked up at one time: each takes a thread, for as long as its name server does not answer.
const LOOKUPS_MAX: usize = 32;

/// Asks the operating system.
#[derive(Clone, Debug)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self {
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        }
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let permit = Arc::clone(&self.lookups).acquire_owned().await;
        let name = name.to_owned();
        // The permit goes with the thread: whoever asked may be gone long before it is free again.
        let look_up = spawn_blocking(move || {
            let _permit = permit;
            (name.as_str(), port).to_socket_addrs().map(Iterator::collect)
        });
        look_up.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}
