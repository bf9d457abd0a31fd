//! One connection, from its first byte to its last.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::Response;
use hyper::{
    body::{Body, Frame, SizeHint},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use picloud_shared::seam::ExecutorClient;
use tokio::{
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    Phase,
    acceptor::Arrival,
    io::Monitored,
    watch::{Serving, State, Watch},
    worker::Worker,
};
use crate::dispatch::{BoxError, Peer, ResponseBody};

/// How long after the last answer a client may go on sending.
const LINGER: Duration = Duration::from_secs(2);

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// For the head of a request, from its first byte; for the first byte of a connection.
    pub(crate) head: Duration,
    /// For its next request, or to take any byte of an answer. Up to twice that, as it is only looked at so often.
    pub(crate) idle: Duration,
}

/// Serves one connection to its end.
pub(super) async fn serve<E: ExecutorClient + 'static>(worker: Rc<Worker<E>>, arrival: Arrival) {
    let Arrival {
        stream,
        peer,
        open: _open,
        client: _client,
    } = arrival;
    let Ok(stream) = TcpStream::from_std(stream) else {
        return;
    };
    let watch = Rc::new(Watch::new(Peer::of(peer, &worker.dispatcher.proxies)));
    let ids = Rc::clone(&worker);
    let io = Monitored::new(
        stream,
        Rc::clone(&watch),
        Box::new(move || ids.dispatcher.new_id()),
    );

    let service = service_fn(|request| {
        let worker = Rc::clone(&worker);
        let serving = watch.serve();
        let begun = worker.dispatcher.begin(&watch.peer, request);
        Answering::start(begun.needs_no_wait(), async move {
            let response = worker.dispatcher.complete(begun).await;
            response.map(|body| Served::new(body, serving))
        })
    });
    let mut connection = pin!(worker.http.serve_connection(TokioIo::new(io), service));
    let mut deadlines = pin!(Deadlines {
        watch: &watch,
        pace: worker.pace,
        timer: None,
        armed: None
    });
    let registered = worker.connections.register();

    poll_fn(|cx| {
        registered.set_waker(cx.waker());
        if worker.phase.get() == Phase::Stopped {
            return Poll::Ready(());
        }
        if worker.phase.get() == Phase::Draining && !watch.is_closing() {
            watch.close();
            connection.as_mut().graceful_shutdown();
        }
        loop {
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            match deadlines.as_mut().poll(cx) {
                Verdict::Wait => return Poll::Pending,
                Verdict::RefuseHead if !watch.has_expired() => watch.expire(),
                Verdict::Close if !watch.is_closing() => {
                    watch.close();
                    connection.as_mut().graceful_shutdown();
                }
                Verdict::RefuseHead | Verdict::Close | Verdict::Drop => return Poll::Ready(()),
            }
        }
    })
    .await;
}

/// The answer to one request, on its way.
///
/// Most are made without waiting for anything. Such an answer is made at once, when the library hands the request
/// over: then all that refers to the buffer of the connection is gone before the library looks for more bytes, and
/// the same buffer takes them.
enum Answering<F> {
    Ready(Option<Response<Served>>),
    Waiting(Pin<Box<F>>),
}

impl<F: Future<Output = Response<Served>>> Answering<F> {
    fn start(at_once: bool, answer: F) -> Self {
        let mut answer = Box::pin(answer);
        // If it has to wait after all, the library polls it next, and then it is woken as usual.
        let mut context = Context::from_waker(Waker::noop());
        match at_once.then(|| answer.as_mut().poll(&mut context)) {
            Some(Poll::Ready(response)) => Self::Ready(Some(response)),
            _ => Self::Waiting(answer),
        }
    }
}

impl<F: Future<Output = Response<Served>>> Future for Answering<F> {
    type Output = Result<Response<Served>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            // Polled again after its end, as no future is.
            Self::Ready(response) => response
                .take()
                .map_or(Poll::Pending, |response| Poll::Ready(Ok(response))),
            Self::Waiting(answer) => answer.as_mut().poll(cx).map(Ok),
        }
    }
}

/// The body of an answer. One that comes piece by piece is part of its request until it ends.
struct Served {
    body: ResponseBody,
    _serving: Option<Serving>,
}

impl Served {
    fn new(body: ResponseBody, serving: Serving) -> Self {
        let in_pieces = matches!(body, ResponseBody::Control { .. });
        Self {
            body,
            _serving: in_pieces.then_some(serving),
        }
    }
}

impl Body for Served {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The deadlines of a connection, kept by one timer that is set as rarely as possible.
struct Deadlines<'w> {
    watch: &'w Watch,
    pace: Pace,
    timer: Option<Pin<Box<Sleep>>>,
    /// What the timer was set for, and after how many events.
    armed: Option<(State, u32)>,
}

/// What is to be done with a connection.
enum Verdict {
    Wait,
    RefuseHead,
    Close,
    Drop,
}

impl Deadlines<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Verdict {
        let now = (self.watch.state(), self.watch.events());
        match self.armed {
            Some(armed) if self.timer.as_ref().is_some_and(|timer| timer.is_elapsed()) => {
                self.armed = None;
                if armed == now {
                    return match now.0 {
                        State::Head => Verdict::RefuseHead,
                        State::Idle => Verdict::Close,
                        State::Lingering => Verdict::Drop,
                        State::Busy => Verdict::Wait,
                    };
                }
            }
            // A head and a lingering client have a strict deadline; the others wait for the timer that is set.
            Some(armed) if armed == now || matches!(now.0, State::Idle | State::Busy) => {
                return Verdict::Wait;
            }
            _ => {}
        }
        self.arm(now, cx);
        Verdict::Wait
    }

    fn arm(&mut self, now: (State, u32), cx: &mut Context<'_>) {
        let wait = match now.0 {
            State::Head => self.pace.head,
            State::Idle => self.pace.idle,
            State::Lingering => LINGER,
            // Set again when the request is answered.
            State::Busy => return,
        };
        let deadline = Instant::now() + wait;
        let timer = match &mut self.timer {
            Some(timer) => {
                timer.as_mut().reset(deadline);
                timer
            }
            None => self.timer.insert(Box::pin(sleep_until(deadline))),
        };
        // Not ready yet; this only has the task woken when it is.
        let _ = timer.as_mut().poll(cx);
        self.armed = Some(now);
    }
}
