//! Credentials of PiCloud's own never reach a script, and no script's answer plants them.
//!
//! An app may share its host with the dashboard, and whoever may write a script is not therefore to act as whoever
//! visits it.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The cookie of a session.
const SESSION_COOKIE: &str = "picloud_session";
/// What the tokens of sessions and of programs begin with.
const TOKEN_PREFIXES: [&str; 2] = ["pcs_", "pct_"];

/// What a browser may do with the answer of a script that is run by its id, on whatever host: no more than with a page
/// of a stranger.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const SERVICE_WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");

/// Takes sessions and tokens out of a request before a script sees it.
pub(super) fn withhold(headers: &mut HeaderMap) {
    if headers.contains_key(header::COOKIE) {
        withhold_cookie(headers);
    }
    let is_token = |value: &HeaderValue| {
        let value = value.as_bytes();
        TOKEN_PREFIXES
            .iter()
            .any(|prefix| value.windows(prefix.len()).any(|part| part == prefix.as_bytes()))
    };
    if headers.get_all(header::AUTHORIZATION).iter().any(is_token) {
        headers.remove(header::AUTHORIZATION);
    }
}

fn withhold_cookie(headers: &mut HeaderMap) {
    let names_session = |value: &HeaderValue| {
        let value = value.as_bytes();
        value
            .windows(SESSION_COOKIE.len())
            .any(|part| part == SESSION_COOKIE.as_bytes())
    };
    if !headers.get_all(header::COOKIE).iter().any(names_session) {
        return;
    }
    let kept: Vec<HeaderValue> = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(without_session)
        .collect();
    headers.remove(header::COOKIE);
    for cookies in kept {
        headers.append(header::COOKIE, cookies);
    }
}

/// The cookies of one header without sessions; `None` if there is no other.
fn without_session(cookies: &HeaderValue) -> Option<HeaderValue> {
    let kept: Vec<&[u8]> = cookies
        .as_bytes()
        .split(|byte| *byte == b';')
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty() && !is_session(pair))
        .collect();
    if kept.is_empty() {
        return None;
    }
    HeaderValue::from_bytes(&kept.join(&b"; "[..])).ok()
}

/// Whether a pair of name and value is a session.
fn is_session(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    name.trim_ascii() == SESSION_COOKIE.as_bytes()
}

/// Makes the answer of a script that was run by its id harmless where the dashboard is.
pub(super) fn confine(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.remove(SERVICE_WORKER_ALLOWED);
    if headers
        .get_all(header::SET_COOKIE)
        .iter()
        .any(|cookie| is_session(cookie.as_bytes()))
    {
        headers.remove(header::SET_COOKIE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::COOKIE, HeaderValue::from_static(value));
        }
        headers
    }

    #[track_caller]
    fn check(before: &[&'static str], after: &[&str]) {
        let mut headers = cookies(before);
        withhold(&mut headers);
        let left: Vec<_> = headers.get_all(header::COOKIE).iter().collect();
        assert_eq!(left, after, "{before:?}");
    }

    #[test]
    fn sessions_are_taken_out_and_other_cookies_stay() {
        check(&["theme=dark"], &["theme=dark"]);
        check(&["picloud_session=pcs_x"], &[]);
        check(&["a=1; picloud_session=pcs_x;b=2"], &["a=1; b=2"]);
        check(
            &["picloud_session=pcs_x", "a=picloud_session"],
            &["a=picloud_session"],
        );
    }

    #[test]
    fn tokens_are_taken_out_and_an_app_keeps_its_own_scheme() {
        for (value, stays) in [
            ("Bearer pct_abc", false),
            ("bearer  pcs_abc", false),
            ("Bearer of-the-app", true),
            ("Basic YWRhOnB3", true),
        ] {
            let mut headers =
                HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
            withhold(&mut headers);
            assert_eq!(headers.contains_key(header::AUTHORIZATION), stays, "{value}");
        }
    }

    #[test]
    fn an_answer_that_plants_a_session_is_confined() {
        let mut headers = HeaderMap::from_iter([
            (
                header::SET_COOKIE,
                HeaderValue::from_static("picloud_session=pcs_x; Path=/"),
            ),
            (SERVICE_WORKER_ALLOWED, HeaderValue::from_static("/")),
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html")),
        ]);
        confine(&mut headers);
        assert!(!headers.contains_key(header::SET_COOKIE));
        assert!(!headers.contains_key(SERVICE_WORKER_ALLOWED));
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], "sandbox");
        assert_eq!(headers[header::CONTENT_TYPE], "text/html");
    }
}
