//! What came back, and what a test may say about it.

use std::time::Instant;

use serde_json::Value;

use super::WAIT_MAX;

/// A complete answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The request, for messages.
    pub(crate) request: String,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{} answered no JSON ({error}): {}", self.request, self.text()))
    }

    /// Fails unless the status is `status`.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(
            self.status,
            status,
            "{} answered {}: {}",
            self.request,
            self.status,
            self.text()
        );
        self
    }

    /// Fails unless the answer is 200 with this text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) {
        let answer = self.expect(200);
        assert_eq!(answer.text(), text, "{}", answer.request);
    }

    /// Fails unless the answer is this problem in every respect; gives its body.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect(status);
        let request = &answer.request;
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{request}"
        );
        let body = answer.json();
        assert_eq!(body["code"], code, "{request}: {body}");
        assert_eq!(body["status"], status, "{request}: {body}");
        assert_eq!(
            body["type"],
            format!("/api/v1/problems/{code}"),
            "{request}: {body}"
        );
        assert_eq!(
            body["request_id"].as_str(),
            answer.header("x-request-id"),
            "{request}: {body}"
        );
        for field in ["title", "detail"] {
            assert!(
                body[field].as_str().is_some_and(|text| !text.is_empty()),
                "{request}: no {field} in {body}"
            );
        }
        body
    }

    /// Fails unless it keeps what is promised of every answer.
    #[track_caller]
    pub(crate) fn keeps_promises(self) -> Self {
        let id = self.header("x-request-id");
        assert!(
            id.is_some_and(|id| id.len() == 36),
            "{}: x-request-id is {id:?}",
            self.request
        );
        if self.status == 429 || self.status == 503 {
            let seconds = self
                .header("retry-after")
                .and_then(|text| text.parse::<u32>().ok());
            assert!(
                seconds.is_some(),
                "{}: {} without retry-after",
                self.request,
                self.status
            );
        }
        self
    }
}

/// Asks until the answer is `status`; what is waited for shows in nothing else.
#[track_caller]
pub(crate) fn until(status: u16, ask: impl Fn() -> Answer) -> Answer {
    let start = Instant::now();
    loop {
        let answer = ask();
        if answer.status == status {
            return answer;
        }
        assert!(
            start.elapsed() < WAIT_MAX,
            "still {}: {}",
            answer.status,
            answer.text()
        );
    }
}
