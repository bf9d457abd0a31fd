//! JSON bodies: the right media type, well-formed, and with no field too many.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, header};
use picloud_shared::problem::{Code, Problem};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, error::Category};

use super::{faults::fault, words::in_words};
use crate::http::problem::{Refusal, invalid, problem};

/// Largest body of the control plane. A source of the largest size fits, however it is escaped.
const BODY_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// The body, as JSON. `T` refuses unknown fields.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            return Err(not_as_json());
        }
        if request.headers().contains_key(header::CONTENT_ENCODING) {
            return Err(compressed());
        }
        read(&whole(request).await?).map(Self)
    }
}

/// The same of a body that need not be sent: an empty one says nothing, whatever it says that it is, and so does one of
/// white space.
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: Default + DeserializeOwned> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        if request.headers().contains_key(header::CONTENT_ENCODING) {
            return Err(compressed());
        }
        let is_json = is_json(request.headers());
        let body = whole(request).await?;
        if body.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json {
            return Err(not_as_json());
        }
        read(&body).map(Self)
    }
}

/// The body as it is, whatever it says that it is.
pub(crate) struct TextBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for TextBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        if request.headers().contains_key(header::CONTENT_ENCODING) {
            return Err(compressed());
        }
        whole(request).await.map(Self)
    }
}

async fn whole(request: Request) -> Result<Bytes, Refusal> {
    axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX)
        .await
        .map_err(|_| {
            problem(
                Code::BodyTooLarge,
                format!("The body may have at most {BODY_BYTES_MAX} bytes."),
            )
        })
}

fn not_as_json() -> Refusal {
    problem(
        Code::UnsupportedMediaType,
        "Send the body as JSON, with the header `content-type: application/json`.",
    )
}

fn compressed() -> Refusal {
    problem(
        Code::UnsupportedMediaType,
        "Send the body uncompressed, without a `content-encoding` header.",
    )
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

/// A body that is an object.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    if body.trim_ascii().is_empty() {
        return Err(empty());
    }
    // A struct would also be read from an array of its fields, which nobody documented.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(match serde_json::from_slice::<IgnoredAny>(body) {
            Ok(_) => invalid(&[fault("", "expected an object, not an array")]),
            Err(error) => syntax(&error),
        });
    }
    read_any(body)
}

/// A body that is whatever `T` takes.
pub(crate) fn read_any<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let error = match serde_path_to_error::deserialize(&mut reader) {
        Ok(value) => return reader.end().map(|()| value).map_err(|error| syntax(&error)),
        Err(error) => error,
    };
    let path = error.path().to_string();
    let error = error.into_inner();
    if error.to_string().starts_with("invalid type: floating point")
        && let Some(value) = read_whole_numbers(body)
    {
        return Ok(value);
    }
    Err(match error.classify() {
        Category::Data => {
            let mut fault = fault(&path, &in_words(&without_place(&error.to_string())));
            let place = format!(" (line {}, column {})", error.line(), error.column());
            fault.message.push_str(&place);
            invalid(&[fault])
        }
        Category::Syntax | Category::Eof | Category::Io => syntax(&error),
    })
}

/// Reads a body in which whole numbers are written like `2.0`. JSON knows one kind of number, and some languages write
/// each of theirs so.
fn read_whole_numbers<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let mut value = serde_json::from_slice(body).ok()?;
    make_whole(&mut value);
    serde_json::from_value(value).ok()
}

fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            // From here on not every whole number is a float.
            const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
            let whole = number
                .as_f64()
                .filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT_MAX);
            if let Some(float) = whole
                && let Ok(whole) = format!("{float:.0}").parse::<i64>()
            {
                *number = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(fields) => fields.values_mut().for_each(make_whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn empty() -> Refusal {
    Problem::new(Code::InvalidJson, "The body is empty; send a JSON object.")
        .with("line", 1)
        .with("column", 1)
        .into()
}

fn syntax(error: &serde_json::Error) -> Refusal {
    let message = without_place(&error.to_string());
    let detail = format!(
        "The body is not valid JSON: {message} at line {}, column {}.",
        error.line(),
        error.column()
    );
    Problem::new(Code::InvalidJson, detail)
        .with("line", error.line())
        .with("column", error.column())
        .into()
}

/// What `serde_json` says, without ` at line 1 column 2`.
fn without_place(message: &str) -> String {
    message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only read")]
        name: String,
        #[serde(default)]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        count: u32,
    }

    /// The code, and the field or the place that is named.
    #[track_caller]
    fn check(body: &str, code: Code, named: &str) {
        match read::<Outer>(body.as_bytes()) {
            Err(Refusal::Problem(problem)) => {
                assert_eq!(problem.code, code, "{body}: {}", problem.detail);
                let found = match code {
                    Code::ValidationFailed => problem.extra["errors"][0]["field"].as_str().map(str::to_owned),
                    _ => Some(format!("{}:{}", problem.extra["line"], problem.extra["column"])),
                };
                assert_eq!(found.as_deref(), Some(named), "{body}: {}", problem.detail);
            }
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn faults_name_their_field() {
        let invalid = Code::ValidationFailed;
        check("{}", invalid, "name");
        check(r#"{"name": 1}"#, invalid, "name");
        check(r#"{"name": "a", "colour": 1}"#, invalid, "colour");
        check(r#"{"name": "a", "name": "b"}"#, invalid, "name");
        check(r#"{"name": "a", "inner": {"count": -1}}"#, invalid, "inner.count");
        check(r#"{"name": "a", "inner": {}}"#, invalid, "inner.count");
        check("null", invalid, "");
        check(r#"["a"]"#, invalid, "");
    }

    #[test]
    fn faults_are_told_in_the_words_of_json_with_their_place() {
        let message = |body: &str| match read::<Outer>(body.as_bytes()) {
            Err(Refusal::Problem(problem)) => {
                problem.extra["errors"][0]["message"].as_str().map(str::to_owned)
            }
            other => panic!("{body}: {other:?}"),
        };
        for (body, expected) in [
            ("null", "must be an object, not null (line 1, column 4)"),
            (
                "{\n  \"name\": null\n}",
                "must be a string, not null (line 2, column 14)",
            ),
            (
                r#"{"name": "a", "inner": {"count": -1}}"#,
                "must be a whole number from 0 to 4294967295, not -1 (line 1, column 35)",
            ),
            (
                r#"{"name": {"a": 1}}"#,
                "must be a string, not an object (line 1, column 9)",
            ),
            ("{}", "missing field `name` (line 1, column 2)"),
        ] {
            assert_eq!(message(body).as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let count = |number: &str| {
            let body = format!(r#"{{"inner": {{"count": {number}}}, "name": "a"}}"#);
            read::<Outer>(body.as_bytes())
                .ok()
                .and_then(|outer| outer.inner)
                .map(|inner| inner.count)
        };
        assert_eq!(count("2.0"), Some(2));
        assert_eq!(count("4e2"), Some(400));
        for other in ["2.5", "-1.0", "4294967296.0", "1e300"] {
            assert_eq!(count(other), None, "{other}");
        }
        check(
            r#"{"name": "a", "inner": {"count": 2.5}}"#,
            Code::ValidationFailed,
            "inner.count",
        );
        check(
            r#"{"name": 1.0, "inner": {"count": 2.0}}"#,
            Code::ValidationFailed,
            "name",
        );
    }

    #[test]
    fn what_is_no_json_has_a_place() {
        let syntax = Code::InvalidJson;
        check("", syntax, "1:1");
        check(" \n", syntax, "1:1");
        check("{\n\"name\" 1}", syntax, "2:8");
        check(r#"{"name": "a"} x"#, syntax, "1:15");
        check("[1,", syntax, "1:3");
    }
}
