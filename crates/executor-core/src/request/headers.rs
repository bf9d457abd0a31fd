//! The headers of a request.

use http::{HeaderMap, HeaderName, header};
use rhai::{Dynamic, Map, Module, export_module, exported_module};

use super::Request;

/// All headers of a request. Names compare in any case of letters.
#[derive(Clone)]
pub(crate) struct Headers(pub(super) Request);

impl Headers {
    fn map(&self) -> &HeaderMap {
        &self.0.request().headers
    }

    /// The values under one name as one: joined by a comma, or for cookies by a semicolon.
    fn joined(&self, name: &str) -> Option<String> {
        let mut values = self.map().get_all(name).iter().map(text);
        let first = values.next()?;
        let separator = if name.eq_ignore_ascii_case(header::COOKIE.as_str()) {
            "; "
        } else {
            ", "
        };
        Some(values.fold(first, |joined, value| {
            [joined.as_str(), separator, &value].concat()
        }))
    }

    fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.map().keys()
    }
}

fn text(value: &http::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

impl IntoIterator for Headers {
    type Item = Map;
    type IntoIter = std::vec::IntoIter<Map>;

    /// One map `#{name, value}` for each line.
    fn into_iter(self) -> Self::IntoIter {
        let line = |(name, value): (&HeaderName, &http::HeaderValue)| {
            Map::from([
                ("name".into(), name.as_str().into()),
                ("value".into(), text(value).into()),
            ])
        };
        self.map().iter().map(line).collect::<Vec<_>>().into_iter()
    }
}

/// The functions as scripts see them.
pub(super) fn module() -> Module {
    exported_module!(functions)
}

fn or_unit(value: Option<String>) -> Dynamic {
    value.map_or(Dynamic::UNIT, Dynamic::from)
}

#[export_module(export_all)]
#[expect(clippy::unwrap_used, reason = "in code that the macro writes")]
mod functions {
    use rhai::{Array, Dynamic, ImmutableString, Map};

    use crate::request::headers::{Headers, or_unit, text};

    /// The value of a header, or `()` if it is not there. Values of one name are joined.
    ///
    /// ```rhai
    /// request.headers["x-missing"] //=> ()
    /// ```
    #[rhai_fn(index_get, pure)]
    fn index(headers: &mut Headers, name: &str) -> Dynamic {
        or_unit(headers.joined(name))
    }

    /// The value of a header, or `()` if it is not there. Values of one name are joined.
    ///
    /// ```rhai
    /// request.headers.get("X-Missing") ?? "none" //=> "none"
    /// ```
    #[rhai_fn(pure)]
    fn get(headers: &mut Headers, name: &str) -> Dynamic {
        or_unit(headers.joined(name))
    }

    /// The values of a header, one for each line with its name.
    ///
    /// ```rhai
    /// request.headers.get_all("x-missing") //=> []
    /// ```
    #[rhai_fn(pure)]
    fn get_all(headers: &mut Headers, name: &str) -> Array {
        headers
            .map()
            .get_all(name)
            .iter()
            .map(|value| text(value).into())
            .collect()
    }

    /// Whether a header is there; also as `"x-y" in request.headers`.
    ///
    /// ```rhai
    /// request.headers.contains("x-missing") //=> false
    /// ```
    #[rhai_fn(pure)]
    fn contains(headers: &mut Headers, name: &str) -> bool {
        headers.map().contains_key(name)
    }

    /// The names that are there, in lower case.
    ///
    /// ```rhai
    /// request.headers.keys() //=> []
    /// ```
    #[rhai_fn(pure)]
    fn keys(headers: &mut Headers) -> Array {
        headers.names().map(|name| name.as_str().into()).collect()
    }

    /// How many names are there.
    ///
    /// ```rhai
    /// request.headers.len() //=> 0
    /// ```
    #[rhai_fn(name = "len", get = "len", pure)]
    fn len(headers: &mut Headers) -> i64 {
        i64::try_from(headers.map().keys_len()).unwrap_or(i64::MAX)
    }

    /// All headers as a map from lower-case names to values.
    ///
    /// ```rhai
    /// request.headers.to_map() //=> #{}
    /// ```
    #[rhai_fn(pure)]
    fn to_map(headers: &mut Headers) -> Map {
        headers
            .names()
            .map(|name| (name.as_str().into(), or_unit(headers.joined(name.as_str()))))
            .collect()
    }

    /// All headers as text, a line for each.
    ///
    /// ```rhai
    /// request.headers.to_string() //=> ""
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    fn to_string(headers: &mut Headers) -> ImmutableString {
        let line =
            |(name, value): (&http::HeaderName, &http::HeaderValue)| format!("{name}: {}\n", text(value));
        headers.map().iter().map(line).collect::<String>().into()
    }
}
