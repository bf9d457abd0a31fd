//! A connection's socket, which notes what it sees.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use http::StatusCode;
use picloud_shared::{
    id::ExecutionId,
    problem::{Code, PROBLEM_JSON, Problem},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{watch::Watch, worker::HEAD_BYTES_MAX};
use crate::dispatch::URI_BYTES_MAX;

/// What a client may still send, and have thrown away, after the last answer on its connection.
const LINGER_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// A connection's socket. Beside noting what it sees, it does three things that the HTTP library does not:
///
/// - It answers `408` when the time for the head of a request is over.
/// - It makes the bare refusals of the library problems with a request id, as all others are.
/// - It does not close on a client that is still sending, which might then never see the answer: it
///   goes on reading for a moment, and throws away what comes.
pub(super) struct Monitored {
    stream: TcpStream,
    watch: Rc<Watch>,
    /// Makes the id of an answer that belongs to no request.
    new_id: Box<dyn Fn() -> ExecutionId>,
    /// How much came after the last answer, once that is out.
    lingering: Option<usize>,
}

impl Monitored {
    pub(super) fn new(stream: TcpStream, watch: Rc<Watch>, new_id: Box<dyn Fn() -> ExecutionId>) -> Self {
        Self {
            stream,
            watch,
            new_id,
            lingering: None,
        }
    }

    /// Sends `408` if nothing else is on its way, and if there is a client that has begun to speak.
    fn refuse_slow_head(&self) {
        if self.watch.has_received() && self.watch.is_refusal_of_library() {
            let message = self.refusal(StatusCode::REQUEST_TIMEOUT);
            // As good as the socket's buffer allows: this client has had its time.
            let _ = self.stream.try_write(&message);
        }
    }

    /// A whole message in the place of one that the library wrote.
    fn refusal(&self, status: StatusCode) -> Vec<u8> {
        let (code, detail) = match status {
            StatusCode::REQUEST_TIMEOUT => (
                Code::RequestTimeout,
                "The head of the request came too slowly.".to_owned(),
            ),
            StatusCode::URI_TOO_LONG => (
                Code::UriTooLong,
                format!("Path and query may have {URI_BYTES_MAX} bytes."),
            ),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
                Code::HeadersTooLarge,
                format!("The head of a request may have {HEAD_BYTES_MAX} bytes and 100 headers."),
            ),
            _ => (
                Code::BadRequest,
                "The request is not well-formed HTTP.".to_owned(),
            ),
        };
        let id = (self.new_id)();
        let body = Problem::new(code, detail).to_body(id);
        let reason = status.canonical_reason().unwrap_or_default();
        let head = format!(
            "HTTP/1.1 {} {reason}\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {}\r\nx-request-id: {id}\r\nconnection: close\r\n\r\n",
            status.as_u16(),
            body.len(),
        );
        [head.into_bytes(), body].concat()
    }

    /// The message to send instead of `first`, if that is the beginning of a refusal of the library.
    fn instead_of(&self, first: &[u8]) -> Option<Vec<u8>> {
        if !self.watch.is_refusal_of_library() {
            return None;
        }
        let status = first
            .strip_prefix(b"HTTP/1.1 ")
            .or_else(|| first.strip_prefix(b"HTTP/1.0 "))?;
        let status = StatusCode::from_bytes(status.get(..3)?).ok()?;
        Some(self.refusal(status))
    }

    fn sent(&self, sent: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(_)) = sent {
            self.watch.on_sent();
        }
    }
}

impl AsyncRead for Monitored {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.watch.has_expired() {
            self.refuse_slow_head();
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let received = &buf.filled()[before..];
        if !received.is_empty() {
            self.watch.on_received(received);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Monitored {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(message) = self.instead_of(buf) {
            ready!(Pin::new(&mut self.stream).poll_write(cx, &message))?;
            return Poll::Ready(Ok(buf.len()));
        }
        let sent = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.sent(&sent);
        sent
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(message) = bufs.first().and_then(|first| self.instead_of(first)) {
            ready!(Pin::new(&mut self.stream).poll_write(cx, &message))?;
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        let sent = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.sent(&sent);
        sent
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Only called when the library holds nothing back any more.
        self.watch.on_flushed();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.watch.lingers() {
                return Poll::Ready(Ok(()));
            }
            this.watch.on_lingering();
        }
        let thrown_away = this.lingering.get_or_insert(0);
        let mut scratch = [0; 16_384];
        while *thrown_away < LINGER_BYTES_MAX {
            let mut buf = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                break;
            }
            *thrown_away += buf.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}
