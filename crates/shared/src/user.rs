//! People who may sign in, and their sessions.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    id::{SessionId, UserId},
    text::find_unseen,
    time::Timestamp,
};

/// A person who may sign in. The password's hash never leaves the repository but through
/// [`Credentials`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Stays the same when the username changes.
    pub id: UserId,
    /// Unique, compared in lower case.
    pub username: Username,
    /// Where to write to.
    pub email: Option<String>,
    /// What they may do on the instance.
    pub instance_role: InstanceRole,
    /// Whether they may sign in.
    pub is_active: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// What sign-in needs to know about an account.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose.
    pub user: User,
    /// Argon2id in PHC form.
    pub password_hash: String,
}

/// One sign-in of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names the session; never its token.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// SHA-256 of the token. The token itself is nowhere.
    pub token_hash: [u8; 32],
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to within [`SESSION_TOUCH_INTERVAL_MIN`](crate::repository::SESSION_TOUCH_INTERVAL_MIN).
    pub last_used_at: Timestamp,
    /// When it ends unless it is used again before; at the latest
    /// [`SESSION_AGE_MAX`](crate::repository::SESSION_AGE_MAX) after it began.
    pub expires_at: Timestamp,
    /// Where it began.
    pub device: Device,
}

/// From where somebody signed in, as far as their client said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

/// What a person may do on the whole instance, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum InstanceRole {
    /// Only what a membership in an app allows.
    Member,
    /// Manages people below owner; editor in every app.
    Admin,
    /// Everything.
    Owner,
}

impl InstanceRole {
    /// Every role, from the least to the most.
    pub const ALL: [Self; 3] = [Self::Member, Self::Admin, Self::Owner];

    /// The word for it in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl FromStr for InstanceRole {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownRole {
                word: text.to_owned(),
                known: "owner, admin or member",
            })
    }
}

/// Read from a text and from nothing else: by itself, serde would also take `{"member": null}`.
impl TryFrom<String> for InstanceRole {
    type Error = UnknownRole;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// A word that is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a role here; use {known}")]
pub struct UnknownRole {
    /// The word.
    pub word: String,
    /// The roles that there are.
    pub known: &'static str,
}

/// A username: 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`, `@`, `+`, the first a letter or digit. Kept in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Username(String);

/// Why a text is no username.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a username has 1 to 64 characters, each a letter a-z, digit, or one of . _ - @ +, and starts with a letter or digit"
)]
pub struct InvalidUsername;

impl Username {
    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = InvalidUsername;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@' | b'+');
        let valid = (1..=64).contains(&text.len())
            && text.bytes().all(allowed)
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            // A username stands where an id may stand, so it must not look like one.
            && uuid::Uuid::parse_str(text).is_err();
        if valid {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidUsername)
        }
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a path names a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRef {
    /// By their id.
    Id(UserId),
    /// By their username.
    Name(Username),
}

impl UserRef {
    /// The id, if that is what it is.
    pub fn id(&self) -> Option<UserId> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Name(_) => None,
        }
    }

    /// The username, if that is what it is.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Id(_) => None,
            Self::Name(name) => Some(name.as_str()),
        }
    }
}

impl FromStr for UserRef {
    type Err = InvalidUsername;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<UserId>() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => text.parse().map(Self::Name),
        }
    }
}

/// Longest e-mail address in bytes.
pub const EMAIL_BYTES_MAX: usize = 254;

/// An e-mail address: something before and something after the last `@`, 3 to 254 bytes, without spaces and control
/// characters. Whether mail arrives there is not for a rule to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Email(String);

/// Why a text is no e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an e-mail address looks like name@example.com, has at most {EMAIL_BYTES_MAX} bytes and no spaces")]
pub struct InvalidEmail;

impl Email {
    /// The text of the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let both_parts = text
            .rsplit_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        let strange = |letter: char| letter.is_whitespace() || letter.is_control();
        let all_seen = find_unseen(text).is_none();
        if both_parts && all_seen && text.len() <= EMAIL_BYTES_MAX && !text.contains(strange) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidEmail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses_follow_the_rule() {
        let long = format!("{}@example.com", "x".repeat(243));
        for bad in [
            "",
            "ada",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a@b\n",
            "a@b\u{0}",
            "a\u{202E}@b",
            &long,
        ] {
            assert_eq!(bad.parse::<Email>(), Err(InvalidEmail), "{bad:?}");
        }
        for good in ["a@b", "Ada.Lovelace+x@Example.com", "ä@ö", &long[1..]] {
            assert_eq!(good.parse::<Email>().map(String::from).as_deref(), Ok(good));
        }
    }

    #[test]
    fn a_person_is_named_by_id_or_username() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert!(matches!(id.parse(), Ok(UserRef::Id(_))));
        assert_eq!("Ada".parse(), "ada".parse().map(UserRef::Name));
        assert_eq!("no name".parse::<UserRef>(), Err(InvalidUsername));
    }
}
