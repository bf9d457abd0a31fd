//! What a connection is doing, as far as its deadlines depend on it.

use std::{cell::Cell, rc::Rc};

use crate::dispatch::Peer;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Receives the head of a request, or has not sent anything yet.
    Head,
    /// Waits for its next request, or takes its last answer.
    Idle,
    /// A request is being served. It has deadlines of its own.
    Busy,
    /// All is sent; waits for the client to close, too.
    Lingering,
}

/// How the client speaks, as far as its first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// So many bytes were those that HTTP/2 starts with.
    Undecided(usize),
    Http1,
    Http2,
}

const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The state of one connection, shared by its socket, its requests and its deadlines, which are all on one thread.
///
/// Noting what happens costs a few stores. That is the point: a timer that is set and cleared for each request
/// costs more than all the rest of PiCloud's part in answering it. So a deadline is looked at when the one timer
/// of the connection fires, by asking whether anything has happened since it was set.
pub(super) struct Watch {
    pub(super) peer: Peer,
    state: Cell<State>,
    /// Counts what happens.
    events: Cell<u32>,
    requests: Cell<u32>,
    protocol: Cell<Protocol>,
    received: Cell<bool>,
    /// Whether everything that was answered is on its way.
    flushed: Cell<bool>,
    expired: Cell<bool>,
    /// Whether the server ends the connection by itself, though no answer asks for it.
    closing: Cell<bool>,
}

/// A request that is being served; ends with this value.
pub(super) struct Serving(Rc<Watch>);

impl Watch {
    pub(super) fn new(peer: Peer) -> Self {
        Self {
            peer,
            state: Cell::new(State::Head),
            events: Cell::new(0),
            requests: Cell::new(0),
            protocol: Cell::new(Protocol::Undecided(0)),
            received: Cell::new(false),
            flushed: Cell::new(true),
            expired: Cell::new(false),
            closing: Cell::new(false),
        }
    }

    pub(super) fn state(&self) -> State {
        self.state.get()
    }

    pub(super) fn events(&self) -> u32 {
        self.events.get()
    }

    pub(super) fn has_received(&self) -> bool {
        self.received.get()
    }

    /// Whether the client may still be sending when the last answer is on its way: not if it was waited for in
    /// vain.
    pub(super) fn lingers(&self) -> bool {
        !self.closing.get()
    }

    pub(super) fn has_expired(&self) -> bool {
        self.expired.get()
    }

    /// The time for the head of a request is over.
    pub(super) fn expire(&self) {
        self.expired.set(true);
    }

    /// The connection ends when all that has come is answered.
    pub(super) fn close(&self) {
        self.closing.set(true);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    pub(super) fn on_lingering(&self) {
        self.enter(State::Lingering);
    }

    pub(super) fn on_received(&self, bytes: &[u8]) {
        self.received.set(true);
        if let Protocol::Undecided(seen) = self.protocol.get() {
            self.protocol.set(recognise(seen, bytes));
            if self.protocol.get() == Protocol::Http2 {
                self.enter(State::Idle);
            }
        }
        // The frames of HTTP/2 tell nothing here; its connections live as long as they have requests.
        if self.state.get() == State::Idle && self.protocol.get() != Protocol::Http2 {
            self.enter(State::Head);
        }
    }

    /// Bytes of an answer left. A client that takes none of them for long is gone.
    pub(super) fn on_sent(&self) {
        self.note();
    }

    pub(super) fn on_flushed(&self) {
        self.flushed.set(true);
    }

    pub(super) fn serve(self: &Rc<Self>) -> Serving {
        self.requests.set(self.requests.get() + 1);
        self.enter(State::Busy);
        Serving(Rc::clone(self))
    }

    /// Whether bytes that are about to be sent come from the HTTP library itself: it refuses what it cannot
    /// parse without asking anybody.
    pub(super) fn is_refusal_of_library(&self) -> bool {
        self.requests.get() == 0 && self.flushed.get() && self.protocol.get() != Protocol::Http2
    }

    fn enter(&self, state: State) {
        self.state.set(state);
        self.note();
    }

    fn note(&self) {
        self.events.set(self.events.get().wrapping_add(1));
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let watch = &self.0;
        watch.requests.set(watch.requests.get() - 1);
        watch.flushed.set(false);
        if watch.requests.get() == 0 {
            watch.enter(State::Idle);
        }
    }
}

fn recognise(seen: usize, bytes: &[u8]) -> Protocol {
    let expected = &HTTP2_PREFACE[seen..];
    let common = expected.len().min(bytes.len());
    if expected[..common] != bytes[..common] {
        Protocol::Http1
    } else if common == expected.len() {
        Protocol::Http2
    } else {
        Protocol::Undecided(seen + common)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http2_is_recognised_however_it_is_cut() {
        for cut in 1..HTTP2_PREFACE.len() {
            let first = recognise(0, &HTTP2_PREFACE[..cut]);
            assert_eq!(first, Protocol::Undecided(cut));
            assert_eq!(recognise(cut, &HTTP2_PREFACE[cut..]), Protocol::Http2);
        }
        assert_eq!(recognise(0, b"POST / HTTP/1.1\r\n"), Protocol::Http1);
        assert_eq!(recognise(3, b"X"), Protocol::Http1);
    }
}
