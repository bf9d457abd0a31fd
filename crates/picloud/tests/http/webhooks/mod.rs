//! Routes whose requests are signed, through the whole program.

mod accept;
mod config;
mod presets;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Answer, App, Script, TestCloud};

/// What most senders here sign with.
const KEY: &str = "It's a Secret to Everybody";
/// The same, for Standard Webhooks.
const STANDARD_KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A delivery, signed or not.
#[derive(Clone)]
struct Delivery {
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Delivery {
    fn new(path: &'static str, body: &str) -> Self {
        Self {
            path,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.into(),
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    fn body(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// As GitHub signs it.
    fn github(self, key: &str, id: &str) -> Self {
        let signature = hex::encode(mac(key.as_bytes(), self.body()));
        self.with("x-hub-signature-256", format!("sha256={signature}"))
            .with("x-github-delivery", id)
    }

    /// As Stripe signs it at `at`, in seconds.
    fn stripe(self, key: &str, at: i64) -> Self {
        let signature = hex::encode(mac(key.as_bytes(), &format!("{at}.{}", self.body())));
        self.with("stripe-signature", format!("t={at},v1={signature}"))
    }

    /// As Slack signs it at `at`.
    fn slack(self, key: &str, at: i64) -> Self {
        let signature = hex::encode(mac(key.as_bytes(), &format!("v0:{at}:{}", self.body())));
        self.with("x-slack-signature", format!("v0={signature}"))
            .with("x-slack-request-timestamp", at.to_string())
    }

    /// As Standard Webhooks say it is signed at `at`.
    fn standard(self, key: &str, id: &str, at: i64) -> Self {
        let key = key.strip_prefix("whsec_").expect("it begins like this");
        let key = STANDARD.decode(key).expect("Base64");
        let signature = STANDARD.encode(mac(&key, &format!("{id}.{at}.{}", self.body())));
        self.with("webhook-id", id)
            .with("webhook-timestamp", at.to_string())
            .with("webhook-signature", format!("v1,{signature}"))
    }

    fn send(&self, cloud: &TestCloud) -> Answer {
        let mut call = cloud.call("POST", "a.test", self.path);
        for (name, value) in &self.headers {
            call = call.header(name, value);
        }
        call.body(self.body.clone()).send()
    }
}

/// Now, in seconds, by the clock that the server has too.
#[expect(
    clippy::disallowed_methods,
    reason = "the server under test is a process of its own, with the machine's clock"
)]
fn now() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970");
    i64::try_from(since_epoch.as_secs()).expect("a small number")
}

fn mac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn set_secret(app: &App<'_>, name: &str, value: &str) {
    let path = app.path(&format!("/secrets/{name}"));
    app.cloud
        .owner()
        .put(&path, &json!({ "value": value }))
        .expect(204);
}

/// A script that takes what is sent to `path` and is signed like this.
fn hook<'c>(app: &App<'c>, path: &str, source: &str, webhook: &Value) -> Script<'c> {
    let script = app.script(&path.replace('/', "s"), source);
    script
        .try_route(json!({ "path": path, "methods": ["POST"], "webhook": webhook }))
        .expect(201);
    script
}
