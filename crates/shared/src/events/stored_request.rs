//! An asynchronous request, as it is kept until it is answered.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde::{Deserialize, Serialize};

use crate::{invocation::ScriptRequest, webhook::ReceivedWebhook};

/// A request without its body, which is the data of its event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRequest {
    /// The method.
    pub method: String,
    /// Path and query.
    pub uri: String,
    /// Whether the client saw `https`.
    pub is_secure: bool,
    /// The host.
    pub host: String,
    /// Parameters of host and path.
    pub params: Vec<(String, String)>,
    /// Names and values; each byte of a value is the character with its number.
    pub headers: Vec<(String, String)>,
    /// The client's address.
    pub remote_addr: IpAddr,
    /// What a webhook found, if one let it through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Box<ReceivedWebhook>>,
}

impl StoredRequest {
    /// Keeps a request.
    pub fn of(request: &ScriptRequest) -> Self {
        let text = |value: &HeaderValue| value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
        let params = request.params.iter();
        let headers = request.headers.iter();
        Self {
            method: request.method.as_str().to_owned(),
            uri: request.uri.to_string(),
            is_secure: request.scheme == "https",
            host: request.host.as_ref().to_owned(),
            params: params
                .map(|(name, value)| (name.to_string(), value.clone()))
                .collect(),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
            remote_addr: request.remote_addr,
            webhook: request.webhook.clone(),
        }
    }

    /// The request again, with its body. What cannot be read of it is left out: it was a request when it was kept.
    pub fn into_request(self, body: Bytes) -> ScriptRequest {
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let value: Option<Vec<u8>> = value.chars().map(|letter| u8::try_from(letter).ok()).collect();
            let value = value.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
            if let (Ok(name), Some(value)) = (name.parse::<HeaderName>(), value) {
                headers.append(name, value);
            }
        }
        let params = self.params.into_iter();
        ScriptRequest {
            method: self.method.parse().unwrap_or(Method::POST),
            uri: self.uri.parse().unwrap_or_else(|_| Uri::from_static("/")),
            scheme: if self.is_secure { "https" } else { "http" },
            host: self.host.into(),
            params: params.map(|(name, value)| (name.into(), value)).collect(),
            headers,
            body,
            remote_addr: self.remote_addr,
            webhook: self.webhook,
        }
    }

    /// About how large it is.
    pub fn bytes(&self) -> usize {
        let pairs = self.params.iter().chain(&self.headers);
        self.uri.len() + pairs.map(|(name, value)| name.len() + value.len()).sum::<usize>()
    }
}

impl Default for StoredRequest {
    /// `POST /`, of nobody.
    fn default() -> Self {
        Self {
            method: "POST".to_owned(),
            uri: "/".to_owned(),
            is_secure: false,
            host: String::new(),
            params: Vec::new(),
            headers: Vec::new(),
            remote_addr: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            webhook: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::WebhookPreset;

    #[test]
    fn a_request_comes_back_as_it_went() {
        let mut headers = HeaderMap::new();
        headers.append("x-a", HeaderValue::from_static("1"));
        headers.append("x-a", HeaderValue::from_static("2"));
        headers.append("x-b", HeaderValue::from_bytes(&[0xC3, 0xA4, 0xFF]).unwrap());
        let request = ScriptRequest {
            method: Method::PUT,
            uri: "/a?b=c".parse().unwrap(),
            scheme: "https",
            host: "example.com".into(),
            params: vec![("id".into(), "ä".to_owned())],
            headers,
            body: Bytes::from_static(b"body"),
            remote_addr: [192, 0, 2, 1].into(),
            webhook: Some(Box::new(ReceivedWebhook {
                preset: WebhookPreset::Standard,
                id: Some("msg_1".to_owned()),
                timestamp: Some(1_614_265_330),
            })),
        };
        let json = serde_json::to_string(&StoredRequest::of(&request)).unwrap();
        let stored: StoredRequest = serde_json::from_str(&json).unwrap();
        let found = stored.into_request(request.body.clone());
        assert_eq!(format!("{found:?}"), format!("{request:?}"));
    }
}
