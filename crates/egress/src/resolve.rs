//! From names to addresses.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All of them, each with `port`. [`io::ErrorKind::ResourceBusy`] if too many names are looked up already.
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// Names that are looked up at one time: each takes a thread, for as long as its name server does not answer.
const LOOKUPS_MAX: usize = 32;

/// How long a look-up waits for others to end.
pub(crate) const LOOKUP_TURN_TIMEOUT: Duration = Duration::from_secs(5);

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
        let turn = timeout(LOOKUP_TURN_TIMEOUT, Arc::clone(&self.lookups).acquire_owned()).await;
        let permit = turn.map_err(|_| io::Error::from(io::ErrorKind::ResourceBusy))?;
        let name = name.to_owned();
        // The permit goes with the thread: whoever asked may be gone long before it is free again.
        let look_up = spawn_blocking(move || {
            let _permit = permit;
            (name.as_str(), port).to_socket_addrs().map(Iterator::collect)
        });
        look_up.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_name_that_gets_no_turn_is_not_waited_for() {
        let resolver = SystemResolver {
            lookups: Arc::new(Semaphore::new(0)),
        };
        let error = resolver.resolve("localhost", 80).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        resolver.lookups.add_permits(1);
        assert!(!resolver.resolve("127.0.0.1", 80).await.unwrap().is_empty());
    }
}
