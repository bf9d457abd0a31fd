//! A connection as lettre takes it.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that a mail server may say. One that never ends its line would take ever more memory.
const HEARD_BYTES_MAX: usize = 64 * 1_024;

/// What lettre wants to hear first, when the mail server has said it already.
const GREETING: &[u8] = b"220 \r\n";

/// A connection from which only so much is read.
#[derive(Debug)]
pub(super) struct MailStream<S> {
    stream: S,
    /// What is heard before anything else.
    first: &'static [u8],
    left: usize,
}

impl<S> MailStream<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            first: &[],
            left: HEARD_BYTES_MAX,
        }
    }

    /// One whose mail server has given its greeting before the connection was secure.
    pub(super) fn greeted(stream: S) -> Self {
        Self {
            first: GREETING,
            ..Self::new(stream)
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MailStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let (now, later) = self.first.split_at(self.first.len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.first = later;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let heard = buffer.filled().len() - before;
        let Some(left) = self.left.checked_sub(heard) else {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        };
        self.left = left;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MailStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> AsyncTokioStream for MailStream<S>
where
    S: AsyncRead + AsyncWrite + fmt::Debug + Send + Sync + Unpin,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        // It was decided on before; nobody asks.
        Err(io::ErrorKind::Unsupported.into())
    }
}
