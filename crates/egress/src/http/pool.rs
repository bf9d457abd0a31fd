//! Connections of one app that are kept for its next request.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use url::Url;

use super::connect::Sender;

/// Connections that are kept for one app. Those that were used last stay.
const KEPT_MAX: usize = 16;

/// How long a connection is kept.
const KEPT_FOR: Duration = Duration::from_secs(15);

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    pub(super) fn of(url: &Url) -> Self {
        Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port(),
        }
    }
}

/// Connections that nobody uses. A timer runs as long as there is one.
#[derive(Default)]
pub(crate) struct Pool {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The oldest first.
    connections: VecDeque<Connection>,
    has_timer: bool,
}

struct Connection {
    origin: Origin,
    sender: Sender,
    until: Instant,
}

impl Pool {
    /// A connection to `origin`, if one is kept that the other side has not closed.
    pub(super) fn take(&self, origin: &Origin) -> Option<Sender> {
        let mut kept = self.lock();
        kept.connections
            .retain(|connection| !connection.sender.is_closed());
        let index = kept
            .connections
            .iter()
            .rposition(|connection| connection.origin == *origin)?;
        kept.connections.remove(index).map(|connection| connection.sender)
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(super) fn keep(self: &Arc<Self>, origin: Origin, mut sender: Sender) {
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            // Which is at once, or the other side closes it.
            if sender.ready().await.is_ok() {
                pool.put(origin, sender);
            }
        });
    }

    fn put(self: &Arc<Self>, origin: Origin, sender: Sender) {
        let mut kept = self.lock();
        kept.connections.push_back(Connection {
            origin,
            sender,
            until: Instant::now() + KEPT_FOR,
        });
        if kept.connections.len() > KEPT_MAX {
            kept.connections.pop_front();
        }
        if !std::mem::replace(&mut kept.has_timer, true) {
            tokio::spawn(close_in_time(Arc::clone(self)));
        }
    }

    /// Closes what has been kept for long enough; tells when to look again, if anything is left.
    fn close_old(&self, now: Instant) -> Option<Instant> {
        let mut kept = self.lock();
        let is_over = |connection: &Connection| connection.until <= now || connection.sender.is_closed();
        kept.connections.retain(|connection| !is_over(connection));
        let next = kept.connections.front().map(|oldest| oldest.until);
        kept.has_timer = next.is_some();
        next
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the end of what is kept, until nothing is. A pool that nobody has any more is not kept alive by this.
async fn close_in_time(pool: Arc<Pool>) {
    let mut next = pool.close_old(Instant::now());
    let pool = Arc::downgrade(&pool);
    while let Some(moment) = next {
        sleep_until(moment).await;
        let Some(pool) = pool.upgrade() else {
            return;
        };
        next = pool.close_old(Instant::now());
    }
}
