//! A client that sends what it is told, byte by byte, and reads whole answers.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Longer than any answer takes; who waits as long waits for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self {
            stream,
            received: Vec::new(),
        }
    }

    #[track_caller]
    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).expect("the server takes it");
    }

    /// Sends; says whether the server still takes it.
    pub(crate) fn try_send(&mut self, text: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(text.as_ref())
    }

    /// Reads one answer.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    /// Reads one answer to a request with this method.
    #[track_caller]
    pub(crate) fn answer_to(&mut self, method: &str) -> Answer {
        self.try_answer(method).expect("an answer")
    }

    pub(crate) fn try_answer(&mut self, method: &str) -> io::Result<Answer> {
        let head_end = loop {
            if let Some(at) = find(&self.received, b"\r\n\r\n") {
                break at + 4;
            }
            self.receive()?;
        };
        let head = String::from_utf8(self.received.drain(..head_end).collect()).expect("a head in UTF-8");
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.get(9..12))
            .and_then(|status| status.parse().ok());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut answer = Answer {
            status: status.expect("a status"),
            headers,
            body: String::new(),
        };
        let length = answer
            .header("content-length")
            .map_or(0, |length| length.parse().expect("a length"));
        if method != "HEAD" && answer.status != 204 {
            while self.received.len() < length {
                self.receive()?;
            }
            answer.body =
                String::from_utf8(self.received.drain(..length).collect()).expect("a body in UTF-8");
        }
        Ok(answer)
    }

    /// The answer, if one comes within `wait`.
    pub(crate) fn answer_so_far(&mut self, wait: Duration) -> Option<Answer> {
        self.stream.set_read_timeout(Some(wait)).expect("a timeout");
        let answer = self.try_answer("GET").ok();
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        answer
    }

    /// Reads to the end of the connection, which must come; gives what came before it.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        loop {
            match self.receive() {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    panic!("the connection hangs");
                }
                Err(_closed) => return std::mem::take(&mut self.received),
            }
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn shut_down(&self) {
        // The server may have closed already.
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1_024];
        match self.stream.read(&mut buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.received.extend_from_slice(&buffer[..count]);
                Ok(())
            }
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Checks that it is a problem with all that every problem has, and gives its code.
    #[track_caller]
    pub(crate) fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem: serde_json::Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(problem["status"], self.status, "{self:?}");
        assert_eq!(
            problem["request_id"].as_str(),
            self.header("x-request-id"),
            "{self:?}"
        );
        let code = problem["code"].as_str().expect("a code").to_owned();
        assert_eq!(problem["type"], format!("/api/v1/problems/{code}"));
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty()),
            "{self:?}"
        );
        assert!(
            self.status != 503 || self.header("retry-after").is_some(),
            "{self:?}"
        );
        code
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
