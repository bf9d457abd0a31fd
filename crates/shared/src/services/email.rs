//! E-mail that scripts send.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::mail::Mailbox;

/// People that one e-mail may go to.
pub const EMAIL_RECIPIENTS_MAX: usize = 20;

/// Largest e-mail in bytes: its texts and attachments together, before they are encoded.
pub const EMAIL_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// Longest subject in bytes.
pub const EMAIL_SUBJECT_BYTES_MAX: usize = 500;

/// Attachments that one e-mail may have.
pub const EMAIL_ATTACHMENTS_MAX: usize = 10;

/// Longest name of an attachment in bytes.
pub const EMAIL_FILE_NAME_BYTES_MAX: usize = 200;

/// E-mails that one run may send.
pub const EMAILS_PER_RUN_MAX: usize = 10;

/// E-mails that one app may send in an hour by the mail server of the instance, on each node.
pub const EMAILS_PER_HOUR_MAX: usize = 100;

/// The longest that handing over an e-mail may take.
pub const EMAIL_TIMEOUT_MAX: Duration = Duration::from_secs(20);

/// An e-mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// Whom it is for.
    pub to: Vec<Mailbox>,
    /// Who gets it too.
    pub cc: Vec<Mailbox>,
    /// Who gets it too, without others knowing.
    pub bcc: Vec<Mailbox>,
    /// Whom an answer goes to, if not to the sender.
    pub reply_to: Option<Mailbox>,
    /// The sender, if not the usual one.
    pub from: Option<Mailbox>,
    /// The subject: one line.
    pub subject: String,
    /// What it says, for everybody.
    pub text: Option<String>,
    /// The same in HTML; one of both is there.
    pub html: Option<String>,
    /// Files that go with it.
    pub attachments: Vec<Attachment>,
    /// How long it may take, at most [`EMAIL_TIMEOUT_MAX`].
    pub timeout_ms: u64,
}

/// A file that goes with an e-mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name: one line.
    pub name: String,
    /// What it is, such as `application/pdf`.
    pub media_type: String,
    /// What is in it.
    pub content: Bytes,
}

/// Why an e-mail was not sent, or why nobody knows whether it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailFailure {
    /// The kind.
    pub kind: EmailFailureKind,
    /// What happened, and what to do.
    pub message: String,
    /// Whom the mail server has refused it for, if that is it.
    pub recipient: Option<String>,
}

/// The kinds of an [`EmailFailure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailFailureKind {
    /// There is no mail server.
    NotConfigured,
    /// An address or the subject is none.
    Invalid,
    /// The app may not send as whom it wants to.
    Sender,
    /// The app may not connect to its mail server.
    Blocked,
    /// The app has sent as many as it may for now.
    TooMany,
    /// Too much of the kind is going on already.
    Busy,
    /// The mail server does not take the name and password.
    SignIn,
    /// The connection cannot be made secure.
    Tls,
    /// The mail server refuses one of the recipients.
    Recipient,
    /// The mail server does not take it, and would not later.
    Refused,
    /// The mail server is not there, or does not take it now.
    Unavailable,
    /// It took too long.
    Timeout,
    /// The connection ended before the mail server said whether it has it.
    Unknown,
}

impl EmailFailureKind {
    /// Whether no mail server was asked yet, so that nothing has happened.
    pub fn is_before_sending(self) -> bool {
        matches!(
            self,
            Self::NotConfigured | Self::Invalid | Self::Sender | Self::Blocked | Self::TooMany | Self::Busy
        )
    }

    /// The word that scripts know it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::Invalid => "invalid",
            Self::Sender => "sender",
            Self::Blocked => "blocked",
            Self::TooMany => "too_many",
            Self::Busy => "busy",
            Self::SignIn => "sign_in",
            Self::Tls => "tls",
            Self::Recipient => "recipient",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Unknown => "unknown",
        }
    }
}
