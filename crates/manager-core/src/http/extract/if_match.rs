//! `If-Match`: only if this version is still the live one.

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use picloud_shared::{problem::Code, repository::Expected};

use crate::http::{
    problem::{Refusal, problem},
    validate::number,
};

/// The versions of which the client expects one to be live.
pub(crate) struct IfMatch(pub(crate) Expected);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        read(&parts.headers).map(Self).ok_or_else(|| {
            problem(
                Code::BadRequest,
                "`If-Match` must be `*`, or entity tags with commas between them, such as \"3\".",
            )
        })
    }
}

/// Reads `*`, or a list of entity tags (RFC 9110), also over several headers. A bare `3` counts as `"3"`.
fn read(headers: &HeaderMap) -> Option<Expected> {
    let mut versions = Vec::new();
    for value in headers.get_all(header::IF_MATCH) {
        let mut rest = value.to_str().ok()?.trim();
        if rest == "*" {
            return Some(Expected::Any);
        }
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let (version, after) = read_tag(rest)?;
            versions.extend(version);
            let after = after.trim_start();
            // A list may have empty places.
            rest = match after.strip_prefix(',') {
                Some(after) => after.trim_start_matches([',', ' ', '\t']),
                None if after.is_empty() => after,
                None => return None,
            };
        }
    }
    Some(if headers.contains_key(header::IF_MATCH) {
        Expected::OneOf(versions)
    } else {
        Expected::Any
    })
}

/// The version that the first tag of `list` names, and what comes after it. A weak tag never matches here, nor does
/// one that is no version's.
fn read_tag(list: &str) -> Option<(Option<u32>, &str)> {
    if list.starts_with(|first: char| first.is_ascii_digit()) {
        let end = list.find(|c: char| !c.is_ascii_digit()).unwrap_or(list.len());
        return Some((list[..end].parse().ok(), &list[end..]));
    }
    let weak = list.strip_prefix("W/");
    let (tag, after) = weak.unwrap_or(list).strip_prefix('"')?.split_once('"')?;
    let version = if weak.is_some() { None } else { number(tag) };
    Some((version, after))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(values: &[&'static str]) -> Option<Expected> {
        let headers = values
            .iter()
            .map(|value| (header::IF_MATCH, HeaderValue::from_static(value)));
        read(&headers.collect::<HeaderMap>())
    }

    #[test]
    fn tags_are_read_as_they_may_be_written() {
        let versions = |versions: &[u32]| Some(Expected::OneOf(versions.to_vec()));
        assert_eq!(of(&[]), Some(Expected::Any));
        assert_eq!(of(&["*"]), Some(Expected::Any));
        for one in [
            "\"3\"",
            "3",
            " \"3\" ",
            "\"3\",",
            "\"3\", W/\"4\"",
            "\"x,y\", \"3\"",
        ] {
            assert_eq!(of(&[one]), versions(&[3]), "{one}");
        }
        for two in ["\"3\", \"4\"", "\"3\",\"4\"", "3 , 4", "\"3\", , \"4\""] {
            assert_eq!(of(&[two]), versions(&[3, 4]), "{two}");
        }
        assert_eq!(of(&["\"3\"", "\"4\""]), versions(&[3, 4]));
        for none in ["W/\"3\"", "\"other\"", "\"\"", "\"-1\"", "99999999999"] {
            assert_eq!(of(&[none]), versions(&[]), "{none}");
        }
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for nonsense in [
            "",
            "three",
            "\"3",
            "3\"",
            "\"3\" \"4\"",
            "w/\"3\"",
            "\"3\", *",
            ", \"3\"",
        ] {
            assert_eq!(of(&[nonsense]), None, "{nonsense}");
        }
    }
}
