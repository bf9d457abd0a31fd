//! Who may be the sender of e-mail.

use std::{fmt, str::FromStr};

use super::{InvalidMailbox, MailAddress, Mailbox};
use crate::host::HostName;

/// Senders that one mail server may be used with.
pub const SENDERS_MAX: usize = 20;

/// Who may be the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// This address.
    Mailbox(Mailbox),
    /// Every address of a host: `*@example.com`.
    AllOf(HostName),
}

/// Why a text is no [`Sender`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSender {
    /// The address is none.
    #[error("{0}; `*@example.com` stands for all addresses there")]
    Mailbox(#[from] InvalidMailbox),
    /// The host after `*@` is none.
    #[error("after `*@` stands a host such as `example.com`")]
    Host,
}

/// Who may be the sender. The first one is whenever nobody else is named, so it is a single address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Senders {
    first: Mailbox,
    others: Vec<Sender>,
}

/// Why a list names no [`Senders`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSenders {
    /// There is none, or the first one is no single address.
    #[error("the first one is a single address: e-mail comes from there unless a script says otherwise")]
    First,
    /// There are too many.
    #[error("there may be at most {SENDERS_MAX}")]
    TooMany,
}

impl Senders {
    /// These, the first of them whenever nobody else is named.
    pub fn new(senders: Vec<Sender>) -> Result<Self, InvalidSenders> {
        if senders.len() > SENDERS_MAX {
            return Err(InvalidSenders::TooMany);
        }
        let mut senders = senders.into_iter();
        let Some(Sender::Mailbox(first)) = senders.next() else {
            return Err(InvalidSenders::First);
        };
        Ok(Self {
            first,
            others: senders.collect(),
        })
    }

    /// Who it is when nobody else is named.
    pub fn first(&self) -> &Mailbox {
        &self.first
    }

    /// Whether `address` may be the sender, whatever name is with it.
    pub fn permit(&self, address: &MailAddress) -> bool {
        self.first.address == *address || self.others.iter().any(|sender| sender.permits(address))
    }

    /// All of them as people write them.
    pub fn texts(&self) -> Vec<String> {
        let others = self.others.iter().map(ToString::to_string);
        std::iter::once(self.first.to_string()).chain(others).collect()
    }
}

impl Sender {
    fn permits(&self, address: &MailAddress) -> bool {
        match self {
            Self::Mailbox(mailbox) => mailbox.address == *address,
            Self::AllOf(host) => address.host() == host,
        }
    }
}

impl FromStr for Sender {
    type Err = InvalidSender;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().strip_prefix("*@") {
            Some(host) => HostName::from_name(host)
                .map(Self::AllOf)
                .map_err(|_| InvalidSender::Host),
            None => Ok(Self::Mailbox(text.parse()?)),
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(mailbox) => write!(f, "{mailbox}"),
            Self::AllOf(host) => write!(f, "*@{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn senders(texts: &[&str]) -> Result<Senders, InvalidSenders> {
        Senders::new(texts.iter().map(|text| text.parse().expect(text)).collect())
    }

    #[test]
    fn an_address_is_permitted_by_itself_or_by_its_host() {
        let senders = senders(&["Cloud <cloud@example.com>", "*@example.org", "shop@example.net"]).unwrap();
        for (address, expected) in [
            ("cloud@example.com", true),
            ("cloud@EXAMPLE.com", true),
            ("other@example.com", false),
            ("any@example.org", true),
            ("any@sub.example.org", false),
            ("any@notexample.org", false),
            ("shop@example.net", true),
            ("Shop@example.net", false),
        ] {
            assert_eq!(senders.permit(&address.parse().unwrap()), expected, "{address}");
        }
        assert_eq!(senders.first().to_string(), "Cloud <cloud@example.com>");
        assert_eq!(
            senders.texts(),
            ["Cloud <cloud@example.com>", "*@example.org", "shop@example.net"]
        );
    }

    #[test]
    fn the_first_is_a_single_address() {
        assert_eq!(senders(&[]), Err(InvalidSenders::First));
        assert_eq!(senders(&["*@example.com"]), Err(InvalidSenders::First));
        assert!(senders(&["a@b"; SENDERS_MAX]).is_ok());
        assert_eq!(senders(&["a@b"; SENDERS_MAX + 1]), Err(InvalidSenders::TooMany));
        for text in ["", "*@", "*@a b", "*", "a@b\nc"] {
            assert!(text.parse::<Sender>().is_err(), "{text:?}");
        }
    }
}
