//! The request that a script is given for an event.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header::CONTENT_TYPE};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use picloud_shared::{
    events::{Event, Topic},
    invocation::ScriptRequest,
};

use super::deliveries::Deliveries;

/// The host of what no client has sent.
const HOST: &str = "localhost";

/// What a value of a header of `CloudEvents` has percent-encoded: all but printable ASCII, and these.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// The request that began an asynchronous run, or one in the binary mode of `CloudEvents`; one without a body for several
/// events.
pub(super) fn of(deliveries: &Deliveries) -> ScriptRequest {
    if deliveries.are_several() {
        return made(HeaderMap::new(), Bytes::new());
    }
    of_event(&deliveries.first.event)
}

fn of_event(event: &Event) -> ScriptRequest {
    match &event.request {
        Some(request) => request.clone().into_request(event.data.clone()),
        None => made(headers(event), event.data.clone()),
    }
}

fn made(headers: HeaderMap, body: Bytes) -> ScriptRequest {
    ScriptRequest {
        method: Method::POST,
        uri: Uri::from_static("/"),
        scheme: "http",
        host: Arc::from(HOST),
        params: Vec::new(),
        headers,
        body,
        remote_addr: IpAddr::V4(Ipv4Addr::LOCALHOST),
        webhook: None,
    }
}

fn headers(event: &Event) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(content_type) = HeaderValue::from_str(&event.content_type) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    let (id, time) = (event.id.to_string(), event.time.to_string());
    let attributes = [
        ("specversion", Some("1.0")),
        ("id", Some(id.as_str())),
        ("source", Some(event.source.as_str())),
        ("type", event.topic.as_ref().map(Topic::as_str)),
        ("subject", event.subject.as_deref()),
        ("time", Some(time.as_str())),
    ];
    let extensions = event.extensions.iter();
    let extensions = extensions.map(|(name, value)| (name.as_str(), Some(value.as_str())));
    for (name, value) in attributes.into_iter().chain(extensions) {
        let Some(value) = value else { continue };
        let name = HeaderName::try_from(format!("ce-{name}"));
        let value = HeaderValue::try_from(utf8_percent_encode(value, ENCODED).to_string());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use picloud_shared::{
        events::{Lineage, StoredRequest},
        id::EventId,
        time::Timestamp,
    };
    use uuid::Uuid;

    use super::*;

    fn event() -> Event {
        Event {
            id: EventId(Uuid::from_u128(1)),
            topic: "orders.placed".parse().ok(),
            source: "/scripts/shop".to_owned(),
            subject: Some("Größe \"5\" 100%".to_owned()),
            time: Timestamp::from_micros(1_763_670_896_789_000),
            extensions: BTreeMap::from([
                ("trace".to_owned(), "x".to_owned()),
                ("not a name".to_owned(), "x".to_owned()),
            ]),
            content_type: "application/json".to_owned(),
            data: Bytes::from_static(b"{}"),
            key: None,
            request: None,
            lineage: Lineage {
                root: Uuid::nil(),
                cause: None,
                depth: 0,
            },
        }
    }

    #[test]
    fn an_event_is_a_request_in_the_binary_mode_of_cloud_events() {
        let request = of_event(&event());
        assert_eq!((request.method.as_str(), request.uri.path()), ("POST", "/"));
        assert_eq!(request.body, "{}");
        let headers: Vec<_> = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII")))
            .collect();
        assert_eq!(
            headers,
            [
                ("content-type", "application/json"),
                ("ce-specversion", "1.0"),
                ("ce-id", "00000000-0000-0000-0000-000000000001"),
                ("ce-source", "/scripts/shop"),
                ("ce-type", "orders.placed"),
                ("ce-subject", "Gr%C3%B6%C3%9Fe%20%225%22%20100%25"),
                ("ce-time", "2025-11-20T20:34:56.789Z"),
                ("ce-trace", "x"),
            ]
        );
    }

    #[test]
    fn an_asynchronous_request_comes_as_it_was_sent() {
        let stored = StoredRequest {
            method: "PUT".to_owned(),
            uri: "/a?b=c".to_owned(),
            ..StoredRequest::default()
        };
        let request = of_event(&Event {
            request: Some(stored),
            ..event()
        });
        assert_eq!(
            (request.method.as_str(), request.uri.to_string()),
            ("PUT", "/a?b=c".to_owned())
        );
        assert!(request.headers.is_empty());
        assert_eq!(request.body, "{}");
    }
}
