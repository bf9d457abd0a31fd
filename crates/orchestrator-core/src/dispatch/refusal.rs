//! Answers that are problems.

use http::{
    HeaderValue, Response,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use picloud_shared::{
    id::ExecutionId,
    problem::{Code, PROBLEM_JSON, Problem},
    route::MethodSet,
};
use serde_json::json;

use super::ResponseBody;

/// Why a request is not served. In a box, because it almost never happens and every result has room for it.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Reason>);

#[derive(Debug)]
struct Reason {
    problem: Problem,
    allow: Option<MethodSet>,
}

impl Refusal {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Reason {
            problem: Problem::new(code, detail),
            allow: None,
        }))
    }

    /// One that says which field of the request is wrong.
    pub(crate) fn field(field: &str, message: &str) -> Self {
        let detail = format!("`{field}` is not valid: {message}.");
        let mut refusal = Self::new(Code::ValidationFailed, detail);
        let errors = json!([{ "field": field, "message": message }]);
        refusal.0.problem.extra.insert("errors".to_owned(), errors);
        refusal
    }

    pub(crate) fn method(allow: MethodSet, detail: impl Into<String>) -> Self {
        let problem = Problem::new(Code::MethodNotAllowed, detail);
        Self(Box::new(Reason {
            problem,
            allow: Some(allow),
        }))
    }

    /// With another time to wait than the usual one.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.problem.retry_after_s = Some(seconds);
        self
    }

    pub(crate) fn into_response(self, request_id: ExecutionId) -> Response<ResponseBody> {
        let Reason { problem, allow } = *self.0;
        let mut response = Response::new(ResponseBody::from(problem.to_body(request_id)));
        *response.status_mut() = problem.code.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(allow) = allow {
            headers.insert(ALLOW, allow_value(allow));
        }
        if let Some(seconds) = problem.retry_after_s {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// The value of an `Allow` header. For "every method" it lists those that have a name here.
pub(super) fn allow_value(methods: MethodSet) -> HeaderValue {
    let names: Vec<&str> = methods.known().collect();
    HeaderValue::try_from(names.join(", ")).unwrap_or(HeaderValue::from_static("GET"))
}
