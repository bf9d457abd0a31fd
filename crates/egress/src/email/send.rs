//! One e-mail, from its start to its end.

use std::{
    collections::{HashMap, VecDeque},
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
    services::{
        EMAIL_TIMEOUT_MAX, EMAILS_PER_HOUR_MAX, Email, EmailFailure, EmailFailureKind, HttpFailureKind,
    },
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
    time::{Instant as Moment, timeout_at},
};
use tokio_rustls::TlsConnector;

use super::{failure, message::Letter, smtp};
use crate::{apps::App, guard::Guard, http::Fault};

/// E-mails of all apps that are handed over at one time.
const EMAILS_MAX: usize = 32;

const HOUR: Duration = Duration::from_hours(1);

/// Hands over the e-mails of scripts.
pub(crate) struct Emails {
    instance: Option<MailServer>,
    guard: Arc<Guard>,
    tls: TlsConnector,
    memory: Arc<MemoryBudget>,
    /// When each app sent by the mail server of the instance, within the last hour.
    sent: Mutex<HashMap<AppId, VecDeque<Instant>>>,
    places: Semaphore,
}

impl Emails {
    pub(crate) fn new(
        instance: Option<MailServer>,
        guard: Arc<Guard>,
        tls: TlsConnector,
        memory: Arc<MemoryBudget>,
    ) -> Self {
        Self {
            instance,
            guard,
            tls,
            memory,
            sent: Mutex::default(),
            places: Semaphore::new(EMAILS_MAX),
        }
    }

    /// Hands an e-mail of `app` to the mail server.
    pub(crate) async fn send(&self, id: AppId, app: &App, email: Email) -> Result<(), EmailFailure> {
        let timeout = Duration::from_millis(email.timeout_ms).min(EMAIL_TIMEOUT_MAX);
        let deadline = Moment::now() + timeout;
        // Whether the mail server may have it.
        let is_out = AtomicBool::new(false);
        let sent = match timeout_at(deadline, self.place(app)).await {
            Ok(_place) => match timeout_at(deadline, self.hand_over(id, email, &is_out)).await {
                Ok(sent) => sent,
                Err(_) if is_out.load(Ordering::Relaxed) => Err(smtp::unknown()),
                Err(_) => Err(failure(
                    EmailFailureKind::Timeout,
                    format!(
                        "the mail server has not taken the e-mail within {} ms; it was not sent",
                        timeout.as_millis()
                    ),
                )),
            },
            Err(_) => Err(busy("too many e-mails are under way")),
        };
        if let Err(failure) = &sent {
            tracing::debug!(app.id = %id, kind = failure.kind.as_str(), "an e-mail of a script was not taken");
        }
        sent
    }

    /// Waits until it may begin.
    async fn place<'e>(&'e self, app: &'e App) -> [Option<SemaphorePermit<'e>>; 2] {
        // Nobody closes them, so there is always a place in the end.
        let of_app = app.email_places.acquire().await.ok();
        [of_app, self.places.acquire().await.ok()]
    }

    async fn hand_over(&self, id: AppId, email: Email, is_out: &AtomicBool) -> Result<(), EmailFailure> {
        let Some(server) = &self.instance else {
            return Err(failure(
                EmailFailureKind::NotConfigured,
                "nobody has named a mail server; whoever runs this server does so with PICLOUD_SMTP_URL and \
                 PICLOUD_SMTP_FROM",
            ));
        };
        if self.memory.pressure() > Pressure::None {
            return Err(busy("the server has no memory left for an e-mail"));
        }
        let from = sender(server, &email)?;
        if !self.count(id, Instant::now()) {
            return Err(failure(
                EmailFailureKind::TooMany,
                format!(
                    "an app may send {EMAILS_PER_HOUR_MAX} e-mails in an hour by the mail server of the instance; try \
                     again later"
                ),
            ));
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
        let addresses = self.guard.mail_addresses(&server.host, server.port).await;
        let addresses = addresses.map_err(|Fault { kind, message }| match kind {
            HttpFailureKind::Blocked => failure(EmailFailureKind::Blocked, message),
            _ => failure(
                EmailFailureKind::Unavailable,
                format!("the mail server was not found: {message}"),
            ),
        })?;
        smtp::deliver(server, &addresses, &self.tls, &letter, is_out).await
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

    #[test]
    fn an_app_sends_so_many_in_an_hour() {
        let (app, other) = (AppId(Uuid::from_u128(1)), AppId(Uuid::from_u128(2)));
        let guard = Arc::new(Guard::new(Arc::new(Nowhere), Vec::new()));
        let emails = Emails::new(None, guard, tls(Vec::new()), MemoryBudget::unbounded());
        let start = Instant::now();
        for _ in 0..EMAILS_PER_HOUR_MAX {
            assert!(emails.count(app, start));
        }
        assert!(!emails.count(app, start));
        assert!(emails.count(other, start));
        assert!(emails.count(app, start + HOUR));
    }
}
