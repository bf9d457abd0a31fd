//! A broker of an app.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{MqttFilter, Qos};
use crate::{
    id::{AppId, BrokerId},
    mail::MailHost,
    secret::SecretText,
    time::Timestamp,
};

/// Brokers that one app may have.
pub const BROKERS_PER_APP_MAX: usize = 4;

/// Filters that one broker may have.
pub const FILTERS_PER_BROKER_MAX: usize = 32;

/// Longest name of whoever signs in to a broker, in bytes.
pub const BROKER_USERNAME_BYTES_MAX: usize = 254;

/// Longest password for a broker in bytes.
pub const BROKER_PASSWORD_BYTES_MAX: usize = 1_024;

/// Longest client id in bytes. Every broker takes 23, and hardly one less than this.
pub const CLIENT_ID_BYTES_MAX: usize = 64;

/// Most bytes of the authorities of a broker.
pub const BROKER_CA_BYTES_MAX: usize = 16 * 1_024;

/// Shortest time after which a silent connection says that it is there, in seconds.
pub const KEEP_ALIVE_S_MIN: u16 = 5;

/// The longest.
pub const KEEP_ALIVE_S_MAX: u16 = 3_600;

/// The usual one.
pub const KEEP_ALIVE_S_DEFAULT: u16 = 60;

/// Longest name of a broker.
const NAME_CHARS_MAX: usize = 32;

/// The name of a broker in its app: 1 to 32 of `a-z`, `0-9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct BrokerName(String);

/// Why a text is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a broker's name has 1 to {NAME_CHARS_MAX} characters, each of a-z, 0-9 or -")]
pub struct InvalidBrokerName;

impl BrokerName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BrokerName {
    type Err = InvalidBrokerName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = (1..=NAME_CHARS_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        is_name.then(|| Self(text.to_owned())).ok_or(InvalidBrokerName)
    }
}

impl fmt::Display for BrokerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for BrokerName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// Where a broker is: `mqtt://host:1883`, or `mqtts://host:8883` for one that is spoken to in secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    /// Its host.
    pub host: MailHost,
    /// Its port.
    pub port: u16,
    /// Whether the connection is secure.
    pub is_secure: bool,
}

/// Why a text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be mqtt:// or mqtts://, a host or an address, and a port if it is not 1883 or 8883; user name and password \
     have fields of their own"
)]
pub struct InvalidBrokerUrl;

impl FromStr for BrokerUrl {
    type Err = InvalidBrokerUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidBrokerUrl)?;
        let (is_secure, usual) = match scheme {
            "mqtt" => (false, 1_883),
            "mqtts" => (true, 8_883),
            _ => return Err(InvalidBrokerUrl),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        // The colons of an address stand in brackets.
        let after_host = rest.rfind(']').map_or(0, |end| end + 1);
        let (host, port) = match rest[after_host..].split_once(':') {
            Some((before, port)) => (&rest[..after_host + before.len()], Some(port)),
            None => (rest, None),
        };
        let is_bare_v6 = !host.starts_with('[') && host.contains(':');
        let is_number = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let port = match port {
            None => usual,
            Some(port) if is_number(port) => port.parse().map_err(|_| InvalidBrokerUrl)?,
            Some(_) => return Err(InvalidBrokerUrl),
        };
        if port == 0 || is_bare_v6 {
            return Err(InvalidBrokerUrl);
        }
        Ok(Self {
            host: host.parse().map_err(|_| InvalidBrokerUrl)?,
            port,
            is_secure,
        })
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "mqtts" } else { "mqtt" };
        match &self.host {
            MailHost::Address(address) if address.is_ipv6() => {
                write!(f, "{scheme}://[{address}]:{}", self.port)
            }
            host => write!(f, "{scheme}://{host}:{}", self.port),
        }
    }
}

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MqttVersion {
    /// 3.1.1.
    V3,
    /// 5.
    V5,
}

/// A text that is no version that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `3.1.1` or `5`")]
pub struct UnknownMqttVersion;

impl MqttVersion {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V3 => "3.1.1",
            Self::V5 => "5",
        }
    }
}

impl FromStr for MqttVersion {
    type Err = UnknownMqttVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::V3, Self::V5]
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or(UnknownMqttVersion)
    }
}

/// What is wanted of a broker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subscribed {
    /// Messages on which topics.
    pub filter: MqttFilter,
    /// At most in which quality.
    pub qos: Qos,
}

/// What is set for a broker, without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerSettings {
    /// Where it is.
    pub url: BrokerUrl,
    /// The only authorities whose certificates are trusted, in PEM; those that browsers trust if absent.
    pub ca: Option<String>,
    /// How it is spoken to.
    pub version: MqttVersion,
    /// What the app calls itself there; something unique if absent.
    pub client_id: Option<String>,
    /// Who signs in there; nobody if it takes everybody.
    pub username: Option<String>,
    /// After how many seconds of silence the connection says that it is there.
    pub keep_alive_s: u16,
    /// What is wanted of it: at most [`FILTERS_PER_BROKER_MAX`].
    pub filters: Vec<Subscribed>,
    /// Whether there is no connection for now.
    pub is_paused: bool,
}

impl BrokerSettings {
    /// Whether a password for one is a password for the other: for the same name, at the same place, in the same way. With
    /// another authority another broker may be at that place.
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.url == other.url && self.ca == other.ca && self.username == other.username
    }

    /// Whether what a broker keeps for one, it keeps for the other.
    pub fn is_same_session(&self, other: &Self) -> bool {
        self.url == other.url
            && self.username == other.username
            && self.version == other.version
            && self.client_id == other.client_id
    }
}

/// A broker of an app, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Names it everywhere.
    pub id: BrokerId,
    /// Whose it is.
    pub app_id: AppId,
    /// Unique in its app.
    pub name: BrokerName,
    /// What is set.
    pub settings: BrokerSettings,
    /// Counts what was set: another number means that the connection is made anew.
    pub revision: u32,
    /// What the session at the broker had subscribed to when somebody last looked.
    pub subscribed: Vec<Subscribed>,
    /// How many messages wait for it.
    pub waiting: u64,
    /// When it was set.
    pub updated_at: Timestamp,
    /// Who set it; absent if their account is gone.
    pub updated_by: Option<String>,
}

impl Broker {
    /// What the app calls itself there.
    pub fn client_id(&self) -> String {
        self.settings
            .client_id
            .clone()
            // 22 letters and digits: no broker may refuse that.
            .unwrap_or_else(|| format!("pc{}", self.id.0.simple().to_string().split_off(12)))
    }
}

/// How to come in to a broker as it was set once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// As nobody.
    Nobody,
    /// As somebody.
    As(Credentials),
    /// Not at all: what is set is something else by now, or nothing, or another server has the connection. A password that is
    /// set now may be for another place.
    Outdated,
}

/// Who signs in to a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Their name.
    pub username: String,
    /// Their password; some brokers want none.
    pub password: Option<SecretText>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_one_form() {
        for (text, expected) in [
            (
                "mqtt://Broker.Example.COM",
                Some("mqtt://broker.example.com:1883"),
            ),
            ("mqtts://broker", Some("mqtts://broker:8883")),
            ("mqtt://10.1.2.3:11883/", Some("mqtt://10.1.2.3:11883")),
            ("mqtt://[::1]", Some("mqtt://[::1]:1883")),
            ("mqtts://[fd00::1]:8884", Some("mqtts://[fd00::1]:8884")),
            ("mqtt://::1", None),
            ("mqtt://broker:0", None),
            ("mqtt://broker:65536", None),
            ("mqtt://broker:+1", None),
            ("mqtt://broker:", None),
            ("mqtt://ada:secret@broker", None),
            ("mqtt://broker/path", None),
            ("tcp://broker:1883", None),
            ("broker:1883", None),
            ("mqtt://", None),
        ] {
            let read = text.parse::<BrokerUrl>().ok().map(|url| url.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
            if let Some(read) = read {
                assert_eq!(
                    read.parse::<BrokerUrl>().map(|url| url.to_string()),
                    Ok(read.clone())
                );
            }
        }
    }

    #[test]
    fn names_are_short_and_plain() {
        let longest = "a".repeat(32);
        for name in ["home", "a", "7-b", &longest] {
            assert_eq!(name.parse::<BrokerName>().map(|name| name.0), Ok(name.to_owned()));
        }
        let too_long = "a".repeat(33);
        for name in ["", "Home", "a b", "a/b", "ä", &too_long] {
            assert_eq!(name.parse::<BrokerName>(), Err(InvalidBrokerName), "{name}");
        }
    }
}
