//! Requests that scripts make to other servers.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Requests that one run may make, each redirect not counted.
pub const HTTP_REQUESTS_PER_RUN_MAX: usize = 50;

/// Requests that one run may make at one time.
pub const HTTP_REQUESTS_AT_ONCE_MAX: usize = 10;

/// The longest that a request may take, with its redirects and its answer.
pub const HTTP_TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// How long a request may take unless it says so.
pub const HTTP_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// Largest body of an answer, unpacked.
pub const HTTP_ANSWER_BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// Largest body of an answer unless the request says so.
pub const HTTP_ANSWER_BYTES_DEFAULT: usize = 2 * 1_024 * 1_024;

/// Largest body of a request.
pub const HTTP_BODY_BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// Redirects that a request follows at most, and unless it says so.
pub const HTTP_REDIRECTS_MAX: u8 = 5;

/// Longest URL in bytes.
pub const HTTP_URL_BYTES_MAX: usize = 8 * 1_024;

/// Headers that a request may have.
pub const HTTP_HEADERS_MAX: usize = 64;

/// Bytes that the headers of a request may have together.
pub const HTTP_HEADER_BYTES_MAX: usize = 16 * 1_024;

/// A request to another server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// In capitals.
    pub method: String,
    /// Absolute.
    pub url: String,
    /// In order.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<Bytes>,
    /// How long it may take, at most [`HTTP_TIMEOUT_MAX`].
    pub timeout_ms: u64,
    /// Largest body of the answer, at most [`HTTP_ANSWER_BYTES_MAX`].
    pub answer_bytes_max: usize,
    /// Redirects that are followed, at most [`HTTP_REDIRECTS_MAX`].
    pub redirects_max: u8,
}

impl HttpRequest {
    /// Whether making it twice is the same as making it once, by what its method means.
    pub fn is_safe(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }
}

/// The answer of another server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// In order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Unpacked.
    pub body: Bytes,
    /// The URL that answered, after redirects.
    pub url: String,
    /// Whether there was a redirect.
    pub redirected: bool,
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpFailure {
    /// The kind.
    pub kind: HttpFailureKind,
    /// What happened, and what to do.
    pub message: String,
    /// The URL at which it happened, after redirects.
    pub url: String,
}

/// The kinds of an [`HttpFailure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpFailureKind {
    /// The request is none that could be sent.
    Invalid,
    /// The app may not connect there.
    Blocked,
    /// The name has no address.
    Dns,
    /// Nobody takes the connection.
    Connect,
    /// The connection cannot be made secure.
    Tls,
    /// It took too long.
    Timeout,
    /// The answer is larger than it may be.
    TooLarge,
    /// There are too many redirects, or one leads nowhere.
    Redirects,
    /// The connection ended, or what came is no HTTP.
    Protocol,
    /// Too much of the kind is going on already.
    Busy,
}

impl HttpFailureKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Invalid,
        Self::Blocked,
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::TooLarge,
        Self::Redirects,
        Self::Protocol,
        Self::Busy,
    ];

    /// The word that scripts know it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Blocked => "blocked",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::TooLarge => "too_large",
            Self::Redirects => "redirects",
            Self::Protocol => "protocol",
            Self::Busy => "busy",
        }
    }
}
