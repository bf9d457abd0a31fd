//! What is signed passes, with each of its keys.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::FutureExt as _;
use picloud_shared::{
    events::IDEMPOTENCY_KEY_BYTES_MAX,
    webhook::{ReceivedWebhook, WEBHOOK_KEYS_MAX, WebhookPreset},
};

use super::{DeliveryName, Fault, Sent, all, github, hmac_sha256, malformed, slack, standard, stripe};

#[test]
fn what_senders_document_passes() {
    let received = |preset, id: Option<&str>, timestamp| ReceivedWebhook {
        preset,
        id: id.map(str::to_owned),
        timestamp,
    };
    assert_eq!(
        github().passes(),
        received(
            WebhookPreset::Github,
            Some("72d3162e-cc78-11e3-81ab-4c9367dc0958"),
            None
        )
    );
    assert_eq!(
        stripe().passes(),
        received(WebhookPreset::Stripe, Some("evt_123"), Some(1_533_204_620))
    );
    assert_eq!(
        slack().passes(),
        received(WebhookPreset::Slack, None, Some(1_531_420_618))
    );
    assert_eq!(
        standard().passes(),
        received(
            WebhookPreset::Standard,
            Some("msg_p5jXN8AQM9LWM0D4loKWxJek"),
            Some(1_614_265_330)
        )
    );
}

#[test]
fn an_event_of_slack_has_an_id() {
    let body = r#"{"type":"event_callback","event_id":"Ev08MFMKH6"}"#;
    let signature = hex::encode(hmac_sha256(
        b"8f742231b10e8888abcd99yyyzzz85a5",
        &["v0:1531420618:", body].concat(),
    ));
    let mut event = slack().with("x-slack-signature", format!("v0={signature}"));
    event.body = body.as_bytes().to_vec();
    assert_eq!(event.passes().id.as_deref(), Some("Ev08MFMKH6"));
}

#[test]
fn a_delivery_without_an_id_is_named_by_its_signature() {
    let verified = github()
        .without("x-github-delivery")
        .verify()
        .expect("it is signed");
    assert_eq!(verified.received.id, None);
    let signature = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(verified.delivery, DeliveryName::Signed(signature.to_owned()));
    assert_eq!(key(&stripe()), "evt_123");
    let long = github().with("x-github-delivery", "x".repeat(257));
    assert_eq!(long.passes().id, None, "what is too long to be kept is no id");
}

/// What a request is known by when it is sent again.
#[track_caller]
fn key(sent: &Sent) -> String {
    let delivery = sent.verify().expect("it is signed").delivery;
    let key = delivery.key(&sent.body).now_or_never();
    key.expect("a small body is hashed at once")
}

#[test]
fn an_id_that_nobody_has_signed_counts_with_its_body_alone() {
    let longest = "x".repeat(IDEMPOTENCY_KEY_BYTES_MAX);
    for id in ["72d3162e", &longest] {
        let signed = |body: &str| {
            let signature = hex::encode(hmac_sha256(b"It's a Secret to Everybody", body));
            let mut sent = github()
                .with("x-hub-signature-256", format!("sha256={signature}"))
                .with("x-github-delivery", id);
            sent.body = body.as_bytes().to_vec();
            sent
        };
        let (caught, to_come) = (key(&signed("caught")), key(&signed("to come")));
        assert_ne!(caught, to_come);
        assert_eq!(key(&signed("to come")), to_come);
        let other = signed("to come").with("x-github-delivery", "other");
        assert_ne!(key(&other), to_come);
        assert!(to_come.len() <= IDEMPOTENCY_KEY_BYTES_MAX, "{to_come}");
    }
}

#[test]
fn each_line_of_a_secret_is_a_key() {
    for sent in all() {
        let key = sent.secret.clone();
        for secret in [
            format!("{key}\n"),
            format!("  {key}\r\n\r\n"),
            format!("bmV3\n{key}"),
            format!("{key}\nbmV3"),
        ] {
            let sent = Sent {
                secret,
                ..sent.clone()
            };
            sent.passes();
        }
        let too_far = format!("{}{key}", "bmV3\n".repeat(WEBHOOK_KEYS_MAX));
        for secret in [
            too_far,
            "bmV3".to_owned(),
            format!("{key}{key}"),
            format!("{key} x"),
        ] {
            let sent = Sent {
                secret,
                ..sent.clone()
            };
            assert!(
                matches!(sent.verify(), Err(Fault::Wrong | Fault::NotAKey(..))),
                "{:?} with {}",
                sent.scheme,
                sent.secret
            );
        }
        for secret in ["", "\n \n"] {
            let sent = Sent {
                secret: secret.to_owned(),
                ..sent.clone()
            };
            assert_eq!(sent.verify(), Err(Fault::NoKey("KEY".parse().expect("a name"))));
        }
    }
}

#[test]
fn a_key_of_standard_webhooks_is_good_without_its_padding() {
    let [id, moment] = [0, 1].map(|index| standard().headers[index].1.clone());
    let message = format!("{id}.{moment}.{{\"test\": 2432232314}}");
    let signature = STANDARD.encode(hmac_sha256(b"four", &message));
    let sent = standard().with("webhook-signature", format!("v1,{signature}"));
    for key in ["Zm91cg==", "Zm91cg", "whsec_Zm91cg==", "whsec_Zm91cg"] {
        let mut sent = sent.clone();
        sent.secret = key.to_owned();
        sent.passes();
    }
}

#[test]
fn a_line_that_is_no_key_is_named() {
    let name = || "KEY".parse().expect("a name");
    let with = |secret: &str| Sent {
        secret: secret.to_owned(),
        ..standard()
    };
    for (secret, line) in [("whsec_not Base64", 1), ("\n\nwhsec_\n", 3), ("?\n!", 1)] {
        let fault = with(secret).verify().expect_err(secret);
        assert_eq!(fault, Fault::NotAKey(name(), line));
        let (message, detail) = (fault.message(), fault.detail());
        assert!(message.contains(&format!("line {line}")), "{message}");
        assert!(!detail.contains("KEY"), "strangers learn no names: {detail}");
    }
    let fault = with("bmV3\nnot Base64").verify().expect_err("another key");
    assert_eq!(fault, Fault::WrongButFor(name(), 2));
    assert_eq!(fault.code(), Fault::Wrong.code());
    assert_eq!(fault.detail(), Fault::Wrong.detail());
    let key = standard().secret;
    with(&format!("not Base64\n{key}")).passes();
}

#[test]
fn one_of_several_signatures_is_enough() {
    let right = "2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7";
    let other = "00".repeat(32);
    for value in [
        format!("t=1533204620,v1={other},v1={right}"),
        format!("v1={right}, t=1533204620, v1={other}, v1=nonsense, v9=x, y"),
    ] {
        stripe().with("stripe-signature", value).passes();
    }
    // An old version of a signature is none, whatever it says.
    for (value, fault) in [
        (format!("t=1533204620,v1={other},v0={right}"), Fault::Wrong),
        (
            format!("t=1533204620,v1={right}{}", format!(",v1={other}").repeat(8)),
            malformed("stripe-signature", "a list of at most 8 signatures"),
        ),
    ] {
        assert_eq!(stripe().with("stripe-signature", value).verify(), Err(fault));
    }

    let right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let other = format!("v1,{}", STANDARD.encode([0; 32]));
    for value in [
        format!("{other} {right}"),
        format!(
            "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg== {right}"
        ),
    ] {
        standard().with("webhook-signature", value).passes();
    }
    let many = [right, &format!(" {other}").repeat(8)].concat();
    assert!(matches!(
        standard().with("webhook-signature", many).verify(),
        Err(Fault::Malformed { .. })
    ));
}
