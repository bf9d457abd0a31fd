//! Query parameters, with the same strictness as bodies: a mistyped filter must not look like one that is set.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::{faults::fault, words::in_words};
use crate::http::problem::{Refusal, invalid};

/// The query. `T` refuses unknown parameters.
pub(crate) struct QueryParams<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(pairs)
            .map(Self)
            .map_err(|error| {
                let path = error.path().to_string();
                invalid(&[fault(&path, &in_words(&error.into_inner().to_string()))])
            })
    }
}
