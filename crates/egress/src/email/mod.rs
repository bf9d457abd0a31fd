//! How an e-mail is handed over to a mail server.
//!
//! Reading order: `send` (one e-mail from its start to its end), `message` (what is sent), `smtp` (what is said to the mail
//! server), `starttls` (how that is made secure), `stream` (a connection as lettre takes it).
//!
//! A connection is for one e-mail and is closed after it: nothing is kept, so nothing has to be looked after.

mod message;
mod send;
mod smtp;
mod starttls;
mod stream;

use picloud_shared::services::{EmailFailure, EmailFailureKind};

pub(crate) use self::send::{Emails, EmailsParts, Purpose};

fn failure(kind: EmailFailureKind, message: impl Into<String>) -> EmailFailure {
    EmailFailure {
        kind,
        message: message.into(),
        recipient: None,
    }
}
