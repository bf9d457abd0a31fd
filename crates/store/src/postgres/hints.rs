//! Telling other nodes that something may be due, or that something of brokers has changed.
//!
//! A hint only makes it sooner: what it says nothing of is found by whoever looks next. So it is not a part of the
//! transaction that makes something due. There it would have all such transactions wait for each other at their end, each
//! with its own flush of the log. But a node that has nothing to do does not look by itself, so that a hint is told until
//! the database has taken it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use picloud_shared::{id::AppId, repository::BrokersHint};
use sqlx::{PgPool, postgres::PgListener};
use tokio::{sync::Mutex, time::sleep};
use uuid::Uuid;

use crate::{brokers::PendingHint, statements::statements};

const CHANNEL: &str = "picloud_events";
/// After a hint, the next one waits so long: it speaks for all that came meanwhile.
const PAUSE: Duration = Duration::from_millis(20);
/// After a connection could not be made, or a hint was not taken, the next try waits so long.
const RETRY: Duration = Duration::from_secs(5);

statements! {
    TELL = "SELECT pg_notify('picloud_events', $1)";
}

/// What follows the name of a node that has changed something of brokers.
const OF_BROKERS: &str = "brokers";
/// What follows the name of a node that tells of messages, before the apps whose they are.
const OF_MESSAGES: &str = "messages";
/// Apps that are named in one text: PostgreSQL takes 8,000 bytes.
const APPS_PER_TEXT: usize = 100;

/// What another node has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Something may be due.
    pub(crate) events: bool,
    /// Something of brokers has changed, or messages have come to wait for one.
    pub(crate) brokers: Option<BrokersHint>,
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
    /// What is to be told of brokers.
    brokers: PendingHint,
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
    pub(super) fn tell_of_brokers(&self, pool: &PgPool, hint: BrokersHint) {
        self.state.brokers.add(hint);
        self.begin(pool);
    }

    fn begin(&self, pool: &PgPool) {
        if self.state.is_told.swap(true, Ordering::SeqCst) {
            return;
        }
        let (pool, node, state) = (pool.clone(), self.node.clone(), Arc::clone(&self.state));
        tokio::spawn(async move {
            let send = move |text: String| {
                let pool = pool.clone();
                async move { sqlx::query(TELL).bind(text).execute(&pool).await }
            };
            tell_all(&state, &node, send).await;
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
                            brokers: Some(BrokersHint::Anything),
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
                    let (node, told) = Told::read(told.payload());
                    if node != self.node {
                        return told;
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
            brokers: self.brokers.take(),
        };
        (told.events || told.brokers.is_some()).then_some(told)
    }

    /// Not all have heard it, so that it is to be told again.
    fn give_back(&self, told: Told) {
        self.events_due.fetch_or(told.events, Ordering::SeqCst);
        if let Some(hint) = told.brokers {
            self.brokers.add(hint);
        }
    }

    fn is_any_due(&self) -> bool {
        self.events_due.load(Ordering::SeqCst) || self.brokers.is_any()
    }
}

impl Told {
    /// As `node` tells it.
    fn texts(&self, node: &str) -> Vec<String> {
        let mut texts: Vec<_> = self.events.then(|| node.to_owned()).into_iter().collect();
        match &self.brokers {
            None => {}
            Some(BrokersHint::Anything) => texts.push(format!("{node} {OF_BROKERS}")),
            Some(BrokersHint::Messages(apps)) => {
                let apps: Vec<_> = apps.iter().map(ToString::to_string).collect();
                for apps in apps.chunks(APPS_PER_TEXT) {
                    texts.push(format!("{node} {OF_MESSAGES} {}", apps.join(" ")));
                }
            }
        }
        texts
    }

    /// Who tells it, and what it is.
    fn read(text: &str) -> (&str, Self) {
        let mut words = text.split(' ');
        let node = words.next().unwrap_or_default();
        let brokers = match words.next() {
            None => None,
            Some(OF_MESSAGES) => {
                let apps = words.map(str::parse::<AppId>).collect::<Result<BTreeSet<_>, _>>();
                // What cannot be read may mean anything.
                Some(apps.map_or(BrokersHint::Anything, BrokersHint::Messages))
            }
            Some(_) => Some(BrokersHint::Anything),
        };
        let events = brokers.is_none();
        (node, Self { events, brokers })
    }
}

/// Has `send` tell all that is to be told, again if it fails, until nothing is left.
async fn tell_all<S, F, T>(state: &State, node: &str, send: S)
where
    S: Fn(String) -> F,
    F: Future<Output = Result<T, sqlx::Error>>,
{
    loop {
        while let Some(told) = state.take() {
            let mut pause = PAUSE;
            for text in told.texts(node) {
                match send(text).await {
                    Ok(_) => {}
                    // Nothing is told any more.
                    Err(sqlx::Error::PoolClosed) => return,
                    Err(error) => {
                        tracing::debug!(%error, "other nodes were not told of events");
                        state.give_back(told);
                        pause = RETRY;
                        break;
                    }
                }
            }
            sleep(pause).await;
        }
        state.is_told.store(false, Ordering::SeqCst);
        // Somebody may have come in between, and have left it to this one.
        if !state.is_any_due() || state.is_told.swap(true, Ordering::SeqCst) {
            return;
        }
    }
}

async fn connect(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, future::ready};

    use super::*;

    /// So many that one text does not name them all.
    const APPS: u128 = 250;

    #[test]
    fn what_is_told_is_heard() {
        let apps = (0..APPS).map(|app| AppId(Uuid::from_u128(app))).collect();
        for brokers in [
            None,
            Some(BrokersHint::Anything),
            Some(BrokersHint::Messages(apps)),
        ] {
            let told = Told {
                events: true,
                brokers,
            };
            let heard = PendingHint::default();
            let mut events = 0;
            for text in told.texts("node") {
                assert!(text.len() < 8_000, "{}", text.len());
                let (node, told) = Told::read(&text);
                assert_eq!(node, "node");
                events += usize::from(told.events);
                if let Some(hint) = told.brokers {
                    heard.add(hint);
                }
            }
            assert_eq!((events, heard.take()), (1, told.brokers));
        }
        let (_, odd) = Told::read("node messages 7");
        assert_eq!(odd.brokers, Some(BrokersHint::Anything));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_taken_is_told_again() {
        let state = State::default();
        let told = Told {
            events: true,
            brokers: Some(BrokersHint::Anything),
        };
        state.give_back(told.clone());
        let sent = RefCell::new(Vec::new());
        let tell = |text: String| {
            let mut sent = sent.borrow_mut();
            sent.push(text);
            // The second one is lost.
            ready(if sent.len() == 2 {
                Err(sqlx::Error::PoolTimedOut)
            } else {
                Ok(())
            })
        };
        tell_all(&state, "node", tell).await;
        let texts = told.texts("node");
        assert_eq!(sent.into_inner(), [texts.clone(), texts].concat());
        assert!(!state.is_any_due());
    }
}
