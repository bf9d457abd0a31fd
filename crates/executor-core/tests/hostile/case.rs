//! One case: a script, what it may use, and how it must end.

use http::HeaderValue;
use picloud_shared::{
    invocation::ScriptRequest,
    limits::Limits,
    outcome::{Outcome, ScriptErrorKind},
};

use crate::support::request;

/// What a case may use unless it says otherwise: little, so that each is over soon.
pub(crate) const LIMITS: Limits = Limits {
    operations_max: 200_000,
    cpu_ms_max: 5_000,
    timeout_ms: 20_000,
    memory_bytes_max: 8 * 1_024 * 1_024,
    call_depth_max: 64,
    response_bytes_max: 64 * 1_024,
    log_bytes_max: 8 * 1_024,
    ..Limits::DEFAULT
};

/// A script and its verdict.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// `topic/what it does`.
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) limits: Limits,
    /// One of these must be the end of it. More than one stands where it depends on the machine which limit comes
    /// first.
    pub(crate) verdicts: Vec<Verdict>,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// With an answer of this status.
    Answer(u16),
    /// With an error of this kind.
    Error(ScriptErrorKind),
}

impl Case {
    /// A case with the usual limits.
    pub(crate) fn new(name: impl Into<String>, verdicts: &str, source: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            source: source.into(),
            limits: LIMITS,
            verdicts: verdicts
                .split('|')
                .map(|word| Verdict::parse(word.trim()))
                .collect(),
        }
    }

    /// The same case with other limits.
    pub(crate) fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The request that all cases answer: some of everything that a client chooses.
    pub(crate) fn request() -> ScriptRequest {
        let mut request = request();
        request.uri = "/hostile?a=1&a=2&%00=%ff".parse().expect("a path");
        request.body = b"{\"not\": json".as_slice().into();
        let headers = &mut request.headers;
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert("cookie", HeaderValue::from_static("a=1; =; b=\"%zz\""));
        request
    }
}

impl Verdict {
    /// How `outcome` ended.
    pub(crate) fn of(outcome: &Outcome) -> Self {
        match &outcome.result {
            Ok(response) => Self::Answer(response.status.as_u16()),
            Err(error) => Self::Error(error.kind),
        }
    }

    /// A status, `ok` for 200, or the name of an error's kind.
    fn parse(word: &str) -> Self {
        if word == "ok" {
            return Self::Answer(200);
        }
        if let Ok(status) = word.parse() {
            return Self::Answer(status);
        }
        let kind = serde_json::from_value(word.into());
        Self::Error(kind.unwrap_or_else(|_| panic!("there is no verdict `{word}`")))
    }
}
