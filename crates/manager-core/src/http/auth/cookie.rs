//! The session cookie, with which browsers sign in.

use std::{collections::HashSet, time::Duration};

use http::{HeaderMap, HeaderValue, header};
use picloud_shared::user::Session;

use crate::accounts::Token;

const NAME: &str = "picloud_session";

/// Where browsers send it: to the API alone. No app that shares a host with the dashboard is ever given it.
const PATH: &str = "/api/v1/admin";

/// Most session cookies of one request that are looked at: as many as browsers keep for a domain, so that whatever else
/// they send, the real one is among them.
const COOKIES_MAX: usize = 180;

/// The tokens in the request's cookies, each once. A browser may send several: an app on another host of the same domain
/// can set cookies of this name for the whole domain, which come first, and must not sign anybody out with them.
///
/// The prefix `__Host-` would keep such cookies away, but it wants the path `/`, by which apps on the host of the dashboard
/// would be given the session. What no prefix prevents either is that a browser throws the real cookie away for very many
/// others; whoever lets strangers write apps gives the dashboard a domain of its own.
pub(crate) fn find(headers: &HeaderMap) -> Vec<Token> {
    let mut seen = HashSet::new();
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, token)| *name == NAME && seen.insert(*token))
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
        let (one, two) = (Token::generate(), Token::generate());
        let (x, y) = (one.as_str(), two.as_str());
        check(&format!("theme=dark; picloud_session={x};a=b"), &[x]);
        check(&format!("picloud_session={x}; picloud_session={y}"), &[x, y]);
        check(
            &format!("picloud_session=; picloud_session=pcs_planted; picloud_session={y}"),
            &[y],
        );
        check(&format!("picloud_session={x}; ").repeat(100), &[x]);
        check("theme=dark", &[]);
    }

    #[test]
    fn is_found_behind_as_many_as_a_browser_keeps() {
        let tokens: Vec<Token> = (0..=COOKIES_MAX).map(|_| Token::generate()).collect();
        let tokens: Vec<&str> = tokens.iter().map(Token::as_str).collect();
        let cookies: Vec<String> = tokens.iter().map(|token| format!("{NAME}={token}")).collect();
        check(&cookies.join("; "), &tokens[..COOKIES_MAX]);
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
