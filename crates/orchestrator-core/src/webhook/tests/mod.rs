//! The examples that senders document pass, and nothing else does.

mod hmac;
mod passes;
mod refused;

use ::hmac::{Hmac, KeyInit as _, Mac as _};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use picloud_shared::{
    secret::SecretText,
    time::Timestamp,
    webhook::{ReceivedWebhook, WEBHOOK_TOLERANCE_S_DEFAULT, Webhook, WebhookRespond, WebhookScheme},
};
use sha2::Sha256;

use super::{
    Claim, DeliveryName, Fault,
    verify::{Verified, verify},
};

/// A request, as far as its signature goes, and what its route says.
#[derive(Clone)]
struct Sent {
    scheme: WebhookScheme,
    secret: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// When it comes, in seconds.
    at: i64,
}

impl Sent {
    /// The same with another value of a header.
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    /// What becomes of it.
    fn verify(&self) -> Result<Verified, Fault> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(value).expect("a value");
            headers.append(HeaderName::from_static(name), value);
        }
        let webhook = Webhook {
            scheme: self.scheme.clone(),
            secret: "KEY".parse().expect("a name"),
            tolerance_s: WEBHOOK_TOLERANCE_S_DEFAULT,
            respond: WebhookRespond::Run,
        };
        let claim = Claim::of(&webhook.scheme, &headers)?;
        claim.check_moment(Timestamp::from_micros(self.at * 1_000_000), webhook.tolerance_s)?;
        let (secret, body) = (
            SecretText::from(self.secret.clone()),
            Bytes::from(self.body.clone()),
        );
        let verified = verify(&webhook, claim, &secret, &body);
        verified.now_or_never().expect("a small body is hashed at once")
    }

    #[track_caller]
    fn passes(&self) -> ReceivedWebhook {
        self.verify().expect("it is signed").received
    }
}

/// From GitHub's documentation of webhooks, "Validating webhook deliveries".
fn github() -> Sent {
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    Sent {
        scheme: WebhookScheme::Github,
        secret: "It's a Secret to Everybody".to_owned(),
        headers: vec![
            ("x-hub-signature-256", signature.to_owned()),
            (
                "x-github-delivery",
                "72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned(),
            ),
        ],
        body: b"Hello, World!".to_vec(),
        at: 1_763_670_896,
    }
}

/// From the tests of Stripe's own library for .NET.
fn stripe() -> Sent {
    let signature = "t=1533204620,v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7,\
        v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef";
    let body = r#"{
  "id": "evt_123",
  "object": "event",
  "account": "acct_123",
  "api_version": "2017-05-25",
  "created": 1533204620,
  "data": {
    "object": {
      "id": "cus_123",
      "object": "customer",
      "created": 123456789,
      "email": "test@stripe.com",
      "livemode": false,
      "metadata": {}
    }
  },
  "livemode": false,
  "pending_webhooks": 1,
  "request": {
    "id": "req_123",
    "idempotency_key": "idempotency-key-123"
  },
  "type": "customer.created"
}
"#;
    Sent {
        scheme: WebhookScheme::Stripe,
        secret: "webhook_secret".to_owned(),
        headers: vec![("stripe-signature", signature.to_owned())],
        body: body.as_bytes().to_vec(),
        at: 1_533_204_620,
    }
}

/// From Slack's documentation, "Verifying requests from Slack".
fn slack() -> Sent {
    let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
        &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=\
        &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
        &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    Sent {
        scheme: WebhookScheme::Slack,
        secret: "8f742231b10e8888abcd99yyyzzz85a5".to_owned(),
        headers: vec![
            ("x-slack-signature", signature.to_owned()),
            ("x-slack-request-timestamp", "1531420618".to_owned()),
        ],
        body: body.as_bytes().to_vec(),
        at: 1_531_420_618,
    }
}

/// From the tests of the libraries of Standard Webhooks.
fn standard() -> Sent {
    Sent {
        scheme: WebhookScheme::Standard,
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        headers: vec![
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned()),
            ("webhook-timestamp", "1614265330".to_owned()),
            (
                "webhook-signature",
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned(),
            ),
        ],
        body: br#"{"test": 2432232314}"#.to_vec(),
        at: 1_614_265_330,
    }
}

fn all() -> [Sent; 4] {
    [github(), stripe(), slack(), standard()]
}

fn hmac_sha256(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn malformed(header: &'static str, form: &'static str) -> Fault {
    Fault::Malformed {
        header: HeaderName::from_static(header),
        form,
    }
}
