//! What is said to the mail server.

use std::{
    fmt,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use lettre::transport::smtp::{
    Error,
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::AsyncSmtpConnection,
    commands::{Data, Mail, Rcpt},
    extension::ClientId,
    response::Response,
};
use picloud_shared::{
    mail::{MailHost, MailSecurity, MailServer},
    services::{EmailFailure, EmailFailureKind},
};
use rustls::pki_types::{IpAddr as TlsAddress, ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{failure, message::Letter, starttls, stream::MailStream};
use crate::connect::connect;

/// How long the mail server may take to say good-bye, when it has the e-mail.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// What the mail server says about a refusal or an e-mail that it takes, as far as it is told.
const REASON_CHARACTERS_MAX: usize = 300;

/// Hands a letter over to a server at one of `addresses`; gives what that said. `is_out` is set when it may have it.
pub(super) async fn deliver(
    server: &MailServer,
    addresses: &[SocketAddr],
    tls: &TlsConnector,
    letter: &Letter,
    is_out: &AtomicBool,
) -> Result<String, EmailFailure> {
    let stream = connect(addresses).await.map_err(|error| {
        failure(
            EmailFailureKind::Unavailable,
            format!("no connection to the mail server: {}", error.kind()),
        )
    })?;
    match server.security {
        MailSecurity::None => talk(MailStream::new(stream), server, letter, is_out).await,
        MailSecurity::Tls => {
            let stream = secure(tls, &server.host, stream).await?;
            talk(MailStream::new(stream), server, letter, is_out).await
        }
        MailSecurity::Starttls => {
            let stream = starttls::begin(stream, &letter.host).await?;
            let stream = secure(tls, &server.host, stream).await?;
            talk(MailStream::greeted(stream), server, letter, is_out).await
        }
    }
}

async fn secure(
    tls: &TlsConnector,
    host: &MailHost,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, EmailFailure> {
    let insecure = |why: &dyn fmt::Display| {
        failure(
            EmailFailureKind::Tls,
            format!("no secure connection to the mail server: {why}"),
        )
    };
    let name = match host {
        MailHost::Name(name) => ServerName::try_from(name.as_str().to_owned())
            .map_err(|_| insecure(&"no certificate can be for its host"))?,
        MailHost::Address(address) => ServerName::IpAddress(TlsAddress::from(*address)),
    };
    tls.connect(name, stream).await.map_err(|error| insecure(&error))
}

async fn talk<S>(
    stream: MailStream<S>,
    server: &MailServer,
    letter: &Letter,
    is_out: &AtomicBool,
) -> Result<String, EmailFailure>
where
    S: AsyncRead + AsyncWrite + fmt::Debug + Send + Sync + Unpin + 'static,
{
    let hello = ClientId::Domain(letter.host.clone());
    let mut talk = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello)
        .await
        .map_err(|error| refused(&error, "does not begin"))?;
    if let Some(credentials) = &server.credentials {
        let password = credentials.password.expose().to_owned();
        let credentials = Credentials::new(credentials.username.clone(), password);
        let signed_in = talk.auth(DEFAULT_MECHANISMS, &credentials).await;
        signed_in.map_err(|error| not_signed_in(&error))?;
    }
    let mail = Mail::new(Some(letter.from.clone()), Vec::new());
    let taken = talk.command(mail).await;
    taken.map_err(|error| refused(&error, "does not take e-mail from this sender"))?;
    for to in &letter.to {
        let taken = talk.command(Rcpt::new(to.clone(), Vec::new())).await;
        // One that is refused ends it: either everybody gets it, or nobody does.
        taken.map_err(|error| {
            let refusal = refused(&error, &format!("does not take e-mail for `{to}`"));
            match refusal.kind {
                EmailFailureKind::Refused => EmailFailure {
                    kind: EmailFailureKind::Recipient,
                    recipient: Some(to.to_string()),
                    ..refusal
                },
                _ => refusal,
            }
        })?;
    }
    let taken = talk.command(Data).await;
    taken.map_err(|error| refused(&error, "does not take this e-mail"))?;
    is_out.store(true, Ordering::Relaxed);
    let taken = talk.message(&letter.bytes).await.map_err(|error| {
        // An answer is one, whatever it says; without any, nobody knows.
        if error.status().is_some() {
            refused(&error, "does not take this e-mail")
        } else {
            tracing::debug!(%error, "nobody knows what became of an e-mail");
            unknown()
        }
    })?;
    // It has the e-mail. Nobody waits for its good-bye.
    tokio::spawn(async move { timeout(GOODBYE_TIMEOUT, talk.quit()).await });
    Ok(said(&taken))
}

/// What it means that a mail server did not go along.
fn refused(error: &Error, what: &str) -> EmailFailure {
    if error.is_permanent() {
        let message = format!("the mail server {what}{}", reason(error));
        return failure(EmailFailureKind::Refused, message);
    }
    if error.is_transient() {
        let message = format!("the mail server {what} now; try again later{}", reason(error));
        return failure(EmailFailureKind::Unavailable, message);
    }
    tracing::debug!(%error, "a mail server was not understood");
    failure(
        EmailFailureKind::Unavailable,
        "the connection to the mail server ended too soon, or what it said is not SMTP; try again later",
    )
}

/// What the mail server says here is told to nobody: it may say again what it was told.
fn not_signed_in(error: &Error) -> EmailFailure {
    let message = match error.status() {
        Some(code) if error.is_permanent() => format!("({code})"),
        None if error.is_client() => "(it knows none of the ways PLAIN and LOGIN)".to_owned(),
        _ => return refused_in_silence(),
    };
    failure(
        EmailFailureKind::SignIn,
        format!("the mail server does not take the user name and password that are set {message}"),
    )
}

fn refused_in_silence() -> EmailFailure {
    failure(
        EmailFailureKind::Unavailable,
        "the mail server does not let anybody sign in now; try again later",
    )
}

pub(super) fn unknown() -> EmailFailure {
    failure(
        EmailFailureKind::Unknown,
        "the connection ended before the mail server said whether it has the e-mail: it may have been sent",
    )
}

/// What the mail server said, on one line.
fn reason(error: &Error) -> String {
    let code = error.status().map(|code| format!(" ({code}")).unwrap_or_default();
    let said = std::error::Error::source(error).map(ToString::to_string);
    let said = one_line(&said.unwrap_or_default());
    let said = said.trim();
    if code.is_empty() || said.is_empty() {
        return String::new();
    }
    format!("{code} {said})")
}

/// What the mail server said when it took an e-mail, on one line.
fn said(answer: &Response) -> String {
    let words: Vec<&str> = answer.message().collect();
    one_line(&format!("{} {}", answer.code(), words.join(" ")))
        .trim()
        .to_owned()
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(REASON_CHARACTERS_MAX)
        .collect()
}
