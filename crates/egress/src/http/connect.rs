//! Opening a connection for requests.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use picloud_shared::services::HttpFailureKind;
use rustls::pki_types::{IpAddr as TlsAddress, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::{Fault, fault};
use crate::connect::connect;

/// Headers that an answer may have.
const ANSWER_HEADERS_MAX: usize = 100;

/// Bytes of an answer's head, and of what is read at one time.
const ANSWER_HEAD_BYTES_MAX: usize = 64 * 1_024;

/// The end of a connection at which requests are given in.
pub(super) type Sender = SendRequest<Full<Bytes>>;

/// Opens connections.
pub(super) struct Connector {
    tls: TlsConnector,
}

impl Connector {
    /// One that makes connections secure with `tls`.
    pub(super) fn new(tls: TlsConnector) -> Self {
        Self { tls }
    }

    /// A connection for requests to the origin of `url`, to the first of `addresses` that takes it.
    pub(super) async fn open(&self, url: &Url, addresses: &[SocketAddr]) -> Result<Sender, Fault> {
        let stream = connect(addresses).await.map_err(|error| {
            tracing::debug!(%error, "nobody took a connection of a script");
            fault(
                HttpFailureKind::Connect,
                format!("no connection: {}", error.kind()),
            )
        })?;
        if url.scheme() == "http" {
            return speak(stream).await;
        }
        let secured = self.tls.connect(server_name(url)?, stream).await;
        let secured =
            secured.map_err(|error| fault(HttpFailureKind::Tls, format!("no secure connection: {error}")))?;
        speak(secured).await
    }
}

fn server_name(url: &Url) -> Result<ServerName<'static>, Fault> {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            let name = ServerName::try_from(name.to_owned());
            name.map_err(|_| fault(HttpFailureKind::Tls, "no certificate can be for this host"))
        }
        Some(Host::Ipv4(address)) => Ok(ServerName::IpAddress(TlsAddress::from(std::net::IpAddr::V4(
            address,
        )))),
        Some(Host::Ipv6(address)) => Ok(ServerName::IpAddress(TlsAddress::from(std::net::IpAddr::V6(
            address,
        )))),
        None => Err(fault(HttpFailureKind::Invalid, "the URL has no host")),
    }
}

/// Begins to speak HTTP on a connection. It ends with the last of those who send on it or read from it.
async fn speak<S>(stream: S) -> Result<Sender, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = http1::Builder::new()
        .max_headers(ANSWER_HEADERS_MAX)
        .max_buf_size(ANSWER_HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await;
    let (sender, connection) = handshake.map_err(|error| super::call::broken(&error))?;
    tokio::spawn(async move {
        // Whoever sends on it is told too.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection of a script ended");
        }
    });
    Ok(sender)
}
