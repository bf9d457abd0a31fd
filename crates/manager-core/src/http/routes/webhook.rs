//! The webhook of a route, as it is sent and answered.

use picloud_shared::webhook::{
    WEBHOOK_PREFIX_BYTES_MAX, WEBHOOK_TOLERANCE_S_DEFAULT, WEBHOOK_TOLERANCE_S_MAX, Webhook, WebhookEncoding,
    WebhookHeader, WebhookHmac, WebhookPreset, WebhookRespond, WebhookScheme, is_webhook_prefix,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::validate::{Violations, object};

/// How the requests to a route are signed.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookBody {
    /// `github`, `stripe`, `slack`, `standard` or `hmac`.
    #[schema(example = "github")]
    preset: &'static str,
    /// The name of the app's secret that holds the key.
    #[schema(example = "GITHUB_WEBHOOK")]
    secret: String,
    /// How many seconds the moment that is signed may differ from now.
    #[schema(example = 300)]
    tolerance_s: u32,
    /// `run`: the sender gets what the script answers. `accept`: 202 once the request is on disk.
    #[schema(example = "run")]
    respond: &'static str,
    /// For `hmac`.
    #[serde(skip_serializing_if = "Option::is_none")]
    hmac: Option<WebhookHmacBody>,
}

/// What is signed, and where the signature stands.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookHmac)]
pub(crate) struct WebhookHmacBody {
    #[schema(example = "x-signature")]
    header: String,
    /// What stands before the signature in its header; often nothing.
    #[schema(example = "sha256=")]
    prefix: String,
    /// `sha1`, `sha256` or `sha512`.
    #[schema(example = "sha256")]
    algorithm: &'static str,
    /// `hex` or `base64`.
    #[schema(example = "hex")]
    encoding: &'static str,
    /// Where the moment stands, if one is signed.
    #[schema(required, example = "x-timestamp")]
    timestamp_header: Option<String>,
    /// Where the id of the delivery stands, if it has one.
    #[schema(required, example = "x-delivery")]
    id_header: Option<String>,
}

impl From<Webhook> for WebhookBody {
    fn from(webhook: Webhook) -> Self {
        let preset = webhook.scheme.preset();
        let hmac = match webhook.scheme {
            WebhookScheme::Hmac { hmac } => Some(hmac.into()),
            _ => None,
        };
        Self {
            preset: preset.as_str(),
            secret: webhook.secret.as_str().to_owned(),
            tolerance_s: webhook.tolerance_s,
            respond: webhook.respond.as_str(),
            hmac,
        }
    }
}

impl From<WebhookHmac> for WebhookHmacBody {
    fn from(hmac: WebhookHmac) -> Self {
        let text = |header: WebhookHeader| header.as_str().to_owned();
        Self {
            header: text(hmac.header),
            prefix: hmac.prefix,
            algorithm: hmac.algorithm.as_str(),
            encoding: hmac.encoding.as_str(),
            timestamp_header: hmac.timestamp_header.map(text),
            id_header: hmac.id_header.map(text),
        }
    }
}

/// How the requests to a route are signed: what is not signed like this never reaches the script.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetWebhook {
    /// `github`, `stripe`, `slack`, `standard` ([Standard Webhooks](https://www.standardwebhooks.com)) or `hmac`.
    #[schema(example = "github")]
    preset: String,
    /// The name of the app's secret that holds the key. It may be set later; until then every request is refused.
    #[schema(example = "GITHUB_WEBHOOK")]
    secret: String,
    /// How many seconds the moment that is signed may differ from now: 1 to 3,600; 300 unless set. It means nothing where
    /// none is signed, as with `github`.
    #[serde(default)]
    tolerance_s: Option<u32>,
    /// `run`: the script runs, and the sender gets what it answers. `accept`: the sender gets 202 once the request is on
    /// disk, and the script runs later, once for each id of a delivery. `run` unless set.
    #[serde(default)]
    respond: Option<String>,
    /// For `hmac`, which needs it.
    #[serde(default, deserialize_with = "object")]
    hmac: Option<SetWebhookHmac>,
}

/// What is signed, and where the signature stands.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetWebhookHmac {
    /// Where the signature stands: 1 to 64 letters, digits, `-` and `_`, but none of HTTP's own such as `cookie` or `host`.
    #[schema(example = "x-signature")]
    header: String,
    /// What stands before the signature in its header: at most 32 visible characters; nothing unless set.
    #[serde(default)]
    #[schema(example = "sha256=")]
    prefix: Option<String>,
    /// `sha1`, `sha256` or `sha512`; `sha256` unless set.
    #[serde(default)]
    algorithm: Option<String>,
    /// `hex` or `base64`; `hex` unless set.
    #[serde(default)]
    encoding: Option<String>,
    /// Where the moment stands, in seconds since 1970. If set, what is signed is that moment, a dot and the body; else it is
    /// the body.
    #[serde(default)]
    timestamp_header: Option<String>,
    /// Where the id of the delivery stands.
    #[serde(default)]
    id_header: Option<String>,
}

impl SetWebhook {
    /// The webhook that stands at `webhook`; notes all that is wrong with it.
    pub(crate) fn read(&self, violations: &mut Violations) -> Option<Webhook> {
        violations.within("webhook", |violations| {
            let scheme = self.scheme(violations);
            let secret = violations.parse("secret", &self.secret);
            let tolerance_s = self.tolerance_s.unwrap_or(WEBHOOK_TOLERANCE_S_DEFAULT);
            violations.require(
                (1..=WEBHOOK_TOLERANCE_S_MAX).contains(&tolerance_s),
                "tolerance_s",
                format!("must be 1 to {WEBHOOK_TOLERANCE_S_MAX}"),
            );
            let respond = match &self.respond {
                Some(respond) => violations.parse("respond", respond),
                None => Some(WebhookRespond::default()),
            };
            Some(Webhook {
                scheme: scheme?,
                secret: secret?,
                tolerance_s,
                respond: respond?,
            })
        })
    }

    fn scheme(&self, violations: &mut Violations) -> Option<WebhookScheme> {
        let preset: WebhookPreset = violations.parse("preset", &self.preset)?;
        violations.require(
            self.hmac.is_none() || preset == WebhookPreset::Hmac,
            "hmac",
            "is for `hmac`, and `preset` is something else",
        );
        match (preset, &self.hmac) {
            (WebhookPreset::Github, _) => Some(WebhookScheme::Github),
            (WebhookPreset::Stripe, _) => Some(WebhookScheme::Stripe),
            (WebhookPreset::Slack, _) => Some(WebhookScheme::Slack),
            (WebhookPreset::Standard, _) => Some(WebhookScheme::Standard),
            (WebhookPreset::Hmac, Some(hmac)) => {
                let hmac = violations.within("hmac", |violations| hmac.read(violations))?;
                Some(WebhookScheme::Hmac { hmac })
            }
            (WebhookPreset::Hmac, None) => {
                violations.add(
                    "hmac",
                    "is needed for `hmac`: say in which header the signature stands",
                );
                None
            }
        }
    }
}

impl SetWebhookHmac {
    fn read(&self, violations: &mut Violations) -> Option<WebhookHmac> {
        let prefix = self.prefix.clone().unwrap_or_default();
        violations.require(
            is_webhook_prefix(&prefix),
            "prefix",
            format!("must have at most {WEBHOOK_PREFIX_BYTES_MAX} visible ASCII characters"),
        );
        let header: Option<WebhookHeader> = violations.parse("header", &self.header);
        let algorithm = violations.parse("algorithm", self.algorithm.as_deref().unwrap_or("sha256"));
        let encoding = match &self.encoding {
            Some(encoding) => violations.parse("encoding", encoding),
            None => Some(WebhookEncoding::Hex),
        };
        let timestamp_header: Option<WebhookHeader> =
            violations.parse_some("timestamp_header", self.timestamp_header.as_deref());
        let id_header: Option<WebhookHeader> = violations.parse_some("id_header", self.id_header.as_deref());
        violations.require(
            timestamp_header.is_none() || timestamp_header != header,
            "timestamp_header",
            "must be another header than `header`",
        );
        violations.require(
            id_header.is_none() || (id_header != header && id_header != timestamp_header),
            "id_header",
            "must be another header than `header` and `timestamp_header`",
        );
        Some(WebhookHmac {
            header: header?,
            prefix,
            algorithm: algorithm?,
            encoding: encoding?,
            timestamp_header,
            id_header,
        })
    }
}
