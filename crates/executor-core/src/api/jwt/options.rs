//! What may be chosen about a token.

use rhai::{Dynamic, ImmutableString, Map};

use super::algorithm::Algorithm;
use crate::api::argument::{Fallible, fail};

/// Most seconds by which clocks may differ.
const LEEWAY_MAX: i64 = 600;

/// What may be chosen about a token.
pub(super) struct Options {
    pub(super) algorithm: Algorithm,
    /// Seconds until it ends.
    pub(super) expires_in: Option<i64>,
    /// Who must have made it.
    pub(super) issuer: Option<ImmutableString>,
    /// For whom it must be.
    pub(super) audience: Option<ImmutableString>,
    /// By how many seconds clocks may differ.
    pub(super) leeway: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Hs256,
            expires_in: None,
            issuer: None,
            audience: None,
            leeway: 0,
        }
    }
}

impl Options {
    /// Reads what a script chose, of the options in `known`.
    pub(super) fn read(function: &str, known: &[&str], chosen: &Map) -> Fallible<Self> {
        let mut options = Self::default();
        for (name, value) in chosen {
            let must_be = |what: &str| fail(format!("{function}: `{name}` must be {what}"));
            let text = || {
                let text = value.as_immutable_string_ref().map(|text| text.clone());
                text.map_err(|_| must_be("a text"))
            };
            match name.as_str() {
                name if !known.contains(&name) => {
                    return Err(fail(format!("{function}: there is no option `{name}`")));
                }
                "algorithm" => {
                    options.algorithm = Algorithm::named(&text()?)
                        .ok_or_else(|| must_be("HS256, HS384, HS512, RS256 or ES256"))?;
                }
                "issuer" => options.issuer = Some(text()?),
                "audience" => options.audience = Some(text()?),
                "leeway" => {
                    options.leeway =
                        whole(value, LEEWAY_MAX).ok_or_else(|| must_be("seconds, from 0 to 600"))?;
                }
                _ => {
                    options.expires_in =
                        Some(whole(value, i64::MAX).ok_or_else(|| must_be("a number of seconds"))?);
                }
            }
        }
        Ok(options)
    }
}

fn whole(value: &Dynamic, most: i64) -> Option<i64> {
    value.as_int().ok().filter(|number| (0..=most).contains(number))
}
