//! Entity tags (RFC 9110), as `If-Match` lists them.

use http::{HeaderMap, header};
use picloud_shared::problem::Code;

use crate::http::problem::{Answer, problem};

/// What `If-Match` lists.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tags {
    /// `*`: whatever is there.
    Any,
    /// These. A weak one is not among them, as it never matches here.
    OneOf(Vec<String>),
}

/// Reads `If-Match`, if there is one.
pub(super) fn if_match(headers: &HeaderMap) -> Answer<Option<Tags>> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(None);
    }
    read(headers).map(Some).ok_or_else(|| {
        problem(
            Code::BadRequest,
            "`If-Match` must be `*`, or entity tags with commas between them, such as \"3\".",
        )
    })
}

/// Reads `*`, or a list of tags, also over several headers. A bare `3` counts as `"3"`.
fn read(headers: &HeaderMap) -> Option<Tags> {
    let mut tags = Vec::new();
    for value in headers.get_all(header::IF_MATCH) {
        let mut rest = value.to_str().ok()?.trim();
        if rest == "*" {
            return Some(Tags::Any);
        }
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let (tag, after) = read_tag(rest)?;
            tags.extend(tag.map(str::to_owned));
            let after = after.trim_start();
            // A list may have empty places.
            rest = match after.strip_prefix(',') {
                Some(after) => after.trim_start_matches([',', ' ', '\t']),
                None if after.is_empty() => after,
                None => return None,
            };
        }
    }
    Some(Tags::OneOf(tags))
}

/// The first tag of `list`, unless it is weak, and what comes after it.
fn read_tag(list: &str) -> Option<(Option<&str>, &str)> {
    if list.starts_with(|first: char| first.is_ascii_digit()) {
        let end = list.find(|c: char| !c.is_ascii_digit()).unwrap_or(list.len());
        return Some((Some(&list[..end]), &list[end..]));
    }
    let weak = list.strip_prefix("W/");
    let (tag, after) = weak.unwrap_or(list).strip_prefix('"')?.split_once('"')?;
    Some((weak.is_none().then_some(tag), after))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(values: &[&'static str]) -> Option<Tags> {
        let headers = values
            .iter()
            .map(|value| (header::IF_MATCH, HeaderValue::from_static(value)));
        read(&headers.collect::<HeaderMap>())
    }

    fn these(tags: &[&str]) -> Tags {
        Tags::OneOf(tags.iter().map(|tag| (*tag).to_owned()).collect())
    }

    #[test]
    fn tags_are_read_as_they_may_be_written() {
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
        assert_eq!(of(&["*"]), Some(Tags::Any));
        for one in ["\"3\"", "3", " \"3\" ", "\"3\",", "\"3\", W/\"4\""] {
            assert_eq!(of(&[one]), Some(these(&["3"])), "{one}");
        }
        for two in ["\"3\", \"4\"", "\"3\",\"4\"", "3 , 4", "\"3\", , \"4\""] {
            assert_eq!(of(&[two]), Some(these(&["3", "4"])), "{two}");
        }
        assert_eq!(of(&["\"3\"", "\"4\""]), Some(these(&["3", "4"])));
        assert_eq!(of(&["\"x,y\", \"\""]), Some(these(&["x,y", ""])));
        assert_eq!(of(&["W/\"3\""]), Some(these(&[])));
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
