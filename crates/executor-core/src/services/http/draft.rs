//! A request as a script describes it.

use std::time::Duration;

use bytes::Bytes;
use picloud_shared::invocation::DEPTH_HEADER;
use picloud_shared::services::{
    HTTP_ANSWER_BYTES_DEFAULT, HTTP_ANSWER_BYTES_MAX, HTTP_BODY_BYTES_MAX, HTTP_HEADER_BYTES_MAX,
    HTTP_HEADERS_MAX, HTTP_REDIRECTS_MAX, HTTP_TIMEOUT_DEFAULT, HTTP_TIMEOUT_MAX, HTTP_URL_BYTES_MAX,
    HttpRequest,
};
use rhai::{Dynamic, ImmutableString, Map};

use crate::{
    api::{Fallible, encode_form, fail, scalar, spend_bytes, type_name},
    gate, json,
};

/// What a request leaves of the time of its run, so that the script can do something about a timeout.
const TIME_LEFT_AFTER: Duration = Duration::from_millis(100);

const OPTIONS: &str = "headers, query, body, json, form, timeout_ms, max_bytes and redirects";

/// A request as a script describes it.
pub(super) struct Draft {
    function: &'static str,
    method: ImmutableString,
    url: String,
    headers: Vec<(ImmutableString, ImmutableString)>,
    body: Option<Body>,
    timeout: Duration,
    answer_bytes_max: usize,
    redirects_max: u8,
}

struct Body {
    content: Content,
    media_type: &'static str,
}

enum Content {
    Text(ImmutableString),
    Bytes(Vec<u8>),
}

impl Draft {
    /// A request without anything.
    pub(super) fn new(function: &'static str, method: &str, url: &str) -> Fallible<Self> {
        if url.len() > HTTP_URL_BYTES_MAX {
            return Err(fail(format!(
                "{function}: a URL has at most {HTTP_URL_BYTES_MAX} bytes, not {}",
                url.len()
            )));
        }
        Ok(Self {
            function,
            method: method.into(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: None,
            timeout: HTTP_TIMEOUT_DEFAULT,
            answer_bytes_max: HTTP_ANSWER_BYTES_DEFAULT,
            redirects_max: HTTP_REDIRECTS_MAX,
        })
    }

    /// The request in a map: `url`, `method` if it is not GET, and options.
    pub(super) fn of_map(function: &'static str, map: &Map) -> Fallible<Self> {
        let text = |name: &str| match map.get(name) {
            None => Ok(None),
            Some(value) => match value.as_immutable_string_ref() {
                Ok(text) => Ok(Some(text.clone())),
                Err(_) => Err(fail(format!(
                    "{function}: `{name}` is a string, not {}",
                    type_name(value)
                ))),
            },
        };
        let url = text("url")?.ok_or_else(|| fail(format!("{function}: the request has no `url`")))?;
        let method = text("method")?.unwrap_or_else(|| "GET".into());
        Self::new(function, &method.to_ascii_uppercase(), &url)?.with_options(map)
    }

    /// A URL, or the request in a map.
    pub(super) fn of_value(function: &'static str, value: &Dynamic) -> Fallible<Self> {
        if let Ok(url) = value.as_immutable_string_ref() {
            return Self::new(function, "GET", &url);
        }
        match value.as_map_ref() {
            Ok(map) => Self::of_map(function, &map),
            Err(_) => Err(fail(format!(
                "{function}: a request is a URL or a map with `url`, not {}",
                type_name(value)
            ))),
        }
    }

    /// The same with a body: text, bytes, or what is sent as JSON.
    pub(super) fn with_body(mut self, value: &Dynamic) -> Fallible<Self> {
        self.set_body(value)?;
        Ok(self)
    }

    /// The same with options.
    pub(super) fn with_options(mut self, options: &Map) -> Fallible<Self> {
        for (name, value) in options {
            match name.as_str() {
                "url" | "method" => {}
                "headers" => self.set_headers(value)?,
                "query" => self.add_query(value)?,
                "body" => self.set_body(value)?,
                "json" => self.body = Some(self.json(value)?),
                "form" => self.body = Some(self.form(value)?),
                "timeout_ms" => {
                    let most = HTTP_TIMEOUT_MAX.as_millis();
                    let ms = self.number("timeout_ms", value, most.try_into().unwrap_or(u64::MAX))?;
                    self.timeout = Duration::from_millis(ms);
                }
                "max_bytes" => {
                    let bytes = self.number("max_bytes", value, HTTP_ANSWER_BYTES_MAX as u64)?;
                    self.answer_bytes_max = usize::try_from(bytes).unwrap_or(HTTP_ANSWER_BYTES_MAX);
                }
                "redirects" => {
                    let most = i64::from(HTTP_REDIRECTS_MAX);
                    let redirects = value
                        .as_int()
                        .ok()
                        .filter(|redirects| (0..=most).contains(redirects));
                    let redirects = redirects.and_then(|redirects| u8::try_from(redirects).ok());
                    self.redirects_max =
                        redirects.ok_or_else(|| self.wrong(&format!("redirects is 0 to {most}")))?;
                }
                other => {
                    return Err(self.wrong(&format!("there is no option `{other}`, only {OPTIONS}")));
                }
            }
        }
        Ok(self)
    }

    pub(super) fn method(&self) -> &str {
        &self.method
    }

    /// Whether making it changes nothing, by what its method means.
    pub(super) fn is_safe(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    /// Bytes that it sends.
    pub(super) fn body_bytes(&self) -> usize {
        self.body.as_ref().map_or(0, |body| body.content.as_bytes().len())
    }

    /// A copy for the host. It never takes longer than what is left of the run, and tells that so many led to it.
    pub(super) fn to_request(&self, depth: u8) -> HttpRequest {
        let left = gate::time_left().saturating_sub(TIME_LEFT_AFTER);
        let timeout = self.timeout.min(left).max(Duration::from_millis(1));
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case(DEPTH_HEADER.as_str()))
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        headers.push((DEPTH_HEADER.as_str().to_owned(), depth.to_string()));
        if let Some(body) = &self.body
            && !headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            headers.push(("content-type".to_owned(), body.media_type.to_owned()));
        }
        HttpRequest {
            method: self.method.to_string(),
            url: self.url.clone(),
            headers,
            body: self
                .body
                .as_ref()
                .map(|body| Bytes::copy_from_slice(body.content.as_bytes())),
            timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            answer_bytes_max: self.answer_bytes_max,
            redirects_max: self.redirects_max,
        }
    }

    fn set_headers(&mut self, value: &Dynamic) -> Fallible<()> {
        let map = value
            .as_map_ref()
            .map_err(|_| self.wrong("headers is a map of names and values"))?;
        let mut headers = Vec::new();
        let mut bytes = 0;
        for (name, value) in map.iter() {
            let mut add = |value: &Dynamic| {
                let value = scalar(self.function, value)?;
                bytes += name.len() + value.len();
                headers.push((ImmutableString::from(name.as_str()), value));
                if headers.len() > HTTP_HEADERS_MAX || bytes > HTTP_HEADER_BYTES_MAX {
                    return Err(self.wrong(&format!(
                        "a request has at most {HTTP_HEADERS_MAX} headers, with {HTTP_HEADER_BYTES_MAX} bytes together"
                    )));
                }
                Ok(())
            };
            match value.as_array_ref() {
                Ok(values) => values.iter().try_for_each(add)?,
                Err(_) => add(value)?,
            }
        }
        self.headers = headers;
        Ok(())
    }

    /// Adds fields to the query of the URL.
    fn add_query(&mut self, value: &Dynamic) -> Fallible<()> {
        let map = value.as_map_ref().map_err(|_| self.wrong("query is a map"))?;
        let query = encode_form(self.function, &map)?;
        if query.is_empty() {
            return Ok(());
        }
        let (address, fragment) = match self.url.split_once('#') {
            Some((address, fragment)) => (address, Some(fragment)),
            None => (self.url.as_str(), None),
        };
        let separator = match address.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        let mut url = [address, separator, &query].concat();
        if let Some(fragment) = fragment {
            url.push('#');
            url.push_str(fragment);
        }
        // Looked at again, now that it is longer.
        self.url = Self::new(self.function, "", &url)?.url;
        Ok(())
    }

    fn set_body(&mut self, value: &Dynamic) -> Fallible<()> {
        self.body = if value.is_unit() {
            None
        } else if let Ok(text) = value.as_immutable_string_ref() {
            Some(Body {
                content: Content::Text(text.clone()),
                media_type: "text/plain; charset=utf-8",
            })
        } else if let Ok(blob) = value.as_blob_ref() {
            gate::reserve(blob.len())?;
            spend_bytes(blob.len())?;
            Some(Body {
                content: Content::Bytes(blob.clone()),
                media_type: "application/octet-stream",
            })
        } else if value.is_map() || value.is_array() {
            Some(self.json(value)?)
        } else {
            let given = type_name(value);
            return Err(self.wrong(&format!(
                "a body is a string, a blob, or a map or an array that is sent as JSON, not {given}"
            )));
        };
        Ok(())
    }

    fn json(&self, value: &Dynamic) -> Fallible<Body> {
        let mut out = Vec::new();
        json::write(value, &mut out, HTTP_BODY_BYTES_MAX).map_err(|error| match error {
            json::JsonError::TooLarge { .. } => {
                self.wrong(&format!("a body has at most {HTTP_BODY_BYTES_MAX} bytes"))
            }
            other => other.into(),
        })?;
        Ok(Body {
            content: Content::Bytes(out),
            media_type: "application/json",
        })
    }

    fn form(&self, value: &Dynamic) -> Fallible<Body> {
        let map = value.as_map_ref().map_err(|_| self.wrong("form is a map"))?;
        Ok(Body {
            content: Content::Text(encode_form(self.function, &map)?.into()),
            media_type: "application/x-www-form-urlencoded",
        })
    }

    fn number(&self, name: &str, value: &Dynamic, most: u64) -> Fallible<u64> {
        let number = value.as_int().ok().and_then(|number| u64::try_from(number).ok());
        number
            .filter(|number| (1..=most).contains(number))
            .ok_or_else(|| self.wrong(&format!("{name} is 1 to {most}")))
    }

    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the form in which Rhai takes errors"
    )]
    fn wrong(&self, what: &str) -> Box<rhai::EvalAltResult> {
        fail(format!("{}: {what}", self.function))
    }
}

impl Content {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}
