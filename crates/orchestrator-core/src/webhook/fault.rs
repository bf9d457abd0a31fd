//! Why a request to a webhook does not reach its script.

use http::HeaderName;
use picloud_shared::{problem::Code, secret::SettingName};

/// Why a request to a webhook does not reach its script.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A header that it needs is not there.
    Missing(HeaderName),
    /// A header of which only one can be meant is there more than once.
    Twice(HeaderName),
    /// A header says nothing that can be understood.
    Malformed {
        header: HeaderName,
        /// What it is to be like.
        form: &'static str,
    },
    /// It was signed too long ago.
    TooOld { tolerance_s: u32 },
    /// It is signed for a moment that is too far ahead.
    TooNew { tolerance_s: u32 },
    /// No signature fits.
    Wrong,
    /// No signature fits, but this line of this secret is no key, so that none was made with it.
    WrongButFor(SettingName, usize),
    /// The app has no such secret, or it is empty.
    NoKey(SettingName),
    /// The secret holds no key: this line of it is none.
    NotAKey(SettingName, usize),
}

impl Fault {
    /// What its sender is told.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::NoKey(_) | Self::NotAKey(..) => Code::WebhookNotReady,
            _ => Code::SignatureInvalid,
        }
    }

    /// One sentence or two for its sender: what is missing, and never what would be right.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::NoKey(_) | Self::NotAKey(..) => {
                "What requests to this address are signed with is not set. Whoever runs the app sets it."
                    .to_owned()
            }
            // Strangers learn nothing of secrets.
            Self::WrongButFor(..) => Self::Wrong.message(),
            other => other.message(),
        }
    }

    /// The same for the app's own people.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Missing(header) => {
                format!("The header `{header}` is missing: only signed requests are taken here.")
            }
            Self::Twice(header) => format!("The header `{header}` is there more than once. Send it once."),
            Self::Malformed { header, form } => {
                format!("The header `{header}` is not of the form that is needed here: {form}.")
            }
            Self::TooOld { tolerance_s } => format!(
                "The request was signed more than {tolerance_s} s ago. Sign it anew; if it is new, set the sender's clock."
            ),
            Self::TooNew { tolerance_s } => format!(
                "The request is signed for a moment that is more than {tolerance_s} s ahead. Set the sender's clock."
            ),
            Self::Wrong => {
                "The signature does not fit the body and the key. Both sides need the same key, and the body as it was sent."
                    .to_owned()
            }
            Self::WrongButFor(secret, line) => format!(
                "The signature does not fit the body and the key. Line {line} of the secret `{secret}` is no key, and \
                 was not tried: it is to be Base64, with or without `whsec_` before it."
            ),
            Self::NoKey(secret) => format!(
                "The secret `{secret}`, with which requests to this route are signed, is not set or holds no key. Set it."
            ),
            Self::NotAKey(secret, line) => format!(
                "The secret `{secret}`, with which requests to this route are signed, holds no key: its line {line} \
                 is to be Base64, with or without `whsec_` before it. Set it."
            ),
        }
    }
}
