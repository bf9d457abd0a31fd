//! The body of a request, in the forms that scripts read it in.

use http::{StatusCode, header::CONTENT_TYPE};
use rhai::{Module, export_module, exported_module};

use super::{Fallible, Request};
use crate::response::refusal;

const FORM: &str = "application/x-www-form-urlencoded";

/// The bytes of a form, if that is what the body says it is.
fn form_bytes(request: &Request) -> Fallible<&[u8]> {
    let content_type = request
        .request()
        .headers
        .get(CONTENT_TYPE)
        .map_or("", |value| value.to_str().unwrap_or(""));
    let media_type = content_type.split(';').next().unwrap_or("").trim();
    if media_type.is_empty() || media_type.eq_ignore_ascii_case(FORM) {
        return Ok(&request.request().body);
    }
    Err(refusal(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        format!("request.form() reads {FORM}, and this body is {media_type}"),
    ))
}

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use http::StatusCode;
    use rhai::{Array, Blob, Dynamic, ImmutableString};

    use crate::{
        json::{self, JsonError},
        request::{Fallible, MapValue as Map, Request, body::form_bytes, map_of, pay_for},
        response::refusal,
    };

    /// The body as text. A body that is not UTF-8 is an error, which answers 400 unless it is caught;
    /// `request.bytes` has it.
    ///
    /// ```rhai
    /// request.body //=> ""
    /// ```
    #[rhai_fn(get = "body", pure, return_raw)]
    fn body(request: &mut Request) -> Fallible<ImmutableString> {
        let body = &request.request().body;
        pay_for(body.len(), 1)?;
        match std::str::from_utf8(body) {
            Ok(text) => Ok(text.into()),
            Err(error) => {
                let place = error.valid_up_to();
                Err(refusal(
                    StatusCode::BAD_REQUEST,
                    format!("the request's body is not UTF-8 text (byte {place}); read `request.bytes`"),
                ))
            }
        }
    }

    /// The body as a blob.
    ///
    /// ```rhai
    /// request.bytes.len() //=> 0
    /// ```
    #[rhai_fn(get = "bytes", pure, return_raw)]
    fn bytes(request: &mut Request) -> Fallible<Blob> {
        let body = &request.request().body;
        pay_for(body.len(), 1)?;
        Ok(body.to_vec())
    }

    /// The value that the body has as JSON. It is parsed at each call: keep it in a variable. A body that is not
    /// JSON, or none, is an error, which answers 400 with `{"error": message}` unless it is caught.
    ///
    /// ```rhai
    /// request.json() //=> error: the request has no body
    /// ```
    #[rhai_fn(pure, return_raw)]
    fn json(request: &mut Request) -> Fallible<Dynamic> {
        let body = &request.request().body;
        if body.is_empty() {
            let message = "the request has no body, so request.json() has nothing to read";
            return Err(refusal(StatusCode::BAD_REQUEST, message.to_owned()));
        }
        json::parse(body).map_err(|error| match error {
            JsonError::Syntax {
                message,
                line,
                column,
            } => refusal(
                StatusCode::BAD_REQUEST,
                format!("the request's body is not valid JSON: {message} at line {line}, column {column}"),
            ),
            other => other.into(),
        })
    }

    /// The fields of a form that was sent as `application/x-www-form-urlencoded`. Of a name that stands there
    /// more than once this is the first value; see `form_all`. A name that is missing gives `()`. A body of another
    /// type is an error, which answers 415 unless it is caught.
    ///
    /// ```rhai
    /// request.form().email //=> ()
    /// ```
    #[rhai_fn(pure, return_raw)]
    fn form(request: &mut Request) -> Fallible<Map> {
        let bytes = form_bytes(request)?;
        pay_for(bytes.len(), 16)?;
        Ok(map_of(form_urlencoded::parse(bytes)))
    }

    /// All values of a name in a form, in their order.
    ///
    /// ```rhai
    /// request.form_all("topping") //=> []
    /// ```
    #[rhai_fn(pure, return_raw)]
    fn form_all(request: &mut Request, name: &str) -> Fallible<Array> {
        let bytes = form_bytes(request)?;
        pay_for(bytes.len(), 16)?;
        let pairs = form_urlencoded::parse(bytes);
        Ok(pairs
            .filter(|(key, _)| key == name)
            .map(|(_, value)| (&*value).into())
            .collect())
    }
}
