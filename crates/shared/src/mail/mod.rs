//! E-mail: addresses, who may be its sender, and the server that takes it.
//!
//! What is an address is decided here once, so that nothing else becomes a header or a line of the protocol.

mod address;
mod sender;
mod server;

pub use self::{
    address::{ADDRESS_BYTES_MAX, InvalidMailbox, MAILBOX_NAME_BYTES_MAX, MailAddress, Mailbox},
    sender::{InvalidSender, InvalidSenders, SENDERS_MAX, Sender, Senders},
    server::{
        InvalidMailHost, MAIL_PASSWORD_BYTES_MAX, MAIL_USERNAME_BYTES_MAX, MailCredentials, MailHost,
        MailSecurity, MailServer, MailSettings, UnknownMailSecurity,
    },
};
