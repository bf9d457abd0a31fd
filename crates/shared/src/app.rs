//! Apps: what isolates scripts, routes, domains, data and people from one another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{id::AppId, time::Timestamp};

/// An app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Stays the same when the app is renamed.
    pub id: AppId,
    /// Its name in paths.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The number of its newest release; 0 before the first change.
    pub release: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
}

/// An app's name in paths: 1 to 63 of `a-z`, `0-9` and `-`, neither first nor last a `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Slug(String);

/// Why a text is no slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a slug has 1 to 63 characters, each a-z, 0-9 or -, and neither starts nor ends with -")]
pub struct InvalidSlug;

impl Slug {
    /// The text of the slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let valid = (1..=63).contains(&text.len())
            && text.bytes().all(allowed)
            && !text.starts_with('-')
            && !text.ends_with('-')
            // A slug stands where an id may stand, so it must not look like one.
            && uuid::Uuid::parse_str(text).is_err();
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidSlug)
        }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Slug {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// How a path names an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppRef {
    /// By its id.
    Id(AppId),
    /// By a slug it has or had.
    Slug(Slug),
}

impl FromStr for AppRef {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<AppId>() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => text.parse().map(Self::Slug),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_follow_the_rule() {
        for good in ["a", "home-2", "0", &"x".repeat(63)] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        let uuid = "01890a5d-ac96-774b-bcce-b302099a8057";
        for bad in ["", "-a", "a-", "A", "a b", "ä", "a.b", &"x".repeat(64), uuid] {
            assert_eq!(bad.parse::<Slug>(), Err(InvalidSlug), "{bad}");
        }
    }
}
