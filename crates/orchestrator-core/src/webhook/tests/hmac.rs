//! Any other HMAC.

use ::hmac::{Hmac, KeyInit as _, Mac as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use picloud_shared::{
    secret::SecretText,
    webhook::{Webhook, WebhookAlgorithm, WebhookEncoding, WebhookHmac, WebhookRespond, WebhookScheme},
};
use sha2::Sha256;

use super::{Claim, DeliveryName, Fault, Sent, hmac_sha256, verify};

fn generic(algorithm: WebhookAlgorithm, encoding: WebhookEncoding, signature: &str) -> Sent {
    let header = |text: &str| text.parse().expect("a header");
    Sent {
        scheme: WebhookScheme::Hmac {
            hmac: WebhookHmac {
                header: header("X-Signature"),
                prefix: "mac=".to_owned(),
                algorithm,
                encoding,
                timestamp_header: None,
                id_header: Some(header("X-Id")),
            },
        },
        secret: "key".to_owned(),
        headers: vec![
            ("x-signature", format!("mac={signature}")),
            ("x-id", "7".to_owned()),
        ],
        body: b"The quick brown fox jumps over the lazy dog".to_vec(),
        at: 0,
    }
}

#[test]
fn any_hmac_can_be_described() {
    use WebhookAlgorithm::{Sha1 as S1, Sha256 as S256, Sha512 as S512};
    // Known answers, from where HMAC is explained.
    let sha1 = "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9";
    let sha256 = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
    let sha512 = "b42af09057bac1e2d41708e48a902e09b5ff7f12ab428a4fe86653c73dd248fb\
        82f948a549f7b791a5b41915ee4d1ec3935357e4e2317250d0372afa2ebeeb3a";
    for (algorithm, right) in [(S1, sha1), (S256, sha256), (S512, sha512)] {
        let received = generic(algorithm, WebhookEncoding::Hex, right).passes();
        assert_eq!((received.id.as_deref(), received.timestamp), (Some("7"), None));
        generic(algorithm, WebhookEncoding::Hex, &right.to_uppercase()).passes();
        let base64 = STANDARD.encode(hex::decode(right).expect("digits"));
        generic(algorithm, WebhookEncoding::Base64, &base64).passes();
        for (encoding, wrong) in [(WebhookEncoding::Hex, &*base64), (WebhookEncoding::Base64, right)] {
            assert!(generic(algorithm, encoding, wrong).verify().is_err());
        }
        for other in [sha1, sha256, sha512].into_iter().filter(|other| *other != right) {
            let sent = generic(algorithm, WebhookEncoding::Hex, other);
            assert_eq!(sent.verify(), Err(Fault::Wrong));
        }
    }
    let without_prefix = generic(S256, WebhookEncoding::Hex, sha256).with("x-signature", sha256);
    assert!(matches!(without_prefix.verify(), Err(Fault::Malformed { .. })));
}

#[test]
fn a_moment_of_any_hmac_is_signed_with_the_body() {
    let body = "The quick brown fox jumps over the lazy dog";
    let signature = hex::encode(hmac_sha256(b"key", &["1700000000.", body].concat()));
    let mut sent = generic(WebhookAlgorithm::Sha256, WebhookEncoding::Hex, &signature);
    if let WebhookScheme::Hmac { hmac } = &mut sent.scheme {
        hmac.timestamp_header = Some("x-time".parse().expect("a header"));
    }
    sent.at = 1_700_000_100;
    let sent = sent.with("x-time", "1700000000");
    assert_eq!(sent.passes().timestamp, Some(1_700_000_000));
    assert_eq!(
        sent.clone().with("x-time", "1700000001").verify(),
        Err(Fault::Wrong)
    );
    assert_eq!(
        sent.without("x-time").verify(),
        Err(Fault::Missing(HeaderName::from_static("x-time")))
    );
}

#[tokio::test]
async fn a_large_body_is_hashed_in_pieces() {
    let body = vec![b'x'; 1_000_000];
    let mut mac = Hmac::<Sha256>::new_from_slice(b"key").expect("any length will do");
    mac.update(&body);
    let signature = hex::encode(mac.finalize().into_bytes());
    let sent = generic(WebhookAlgorithm::Sha256, WebhookEncoding::Hex, &signature);
    let webhook = Webhook {
        scheme: sent.scheme,
        secret: "KEY".parse().expect("a name"),
        tolerance_s: 1,
        respond: WebhookRespond::Accept,
    };
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-signature",
        format!("mac={signature}").parse().expect("a value"),
    );
    let claim = Claim::of(&webhook.scheme, &headers).expect("it is signed");
    let secret = SecretText::from("key".to_owned());
    let verified = verify(&webhook, claim, &secret, &Bytes::from(body)).await;
    assert_eq!(
        verified.map(|verified| verified.delivery),
        Ok(DeliveryName::Signed(signature))
    );
}
