//! A plain HTTP/1.1 client on one connection: it can be held open by the thousand, and its clock is ours.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
};

use anyhow::{Context as _, ensure};

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    host: String,
}

impl Client {
    /// Connects to `address` as a client of `host`.
    pub(crate) fn connect(address: &str, host: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            host: host.to_owned(),
        })
    }

    /// Asks, and does not wait for the answer.
    pub(crate) fn send(&mut self, path: &str) -> anyhow::Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.stream.write_all(request.as_bytes())?;
        Ok(())
    }

    /// Asks, and takes the body of the answer, which must be a success.
    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<String> {
        self.send(path)?;
        self.receive()
    }

    /// Asks `host` on the same connection.
    pub(crate) fn get_of(&mut self, host: &str, path: &str) -> anyhow::Result<String> {
        host.clone_into(&mut self.host);
        self.get(path)
    }

    /// Whether the connection stands and nothing has come.
    pub(crate) fn is_waiting(&self) -> bool {
        let looked = self
            .stream
            .set_nonblocking(true)
            .and_then(|()| self.stream.peek(&mut [0]));
        looked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    fn receive(&mut self) -> anyhow::Result<String> {
        let mut answer = Vec::new();
        let mut piece = [0; 4_096];
        loop {
            let read = self.stream.read(&mut piece)?;
            ensure!(read > 0, "the connection was closed in the middle of an answer");
            answer.extend_from_slice(&piece[..read]);
            let text = std::str::from_utf8(&answer)?;
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            if body.len() >= length(head)? {
                ensure!(head.starts_with("HTTP/1.1 2"), "the answer was:\n{text}");
                return Ok(body.to_owned());
            }
        }
    }
}

fn length(head: &str) -> anyhow::Result<usize> {
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = lengths.next().context("the answer has no length")?;
    Ok(length.trim().parse()?)
}
