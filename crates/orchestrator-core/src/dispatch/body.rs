//! Bodies: of requests, read whole within their bounds, and of answers.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderValue, Response,
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use picloud_shared::{
    memory::{Held, MemoryAccount, Pressure},
    problem::Code,
};
use tokio::time::{Instant, timeout_at};

use super::{BoxError, ControlBody, Refusal};

/// How fast a body must come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyPace {
    /// It has this time in any case,
    pub(crate) grace: Duration,
    /// and a second more for so many bytes.
    pub(crate) bytes_per_second_min: u64,
}

/// Refuses a body that is compressed: nobody here would unpack it, within bounds or without.
pub(super) fn refuse_encoded(headers: &HeaderMap) -> Result<(), Refusal> {
    let encoded = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().any(encoded) {
        let detail = "The body is compressed. Send it without content-encoding.";
        return Err(Refusal::new(Code::UnsupportedMediaType, detail));
    }
    Ok(())
}

/// A body that was read, which counts as memory for as long as this value lives.
pub(super) struct WholeBody {
    pub(super) bytes: Bytes,
    pub(super) held: Held,
}

/// A body of this size is read even when the server's memory is used up, so that it can still be managed.
const SMALL_BYTES: u64 = 16 * 1_024;

/// Reads a body whole, within `bytes_max` and no slower than `pace`. It counts in `account`.
pub(super) async fn read(
    body: Incoming,
    bytes_max: u64,
    pace: BodyPace,
    account: &Rc<MemoryAccount>,
) -> Result<WholeBody, Refusal> {
    let mut held = account.hold(0);
    let bytes = gather(body, bytes_max, pace, |length, more| {
        held.grow(more);
        if length > SMALL_BYTES && account.budget().pressure() > Pressure::None {
            let detail = "The server has no memory left for a body. Try again in a moment.";
            return Err(Refusal::new(Code::Overloaded, detail));
        }
        Ok(())
    });
    let bytes = bytes.await?;
    Ok(WholeBody { bytes, held })
}

/// Reads a body; `take` is told of each piece, with the length so far, before it is kept.
async fn gather(
    mut body: Incoming,
    bytes_max: u64,
    pace: BodyPace,
    mut take: impl FnMut(u64, usize) -> Result<(), Refusal>,
) -> Result<Bytes, Refusal> {
    let too_large = || {
        let detail = format!("The body may have {bytes_max} bytes.");
        Refusal::new(Code::BodyTooLarge, detail)
    };
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced = body.size_hint().lower();
    if announced > bytes_max {
        return Err(too_large());
    }
    let started = Instant::now();
    let mut last_piece = started;
    let mut bytes = Gathered::default();
    loop {
        let extra_ms = bytes.len().saturating_mul(1_000) / pace.bytes_per_second_min.max(1);
        let due = started + pace.grace + Duration::from_millis(extra_ms);
        // Whoever was fast so far may not stay away for long all the same: what has come takes up memory.
        let deadline = due.min(last_piece + pace.grace);
        let frame = match timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => return Ok(bytes.into_bytes()),
            Ok(Some(Err(_))) => {
                return Err(Refusal::new(
                    Code::BadRequest,
                    "The body broke off or is not framed as its headers say.",
                ));
            }
            Err(_) => return Err(Refusal::new(Code::RequestTimeout, "The body came too slowly.")),
        };
        // Trailers are of no use to a script.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() as u64 > bytes_max {
            return Err(too_large());
        }
        take(bytes.len() + data.len() as u64, data.len())?;
        bytes.push(data, announced);
        last_piece = Instant::now();
    }
}

/// A body that is being read. One that comes in one piece, as most do, is never copied.
#[derive(Default)]
enum Gathered {
    #[default]
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

/// Memory is set aside for an announced body only up to here; the rest as it comes.
const RESERVED_BYTES_MAX: u64 = 256 * 1_024;

impl Gathered {
    fn len(&self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::One(bytes) => bytes.len() as u64,
            Self::Many(bytes) => bytes.len() as u64,
        }
    }

    fn push(&mut self, data: Bytes, announced: u64) {
        *self = match std::mem::take(self) {
            Self::Nothing => Self::One(data),
            Self::One(first) => {
                let reserved = usize::try_from(announced.min(RESERVED_BYTES_MAX)).unwrap_or(0);
                let mut bytes = BytesMut::with_capacity(reserved.max(first.len() + data.len()));
                bytes.extend_from_slice(&first);
                bytes.extend_from_slice(&data);
                Self::Many(bytes)
            }
            Self::Many(mut bytes) => {
                bytes.extend_from_slice(&data);
                Self::Many(bytes)
            }
        };
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
        }
    }
}

/// The body of an answer: whole, or whatever the control plane sends.
///
/// It is handed over in pieces. The HTTP library copies each into the buffer that also holds the head, so that a
/// small answer leaves in one plain write, which is much cheaper than a gathering one; the size of the pieces
/// bounds that buffer.
pub(crate) enum ResponseBody {
    Whole(Bytes),
    Control {
        body: ControlBody,
        /// What is left of the last frame.
        rest: Bytes,
    },
}

/// Most bytes of a body that are handed over at once.
const PIECE_BYTES_MAX: usize = 32 * 1_024;

impl ResponseBody {
    pub(super) fn control(body: ControlBody) -> Self {
        Self::Control {
            body,
            rest: Bytes::new(),
        }
    }
}

impl Default for ResponseBody {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl<B: Into<Bytes>> From<B> for ResponseBody {
    fn from(bytes: B) -> Self {
        Self::Whole(bytes.into())
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(rest) => Poll::Ready(Some(Ok(next_piece(rest)))),
            Self::Control { body, rest } => {
                if !rest.is_empty() {
                    return Poll::Ready(Some(Ok(next_piece(rest))));
                }
                let frame = ready!(Pin::new(body).poll_frame(cx));
                Poll::Ready(frame.map(|frame| {
                    frame.map(|frame| match frame.into_data() {
                        Ok(data) => {
                            *rest = data;
                            next_piece(rest)
                        }
                        Err(trailers) => trailers,
                    })
                }))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Control { body, rest } => rest.is_empty() && body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Control { body, rest } => {
                let (hint, rest) = (body.size_hint(), rest.len() as u64);
                let mut whole = SizeHint::new();
                whole.set_lower(hint.lower() + rest);
                if let Some(upper) = hint.upper() {
                    whole.set_upper(upper + rest);
                }
                whole
            }
        }
    }
}

fn next_piece(rest: &mut Bytes) -> Frame<Bytes> {
    Frame::data(if rest.len() <= PIECE_BYTES_MAX {
        std::mem::take(rest)
    } else {
        rest.split_to(PIECE_BYTES_MAX)
    })
}

/// The answer to `HEAD`: all but the content, whose length is told.
pub(super) fn without_content(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    let status = response.status();
    let may_tell = status != http::StatusCode::NO_CONTENT && status != http::StatusCode::NOT_MODIFIED;
    if let ResponseBody::Whole(bytes) = response.body()
        && may_tell
    {
        let length = HeaderValue::from(bytes.len());
        response.headers_mut().insert(CONTENT_LENGTH, length);
    }
    response.map(|_| ResponseBody::default())
}
