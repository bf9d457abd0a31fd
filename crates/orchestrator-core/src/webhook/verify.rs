//! Whether what a request says of its signature fits its body.

use bytes::Bytes;
use picloud_shared::{
    events::EVENT_DATA_BYTES_MAX,
    secret::SecretText,
    webhook::{ReceivedWebhook, Webhook},
};
use serde::{Deserialize, de::DeserializeOwned};
use subtle::ConstantTimeEq as _;
use tokio::task::yield_now;

use super::{
    Claim, DeliveryName, Fault, PIECE_BYTES,
    claim::{ClaimedId, usable_id},
    mac::{Keys, Mac},
};

/// A request that comes from whom it should.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// What the script is told.
    pub(crate) received: ReceivedWebhook,
    /// What names the delivery: its id, or its signature if it has none.
    pub(crate) delivery: DeliveryName,
}

/// Looks at a request whose moment is good.
pub(crate) async fn verify(
    webhook: &Webhook,
    claim: Claim,
    secret: &SecretText,
    body: &Bytes,
) -> Result<Verified, Fault> {
    let Keys { macs, line_without } = Keys::of_secret(&webhook.scheme, claim.algorithm, secret);
    let secret = &webhook.secret;
    if macs.is_empty() {
        return Err(match line_without {
            Some(line) => Fault::NotAKey(secret.clone(), line),
            None => Fault::NoKey(secret.clone()),
        });
    }
    let found = fitting(macs, &claim, body).await;
    let signature = found.ok_or_else(|| match line_without {
        Some(line) => Fault::WrongButFor(secret.clone(), line),
        None => Fault::Wrong,
    })?;
    let (id, is_signed) = match claim.id {
        ClaimedId::Signed(id) => (id, true),
        ClaimedId::Unsigned(id) => (id, false),
        ClaimedId::StripeEvent => (stripe_event(body), true),
        ClaimedId::SlackEvent => (slack_event(body), true),
    };
    let delivery = match id.clone() {
        Some(id) if is_signed => DeliveryName::Signed(id),
        Some(id) => DeliveryName::Unsigned(id),
        None => DeliveryName::Signed(hex::encode(signature)),
    };
    Ok(Verified {
        delivery,
        received: ReceivedWebhook {
            preset: webhook.scheme.preset(),
            id,
            timestamp: claim.timestamp,
        },
    })
}

/// The signature that fits, if one does. How long this takes tells nothing of what would.
async fn fitting(mut macs: Vec<Mac>, claim: &Claim, body: &Bytes) -> Option<Vec<u8>> {
    for mac in &mut macs {
        mac.update(claim.before_body.as_bytes());
    }
    for (number, piece) in body.chunks(PIECE_BYTES).enumerate() {
        if number > 0 {
            yield_now().await;
        }
        for mac in &mut macs {
            mac.update(piece);
        }
    }
    let mut found = None;
    for right in macs.into_iter().map(Mac::finish) {
        let mut fits = false;
        for signature in &claim.signatures {
            fits |= bool::from(signature.as_slice().ct_eq(&right));
        }
        if fits {
            found = Some(right);
        }
    }
    found
}

#[derive(Deserialize)]
struct StripeEvent {
    id: String,
}

#[derive(Deserialize)]
struct SlackEvent {
    event_id: String,
}

fn stripe_event(body: &Bytes) -> Option<String> {
    field(body, |event: StripeEvent| event.id)
}

fn slack_event(body: &Bytes) -> Option<String> {
    field(body, |event: SlackEvent| event.event_id)
}

/// A field of a body of JSON. A large body is not read for it: what those who send it call an event is small.
fn field<T: DeserializeOwned>(body: &Bytes, pick: impl FnOnce(T) -> String) -> Option<String> {
    if body.len() > EVENT_DATA_BYTES_MAX {
        return None;
    }
    let read: T = serde_json::from_slice(body).ok()?;
    usable_id(&pick(read))
}
