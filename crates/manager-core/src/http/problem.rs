//! Problems: how an operation refuses, and how its description says so.

use std::{collections::BTreeMap, time::Duration};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use picloud_shared::{
    problem::{Code, PROBLEM_JSON, Problem},
    repository::StoreError,
    user::Username,
};
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{Content, Ref, RefOr, ResponseBuilder},
};

use super::access::needs_role;

/// What an operation answers.
pub(crate) type Answer<T> = Result<T, Refusal>;

/// An answer that is not the one that was asked for.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// An error.
    Problem(Problem),
    /// An error that the audit log is told of, which the status alone does not say.
    Denied(Problem, Denied),
    /// The same thing, under another path.
    Moved(String),
}

/// What the audit log is told of an answer that refuses. It is in the answer's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Denied {
    /// Why: a code that says more than that of the answer, where that speaks of a field or hides something.
    pub(crate) reason: Code,
    /// Who they said that they are, if that is somebody's name.
    pub(crate) claimed: Option<Username>,
}

impl Refusal {
    /// The same answer, as one that the audit log is told of.
    #[must_use]
    pub(crate) fn denied(self, reason: Code) -> Self {
        self.denied_to(reason, None)
    }

    /// The same about somebody who said that they are `claimed`.
    #[must_use]
    pub(crate) fn denied_to(self, reason: Code, claimed: Option<Username>) -> Self {
        match self {
            Self::Problem(problem) | Self::Denied(problem, _) => {
                Self::Denied(problem, Denied { reason, claimed })
            }
            Self::Moved(location) => Self::Moved(location),
        }
    }
}

/// A problem.
pub(crate) fn problem(code: Code, detail: impl Into<String>) -> Refusal {
    Refusal::Problem(Problem::new(code, detail))
}

/// An error's message with a capital and a full stop.
pub(crate) fn sentence(error: &impl std::error::Error) -> String {
    let message = error.to_string();
    let mut chars = message.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).chain(['.']).collect()
}

/// There is no such thing, or none that the caller may see.
pub(crate) fn not_found(what: &str) -> Refusal {
    problem(
        Code::NotFound,
        format!("There is no such {what}, or you may not see it."),
    )
}

/// There is one, and the caller must not learn of it: the same answer as [`not_found`].
pub(crate) fn hidden(what: &str) -> Refusal {
    not_found(what).denied(Code::NotFound)
}

/// Come back after `wait`.
pub(crate) fn too_many(wait: Duration, detail: &str) -> Refusal {
    let seconds = wait.as_millis().div_ceil(1_000).max(1);
    let mut problem = Problem::new(Code::TooManyRequests, detail);
    problem.retry_after_s = u32::try_from(seconds).ok();
    Refusal::Problem(problem)
}

/// The one answer of all fields of which something is to be said.
pub(crate) fn invalid(errors: &[FieldError]) -> Refusal {
    let detail = match errors {
        [error] if error.field.is_empty() => format!("The request is not valid: {}.", error.message),
        [error] => format!("`{}` is not valid: {}.", error.field, error.message),
        _ => "Some fields are not valid; see `errors`.".to_owned(),
    };
    let errors = serde_json::to_value(errors).unwrap_or_default();
    Refusal::Problem(Problem::new(Code::ValidationFailed, detail).with("errors", errors))
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FieldError {
    /// Its path, such as `limits.timeout_ms`; empty for the request as a whole.
    pub(crate) field: String,
    /// What to do.
    pub(crate) message: String,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// The cause goes to the log, never to the client.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if let StoreError::NotAllowed {
            capability,
            is_hidden,
        } = error
        {
            return if is_hidden {
                hidden("app")
            } else {
                needs_role(capability)
            };
        }
        if let StoreError::LoopDetected = error {
            return problem(
                Code::LoopDetected,
                "Too many events and calls led to this change, and a script subscribes to `picloud.release`. Nothing was \
                 changed. Let its filter leave out the releases that it makes itself.",
            );
        }
        tracing::error!(error = &error as &dyn std::error::Error, "storage failed");
        match error {
            StoreError::Unavailable(_) => problem(
                Code::DatabaseUnavailable,
                "The database does not answer. Try again in a moment.",
            ),
            StoreError::Contended(_) => problem(
                Code::DatabaseUnavailable,
                "Others changed the same at that moment. Try again.",
            ),
            StoreError::Full(_) => problem(
                Code::InsufficientStorage,
                "The server's disk is full. Free some space, then try again.",
            ),
            StoreError::Failed(_)
            | StoreError::Corrupt(_)
            | StoreError::SecretKey(_)
            | StoreError::NotAllowed { .. }
            | StoreError::LoopDetected => internal(),
        }
    }
}

/// A fault of PiCloud's own.
pub(crate) fn internal() -> Refusal {
    problem(
        Code::Internal,
        "This is a fault of PiCloud. The server's log has the cause under this request_id.",
    )
}

/// The body is written by [`answer::finish`](super::answer::finish), which knows the request's id.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => {
                let mut response = problem.code.status().into_response();
                response.extensions_mut().insert(problem);
                response
            }
            Self::Denied(problem, denied) => {
                let mut response = Self::Problem(problem).into_response();
                response.extensions_mut().insert(denied);
                response
            }
            Self::Moved(location) => match HeaderValue::try_from(location) {
                Ok(location) => {
                    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response()
                }
                Err(_) => internal().into_response(),
            },
        }
    }
}

/// Lists the problems that are an operation's own, for its description. Those that many operations share are added by
/// [`api`](super::api).
macro_rules! problems {
    ($name:ident: $($code:ident),+ $(,)?) => {
        /// The problems of the operation below.
        enum $name {}

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                $crate::http::problem::describe(&[$(picloud_shared::problem::Code::$code),+])
            }
        }
    };
}
pub(crate) use problems;

/// The description of answers with one of `codes`, one per status.
pub(crate) fn describe(codes: &[Code]) -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
    let mut by_status: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for code in codes {
        let status = code.status().as_u16().to_string();
        let names = by_status.entry(status).or_default();
        names.push(format!("`{}`", code.as_str()));
    }
    let response = |names: Vec<String>| {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        RefOr::T(
            ResponseBuilder::new()
                .description(names.join(", "))
                .content(PROBLEM_JSON, content)
                .build(),
        )
    };
    by_status
        .into_iter()
        .map(|(status, names)| (status, response(names)))
        .collect()
}

/// An error (RFC 9457). Some codes have fields of their own beside these; the page at `type` describes them.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "describes what `Problem::to_body` writes")]
pub(crate) struct ProblemBody {
    /// Names the code, and is the path of a page that explains it.
    #[schema(example = "/api/v1/problems/not_found")]
    r#type: String,
    /// A few words, always the same for one code.
    title: String,
    /// The status of the answer.
    status: u16,
    /// A stable word to program against.
    #[schema(example = "not_found")]
    code: String,
    /// A sentence that says what to do.
    detail: String,
    /// The `x-request-id` of the answer.
    request_id: String,
    /// For `validation_failed`, what is wrong with each field; for `script_invalid`, each mistake.
    #[schema(value_type = Option<Vec<Object>>)]
    errors: Option<Vec<FieldError>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_field_is_named_in_the_sentence() {
        let error = FieldError {
            field: "name".to_owned(),
            message: "must not be empty".to_owned(),
        };
        let Refusal::Problem(problem) = invalid(&[error]) else {
            panic!("a problem")
        };
        assert_eq!(problem.detail, "`name` is not valid: must not be empty.");
        assert_eq!(problem.extra["errors"][0]["field"], "name");
    }

    #[test]
    fn what_stood_in_the_way_of_others_is_told_as_that() {
        let Refusal::Problem(problem) = Refusal::from(StoreError::Contended("a deadlock".into())) else {
            panic!("a problem")
        };
        assert_eq!(problem.code.status().as_u16(), 503);
        assert_eq!(
            problem.detail,
            "Others changed the same at that moment. Try again."
        );
    }

    #[test]
    fn waiting_is_rounded_up() {
        let Refusal::Problem(problem) = too_many(Duration::from_millis(1_001), "") else {
            panic!("a problem")
        };
        assert_eq!(problem.retry_after_s, Some(2));
    }
}
