//! Another server, for scripts that ask one.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use super::App;

/// A server on loopback.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Peer {
    /// One that answers each request with what `answer` makes of its first line and its body.
    pub(crate) fn start(answer: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::<AtomicUsize>::default();
        let (count, answer) = (Arc::clone(&connections), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = Arc::clone(&answer);
                thread::spawn(move || serve(stream, &*answer));
            }
        });
        Self { address, connections }
    }

    /// Where a path of it is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Answers requests until the other side goes.
fn serve(stream: TcpStream, answer: &dyn Fn(&str, &str) -> String) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut writer = stream;
    loop {
        let (mut first, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(bytes) = line.strip_prefix("content-length: ") {
                length = bytes.trim().parse().expect("a length");
            }
            if line == "\r\n" {
                break;
            }
            if first.is_empty() {
                line.trim().clone_into(&mut first);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let content = answer(&first, &String::from_utf8_lossy(&body));
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", content.len());
        if writer.write_all([head, content].concat().as_bytes()).is_err() {
            return;
        }
    }
}

impl App<'_> {
    /// Sets where its scripts may connect to; gives what was set.
    #[track_caller]
    pub(crate) fn allow(&self, entries: &Value) -> Value {
        let path = format!("/api/v1{}", self.path("/egress"));
        let call = self.cloud.owner().call("PUT", &path);
        call.json(&json!({ "allow": entries })).send().expect(200).json()
    }
}
