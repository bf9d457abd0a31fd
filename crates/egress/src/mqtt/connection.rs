//! The connection to one broker, over and over.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use picloud_shared::{
    mail::MailHost,
    mqtt::{Broker, BrokerState, BrokerStatus, SignIn, Subscribed},
    repository::StoreError,
};
use rustls::pki_types::{IpAddr as TlsAddress, ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use super::{
    authority::trusting,
    brokers::BrokersParts,
    outgoing::Doubt,
    packet::Invalid,
    talk::Talk,
    wish::{Wished, unwished},
};
use crate::{connect::connect, http::Fault};

/// How long it may take until a broker lets PiCloud in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// The first pause before a connection is made again; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// A connection that was there for so long was a good one: the next pause is short again.
const GOOD: Duration = Duration::from_secs(10);

/// A broker, and how the connection to it is.
pub(super) struct Link {
    pub(super) parts: Arc<BrokersParts>,
    pub(super) broker: Broker,
    /// Tells that messages may wait for it.
    pub(super) wake: Notify,
    state: Mutex<BrokerState>,
    /// What the session at the broker has subscribed to.
    subscribed: Mutex<Vec<Subscribed>>,
    /// Which messages it may have ended the connection for.
    doubt: Mutex<Doubt>,
}

/// What a connection is made of.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why there is no connection any more, for people.
#[derive(Debug)]
pub(super) struct Lost(pub(super) String);

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self(format!("the connection to the broker was lost: {}", error.kind()))
    }
}

impl From<Invalid> for Lost {
    fn from(error: Invalid) -> Self {
        Self(format!("the broker is not understood: {error}"))
    }
}

impl From<StoreError> for Lost {
    fn from(error: StoreError) -> Self {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a connection to a broker needs the database"
        );
        Self(
            "the database does not answer, or what it has cannot be read; the server's log says more"
                .to_owned(),
        )
    }
}

impl Link {
    pub(super) fn new(parts: Arc<BrokersParts>, broker: Broker, before: Option<&Self>) -> Self {
        let mut state = BrokerState::new(BrokerStatus::Connecting, parts.clock.now());
        // Messages that were refused are counted since the broker was set, not since it was last connected to.
        if let Some(before) = before.filter(|before| before.broker.revision == broker.revision) {
            let counted = before.state();
            (state.refused, state.refusal) = (counted.refused, counted.refusal.clone());
        }
        Self {
            parts,
            subscribed: Mutex::new(broker.subscribed.clone()),
            broker,
            wake: Notify::new(),
            state: Mutex::new(state),
            doubt: Mutex::default(),
        }
    }

    /// How the connection is.
    pub(super) fn state(&self) -> MutexGuard<'_, BrokerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the session at the broker has subscribed to.
    pub(super) fn subscribed(&self) -> MutexGuard<'_, Vec<Subscribed>> {
        self.subscribed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which messages the broker may have ended the connection for.
    pub(super) fn doubt(&self) -> MutexGuard<'_, Doubt> {
        self.doubt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection is like that now.
    pub(super) fn is(&self, status: BrokerStatus) {
        let mut state = self.state();
        if state.status != status {
            (state.status, state.since) = (status, self.parts.clock.now());
        }
    }

    /// Something went wrong with the connection.
    pub(super) fn went_wrong(&self, error: String) {
        tracing::info!(app.id = %self.broker.app_id, broker = %self.broker.name, error, "a connection to a broker has a fault");
        let mut state = self.state();
        (state.error, state.error_at) = (Some(error), Some(self.parts.clock.now()));
    }

    /// A message was not taken.
    pub(super) fn refused(&self, why: String) {
        tracing::warn!(app.id = %self.broker.app_id, broker = %self.broker.name, why, "a message was not taken");
        let mut state = self.state();
        state.refused += 1;
        state.refusal = Some(why);
    }
}

/// Holds the connection as long as that is wished.
pub(super) async fn hold(link: Arc<Link>, mut wished: watch::Receiver<Wished>) {
    let mut pause = PAUSE_MIN;
    loop {
        let begun = Instant::now();
        let until_unwished = wished.clone();
        let connecting = async {
            timeout(CONNECT_TIMEOUT, begin(&link, until_unwished))
                .await
                .unwrap_or_else(|_| Err(Lost("the broker does not answer".to_owned())))
        };
        let talk = tokio::select! {
            talk = connecting => talk,
            () = unwished(&mut wished) => return,
        };
        let ended = match talk {
            Ok(talk) => talk.go_on().await,
            Err(lost) => Err(lost),
        };
        let Err(Lost(error)) = ended else {
            return;
        };
        link.is(BrokerStatus::Connecting);
        link.went_wrong(error);
        if begun.elapsed() >= GOOD {
            pause = PAUSE_MIN;
        }
        tokio::select! {
            () = sleep(jittered(pause)) => pause = (pause * 2).min(PAUSE_MAX),
            () = unwished(&mut wished) => return,
        }
    }
}

/// Connects, and comes in.
async fn begin(link: &Arc<Link>, wished: watch::Receiver<Wished>) -> Result<Talk, Lost> {
    let Link { parts, broker, .. } = &**link;
    let url = &broker.settings.url;
    let app = parts.egress.app(broker.app_id);
    let addresses = parts.egress.guard().broker_addresses(&app, &url.host, url.port);
    let addresses = addresses.await.map_err(|Fault { message, .. }| Lost(message))?;
    let sign_in = parts
        .repository
        .broker_credentials(broker.id, broker.revision)
        .await?;
    let credentials = match sign_in {
        SignIn::Nobody => None,
        SignIn::As(credentials) => Some(credentials),
        SignIn::Outdated => {
            return Err(Lost(
                "what is set has changed, or another server has the connection".to_owned(),
            ));
        }
    };
    let stream = connect(&addresses)
        .await
        .map_err(|error| Lost(format!("no connection to the broker: {}", error.kind())))?;
    if !url.is_secure {
        return Talk::begin(Arc::clone(link), Box::new(stream), credentials, wished).await;
    }
    let name = match &url.host {
        MailHost::Name(name) => ServerName::try_from(name.as_str().to_owned())
            .map_err(|_| Lost("no certificate can be for the host of the broker".to_owned()))?,
        MailHost::Address(address) => ServerName::IpAddress(TlsAddress::from(*address)),
    };
    let tls = match &broker.settings.ca {
        None => parts.egress.tls().clone(),
        Some(ca) => {
            trusting(ca).ok_or_else(|| Lost("`ca` has no certificates that can be read".to_owned()))?
        }
    };
    let stream = tls.connect(name, stream).await;
    let stream = stream.map_err(|error| Lost(format!("no secure connection to the broker: {error}")))?;
    Talk::begin(Arc::clone(link), Box::new(stream), credentials, wished).await
}

/// Half of it to all of it, by chance: where many lost a broker at one moment, they do not all come back at one.
fn jittered(pause: Duration) -> Duration {
    let chance = Uuid::new_v4().as_bytes()[0];
    pause / 2 + pause / 2 * u32::from(chance) / 255
}
