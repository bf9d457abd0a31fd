//! What a request says of its signature, in its head.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName};
use picloud_shared::{
    events::IDEMPOTENCY_KEY_BYTES_MAX,
    time::Timestamp,
    webhook::{WebhookAlgorithm, WebhookEncoding, WebhookHmac, WebhookScheme},
};

use super::Fault;

/// Signatures that one request may carry, while its sender changes keys.
const SIGNATURES_MAX: usize = 8;
/// Digits of a moment in seconds: enough for the next thirty thousand years.
const SECONDS_DIGITS_MAX: usize = 12;

static X_HUB_SIGNATURE_256: HeaderName = HeaderName::from_static("x-hub-signature-256");
static X_GITHUB_DELIVERY: HeaderName = HeaderName::from_static("x-github-delivery");
static STRIPE_SIGNATURE: HeaderName = HeaderName::from_static("stripe-signature");
static X_SLACK_SIGNATURE: HeaderName = HeaderName::from_static("x-slack-signature");
static X_SLACK_REQUEST_TIMESTAMP: HeaderName = HeaderName::from_static("x-slack-request-timestamp");
static WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
static WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
static WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What a request says of its signature.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(super) algorithm: WebhookAlgorithm,
    /// What is signed before the body.
    pub(super) before_body: String,
    /// One of them has to be right.
    pub(super) signatures: Vec<Vec<u8>>,
    /// The moment that is signed, in seconds since 1970.
    pub(super) timestamp: Option<i64>,
    pub(super) id: ClaimedId,
}

/// Where the id of a delivery is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClaimedId {
    /// In the head, and signed: this one, or there is none.
    Signed(Option<String>),
    /// In the head, and not signed: anybody may have written it.
    Unsigned(Option<String>),
    /// In the field `id` of the body.
    StripeEvent,
    /// In the field `event_id` of the body.
    SlackEvent,
}

impl Claim {
    /// Reads the head of a request.
    pub(crate) fn of(scheme: &WebhookScheme, headers: &HeaderMap) -> Result<Self, Fault> {
        match scheme {
            WebhookScheme::Github => github(headers),
            WebhookScheme::Stripe => stripe(headers),
            WebhookScheme::Slack => slack(headers),
            WebhookScheme::Standard => standard(headers),
            WebhookScheme::Hmac { hmac } => any_hmac(hmac, headers),
        }
    }

    /// Whether the moment that is signed is `now`, give or take `tolerance_s` seconds.
    pub(crate) fn check_moment(&self, now: Timestamp, tolerance_s: u32) -> Result<(), Fault> {
        let Some(timestamp) = self.timestamp else {
            return Ok(());
        };
        // At most twelve digits: nothing here comes near the end of an i64.
        let ahead_us = timestamp * 1_000_000 - now.as_micros();
        let most_us = i64::from(tolerance_s) * 1_000_000;
        if ahead_us < -most_us {
            Err(Fault::TooOld { tolerance_s })
        } else if ahead_us > most_us {
            Err(Fault::TooNew { tolerance_s })
        } else {
            Ok(())
        }
    }
}

/// `X-Hub-Signature-256: sha256=<hex>`, over the body.
fn github(headers: &HeaderMap) -> Result<Claim, Fault> {
    let signature = one(headers, &X_HUB_SIGNATURE_256)?;
    let signature = signature.strip_prefix("sha256=").and_then(from_hex);
    Ok(Claim {
        algorithm: WebhookAlgorithm::Sha256,
        before_body: String::new(),
        signatures: vec![signature.ok_or_else(|| malformed(&X_HUB_SIGNATURE_256, "sha256=757107ea0eb2…"))?],
        timestamp: None,
        id: ClaimedId::Unsigned(id_in(headers, &X_GITHUB_DELIVERY)),
    })
}

/// `Stripe-Signature: t=<seconds>,v1=<hex>,v1=<hex>`, over `<seconds>.<body>`. Other versions are others' business: who
/// took the old one as well could be talked into it.
fn stripe(headers: &HeaderMap) -> Result<Claim, Fault> {
    let malformed = || malformed(&STRIPE_SIGNATURE, "t=1492774577,v1=5257a869e7ec…");
    let (mut moment, mut signatures) = (None, Vec::new());
    for part in one(headers, &STRIPE_SIGNATURE)?.split(',') {
        match part.trim().split_once('=') {
            Some(("t", text)) if moment.is_none() => moment = Some(text),
            Some(("t", _)) => return Err(malformed()),
            Some(("v1", text)) => signatures.extend(from_hex(text)),
            _ => {}
        }
    }
    let moment = moment.ok_or_else(malformed)?;
    Ok(Claim {
        algorithm: WebhookAlgorithm::Sha256,
        before_body: format!("{moment}."),
        timestamp: Some(seconds(moment).ok_or_else(malformed)?),
        signatures: few(&STRIPE_SIGNATURE, signatures)?.ok_or_else(malformed)?,
        id: ClaimedId::StripeEvent,
    })
}

/// `X-Slack-Signature: v0=<hex>`, over `v0:<seconds>:<body>`.
fn slack(headers: &HeaderMap) -> Result<Claim, Fault> {
    let signature = one(headers, &X_SLACK_SIGNATURE)?;
    let signature = signature.strip_prefix("v0=").and_then(from_hex);
    let (moment, timestamp) = moment_in(headers, &X_SLACK_REQUEST_TIMESTAMP)?;
    Ok(Claim {
        algorithm: WebhookAlgorithm::Sha256,
        before_body: format!("v0:{moment}:"),
        signatures: vec![signature.ok_or_else(|| malformed(&X_SLACK_SIGNATURE, "v0=a2114d57b48e…"))?],
        timestamp: Some(timestamp),
        id: ClaimedId::SlackEvent,
    })
}

/// `webhook-signature: v1,<base64> v1,<base64>`, over `<webhook-id>.<webhook-timestamp>.<body>`.
fn standard(headers: &HeaderMap) -> Result<Claim, Fault> {
    let id = one(headers, &WEBHOOK_ID)?;
    if id.contains('.') {
        // It would leave open where the id ends and the moment begins.
        return Err(malformed(&WEBHOOK_ID, "msg_p5jXN8AQM9LW…, without a dot"));
    }
    let (moment, timestamp) = moment_in(headers, &WEBHOOK_TIMESTAMP)?;
    let signatures = one(headers, &WEBHOOK_SIGNATURE)?
        .split_ascii_whitespace()
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .filter_map(from_base64)
        .collect();
    let signatures = few(&WEBHOOK_SIGNATURE, signatures)?;
    Ok(Claim {
        algorithm: WebhookAlgorithm::Sha256,
        before_body: format!("{id}.{moment}."),
        signatures: signatures.ok_or_else(|| malformed(&WEBHOOK_SIGNATURE, "v1,g0hM9SsE+OTP…"))?,
        timestamp: Some(timestamp),
        id: ClaimedId::Signed(usable_id(id)),
    })
}

/// What the webhook says, over the body or over `<seconds>.<body>`.
fn any_hmac(hmac: &WebhookHmac, headers: &HeaderMap) -> Result<Claim, Fault> {
    let header = hmac.header.name();
    let signature = one(headers, header)?.strip_prefix(hmac.prefix.as_str());
    let signature = signature.and_then(|text| match hmac.encoding {
        WebhookEncoding::Hex => from_hex(text),
        WebhookEncoding::Base64 => from_base64(text),
    });
    let form = match hmac.encoding {
        WebhookEncoding::Hex => "hexadecimal digits after its prefix",
        WebhookEncoding::Base64 => "Base64 after its prefix",
    };
    let signature = signature.ok_or_else(|| malformed(header, form))?;
    let moment = hmac.timestamp_header.as_ref();
    let moment = moment
        .map(|header| moment_in(headers, header.name()))
        .transpose()?;
    let id = hmac.id_header.as_ref();
    Ok(Claim {
        algorithm: hmac.algorithm,
        before_body: moment.map_or_else(String::new, |(text, _)| format!("{text}.")),
        signatures: vec![signature],
        timestamp: moment.map(|(_, timestamp)| timestamp),
        id: ClaimedId::Unsigned(id.and_then(|header| id_in(headers, header.name()))),
    })
}

/// The value of a header that is there once. Of two, nobody could say which one its sender has signed.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h str, Fault> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or_else(|| Fault::Missing(name.clone()))?;
    if values.next().is_some() {
        return Err(Fault::Twice(name.clone()));
    }
    value.to_str().map_err(|_| malformed(name, "plain characters"))
}

/// A moment in a header of its own: as it is written, and as it is meant.
fn moment_in<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<(&'h str, i64), Fault> {
    let text = one(headers, name)?;
    let timestamp = seconds(text).ok_or_else(|| malformed(name, "1531420618, seconds since 1970"))?;
    Ok((text, timestamp))
}

fn seconds(text: &str) -> Option<i64> {
    let fits =
        (1..=SECONDS_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

/// The id of a delivery in a header; none if it is not there once, or cannot be one.
fn id_in(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    one(headers, name).ok().and_then(usable_id)
}

/// A text as an id, if it can be kept as one.
pub(super) fn usable_id(text: &str) -> Option<String> {
    let fits = (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&text.len()) && !text.contains('\0');
    fits.then(|| text.to_owned())
}

/// Signatures, if there are any, and no more than there may be.
fn few(header: &HeaderName, signatures: Vec<Vec<u8>>) -> Result<Option<Vec<Vec<u8>>>, Fault> {
    if signatures.len() > SIGNATURES_MAX {
        return Err(malformed(header, "a list of at most 8 signatures"));
    }
    Ok((!signatures.is_empty()).then_some(signatures))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).ok()
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

fn malformed(header: &HeaderName, form: &'static str) -> Fault {
    Fault::Malformed {
        header: header.clone(),
        form,
    }
}
