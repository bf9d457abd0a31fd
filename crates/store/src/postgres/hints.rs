//! Telling other nodes that something may be due, or that something of brokers has changed.
//!
//! A hint only makes it sooner: what it says nothing of is found by whoever looks. So it is not a part of the
//! transaction that makes something due. There it would have all such transactions wait for each other at their end, each
//! with its own flush of the log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{sync::Mutex, time::sleep};
use uuid::Uuid;

use crate::statements::statements;

const CHANNEL: &str = "picloud_events";
/// After a hint, the next one waits so long: it speaks for all that came meanwhile.
const PAUSE: Duration = Duration::from_millis(20);
/// After the connection could not be made, the next try waits so long.
const RETRY: Duration = Duration::from_secs(5);

statements! {
    TELL = "SELECT pg_notify('picloud_events', $1)";
}

/// What follows the name of a node that tells of brokers.
const OF_BROKERS: &str = " brokers";

/// What another node has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Something may be due.
    pub(crate) events: bool,
    /// Something of brokers has changed, or messages have come to wait for one.
    pub(crate) brokers: bool,
}

/// What this process tells others, and hears from them.
#[derive(Debug)]
pub(crate) struct Hints {
    /// Who tells; nobody listens to themselves.
    node: String,
    state: Arc<State>,
    listener: Mutex<Option<PgListener>>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether something is to be told.
    events_due: AtomicBool,
    /// Whether something is to be told of brokers.
    brokers_due: AtomicBool,
    /// Whether somebody is at it.
    is_told: AtomicBool,
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            node: Uuid::new_v4().to_string(),
            state: Arc::default(),
            listener: Mutex::default(),
        }
    }
}

impl Hints {
    /// Tells others soon that something may be due. Whoever calls does not wait for it.
    pub(super) fn tell(&self, pool: &PgPool) {
        self.state.events_due.store(true, Ordering::SeqCst);
        self.begin(pool);
    }

    /// The same about brokers.
    pub(super) fn tell_of_brokers(&self, pool: &PgPool) {
        self.state.brokers_due.store(true, Ordering::SeqCst);
        self.begin(pool);
    }

    fn begin(&self, pool: &PgPool) {
        if self.state.is_told.swap(true, Ordering::SeqCst) {
            return;
        }
        let (pool, node, state) = (pool.clone(), self.node.clone(), Arc::clone(&self.state));
        tokio::spawn(async move {
            loop {
                while let Some(told) = state.take() {
                    let of_events = told.events.then(|| node.clone());
                    let of_brokers = told.brokers.then(|| format!("{node}{OF_BROKERS}"));
                    for text in of_events.into_iter().chain(of_brokers) {
                        // Who is not told looks by themselves after a while.
                        if let Err(error) = sqlx::query(TELL).bind(text).execute(&pool).await {
                            tracing::debug!(%error, "other nodes were not told of events");
                        }
                    }
                    sleep(PAUSE).await;
                }
                state.is_told.store(false, Ordering::SeqCst);
                // Somebody may have come in between, and have left it to this one.
                if !state.is_any_due() || state.is_told.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        });
    }

    /// Lets go of the connection. Whoever waits with it lets go of it when the pool is closed.
    pub(super) fn close(&self) {
        if let Ok(mut listener) = self.listener.try_lock() {
            *listener = None;
        }
    }

    /// Waits until another node has told something, or may have: while there was no connection.
    pub(super) async fn wait(&self, pool: &PgPool) -> Told {
        let mut listener = self.listener.lock().await;
        loop {
            let Some(connected) = &mut *listener else {
                match connect(pool).await {
                    Ok(connected) => {
                        *listener = Some(connected);
                        // What was told before is not heard.
                        return Told {
                            events: true,
                            brokers: true,
                        };
                    }
                    // Nothing is asked any more.
                    Err(_) if pool.is_closed() => std::future::pending().await,
                    Err(error) => {
                        tracing::debug!(%error, "hints of other nodes are not heard");
                        sleep(RETRY).await;
                        continue;
                    }
                }
            };
            match connected.try_recv().await {
                Ok(Some(told)) => {
                    let text = told.payload();
                    let (node, brokers) = match text.strip_suffix(OF_BROKERS) {
                        Some(node) => (node, true),
                        None => (text, false),
                    };
                    if node != self.node {
                        return Told {
                            events: !brokers,
                            brokers,
                        };
                    }
                }
                Ok(None) | Err(_) => *listener = None,
            }
        }
    }
}

impl State {
    /// What is to be told, if anything is; it is not to be told again.
    fn take(&self) -> Option<Told> {
        let told = Told {
            events: self.events_due.swap(false, Ordering::SeqCst),
            brokers: self.brokers_due.swap(false, Ordering::SeqCst),
        };
        (told.events || told.brokers).then_some(told)
    }

    fn is_any_due(&self) -> bool {
        self.events_due.load(Ordering::SeqCst) || self.brokers_due.load(Ordering::SeqCst)
    }
}

async fn connect(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}
