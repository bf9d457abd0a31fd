//! A connection on which a test sends exactly the bytes it wants.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::{Answer, WAIT_MAX};

/// A plain TCP connection to a server.
pub(crate) struct RawConnection {
    socket: TcpStream,
    received: Vec<u8>,
}

impl RawConnection {
    /// Connects.
    pub(crate) fn open(server: SocketAddr) -> Self {
        let socket = TcpStream::connect(server).expect("the server accepts connections");
        socket
            .set_read_timeout(Some(WAIT_MAX))
            .expect("a timeout can be set");
        socket.set_nodelay(true).expect("the socket has an option");
        Self {
            socket,
            received: Vec::new(),
        }
    }

    /// Gives up on the server after `limit` instead of the usual time.
    pub(crate) fn patience(self, limit: Duration) -> Self {
        self.socket
            .set_read_timeout(Some(limit))
            .expect("a timeout can be set");
        self
    }

    /// Sends bytes; an error once the server has closed.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.socket.write_all(bytes.as_ref())
    }

    /// Tells the server that nothing more comes.
    pub(crate) fn finish(&mut self) {
        // The server may have closed already.
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
    }

    /// Whether the server has closed, as far as this side knows; what came before is kept.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.socket
            .set_nonblocking(true)
            .expect("the socket has an option");
        let mut chunk = [0; 16_384];
        let closed = loop {
            match self.socket.read(&mut chunk) {
                Ok(0) => break true,
                Ok(count) => self.received.extend_from_slice(&chunk[..count]),
                Err(error) => break error.kind() != io::ErrorKind::WouldBlock,
            }
        };
        self.socket
            .set_nonblocking(false)
            .expect("the socket has an option");
        closed
    }

    /// All that comes until the server closes. An error is one of time: the server did not close.
    pub(crate) fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut chunk = [0; 16_384];
        loop {
            match self.socket.read(&mut chunk) {
                Ok(0) => return Ok(std::mem::take(&mut self.received)),
                Ok(count) => self.received.extend_from_slice(&chunk[..count]),
                // A server that closes while bytes are under way to it resets the connection.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Ok(std::mem::take(&mut self.received));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The next answer, which must have a `content-length` or no body.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break end + 4;
            }
            self.fill();
        };
        let head = String::from_utf8_lossy(&self.received[..end]).into_owned();
        let mut answer = parse_head(&head);
        let length = answer
            .header("content-length")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        while self.received.len() < end + length {
            self.fill();
        }
        answer.body = self.received[end..end + length].to_vec();
        self.received.drain(..end + length);
        answer
    }

    #[track_caller]
    fn fill(&mut self) {
        let mut chunk = [0; 16_384];
        let count = self.socket.read(&mut chunk).expect("the server answers");
        assert!(
            count > 0,
            "the server closed before its answer was whole: {:?}",
            self.text()
        );
        self.received.extend_from_slice(&chunk[..count]);
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

fn parse_head(head: &str) -> Answer {
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let status = first.split(' ').nth(1).and_then(|text| text.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    Answer {
        request: "raw request".to_owned(),
        status: status.unwrap_or_else(|| panic!("not an answer: {head}")),
        headers: headers.collect(),
        body: Vec::new(),
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
