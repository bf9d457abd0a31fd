//! A client of the API and of apps.

use std::{
    net::SocketAddr,
    sync::{Arc, RwLock},
};

use serde_json::Value;
use ureq::{
    Body,
    config::{Config, ConfigBuilder},
    http::Uri,
    tls::{Certificate, RootCerts, TlsConfig},
    typestate::AgentScope,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

use super::{Answer, Events, Schema, WAIT_MAX};

/// The media type of a stream.
const EVENTS: &str = "text/event-stream";

/// Somebody who calls a cloud: anonymous, or with a token.
#[derive(Clone)]
pub(crate) struct Client {
    server: Arc<RwLock<SocketAddr>>,
    scheme: &'static str,
    agent: ureq::Agent,
    token: Option<String>,
}

/// A request that is being put together.
#[must_use = "a call is made by `send`"]
pub(crate) struct Call<'c> {
    client: &'c Client,
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Client {
    /// An anonymous client of whatever listens at `server` at the time of each call.
    pub(crate) fn new(server: Arc<RwLock<SocketAddr>>) -> Self {
        let agent = ureq::Agent::new_with_config(config().build());
        Self {
            server,
            scheme: "http",
            agent,
            token: None,
        }
    }

    /// The same over TLS; it trusts the CA with this certificate, and the host of a call is who must present one.
    pub(crate) fn over_tls(server: Arc<RwLock<SocketAddr>>, root: &[u8]) -> Self {
        let root = Certificate::from_pem(root).expect("the root is a certificate");
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[root]))
            .build();
        let resolver = Fixed(*server.read().expect("no holder panics"));
        let config = config().tls_config(tls).build();
        let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), resolver);
        Self {
            server,
            scheme: "https",
            agent,
            token: None,
        }
    }

    /// The same client with a token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// Its token.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("this client is signed in")
    }

    /// Any request.
    pub(crate) fn call(&self, method: &str, path: &str) -> Call<'_> {
        let call = Call {
            client: self,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        match &self.token {
            Some(token) => call.header("authorization", &format!("Bearer {token}")),
            None => call,
        }
    }

    /// `GET /api/v1{path}`.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call("GET", &format!("/api/v1{path}")).send()
    }

    /// `DELETE /api/v1{path}`.
    #[track_caller]
    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", &format!("/api/v1{path}")).send()
    }

    /// `POST /api/v1{path}` with a JSON body.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", &format!("/api/v1{path}")).json(body).send()
    }

    /// `PUT /api/v1{path}` with a JSON body.
    #[track_caller]
    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.call("PUT", &format!("/api/v1{path}")).json(body).send()
    }

    /// `PATCH /api/v1{path}` with a JSON body.
    #[track_caller]
    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call("PATCH", &format!("/api/v1{path}")).json(body).send()
    }
}

impl Call<'_> {
    /// With a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_owned()));
        self
    }

    /// To a host of this name, wherever it listens.
    pub(crate) fn host(self, host: &str) -> Self {
        self.header("host", host)
    }

    /// With a body.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With a JSON body.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    /// Sends it; fails unless an answer arrives that keeps what is promised of every answer.
    #[track_caller]
    pub(crate) fn send(self) -> Answer {
        match self.try_send() {
            Ok(answer) => answer,
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// Sends it; an error if the connection breaks before a whole answer arrived.
    #[track_caller]
    pub(crate) fn try_send(self) -> Result<Answer, ureq::Error> {
        self.begin().map(|(answer, _)| answer.keeps_promises())
    }

    /// Sends it; gives what comes as a stream of events, after a head that says so.
    #[track_caller]
    pub(crate) fn follow(self) -> Events {
        let (answer, body) = self.begin().unwrap_or_else(|error| panic!("no answer: {error}"));
        let answer = answer.keeps_promises().expect(200);
        assert_eq!(answer.header("content-type"), Some(EVENTS), "{}", answer.request);
        Events::of(body)
    }

    /// The answer, and its body if that is a stream, which has no end.
    #[track_caller]
    fn begin(self) -> Result<(Answer, Body), ureq::Error> {
        let address = *self.client.server.read().expect("no holder panics");
        let host = self
            .headers
            .iter()
            .find(|(name, _)| name == "host" && self.client.scheme == "https");
        let authority = match host {
            Some((_, host)) => format!("{}:{}", String::from_utf8_lossy(host), address.port()),
            None => address.to_string(),
        };
        let mut request = http::Request::builder()
            .method(self.method.as_str())
            .uri(format!("{}://{authority}{}", self.client.scheme, self.path));
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let mut response = if self.body.is_empty() && self.method != "POST" {
            self.client.agent.run(request.body(())?)?
        } else {
            self.client.agent.run(request.body(self.body)?)?
        };
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let is_stream = response.body().mime_type() == Some(EVENTS);
        let body = if is_stream {
            Vec::new()
        } else {
            response.body_mut().with_config().limit(u64::MAX).read_to_vec()?
        };
        let answer = Answer {
            request: format!("{} {}", self.method, self.path),
            status: response.status().as_u16(),
            headers,
            body,
        };
        if self.client.scheme == "http" && Schema::describes(&self.path) {
            Schema::published_by(&self.client.agent, address).check(&self.method, &self.path, &answer);
        }
        Ok((answer, response.into_body()))
    }
}

fn config() -> ConfigBuilder<AgentScope> {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(0)
        .allow_non_standard_methods(true)
        .user_agent("picloud-tests")
        .timeout_global(Some(WAIT_MAX))
        .proxy(None)
}

/// Finds every host at one address.
#[derive(Debug)]
struct Fixed(SocketAddr);

impl Resolver for Fixed {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut found = self.empty();
        found.push(self.0);
        Ok(found)
    }
}
