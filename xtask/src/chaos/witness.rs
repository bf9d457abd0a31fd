//! Who is told of each run that begins, outside of PiCloud.

use std::{
    collections::HashSet,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

use anyhow::Context as _;

/// A server on loopback that runs tell that they begin.
pub(super) struct Witness {
    pub(super) address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
}

/// What it was told.
#[derive(Default)]
struct Heard {
    starts: Vec<Start>,
    numbers: HashSet<usize>,
}

/// The begin of a run for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// Of which event.
    pub(super) number: usize,
    /// What it is in a chain of events.
    pub(super) step: String,
    /// The id of the event on its way to this script.
    pub(super) delivery: String,
    /// What number of run it is, faults left aside.
    pub(super) attempt: u32,
    pub(super) at: Instant,
}

impl Witness {
    /// Listens until the process ends.
    pub(super) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("there is no port to listen on")?;
        let address = listener.local_addr()?;
        let heard = Arc::<Mutex<Heard>>::default();
        let all = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let heard = Arc::clone(&all);
                thread::spawn(move || listen(&stream, &heard));
            }
        });
        Ok(Self { address, heard })
    }

    /// Of how many events a run has begun.
    pub(super) fn count(&self) -> usize {
        lock(&self.heard).numbers.len()
    }

    /// All that it was told so far.
    pub(super) fn starts(&self) -> Vec<Start> {
        lock(&self.heard).starts.clone()
    }
}

/// Answers requests of one connection until the other side goes.
fn listen(stream: &TcpStream, heard: &Mutex<Heard>) {
    let (mut lines, mut writer) = (BufReader::new(stream).lines().map_while(Result::ok), stream);
    while let Some(first) = lines.next() {
        // They have headers, and no body.
        if !lines.by_ref().any(|line| line.is_empty()) {
            return;
        }
        if let Some(start) = Start::read(&first) {
            let mut heard = lock(heard);
            heard.numbers.insert(start.number);
            heard.starts.push(start);
        }
        if writer.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_err() {
            return;
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Start {
    /// What the first line of a request says: `GET /<number>/<step>/<delivery>/<attempt> HTTP/1.1`.
    fn read(line: &str) -> Option<Self> {
        let path = line.strip_prefix("GET /")?.split(' ').next()?;
        let mut parts = path.split('/');
        Some(Self {
            number: parts.next()?.parse().ok()?,
            step: parts.next()?.to_owned(),
            delivery: parts.next()?.to_owned(),
            attempt: parts.next()?.parse().ok()?,
            at: Instant::now(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_says_is_read() {
        let start = Start::read("GET /17/left/0189/2 HTTP/1.1").expect("a start");
        let said = (
            start.number,
            start.step.as_str(),
            start.delivery.as_str(),
            start.attempt,
        );
        assert_eq!(said, (17, "left", "0189", 2));
        for line in [
            "GET / HTTP/1.1",
            "GET /x/a/b/1 HTTP/1.1",
            "POST /1/a/b/1 HTTP/1.1",
            "",
        ] {
            assert_eq!(Start::read(line), None);
        }
    }
}
