//! Headers that a script sets.

use http::{HeaderName, HeaderValue, header};
use rhai::Dynamic;

use super::{Fallible, Response, unsendable};

/// How many headers a script may set.
const HEADERS_MAX: usize = 64;

/// Size of all names and values that a script sets.
const HEADERS_BYTES_MAX: usize = 32 * 1_024;

/// What frames the message or belongs to the connection: the server's own business.
const REFUSED: [HeaderName; 8] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TRAILER,
    header::TE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

impl Response {
    /// Sets a header in place of one with the same name; `set-cookie` is added.
    pub(super) fn set_header(&mut self, name: &str, value: &Dynamic) -> Fallible<()> {
        let text = match value.as_immutable_string_ref() {
            Ok(text) => text.as_str().to_owned(),
            Err(_) if value.is_int() || value.is_float() || value.is_bool() || value.is_char() => {
                value.to_string()
            }
            Err(_) => {
                return Err(unsendable(format!(
                    "the value of the header `{name}` must be a string"
                )));
            }
        };
        let name = parse_name(name)?;
        let value = parse_value(&name, &text)?;
        self.put_header(name, value)
    }

    pub(super) fn put_header(&mut self, name: HeaderName, value: HeaderValue) -> Fallible<()> {
        let headers = &mut self.parts_mut().headers;
        if name != header::SET_COOKIE {
            headers.retain(|(other, _)| *other != name);
        }
        headers.push((name, value));
        let bytes: usize = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if headers.len() > HEADERS_MAX || bytes > HEADERS_BYTES_MAX {
            return Err(unsendable(format!(
                "a response has at most {HEADERS_MAX} headers and {HEADERS_BYTES_MAX} bytes of them"
            )));
        }
        Ok(())
    }
}

fn parse_name(name: &str) -> Fallible<HeaderName> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| unsendable(format!("{name:?} is not the name of a header")))?;
    if REFUSED.contains(&parsed) {
        return Err(unsendable(format!("the header `{parsed}` is set by the server")));
    }
    Ok(parsed)
}

/// Any text without control characters; what is not ASCII goes out as UTF-8.
pub(super) fn parse_value(name: &HeaderName, value: &str) -> Fallible<HeaderValue> {
    HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
        unsendable(format!(
            "the value of the header `{name}` has a line break or control character"
        ))
    })
}
