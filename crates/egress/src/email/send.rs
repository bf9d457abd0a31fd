//! One e-mail, from its start to its end.

use std::{
    collections::{HashMap, VecDeque},
    error::Error,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use picloud_shared::{
    id::AppId,
    mail::{MailServer, Mailbox},
    memory::{MemoryBudget, Pressure},
    repository::{MailServers, StoreError},
    services::{
        EMAIL_TIMEOUT_MAX, EMAILS_PER_HOUR_MAX, Email, EmailFailure, EmailFailureKind, HttpFailureKind,
        ServiceError,
    },
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
    time::{Instant as Moment, timeout_at},
};
use tokio_rustls::TlsConnector;

use super::{failure, message::Letter, smtp};
use crate::{
    apps::App,
    guard::{Guard, MailReach},
    http::Fault,
};

/// E-mails of all apps that are handed over at one time.
const EMAILS_MAX: usize = 32;

const HOUR: Duration = Duration::from_hours(1);

/// What [`Emails`] are made of.
pub(crate) struct EmailsParts {
    /// The mail server of the instance.
    pub(crate) instance: Option<MailServer>,
    /// Those of apps.
    pub(crate) servers: Arc<dyn MailServers>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) tls: TlsConnector,
    pub(crate) memory: Arc<MemoryBudget>,
}

/// Who has an e-mail sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A script.
    Script,
    /// Somebody who tries whether the mail server takes it.
    Trial,
}

/// Hands over the e-mails of apps.
pub(crate) struct Emails {
    parts: EmailsParts,
    /// When each app sent by the mail server of the instance, or tried one, within the last hour.
    sent: Mutex<HashMap<AppId, VecDeque<Instant>>>,
    places: Semaphore,
}

impl Emails {
    pub(crate) fn new(parts: EmailsParts) -> Self {
        Self {
            parts,
            sent: Mutex::default(),
            places: Semaphore::new(EMAILS_MAX),
        }
    }

    /// Hands an e-mail of `app` to its mail server; gives what that said.
    pub(crate) async fn send(
        &self,
        id: AppId,
        app: &App,
        email: Email,
        purpose: Purpose,
    ) -> Result<Result<String, EmailFailure>, ServiceError> {
        let timeout = Duration::from_millis(email.timeout_ms).min(EMAIL_TIMEOUT_MAX);
        let deadline = Moment::now() + timeout;
        let Ok(_place) = timeout_at(deadline, self.place(app)).await else {
            return Ok(Err(busy("too many e-mails are under way")));
        };
        // Asked each time: what is set counts from the next e-mail on, and no password is kept here.
        let own = self.parts.servers.mail_server(id).await.map_err(|error| {
            tracing::error!(app.id = %id, error = &error as &dyn Error, "the mail server of an app cannot be read");
            match error {
                StoreError::Unavailable(_) | StoreError::Contended(_) => ServiceError::Unavailable,
                _ => ServiceError::Failed,
            }
        })?;
        let (server, reach) = match (&own, &self.parts.instance) {
            (Some(own), _) => (own, MailReach::OfApp),
            (None, Some(instance)) => (instance, MailReach::OfInstance),
            (None, None) => return Ok(Err(not_configured())),
        };
        // Whether the mail server may have it.
        let is_out = AtomicBool::new(false);
        let handed_over = timeout_at(
            deadline,
            self.hand_over((id, app), (server, reach), email, purpose, &is_out),
        );
        let sent = match handed_over.await {
            Ok(sent) => sent,
            Err(_) if is_out.load(Ordering::Relaxed) => Err(smtp::unknown()),
            Err(_) => Err(failure(
                EmailFailureKind::Timeout,
                format!(
                    "the mail server has not taken the e-mail within {} ms; it was not sent",
                    timeout.as_millis()
                ),
            )),
        };
        if let Err(failure) = &sent {
            tracing::debug!(app.id = %id, kind = failure.kind.as_str(), "an e-mail of a script was not taken");
        }
        Ok(sent)
    }

    /// Waits until it may begin.
    async fn place<'e>(&'e self, app: &'e App) -> [Option<SemaphorePermit<'e>>; 2] {
        // Nobody closes them, so there is always a place in the end.
        let of_app = app.email_places.acquire().await.ok();
        [of_app, self.places.acquire().await.ok()]
    }

    async fn hand_over(
        &self,
        (id, app): (AppId, &App),
        (server, reach): (&MailServer, MailReach),
        email: Email,
        purpose: Purpose,
        is_out: &AtomicBool,
    ) -> Result<String, EmailFailure> {
        let EmailsParts {
            guard, tls, memory, ..
        } = &self.parts;
        if memory.pressure() > Pressure::None {
            return Err(busy("the server has no memory left for an e-mail"));
        }
        let from = sender(server, &email)?;
        // An app that has a mail server of its own answers for what its scripts send by it.
        let is_counted = matches!(reach, MailReach::OfInstance) || purpose == Purpose::Trial;
        if is_counted && !self.count(id, Instant::now()) {
            return Err(too_many(reach));
        }
        // Encoding a large one takes a while.
        let letter = spawn_blocking(move || Letter::new(&from, email));
        let letter = letter.await.unwrap_or_else(|error| {
            tracing::error!(%error, "an e-mail was not encoded");
            Err(failure(
                EmailFailureKind::Invalid,
                "the e-mail could not be encoded",
            ))
        })?;
        let addresses = guard.mail_addresses(app, reach, &server.host, server.port).await;
        let addresses = addresses.map_err(|Fault { kind, message }| match kind {
            HttpFailureKind::Blocked => failure(EmailFailureKind::Blocked, message),
            HttpFailureKind::Busy => failure(EmailFailureKind::Busy, message),
            _ => failure(
                EmailFailureKind::Unavailable,
                format!("the mail server was not found: {message}"),
            ),
        })?;
        smtp::deliver(server, &addresses, tls, &letter, is_out).await
    }

    /// Counts one more e-mail of an app, if it may send one.
    fn count(&self, app: AppId, now: Instant) -> bool {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.retain(|_, moments| {
            while moments
                .front()
                .is_some_and(|moment| now.duration_since(*moment) >= HOUR)
            {
                moments.pop_front();
            }
            !moments.is_empty()
        });
        let moments = sent.entry(app).or_default();
        if moments.len() >= EMAILS_PER_HOUR_MAX {
            return false;
        }
        moments.push_back(now);
        true
    }
}

/// Who the e-mail is from, if it may be from them.
fn sender(server: &MailServer, email: &Email) -> Result<Mailbox, EmailFailure> {
    let from = email.from.as_ref().unwrap_or(server.senders.first());
    if server.senders.permit(&from.address) {
        return Ok(from.clone());
    }
    Err(failure(
        EmailFailureKind::Sender,
        format!(
            "e-mail cannot be from `{}` here, only from {}",
            from.address,
            server.senders.texts().join(", ")
        ),
    ))
}

fn not_configured() -> EmailFailure {
    failure(
        EmailFailureKind::NotConfigured,
        "nobody has named a mail server; an app_admin does so for this app (see `smtp` in the app's settings), and whoever \
         runs this server for all, with PICLOUD_SMTP_URL and PICLOUD_SMTP_FROM",
    )
}

fn too_many(reach: MailReach) -> EmailFailure {
    let message = match reach {
        MailReach::OfInstance => format!(
            "an app may send {EMAILS_PER_HOUR_MAX} e-mails in an hour by the mail server of the instance; try again later, \
             or set a mail server of its own"
        ),
        MailReach::OfApp => {
            format!("an app may send {EMAILS_PER_HOUR_MAX} test messages in an hour; try again later")
        }
    };
    failure(EmailFailureKind::TooMany, message)
}

fn busy(why: &str) -> EmailFailure {
    failure(EmailFailureKind::Busy, format!("{why}; try again later"))
}

#[cfg(test)]
mod tests {
    use std::{io, net::SocketAddr};

    use uuid::Uuid;

    use super::*;
    use crate::{connect::tls, resolve::Resolve};

    struct Nowhere;

    #[async_trait::async_trait]
    impl Resolve for Nowhere {
        async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
            Ok(Vec::new())
        }
    }

    #[async_trait::async_trait]
    impl MailServers for Nowhere {
        async fn mail_server(&self, _: AppId) -> Result<Option<MailServer>, StoreError> {
            Ok(None)
        }
    }

    #[test]
    fn an_app_sends_so_many_in_an_hour() {
        let (app, other) = (AppId(Uuid::from_u128(1)), AppId(Uuid::from_u128(2)));
        let emails = Emails::new(EmailsParts {
            instance: None,
            servers: Arc::new(Nowhere),
            guard: Arc::new(Guard::new(Arc::new(Nowhere), Vec::new())),
            tls: tls(Vec::new()),
            memory: MemoryBudget::unbounded(),
        });
        let start = Instant::now();
        for _ in 0..EMAILS_PER_HOUR_MAX {
            assert!(emails.count(app, start));
        }
        assert!(!emails.count(app, start));
        assert!(emails.count(other, start));
        assert!(emails.count(app, start + HOUR));
    }
}
