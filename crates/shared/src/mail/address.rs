//! Addresses.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::host::HostName;

/// Longest address in bytes (RFC 5321).
pub const ADDRESS_BYTES_MAX: usize = 254;

/// Longest part of an address before the `@` in bytes (RFC 5321).
const LOCAL_BYTES_MAX: usize = 64;

/// Longest name beside an address in bytes.
pub const MAILBOX_NAME_BYTES_MAX: usize = 200;

/// An address: letters, digits and a few signs of ASCII with single dots in between, `@`, and a host. Forms that hardly
/// anybody has, such as those in quotes, are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAddress {
    local: String,
    host: HostName,
}

/// An address, with the name of whoever has it if there is one: `ada@example.com`, `Ada <ada@example.com>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mailbox {
    /// The name; never empty.
    pub name: Option<String>,
    /// The address.
    pub address: MailAddress,
}

/// Why a text is no [`Mailbox`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMailbox {
    /// The address is none.
    #[error(
        "an address looks like `ada@example.com` or `Ada <ada@example.com>`, one only, with letters of ASCII before the `@`"
    )]
    Address,
    /// The name has what no name has.
    #[error(
        "the name before an address has at most {MAILBOX_NAME_BYTES_MAX} bytes, no line breaks and none of `<`, `>` and `\"`"
    )]
    Name,
}

impl MailAddress {
    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// What stands after it.
    pub fn host(&self) -> &HostName {
        &self.host
    }
}

impl FromStr for MailAddress {
    type Err = InvalidMailbox;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (local, host) = text.rsplit_once('@').ok_or(InvalidMailbox::Address)?;
        let is_address = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
        let is_local = local.len() <= LOCAL_BYTES_MAX && local.split('.').all(is_atom);
        let host = HostName::from_name(host).map_err(|_| InvalidMailbox::Address)?;
        if is_address || !is_local || local.len() + 1 + host.as_str().len() > ADDRESS_BYTES_MAX {
            return Err(InvalidMailbox::Address);
        }
        Ok(Self {
            local: local.to_owned(),
            host,
        })
    }
}

/// What may stand between dots (RFC 5322, `atext`).
fn is_atom(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.host)
    }
}

impl FromStr for Mailbox {
    type Err = InvalidMailbox;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(before) = text.trim().strip_suffix('>') else {
            let address = text.trim().parse()?;
            return Ok(Self { name: None, address });
        };
        let (name, address) = before.rsplit_once('<').ok_or(InvalidMailbox::Address)?;
        let name = name.trim();
        let quoted = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let name = quoted.unwrap_or(name);
        let strange = |letter: char| letter.is_control() || matches!(letter, '<' | '>' | '"');
        if name.len() > MAILBOX_NAME_BYTES_MAX || name.contains(strange) {
            return Err(InvalidMailbox::Name);
        }
        Ok(Self {
            name: (!name.is_empty()).then(|| name.to_owned()),
            address: address.parse()?,
        })
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

impl TryFrom<String> for Mailbox {
    type Error = InvalidMailbox;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Mailbox> for String {
    fn from(mailbox: Mailbox) -> Self {
        mailbox.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form() {
        for (text, expected) in [
            ("ada@example.com", "ada@example.com"),
            (" Ada.L+x@Example.COM ", "Ada.L+x@example.com"),
            ("Ada <ada@example.com>", "Ada <ada@example.com>"),
            (
                "\"Ada, Countess\" <ada@example.com>",
                "Ada, Countess <ada@example.com>",
            ),
            ("<ada@example.com>", "ada@example.com"),
            ("Grüße <ada@bücher.example>", "Grüße <ada@xn--bcher-kva.example>"),
            ("a@b", "a@b"),
        ] {
            let mailbox: Mailbox = text.parse().expect(text);
            assert_eq!(mailbox.to_string(), expected);
            assert_eq!(mailbox.to_string().parse(), Ok(mailbox), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_one() {
        let long = format!("{}@example.com", "x".repeat(65));
        for text in [
            "",
            "ada",
            "@",
            "ada@",
            "@example.com",
            "a b@example.com",
            "ada@exa mple.com",
            ".ada@example.com",
            "a..da@example.com",
            "ä@example.com",
            "\"a b\"@example.com",
            "a@example.com, b@example.com",
            "a@example.com b@example.com",
            "a@b@example.com",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada\r\n@example.com",
            "ada@example.com>",
            "Ada <ada@example.com",
            "<<ada@example.com>>",
            "Ada <ada@example.com> <eve@example.com>",
            "Ada\r\nBcc: eve@example.com <ada@example.com>",
            "Ada\0 <ada@example.com>",
            &long,
        ] {
            assert!(text.parse::<Mailbox>().is_err(), "{text:?}");
        }
        let name = "x".repeat(MAILBOX_NAME_BYTES_MAX + 1);
        assert_eq!(
            format!("{name} <ada@example.com>").parse::<Mailbox>(),
            Err(InvalidMailbox::Name)
        );
    }
}
