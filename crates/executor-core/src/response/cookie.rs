//! `Set-Cookie` lines.

use std::fmt::Write as _;

use http::{HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rhai::{Dynamic, Map};

use super::{Fallible, headers::parse_value, unsendable};

/// What a cookie's value cannot hold, and `%` itself.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'%')
    .add(b',')
    .add(b';')
    .add(b'\\');

const OPTIONS: [&str; 6] = ["path", "domain", "max_age", "secure", "http_only", "same_site"];

/// A cookie for `name`, for this site alone unless the options say otherwise: path `/`, not readable from
/// JavaScript, not sent from other sites except by following a link, and with HTTPS only over HTTPS.
pub(super) fn line(name: &str, value: &str, options: &Map, https: bool) -> Fallible<HeaderValue> {
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(unsendable(format!("{name:?} is not the name of a cookie")));
    }
    if let Some(unknown) = options.keys().find(|key| !OPTIONS.contains(&key.as_str())) {
        return Err(unsendable(format!(
            "a cookie has no option `{unknown}`; it has {}",
            OPTIONS.join(", ")
        )));
    }
    let mut line = format!("{name}={}", utf8_percent_encode(value, ESCAPED));
    for (option, attribute, default) in [("path", "Path", Some("/")), ("domain", "Domain", None)] {
        if let Some(value) = attribute_text(options, option)?.or(default.map(str::to_owned)) {
            push(&mut line, &format!("{attribute}={value}"));
        }
    }
    if let Some(seconds) = options.get("max_age") {
        let seconds = seconds
            .as_int()
            .map_err(|_| unsendable("a cookie's `max_age` is a number of seconds"))?;
        push(&mut line, &format!("Max-Age={seconds}"));
    }
    for (option, attribute, default) in [("secure", "Secure", https), ("http_only", "HttpOnly", true)] {
        let wanted = options.get(option).map_or(Ok(default), Dynamic::as_bool);
        if wanted.map_err(|_| unsendable(format!("a cookie's `{option}` is true or false")))? {
            push(&mut line, attribute);
        }
    }
    let same_site = attribute_text(options, "same_site")?.unwrap_or_else(|| "Lax".to_owned());
    let same_site = ["Strict", "Lax", "None"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(&same_site))
        .ok_or_else(|| unsendable("a cookie's `same_site` is \"Strict\", \"Lax\" or \"None\""))?;
    push(&mut line, &format!("SameSite={same_site}"));
    parse_value(&header::SET_COOKIE, &line)
}

fn attribute_text(options: &Map, option: &str) -> Fallible<Option<String>> {
    let Some(value) = options.get(option) else {
        return Ok(None);
    };
    match value.as_immutable_string_ref() {
        Ok(text) if !text.contains([';', ',']) => Ok(Some(text.as_str().to_owned())),
        _ => Err(unsendable(format!(
            "a cookie's `{option}` is a string without `;` and `,`"
        ))),
    }
}

fn push(line: &mut String, attribute: &str) {
    // Writing to a string cannot fail.
    let _ = write!(line, "; {attribute}");
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, value: &str, options: &Map, expected: Option<&str>) {
        let line = line(name, value, options, true).ok();
        assert_eq!(line.as_ref().map(|line| line.to_str().unwrap()), expected);
    }

    #[test]
    fn cookies_are_safe_by_default() {
        check(
            "session",
            "a b;ü",
            &Map::new(),
            Some("session=a%20b%3B%C3%BC; Path=/; Secure; HttpOnly; SameSite=Lax"),
        );
        let options = Map::from([
            ("max_age".into(), 60_i64.into()),
            ("secure".into(), false.into()),
            ("http_only".into(), false.into()),
            ("same_site".into(), "strict".into()),
            ("domain".into(), "example.com".into()),
        ]);
        check(
            "s",
            "",
            &options,
            Some("s=; Path=/; Domain=example.com; Max-Age=60; SameSite=Strict"),
        );
    }

    #[test]
    fn what_is_no_cookie_is_refused() {
        check("a=b", "", &Map::new(), None);
        check("a", "", &Map::from([("path".into(), "/; Secure".into())]), None);
        check("a", "", &Map::from([("path".into(), "/\n".into())]), None);
        check("a", "", &Map::from([("expires".into(), "never".into())]), None);
    }
}
