//! The request of a test run, as its author writes it.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use picloud_shared::{host::HostName, invocation::ScriptRequest, seam::Origin};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::{
    routes::url::{split_path, split_url},
    validate::{Violations, or_default},
};

/// The request of a test run. All of it may be left out: `GET http://localhost/`.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TestRequest {
    /// `GET` unless set.
    method: Option<String>,
    /// Scheme, host, path and query in one. Parts given below count more.
    #[schema(example = "https://shop.example/orders/7?full=1")]
    url: Option<String>,
    /// The host.
    host: Option<String>,
    /// The path, with or without a query.
    path: Option<String>,
    /// More query parameters, unencoded.
    #[serde(deserialize_with = "or_default")]
    #[schema(nullable)]
    query: BTreeMap<String, String>,
    /// The headers.
    #[serde(deserialize_with = "or_default")]
    #[schema(nullable)]
    headers: BTreeMap<String, String>,
    /// The parameters that host and path of a route would give.
    #[serde(deserialize_with = "or_default")]
    #[schema(nullable)]
    params: BTreeMap<String, String>,
    /// The body: a text as it is, anything else as JSON.
    #[schema(value_type = Option<Value>)]
    body: Option<Value>,
    /// A body that is no text, in Base64.
    body_base64: Option<String>,
}

impl TestRequest {
    /// What the script sees; nothing if some field is wrong.
    pub(super) fn read(self, violations: &mut Violations, origin: &Origin) -> Option<ScriptRequest> {
        let method = self.method.as_deref().unwrap_or("GET").to_ascii_uppercase();
        let method = violations.parse::<Method>("request.method", &method);
        let url = match self
            .url
            .as_deref()
            .map(|url| split_path(url).or_else(|| split_url(url)))
        {
            Some(None) => {
                violations.add(
                    "request.url",
                    "must be like https://example.com/path?query or /path?query",
                );
                return None;
            }
            Some(Some(url)) => Some(url),
            None => None,
        };
        let host = self.host.as_deref().or(url.as_ref().map(|url| url.authority));
        let host = HostName::from_authority(host.unwrap_or("localhost"))
            .map_err(|error| violations.add("request.host", error))
            .ok();
        let path = self
            .path
            .as_deref()
            .or(url.as_ref().map(|url| url.path_and_query));
        let uri = uri(path.unwrap_or("/"), &self.query);
        violations.require(
            uri.is_some(),
            "request.path",
            "must start with / and be percent-encoded",
        );

        let mut headers = headers(&self.headers, violations)?;
        let body = body(self.body, self.body_base64.as_deref(), &mut headers, violations)?;
        let (method, host, uri) = (method?, host?, uri?);
        if let Ok(host) = HeaderValue::from_str(host.as_str()) {
            headers.entry(header::HOST).or_insert(host);
        }
        Some(ScriptRequest {
            method,
            uri,
            scheme: url.map_or("http", |url| url.scheme),
            host: host.as_str().into(),
            params: self
                .params
                .into_iter()
                .map(|(name, value)| (Arc::from(name), value))
                .collect(),
            headers,
            body,
            remote_addr: origin.remote_addr,
            webhook: None,
        })
    }
}

fn uri(path: &str, query: &BTreeMap<String, String>) -> Option<Uri> {
    let mut text = path.to_owned();
    if !query.is_empty() {
        let start = text.find('?').unwrap_or_else(|| {
            text.push('?');
            text.len() - 1
        });
        let mut pairs = form_urlencoded::Serializer::for_suffix(text, start + 1);
        pairs.extend_pairs(query);
        text = pairs.finish();
    }
    text.starts_with('/').then(|| text.parse().ok()).flatten()
}

fn headers(headers: &BTreeMap<String, String>, violations: &mut Violations) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let field = format!("request.headers.{name}");
        let name = violations.parse::<HeaderName>(&field, name)?;
        let value = violations.parse::<HeaderValue>(&field, value)?;
        map.insert(name, value);
    }
    Some(map)
}

fn body(
    body: Option<Value>,
    base64: Option<&str>,
    headers: &mut HeaderMap,
    violations: &mut Violations,
) -> Option<Bytes> {
    match (body, base64) {
        (None, None) => Some(Bytes::new()),
        (Some(Value::String(text)), None) => Some(text.into()),
        (Some(value), None) => {
            let json = HeaderValue::from_static("application/json");
            headers.entry(header::CONTENT_TYPE).or_insert(json);
            Some(value.to_string().into())
        }
        (None, Some(text)) => STANDARD
            .decode(text)
            .map_err(|error| violations.add("request.body_base64", error))
            .ok()
            .map(Bytes::from),
        (Some(_), Some(_)) => {
            violations.add("request.body", "give either `body` or `body_base64`");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use picloud_shared::id::ExecutionId;
    use uuid::Uuid;

    use super::*;

    fn read(json: Value) -> Option<ScriptRequest> {
        let request: TestRequest = serde_json::from_value(json).ok()?;
        let origin = Origin {
            request_id: ExecutionId(Uuid::nil()),
            remote_addr: IpAddr::V4(Ipv4Addr::LOCALHOST),
            scheme: "http",
        };
        let mut violations = Violations::default();
        let request = request.read(&mut violations, &origin);
        assert_eq!(request.is_some(), violations.finish().is_ok());
        request
    }

    #[test]
    fn everything_has_a_default() {
        let Some(request) = read(serde_json::json!({})) else {
            panic!("a request")
        };
        assert_eq!(
            (request.method, request.uri.to_string()),
            (Method::GET, "/".to_owned())
        );
        assert_eq!((&*request.host, request.scheme), ("localhost", "http"));
        assert!(request.body.is_empty());
    }

    #[test]
    fn parts_count_more_than_the_url() {
        let json = serde_json::json!({
            "method": "post", "url": "https://A.test/x?a=1", "host": "b.test", "query": {"q": "ü &"},
            "headers": {"X-A": "b"}, "body": {"n": 1}, "params": {"id": "7"},
        });
        let Some(request) = read(json) else {
            panic!("a request")
        };
        assert_eq!(request.uri.to_string(), "/x?a=1&q=%C3%BC+%26");
        assert_eq!((&*request.host, request.scheme), ("b.test", "https"));
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(&*request.body, br#"{"n":1}"#);
        assert_eq!(request.params, [("id".into(), "7".to_owned())]);
    }

    #[test]
    fn nonsense_is_refused() {
        for json in [
            serde_json::json!({"method": "G T"}),
            serde_json::json!({"url": "nonsense"}),
            serde_json::json!({"path": "x"}),
            serde_json::json!({"host": "a b"}),
            serde_json::json!({"headers": {"a b": "c"}}),
            serde_json::json!({"headers": {"a": "b\nc"}}),
            serde_json::json!({"body": "a", "body_base64": "YQ=="}),
            serde_json::json!({"body_base64": "?"}),
        ] {
            assert!(read(json.clone()).is_none(), "{json}");
        }
    }
}
