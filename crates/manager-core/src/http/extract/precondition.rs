//! `If-Match` and `If-None-Match`: only if what is there is what the client has seen.

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use picloud_shared::problem::Code;

use super::entity_tags::{Tags, if_match};
use crate::http::problem::{Answer, Refusal, problem};

/// What has to be there before something is written or deleted. It is looked at where the change is made, as others
/// may change the same.
#[derive(Debug)]
pub(crate) struct Precondition {
    /// One of these, if anything is said.
    tags: Option<Tags>,
    /// Nothing.
    is_new: bool,
}

impl<S: Sync> FromRequestParts<S> for Precondition {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        read(&parts.headers)
    }
}

impl Precondition {
    /// That of a change that is made whatever is there.
    pub(crate) const NONE: Self = Self {
        tags: None,
        is_new: false,
    };

    /// Whether it asks for anything.
    pub(crate) fn is_some(&self) -> bool {
        self.tags.is_some() || self.is_new
    }

    /// Refuses unless a change may be made of what has this version; of nothing, if there is none.
    pub(crate) fn check(&self, version: Option<&str>) -> Answer<()> {
        let matches = match (&self.tags, version) {
            (None, _) | (Some(Tags::Any), Some(_)) => true,
            (Some(_), None) => false,
            (Some(Tags::OneOf(tags)), Some(version)) => tags.iter().any(|tag| tag == version),
        };
        if !matches {
            return Err(problem(
                Code::VersionMismatch,
                "It was changed or deleted since you read it. Nothing was done. Get it, and change that.",
            ));
        }
        if self.is_new && version.is_some() {
            return Err(problem(
                Code::VersionMismatch,
                "It is there already. Nothing was done. Get it, and change that.",
            ));
        }
        Ok(())
    }
}

fn read(headers: &HeaderMap) -> Answer<Precondition> {
    let mut wanted = headers.get_all(header::IF_NONE_MATCH).iter();
    if wanted.any(|value| value.as_bytes().trim_ascii() != b"*") {
        return Err(problem(
            Code::BadRequest,
            "`If-None-Match` must be `*` here: write only if there is nothing yet.",
        ));
    }
    Ok(Precondition {
        tags: if_match(headers)?,
        is_new: headers.contains_key(header::IF_NONE_MATCH),
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn of(headers: &[(&'static str, &'static str)]) -> Answer<Precondition> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        read(&headers.collect())
    }

    #[test]
    fn what_is_there_must_be_what_was_seen() {
        const SEEN: (&str, &str) = ("if-match", "\"a\", \"b\"");
        const ANYTHING: (&str, &str) = ("if-match", "*");
        const NOTHING: (&str, &str) = ("if-none-match", "*");
        // Whether it may be written over `a`, over something else, and where nothing is.
        for (headers, expected) in [
            (&[][..], [true, true, true]),
            (&[SEEN][..], [true, false, false]),
            (&[ANYTHING][..], [true, true, false]),
            (&[NOTHING][..], [false, false, true]),
            (&[SEEN, NOTHING][..], [false, false, false]),
        ] {
            let precondition = of(headers).unwrap();
            let may = [Some("a"), Some("c"), None].map(|version| precondition.check(version).is_ok());
            assert_eq!(may, expected, "{headers:?}");
            assert_eq!(precondition.is_some(), !headers.is_empty());
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for header in [
            ("if-match", "a"),
            ("if-none-match", "\"a\""),
            ("if-none-match", ""),
        ] {
            assert!(of(&[header]).is_err(), "{header:?}");
        }
    }
}
