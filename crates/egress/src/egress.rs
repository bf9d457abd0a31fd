//! Answers the questions of scripts that lead out of the server.

use std::{fmt, net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use futures_util::future::join_all;
use picloud_shared::{
    id::AppId,
    mail::MailServer,
    memory::MemoryBudget,
    quota::QuotaExceeded,
    repository::{EgressRepository, MailServers, StoreError},
    seam::EgressTable,
    services::{Answer, Email, EmailFailure, HostServices, HttpRequest, Question, Recalled, ServiceError},
};
use rustls::pki_types::CertificateDer;
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_rustls::TlsConnector;

use crate::{
    apps::{App, Apps},
    connect::tls,
    email::{Emails, EmailsParts, Purpose},
    guard::Guard,
    http::Http,
    resolve::Resolve,
};

/// What an [`Egress`] is made of.
pub struct EgressParts {
    /// Answers all other questions.
    pub others: Arc<dyn HostServices>,
    /// Where the settings of apps are.
    pub repository: Arc<dyn EgressRepository>,
    /// Finds addresses.
    pub resolver: Arc<dyn Resolve>,
    /// Where this server listens itself. No script connects there.
    pub listeners: Vec<SocketAddr>,
    /// Where the mail servers of apps are.
    pub mail_servers: Arc<dyn MailServers>,
    /// Takes the e-mails of apps without one of their own, if anybody does.
    pub mail_server: Option<MailServer>,
    /// Authorities that are trusted beside those that browsers trust.
    pub authorities: Vec<CertificateDer<'static>>,
    /// What answers may hold while they come in.
    pub memory: Arc<MemoryBudget>,
}

/// Answers the questions of scripts that lead out of the server, and hands on all others.
#[derive(Clone)]
pub struct Egress(Arc<Inner>);

struct Inner {
    others: Arc<dyn HostServices>,
    apps: Apps,
    http: Arc<Http>,
    emails: Arc<Emails>,
    guard: Arc<Guard>,
    tls: TlsConnector,
    /// Where the sockets are.
    runtime: Handle,
}

impl Egress {
    /// Starts it on the runtime of the caller, with the settings of all apps.
    pub async fn start(parts: EgressParts) -> Result<Self, StoreError> {
        let guard = Arc::new(Guard::new(parts.resolver, parts.listeners));
        let tls = tls(parts.authorities);
        let emails = Emails::new(EmailsParts {
            instance: parts.mail_server,
            servers: parts.mail_servers,
            guard: guard.clone(),
            tls: tls.clone(),
            memory: parts.memory.clone(),
        });
        Ok(Self(Arc::new(Inner {
            others: parts.others,
            apps: Apps::load(parts.repository).await?,
            http: Arc::new(Http::new(guard.clone(), tls.clone(), parts.memory)),
            emails: Arc::new(emails),
            guard,
            tls,
            runtime: Handle::current(),
        })))
    }

    /// What `app` may.
    pub(crate) fn app(&self, app: AppId) -> Arc<App> {
        self.0.apps.get(app)
    }

    /// Decides where connections go.
    pub(crate) fn guard(&self) -> &Guard {
        &self.0.guard
    }

    /// Makes connections secure.
    pub(crate) fn tls(&self) -> &TlsConnector {
        &self.0.tls
    }

    async fn email(
        &self,
        app: AppId,
        email: Email,
        purpose: Purpose,
    ) -> Result<Result<String, EmailFailure>, ServiceError> {
        let Inner {
            apps,
            emails,
            runtime,
            ..
        } = &*self.0;
        let (emails, settings) = (Arc::clone(emails), apps.get(app));
        // Once it is under way it is handed over, whatever becomes of the run: half an e-mail is none.
        let work = runtime.spawn(async move { emails.send(app, &settings, email, purpose).await });
        work.await.unwrap_or_else(|error| {
            tracing::error!(%error, "an e-mail ended without an answer");
            Err(ServiceError::Failed)
        })
    }

    async fn http(&self, app: AppId, requests: Vec<HttpRequest>) -> Result<Answer, ServiceError> {
        let Inner {
            apps, http, runtime, ..
        } = &*self.0;
        let (http, app) = (Arc::clone(http), apps.get(app));
        let calls = async move { join_all(requests.iter().map(|request| http.call(&app, request))).await };
        let mut work = Aborted(runtime.spawn(calls));
        match (&mut work.0).await {
            Ok(answers) => Ok(Answer::Http { answers }),
            Err(error) => {
                tracing::error!(%error, "a request of a script ended without an answer");
                Err(ServiceError::Failed)
            }
        }
    }
}

/// Work that ends with whoever waits for it.
struct Aborted<T>(JoinHandle<T>);

impl<T> Drop for Aborted<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[async_trait]
impl HostServices for Egress {
    async fn ask(&self, app: AppId, question: Question) -> Result<Answer, ServiceError> {
        match question {
            Question::Http { requests } => self.http(app, requests).await,
            Question::Email { email } => {
                let sent = self.email(app, email, Purpose::Script).await?;
                Ok(Answer::Email { failure: sent.err() })
            }
            other => self.0.others.ask(app, other).await,
        }
    }

    fn may_call(&self, app: AppId) -> Result<(), QuotaExceeded> {
        self.0.others.may_call(app)
    }

    fn recall(&self, app: AppId, key: &str) -> Recalled {
        self.0.others.recall(app, key)
    }
}

#[async_trait]
impl EgressTable for Egress {
    async fn refresh(&self, app: AppId) -> Result<(), StoreError> {
        self.0.apps.refresh(app).await
    }

    async fn try_email(
        &self,
        app: AppId,
        email: Email,
    ) -> Result<Result<String, EmailFailure>, ServiceError> {
        self.email(app, email, Purpose::Trial).await
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").finish_non_exhaustive()
    }
}
