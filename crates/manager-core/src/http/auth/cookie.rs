//! The session cookie, with which browsers sign in.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use picloud_shared::user::Session;

use crate::accounts::Token;

const NAME: &str = "picloud_session";

/// Where browsers send it: to the API alone. No app that shares a host with the dashboard is ever given it.
const PATH: &str = "/api/v1/admin";

/// Most session cookies of one request that are looked at.
const COOKIES_MAX: usize = 4;

/// The tokens in the request's cookies. A browser may send several: an app on a subdomain can set one of this name for
/// the whole domain, and must not sign anybody out with it.
pub(crate) fn find(headers: &HeaderMap) -> Vec<Token> {
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == NAME)
        .filter_map(|(_, token)| Token::read(token))
        .take(COOKIES_MAX)
        .collect()
}

/// The header that gives a browser the token until `session` ends, when it was used just now. Scripts of a page cannot
/// read it, and no other site makes the browser send it.
pub(crate) fn set(token: &Token, session: &Session, scheme: Option<&str>) -> Option<HeaderValue> {
    let micros = session.expires_at.as_micros() - session.last_used_at.as_micros();
    let left = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    let value = with_attributes(token.as_str(), left.as_secs(), scheme);
    HeaderValue::try_from(value).ok()
}

/// The header that takes it away.
pub(crate) fn clear(scheme: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(with_attributes("", 0, Some(scheme))).ok()
}

fn with_attributes(token: &str, seconds: u64, scheme: Option<&str>) -> String {
    let secure = if scheme == Some("https") { "; Secure" } else { "" };
    format!("{NAME}={token}; Path={PATH}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_found_among_others() {
        check("theme=dark; picloud_session=pcs_x;a=b", &["pcs_x"]);
        check(
            "picloud_session=pcs_x; picloud_session=pcs_y",
            &["pcs_x", "pcs_y"],
        );
        check(
            "picloud_session=; picloud_session=x; picloud_session=pcs_y",
            &["pcs_y"],
        );
        check(&"picloud_session=pcs_x; ".repeat(100), &["pcs_x"; COOKIES_MAX]);
        check("theme=dark", &[]);
    }

    #[track_caller]
    fn check(cookies: &str, expected: &[&str]) {
        let cookies = HeaderValue::from_str(cookies).expect("a header");
        let found = find(&HeaderMap::from_iter([(header::COOKIE, cookies)]));
        let found: Vec<&str> = found.iter().map(Token::as_str).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn is_secure_behind_https() {
        assert_eq!(
            with_attributes("x", 60, Some("https")),
            "picloud_session=x; Path=/api/v1/admin; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(!with_attributes("x", 60, Some("http")).contains("Secure"));
    }
}
