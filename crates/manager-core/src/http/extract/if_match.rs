//! `If-Match`: only if this version is still the live one.

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use picloud_shared::problem::Code;

use crate::http::problem::{Refusal, problem};

/// The version that the client expects to be live; none if any will do.
pub(crate) struct IfMatch(pub(crate) Option<u32>);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        read(&parts.headers).map(Self)
    }
}

/// Reads `"3"`, the `ETag` of an answer, and also `3`.
fn read(headers: &HeaderMap) -> Result<Option<u32>, Refusal> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let bare = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    match bare.parse() {
        Ok(version) => Ok(Some(version)),
        Err(_) => Err(problem(
            Code::BadRequest,
            "`If-Match` must be the number of a version, such as \"3\", or *.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn quotes_are_optional() {
        for (value, expected) in [
            ("\"3\"", Some(Some(3))),
            ("3", Some(Some(3))),
            ("*", Some(None)),
            ("", None),
            ("\"3\", \"4\"", None),
            ("W/\"3\"", None),
        ] {
            let headers = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_static(value))]);
            assert_eq!(read(&headers).ok(), expected, "{value}");
        }
        assert_eq!(read(&HeaderMap::new()).ok(), Some(None));
    }
}
