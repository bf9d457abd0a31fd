//! The server that takes e-mail.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Senders;
use crate::{host::HostName, secret::SecretText};

/// Longest name of whoever signs in to a mail server, in bytes.
pub const MAIL_USERNAME_BYTES_MAX: usize = 254;

/// Longest password for a mail server in bytes.
pub const MAIL_PASSWORD_BYTES_MAX: usize = 1_024;

/// A server that takes e-mail, and from whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// Where it is.
    pub host: MailHost,
    /// At which port.
    pub port: u16,
    /// How what is said to it is kept from others.
    pub security: MailSecurity,
    /// Who signs in there; nobody if it takes e-mail of everybody.
    pub credentials: Option<MailCredentials>,
    /// Who may be the sender.
    pub senders: Senders,
}

/// A [`MailServer`] without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSettings {
    /// Where it is.
    pub host: MailHost,
    /// At which port.
    pub port: u16,
    /// How what is said to it is kept from others.
    pub security: MailSecurity,
    /// Who signs in there.
    pub username: Option<String>,
    /// Who may be the sender.
    pub senders: Senders,
}

/// Where a mail server is: a name, or an address in its usual form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailHost {
    /// A name.
    Name(HostName),
    /// An address.
    Address(IpAddr),
}

/// Why a text is no [`MailHost`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a mail server is a host such as `mail.example.com`, or an address such as `10.1.2.3`, without a port"
)]
pub struct InvalidMailHost;

/// How what is said to a mail server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// TLS from the start.
    Tls,
    /// TLS before anything is said that matters; never without.
    Starttls,
    /// Not at all.
    None,
}

/// Why a text is no [`MailSecurity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `tls`, `starttls` or `none`")]
pub struct UnknownMailSecurity;

/// Who signs in to a mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailCredentials {
    /// Their name there.
    pub username: String,
    /// Their password there.
    pub password: SecretText,
}

impl MailSettings {
    /// Whether a password for one is a password for the other: for the same name, at the same place, in the same way.
    pub fn is_same_place(&self, other: &Self) -> bool {
        let place = |settings: &Self| {
            (
                settings.host.clone(),
                settings.port,
                settings.security,
                settings.username.clone(),
            )
        };
        place(self) == place(other)
    }

    /// The mail server with its password.
    pub fn with(self, password: Option<SecretText>) -> MailServer {
        let credentials = self.username.zip(password);
        MailServer {
            host: self.host,
            port: self.port,
            security: self.security,
            credentials: credentials.map(|(username, password)| MailCredentials { username, password }),
            senders: self.senders,
        }
    }
}

impl MailSecurity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Starttls => "starttls",
            Self::None => "none",
        }
    }

    /// The port that is usual.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

impl FromStr for MailSecurity {
    type Err = UnknownMailSecurity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Tls, Self::Starttls, Self::None]
            .into_iter()
            .find(|security| security.as_str() == text)
            .ok_or(UnknownMailSecurity)
    }
}

impl FromStr for MailHost {
    type Err = InvalidMailHost;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = inside.unwrap_or(text).parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        let name = HostName::from_name(text).map_err(|_| InvalidMailHost)?;
        // A name whose last part begins with a digit is an address in one of its other forms, such as `127.1`.
        let last = name.as_str().rsplit('.').next().unwrap_or_default();
        if text.starts_with('[') || last.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(InvalidMailHost);
        }
        Ok(Self::Name(name))
    }
}

impl fmt::Display for MailHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_a_name_or_an_address() {
        for (text, expected) in [
            ("Mail.Example.COM", Some("mail.example.com")),
            ("localhost", Some("localhost")),
            ("127.0.0.1", Some("127.0.0.1")),
            ("::1", Some("::1")),
            ("[fd00::1]", Some("fd00::1")),
            ("::ffff:10.0.0.1", Some("10.0.0.1")),
            ("127.1", None),
            ("0x7f.1", None),
            ("mail.example.com:25", None),
            ("[mail]", None),
            ("smtp://mail.example.com", None),
            ("a b", None),
            ("", None),
        ] {
            let host = text.parse::<MailHost>().ok().map(|host| host.to_string());
            assert_eq!(host.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_password_is_not_shown_by_mistake() {
        let credentials = MailCredentials {
            username: "ada".to_owned(),
            password: "canary".to_owned().into(),
        };
        assert!(!format!("{credentials:?}").contains("canary"));
    }
}
