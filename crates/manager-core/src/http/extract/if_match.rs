//! `If-Match`: only if this version is still the live one.

use axum::extract::FromRequestParts;
use http::request::Parts;
use picloud_shared::repository::Expected;

use super::entity_tags::{Tags, if_match};
use crate::http::{problem::Refusal, validate::number};

/// The versions of which the client expects one to be live.
pub(crate) struct IfMatch(pub(crate) Expected);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        if_match(&parts.headers).map(expected).map(Self)
    }
}

/// The versions that the tags name. One that is no version's never matches.
fn expected(tags: Option<Tags>) -> Expected {
    match tags {
        None | Some(Tags::Any) => Expected::Any,
        Some(Tags::OneOf(tags)) => Expected::OneOf(tags.into_iter().filter_map(|tag| number(&tag)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_versions_and_nothing_else_is() {
        assert_eq!(expected(None), Expected::Any);
        assert_eq!(expected(Some(Tags::Any)), Expected::Any);
        let tags = ["3", "other", "", "-1", "+1", "99999999999", "4"].map(str::to_owned);
        let versions = Expected::OneOf(vec![3, 4]);
        assert_eq!(expected(Some(Tags::OneOf(tags.to_vec()))), versions);
    }
}
