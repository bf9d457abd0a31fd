//! Secrets of apps: what scripts need and nobody reads back.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::time::Timestamp;

/// Secrets that one app may have.
pub const SECRETS_PER_APP_MAX: u32 = 100;

/// Longest value of a secret in bytes; the shortest has one.
pub const SECRET_BYTES_MAX: usize = 32 * 1_024;

/// A secret, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Unique in its app.
    pub name: SettingName,
    /// When its value was set.
    pub updated_at: Timestamp,
    /// Who set it; absent if their account is gone.
    pub updated_by: Option<String>,
}

/// The name of a secret: 1 to 64 of `a-z`, `A-Z`, `0-9` and `_`, the first no digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SettingName(String);

/// Why a text is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 64 characters, each a letter, digit or _, and does not start with a digit")]
pub struct InvalidSettingName;

impl SettingName {
    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SettingName {
    type Err = InvalidSettingName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !text.starts_with(|first: char| first.is_ascii_digit());
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidSettingName)
        }
    }
}

impl fmt::Display for SettingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SettingName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The value of a secret. It is wiped from memory when it is dropped, and never shown by mistake.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The value itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl Serialize for SecretText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_variables() {
        for name in ["A", "_", "API_KEY", "apiKey2", "a".repeat(64).as_str()] {
            assert!(name.parse::<SettingName>().is_ok(), "{name}");
        }
        for name in ["", "2A", "a-b", "a.b", "a b", "ä", "a\n", "a".repeat(65).as_str()] {
            assert!(name.parse::<SettingName>().is_err(), "{name}");
        }
    }

    #[test]
    fn a_value_is_not_shown_by_mistake() {
        let secret = SecretText::from("canary".to_owned());
        assert!(!format!("{secret:?} {:?}", Some(&secret)).contains("canary"));
        assert_eq!(secret.expose(), "canary");
    }
}
