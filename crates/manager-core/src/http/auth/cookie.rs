//! The session cookie, with which browsers sign in.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

use crate::accounts::Token;

const NAME: &str = "picloud_session";

/// The token in the request's cookies.
pub(crate) fn find(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == NAME)
        .map(|(_, token)| token)
}

/// The header that gives a browser the token for `ttl`. Scripts of a page cannot read it, and no other site makes the
/// browser send it.
pub(crate) fn set(token: &Token, ttl: Duration, scheme: Option<&str>) -> Option<HeaderValue> {
    let value = with_attributes(token.as_str(), ttl.as_secs(), scheme);
    HeaderValue::try_from(value).ok()
}

/// The header that takes it away.
pub(crate) fn clear(scheme: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(with_attributes("", 0, Some(scheme))).ok()
}

fn with_attributes(token: &str, seconds: u64, scheme: Option<&str>) -> String {
    let secure = if scheme == Some("https") { "; Secure" } else { "" };
    format!("{NAME}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_found_among_others() {
        let cookies = HeaderValue::from_static("theme=dark; picloud_session=pcs_x;a=b");
        let headers = HeaderMap::from_iter([(header::COOKIE, cookies)]);
        assert_eq!(find(&headers), Some("pcs_x"));
        assert_eq!(find(&HeaderMap::new()), None);
    }

    #[test]
    fn is_secure_behind_https() {
        assert_eq!(
            with_attributes("x", 60, Some("https")),
            "picloud_session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(!with_attributes("x", 60, Some("http")).contains("Secure"));
    }
}
