//! What is missing, malformed, changed or too old is refused.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderName;
use picloud_shared::webhook::WEBHOOK_TOLERANCE_S_DEFAULT;
use proptest::prelude::*;

use super::{Fault, Sent, all, github, hmac_sha256, malformed, slack, standard, stripe};

#[test]
fn what_is_missing_or_malformed_is_named() {
    for sent in all() {
        let signs =
            |name: &str| name.contains("signature") || name.contains("timestamp") || name == "webhook-id";
        for (name, value) in sent.headers.clone() {
            if !signs(name) {
                continue;
            }
            assert_eq!(
                sent.clone().without(name).verify(),
                Err(Fault::Missing(HeaderName::from_static(name)))
            );
            let mut twice = sent.clone();
            twice.headers.push((name, value));
            assert_eq!(twice.verify(), Err(Fault::Twice(HeaderName::from_static(name))));
            if name == "webhook-id" {
                continue;
            }
            for value in [
                "",
                "x",
                "sha256=",
                "sha256=xyz",
                "t=,v1=",
                "v0=0",
                "v1,?",
                "t=1,t=1,v1=00",
                "-1",
                "1e9",
            ] {
                let fault = sent.clone().with(name, value).verify().expect_err(value);
                let is_told = matches!(&fault, Fault::Malformed { header, .. } if header == name)
                    // Digits that no HMAC has.
                    || fault == Fault::Wrong;
                assert!(is_told, "{name}: {value}: {fault:?}");
            }
        }
    }
    let digits = "1".repeat(13);
    assert_eq!(
        slack().with("x-slack-request-timestamp", digits).verify(),
        Err(malformed(
            "x-slack-request-timestamp",
            "1531420618, seconds since 1970"
        ))
    );
}

#[test]
fn an_id_that_runs_over_into_the_moment_is_refused() {
    // Both are signed alike: of what is the body of the one, a part is the moment of the other.
    let message = "msg.1614265330.1614265330.{}";
    let key = STANDARD
        .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .expect("Base64");
    let signature = STANDARD.encode(hmac_sha256(&key, message));
    let sent = |id: &str, body: &str| {
        let mut sent = standard()
            .with("webhook-id", id)
            .with("webhook-signature", format!("v1,{signature}"));
        sent.body = body.as_bytes().to_vec();
        sent
    };
    let received = sent("msg", "1614265330.{}").passes();
    assert_eq!(received.id.as_deref(), Some("msg"));
    assert_eq!(
        sent("msg.1614265330", "{}").verify(),
        Err(malformed("webhook-id", "msg_p5jXN8AQM9LW…, without a dot"))
    );
}

#[test]
fn a_moment_is_good_for_as_long_as_the_webhook_says() {
    for sent in [stripe(), slack(), standard()] {
        let signed_at = sent.at;
        let arrives = |at| Sent { at, ..sent.clone() }.verify().map(|_| ());
        for good in [-300, -1, 0, 1, 300] {
            assert_eq!(arrives(signed_at + good), Ok(()), "{good}");
        }
        let tolerance_s = WEBHOOK_TOLERANCE_S_DEFAULT;
        for late in [301, 86_400] {
            assert_eq!(arrives(signed_at + late), Err(Fault::TooOld { tolerance_s }));
            assert_eq!(arrives(signed_at - late), Err(Fault::TooNew { tolerance_s }));
        }
    }
    Sent { at: 0, ..github() }.passes();
}

proptest! {
    #[test]
    fn no_other_bit_passes(which in 0..4_usize, place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let sent = all()[which].clone();
        let mut changed = sent.clone();
        let place = place.index(changed.body.len());
        changed.body[place] ^= 1 << bit;
        prop_assert_eq!(changed.verify(), Err(Fault::Wrong));

        let mut key = sent.secret.clone().into_bytes();
        let place = place % key.len();
        key[place] ^= 1 << (bit % 7);
        if let Ok(secret) = String::from_utf8(key) {
            // White space around a key is none of it.
            prop_assume!(secret.trim() == secret && secret.lines().count() == 1);
            let changed = Sent { secret, ..sent };
            prop_assert!(changed.verify().is_err());
        }
    }

    #[test]
    fn no_other_signature_passes(which in 0..4_usize, place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let headers = ["x-hub-signature-256", "stripe-signature", "x-slack-signature", "webhook-signature"];
        let sent = all()[which].clone();
        let value = sent.headers.iter().find(|(name, _)| *name == headers[which]);
        let value = value.map(|(_, value)| value.clone()).unwrap_or_default();
        // The last signature of Stripe's is of a version that nobody looks at.
        let end = value.find(",v0=").unwrap_or(value.len());
        let mut bytes = value.into_bytes();
        let place = place.index(end);
        bytes[place] ^= 1 << bit;
        let changed = String::from_utf8(bytes).ok().filter(|text| text.bytes().all(|byte| (32..127).contains(&byte)));
        prop_assume!(changed.is_some());
        let changed = changed.unwrap_or_default();
        // Digits are the same in both cases.
        let is_same = changed.to_lowercase() == sent.headers.iter()
            .find(|(name, _)| *name == headers[which])
            .map(|(_, value)| value.to_lowercase())
            .unwrap_or_default();
        prop_assume!(which == 3 || !is_same);
        prop_assert!(sent.with(headers[which], changed).verify().is_err());
    }

    #[test]
    fn no_header_panics(value in "[ -~]{0,80}", other in "[ -~]{0,80}", body in prop::collection::vec(any::<u8>(), 0..64)) {
        for sent in all() {
            let mut sent = Sent { body: body.clone(), ..sent };
            for (index, (_, text)) in sent.headers.iter_mut().enumerate() {
                text.clone_from(if index == 0 { &value } else { &other });
            }
            prop_assert!(sent.verify().is_err());
        }
    }
}
