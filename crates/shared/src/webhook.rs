//! Webhooks: routes whose requests somebody else's server signs, and by which rules.
//!
//! A request to such a route is looked at before its script runs: what does not carry the right signature never reaches
//! it. How signatures are looked at is a matter of whoever takes requests.

use std::{fmt, str::FromStr};

use http::HeaderName;
use serde::{Deserialize, Serialize};

use crate::secret::SettingName;

/// How many seconds a signed moment may differ from now, unless a webhook says so.
pub const WEBHOOK_TOLERANCE_S_DEFAULT: u32 = 300;
/// The most that it may say. What was accepted within twice this time must still be known by its id: see
/// [`IDEMPOTENCY_KEPT`](crate::events::IDEMPOTENCY_KEPT).
pub const WEBHOOK_TOLERANCE_S_MAX: u32 = 3_600;

/// Longest name of a header that a webhook names, in bytes.
pub const WEBHOOK_HEADER_BYTES_MAX: usize = 64;

/// Headers that a webhook cannot name: PiCloud's own credentials may stand in the first two, and are taken away; the others
/// say how a request is to be read, and never what its sender has signed.
const OTHER_HEADERS: [&str; 8] = [
    "authorization",
    "cookie",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
];

/// Longest text before a signature in its header, in bytes.
pub const WEBHOOK_PREFIX_BYTES_MAX: usize = 32;

/// Keys that the text of one secret may hold, one per line: more are not looked at.
pub const WEBHOOK_KEYS_MAX: usize = 4;

/// How the requests to a route are signed, and what becomes of those that are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// What is signed, and where the signature stands.
    #[serde(flatten)]
    pub scheme: WebhookScheme,
    /// The secret of the app whose lines are the keys.
    pub secret: SettingName,
    /// How many seconds the moment that is signed may differ from now; at most [`WEBHOOK_TOLERANCE_S_MAX`].
    pub tolerance_s: u32,
    /// When the sender gets an answer.
    pub respond: WebhookRespond,
}

/// What is signed, and where the signature stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "preset", rename_all = "snake_case")]
pub enum WebhookScheme {
    /// As GitHub does it.
    Github,
    /// As Stripe does it.
    Stripe,
    /// As Slack does it.
    Slack,
    /// [Standard Webhooks](https://www.standardwebhooks.com).
    Standard,
    /// Any other HMAC.
    Hmac {
        /// Which.
        hmac: WebhookHmac,
    },
}

/// The name of a [`WebhookScheme`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookPreset {
    /// See [`WebhookScheme::Github`].
    Github,
    /// See [`WebhookScheme::Stripe`].
    Stripe,
    /// See [`WebhookScheme::Slack`].
    Slack,
    /// See [`WebhookScheme::Standard`].
    Standard,
    /// See [`WebhookScheme::Hmac`].
    Hmac,
}

/// An HMAC in a header: over the body, or over a moment, a dot and the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookHmac {
    /// Where the signature stands.
    pub header: WebhookHeader,
    /// What stands there before it, such as `sha256=`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// The hash.
    pub algorithm: WebhookAlgorithm,
    /// How the signature is written.
    pub encoding: WebhookEncoding,
    /// Where the moment stands, in seconds since 1970, if one is signed: then `<moment>.<body>` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_header: Option<WebhookHeader>,
    /// Where the id of the delivery stands, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_header: Option<WebhookHeader>,
}

/// The hash of an HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookAlgorithm {
    /// SHA-1. Old services have nothing else; in an HMAC nobody has broken it.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookEncoding {
    /// Hexadecimal digits.
    Hex,
    /// Base64, with padding.
    Base64,
}

/// When the sender gets an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookRespond {
    /// When the script has run: what the script answers.
    #[default]
    Run,
    /// When the request is on disk; the script runs later, once for each delivery.
    Accept,
}

/// What is known of a request that a webhook let through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedWebhook {
    /// By which rules it was looked at.
    pub preset: WebhookPreset,
    /// The id that its sender gave it; the same when they send it again. Of [`Github`](WebhookPreset::Github) and
    /// [`Hmac`](WebhookPreset::Hmac) it is not signed.
    pub id: Option<String>,
    /// The moment that is signed, in seconds since 1970.
    pub timestamp: Option<i64>,
}

impl WebhookScheme {
    /// Its name.
    pub fn preset(&self) -> WebhookPreset {
        match self {
            Self::Github => WebhookPreset::Github,
            Self::Stripe => WebhookPreset::Stripe,
            Self::Slack => WebhookPreset::Slack,
            Self::Standard => WebhookPreset::Standard,
            Self::Hmac { .. } => WebhookPreset::Hmac,
        }
    }
}

/// The words of an enum, as the API and the manifests have them.
macro_rules! words {
    ($type:ident, $what:literal, $count:literal: $($variant:ident = $word:literal),+) => {
        impl $type {
            /// Every one.
            pub const ALL: [Self; $count] = [$(Self::$variant),+];

            /// The word for it in the API.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
                found.ok_or(UnknownWord($what))
            }
        }
    };
}

/// Why a text is none of the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct UnknownWord(&'static str);

words!(WebhookPreset, "`github`, `stripe`, `slack`, `standard` or `hmac`", 5:
    Github = "github", Stripe = "stripe", Slack = "slack", Standard = "standard", Hmac = "hmac");
words!(WebhookAlgorithm, "`sha1`, `sha256` or `sha512`", 3: Sha1 = "sha1", Sha256 = "sha256", Sha512 = "sha512");
words!(WebhookEncoding, "`hex` or `base64`", 2: Hex = "hex", Base64 = "base64");
words!(WebhookRespond, "`run` or `accept`", 2: Run = "run", Accept = "accept");

/// The name of a header, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookHeader(HeaderName);

/// Why a text is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the name of a header: 1 to 64 letters, digits, `-` and `_`, but none of HTTP's own such as `cookie` or `host`"
)]
pub struct InvalidWebhookHeader;

impl WebhookHeader {
    /// The name.
    pub fn name(&self) -> &HeaderName {
        &self.0
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for WebhookHeader {
    type Err = InvalidWebhookHeader;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = (1..=WEBHOOK_HEADER_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain);
        let name = fits
            .then(|| HeaderName::from_bytes(text.as_bytes()).ok())
            .flatten();
        name.filter(|name| !OTHER_HEADERS.contains(&name.as_str()))
            .map(Self)
            .ok_or(InvalidWebhookHeader)
    }
}

impl fmt::Display for WebhookHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for WebhookHeader {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for WebhookHeader {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Whether `text` may stand before a signature in its header.
pub fn is_webhook_prefix(text: &str) -> bool {
    text.len() <= WEBHOOK_PREFIX_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::events::IDEMPOTENCY_KEPT;

    #[test]
    fn a_webhook_is_one_flat_object() {
        let github = Webhook {
            scheme: WebhookScheme::Github,
            secret: "KEY".parse().unwrap(),
            tolerance_s: WEBHOOK_TOLERANCE_S_DEFAULT,
            respond: WebhookRespond::Run,
        };
        let written = json!({ "preset": "github", "secret": "KEY", "tolerance_s": 300, "respond": "run" });
        assert_eq!(serde_json::to_value(&github).unwrap(), written);
        assert_eq!(serde_json::from_value::<Webhook>(written).unwrap(), github);

        let other = Webhook {
            scheme: WebhookScheme::Hmac {
                hmac: WebhookHmac {
                    header: "X-Signature".parse().unwrap(),
                    prefix: "sha1=".to_owned(),
                    algorithm: WebhookAlgorithm::Sha1,
                    encoding: WebhookEncoding::Base64,
                    timestamp_header: Some("x-time".parse().unwrap()),
                    id_header: None,
                },
            },
            respond: WebhookRespond::Accept,
            ..github
        };
        let written = json!({
            "preset": "hmac",
            "hmac": { "header": "x-signature", "prefix": "sha1=", "algorithm": "sha1", "encoding": "base64",
                "timestamp_header": "x-time" },
            "secret": "KEY", "tolerance_s": 300, "respond": "accept",
        });
        assert_eq!(serde_json::to_value(&other).unwrap(), written);
        assert_eq!(serde_json::from_value::<Webhook>(written).unwrap(), other);
    }

    #[test]
    fn words_are_those_of_serde() {
        for preset in WebhookPreset::ALL {
            assert_eq!(json!(preset), json!(preset.as_str()));
            assert_eq!(preset.as_str().parse(), Ok(preset));
        }
        for algorithm in WebhookAlgorithm::ALL {
            assert_eq!(json!(algorithm), json!(algorithm.as_str()));
        }
        for encoding in WebhookEncoding::ALL {
            assert_eq!(json!(encoding), json!(encoding.as_str()));
        }
        for respond in WebhookRespond::ALL {
            assert_eq!(json!(respond), json!(respond.as_str()));
        }
        assert!("GitHub".parse::<WebhookPreset>().is_err());
    }

    #[test]
    fn a_header_has_a_plain_name() {
        let long = "x".repeat(WEBHOOK_HEADER_BYTES_MAX + 1);
        let mut texts = vec!["", "a b", "a:", "ä", "Authorization", "Host", "a\n", &long];
        texts.extend(OTHER_HEADERS);
        for text in texts {
            assert_eq!(text.parse::<WebhookHeader>(), Err(InvalidWebhookHeader), "{text}");
        }
        let header: WebhookHeader = "X-Hub_Signature-256".parse().unwrap();
        assert_eq!(header.as_str(), "x-hub_signature-256");
    }

    #[test]
    fn what_was_accepted_is_known_for_as_long_as_its_moment_is_good() {
        assert!(u64::from(WEBHOOK_TOLERANCE_S_MAX) * 2 < IDEMPOTENCY_KEPT.as_secs());
    }
}
