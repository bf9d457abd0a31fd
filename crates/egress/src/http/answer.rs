//! Reading what comes back, within its bounds.

use std::{
    io::{self, Write},
    sync::Arc,
};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::{HeaderMap, Method, Response, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use picloud_shared::{
    memory::{Growing, MemoryBudget},
    services::HttpFailureKind,
};

use super::{Fault, call::broken, fault};

type Headers = Vec<(String, String)>;

/// The headers and the unpacked body of an answer to a request with this method. A body over `limit` is an error, as soon
/// as it is known to be over it.
pub(super) async fn read(
    method: &Method,
    response: Response<Incoming>,
    limit: usize,
    memory: &Arc<MemoryBudget>,
) -> Result<(Headers, Bytes), Fault> {
    let (mut head, mut body) = response.into_parts();
    // What comes back to HEAD is about a body that is not there.
    let is_packed = *method != Method::HEAD && !body.is_end_stream() && is_gzip(&head.headers);
    if !is_packed && body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let bounded = Bounded::new(limit, memory);
    let mut unpacked = if is_packed {
        // They are about what came, and scripts get something else.
        head.headers.remove(header::CONTENT_ENCODING);
        head.headers.remove(header::CONTENT_LENGTH);
        Unpacked::Gzip(Box::new(MultiGzDecoder::new(bounded)))
    } else {
        Unpacked::Plain(bounded)
    };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        if let Some(data) = frame.data_ref()
            && let Err(error) = unpacked.write(data)
        {
            return Err(unpacked.bounded().explained(&error));
        }
        // Unpacking takes time that others may want.
        tokio::task::consume_budget().await;
    }
    let bounded = unpacked.finish()?;
    // It counts as held until the run has its own copy: of several at one time the first may wait for the last.
    let Bounded { bytes, held, .. } = bounded;
    let bytes = memory.keep(bytes.into());
    drop(held);
    Ok((texts(&head.headers), bytes))
}

/// Where bytes go that have to be unpacked, or not.
enum Unpacked {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl Unpacked {
    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(bounded) => bounded.write_all(data),
            Self::Gzip(decoder) => decoder.write_all(data),
        }
    }

    fn bounded(&self) -> &Bounded {
        match self {
            Self::Plain(bounded) => bounded,
            Self::Gzip(decoder) => decoder.get_ref(),
        }
    }

    fn finish(self) -> Result<Bounded, Fault> {
        match self {
            Self::Plain(bounded) => Ok(bounded),
            Self::Gzip(mut decoder) => match decoder.try_finish() {
                Ok(()) => decoder.finish().map_err(|_| damaged()),
                Err(error) => Err(decoder.get_ref().explained(&error)),
            },
        }
    }
}

/// Bytes up to a bound.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    held: Growing,
    over: Option<Over>,
}

/// Which bound was met.
#[derive(Clone, Copy)]
enum Over {
    Limit,
    Memory,
}

impl Bounded {
    fn new(limit: usize, memory: &Arc<MemoryBudget>) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            held: memory.begin(),
            over: None,
        }
    }

    /// What it means that it did not take all.
    fn explained(&self, error: &io::Error) -> Fault {
        match self.over {
            Some(Over::Limit) => too_large(self.limit),
            Some(Over::Memory) => fault(
                HttpFailureKind::Busy,
                "the server has no memory left for the answer; try again later",
            ),
            None => {
                tracing::debug!(%error, "an answer to a script could not be unpacked");
                damaged()
            }
        }
    }
}

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.len() > self.limit - self.bytes.len() {
            self.over = Some(Over::Limit);
        } else if !self.held.grow(data.len()) {
            self.over = Some(Over::Memory);
        } else {
            self.bytes.extend_from_slice(data);
            return Ok(data.len());
        }
        Err(io::ErrorKind::FileTooLarge.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_gzip(headers: &HeaderMap) -> bool {
    let coding = headers.get(header::CONTENT_ENCODING);
    let coding = coding.map_or(&b""[..], |coding| coding.as_bytes().trim_ascii());
    coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip")
}

fn texts(headers: &HeaderMap) -> Headers {
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), value.into_owned())
    };
    headers.iter().map(text).collect()
}

fn too_large(limit: usize) -> Fault {
    let message = format!("the body of the answer has more than {limit} bytes (`max_bytes`)");
    fault(HttpFailureKind::TooLarge, message)
}

fn damaged() -> Fault {
    fault(
        HttpFailureKind::Protocol,
        "the body of the answer is damaged: it is no whole gzip",
    )
}
