//! An app's own end users, as they are kept among its keys.
//!
//! A user is three keys: the record under the id, and the id under the name and under the e-mail address. All are written
//! in one commit that has read them, so no two users have one name. The keys are reserved: no script reaches them as keys.

use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What reserved keys begin with; no other key does.
const RESERVED: char = '\0';

/// What the keys of users' records begin with.
const USER_RECORDS: &str = "\0users/id/";

/// What the keys of users' names begin with, in the order of the names.
pub const USER_NAMES: &str = "\0users/name/";

/// Longest name in characters.
pub const USER_NAME_CHARS_MAX: usize = 64;

/// Longest e-mail address in bytes.
pub const USER_EMAIL_BYTES_MAX: usize = 254;

/// Most bytes of what an app keeps with a user, as JSON.
pub const USER_DATA_BYTES_MAX: usize = 64 * 1_024;

/// Sessions that one user has at one time; the oldest ends when there is one more.
pub const SESSIONS_PER_USER_MAX: usize = 20;

/// How long a session lasts.
pub const USER_SESSION_SECONDS: i64 = 30 * 24 * 60 * 60;

/// Whether a key is PiCloud's own.
pub fn is_reserved(key: &str) -> bool {
    key.starts_with(RESERVED)
}

/// Where the record of a user is.
pub fn user_key(id: Uuid) -> String {
    format!("{USER_RECORDS}{id}")
}

/// Whose record is at a key, if it is one.
pub fn user_of_key(key: &str) -> Option<Uuid> {
    key.strip_prefix(USER_RECORDS)?.parse().ok()
}

/// Where the id of the user with this name is.
pub fn user_name_key(name: &str) -> String {
    format!("{USER_NAMES}{}", name.to_lowercase())
}

/// Where the id of the user with this e-mail address is.
pub fn user_email_key(email: &str) -> String {
    format!("\0users/email/{}", email.to_lowercase())
}

/// A user of an app.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserRecord {
    /// Names them for ever.
    pub id: Uuid,
    /// What they sign in with.
    pub name: String,
    /// Their address.
    pub email: Option<String>,
    /// What the app keeps with them: a JSON text.
    pub data: Box<RawValue>,
    /// Whether they may sign in.
    pub is_active: bool,
    /// Their password, in PHC form; empty if they have none yet.
    pub password_hash: String,
    /// Where they are signed in, the oldest first.
    pub sessions: Vec<UserSession>,
    /// When they were made, in milliseconds since 1970.
    pub created_at: i64,
    /// When they were last changed.
    pub updated_at: i64,
    /// When they last signed in.
    pub last_sign_in_at: Option<i64>,
}

/// A place where a user is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSession {
    /// The hash of what the cookie holds.
    pub hash: String,
    /// When it ends, in milliseconds since 1970.
    pub ends_at: i64,
}

/// The keys and texts that are written when `before` becomes `after`; a key without a text is deleted.
pub fn user_writes(
    before: Option<&UserRecord>,
    after: Option<&UserRecord>,
) -> Result<Vec<(String, Option<String>)>, serde_json::Error> {
    let (freed, taken) = (
        before.map_or_else(Vec::new, claims),
        after.map_or_else(Vec::new, claims),
    );
    let mut writes = Vec::new();
    for key in &freed {
        if !taken.contains(key) {
            writes.push((key.clone(), None));
        }
    }
    if let Some(after) = after {
        for key in taken {
            if !freed.contains(&key) {
                writes.push((key, Some(format!("\"{}\"", after.id))));
            }
        }
        writes.push((user_key(after.id), Some(serde_json::to_string(after)?)));
    } else if let Some(before) = before {
        writes.push((user_key(before.id), None));
    }
    Ok(writes)
}

/// The keys of a user's name and address, which nobody else may have.
fn claims(record: &UserRecord) -> Vec<String> {
    let email = record.email.as_deref().map(user_email_key);
    std::iter::once(user_name_key(&record.name))
        .chain(email)
        .collect()
}

/// What is wrong about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserRefused {
    /// The name.
    #[error(
        "a user's name has 1 to {USER_NAME_CHARS_MAX} characters, none of them a control character, and no space at its ends"
    )]
    Name,
    /// The e-mail address.
    #[error("that is not an e-mail address")]
    Email,
    /// The data.
    #[error("what is kept with a user has at most {USER_DATA_BYTES_MAX} bytes as JSON")]
    Data,
}

/// Whether `name` may be a user's.
pub fn check_user_name(name: &str) -> Result<(), UserRefused> {
    let is_name = (1..=USER_NAME_CHARS_MAX).contains(&name.chars().count())
        && name.trim() == name
        && !name.chars().any(char::is_control);
    is_name.then_some(()).ok_or(UserRefused::Name)
}

/// Whether `email` may be a user's. Only a message that arrives tells whether it is one.
pub fn check_user_email(email: &str) -> Result<(), UserRefused> {
    let has_form = email
        .split_once('@')
        .is_some_and(|(who, host)| !who.is_empty() && !host.is_empty() && !host.contains('@'));
    let is_plain = !email
        .chars()
        .any(|next| next.is_whitespace() || next.is_control());
    (has_form && is_plain && email.len() <= USER_EMAIL_BYTES_MAX)
        .then_some(())
        .ok_or(UserRefused::Email)
}

/// The name of the cookie of a session. Over HTTPS browsers take one with this prefix from its own host alone.
pub fn user_cookie_name(is_https: bool) -> &'static str {
    if is_https {
        "__Host-picloud_user"
    } else {
        "picloud_user"
    }
}

/// What the cookie of a session holds that comes with a request, whether or not anybody is signed in with it.
pub fn user_cookie(headers: &HeaderMap, is_https: bool) -> Option<&str> {
    let name = user_cookie_name(is_https);
    let lines = headers.get_all(header::COOKIE).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// What is kept of the secret in a session's cookie.
pub fn session_hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

impl UserRecord {
    /// Notes a sign-in at `now`, with this hash of its secret.
    pub fn begin_session(&mut self, hash: String, now: i64) {
        self.sessions.retain(|session| session.ends_at > now);
        if self.sessions.len() >= SESSIONS_PER_USER_MAX {
            self.sessions
                .drain(..=self.sessions.len() - SESSIONS_PER_USER_MAX);
        }
        self.sessions.push(UserSession {
            hash,
            ends_at: now.saturating_add(USER_SESSION_SECONDS * 1_000),
        });
        self.last_sign_in_at = Some(now);
    }

    /// Whether somebody is signed in with a secret of this hash at `now`.
    pub fn is_signed_in(&self, hash: &str, now: i64) -> bool {
        self.is_active
            && self
                .sessions
                .iter()
                .any(|session| session.hash == hash && session.ends_at > now)
    }

    /// How many sessions there are at `now`.
    pub fn sessions_at(&self, now: i64) -> usize {
        self.sessions
            .iter()
            .filter(|session| session.ends_at > now)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> UserRecord {
        UserRecord {
            id: Uuid::nil(),
            name: "Ada".to_owned(),
            email: None,
            data: RawValue::from_string("{}".to_owned()).unwrap(),
            is_active: true,
            password_hash: String::new(),
            sessions: Vec::new(),
            created_at: 0,
            updated_at: 0,
            last_sign_in_at: None,
        }
    }

    #[test]
    fn the_oldest_session_ends_when_there_are_too_many() {
        let mut user = record();
        for number in 0..25 {
            user.begin_session(number.to_string(), 0);
        }
        assert_eq!(user.sessions.len(), SESSIONS_PER_USER_MAX);
        assert!(!user.is_signed_in("4", 1));
        assert!(user.is_signed_in("5", 1) && user.is_signed_in("24", 1));
    }

    #[test]
    fn a_session_ends_with_its_time_and_with_its_user() {
        let mut user = record();
        user.begin_session("a".to_owned(), 0);
        let end = USER_SESSION_SECONDS * 1_000;
        assert!(user.is_signed_in("a", end - 1));
        assert!(!user.is_signed_in("a", end));
        user.begin_session("b".to_owned(), end);
        assert_eq!(user.sessions.len(), 1);
        user.is_active = false;
        assert!(!user.is_signed_in("b", end));
    }

    #[test]
    fn names_and_addresses_have_a_form() {
        for name in ["a", "Ada Lovelace", "é@x", &"x".repeat(USER_NAME_CHARS_MAX)] {
            assert_eq!(check_user_name(name), Ok(()), "{name}");
        }
        for name in [
            "",
            " a",
            "a ",
            "a\0",
            "a\nb",
            &"x".repeat(USER_NAME_CHARS_MAX + 1),
        ] {
            assert_eq!(check_user_name(name), Err(UserRefused::Name), "{name}");
        }
        assert_eq!(check_user_email("ada@example.com"), Ok(()));
        for email in ["", "ada", "@example.com", "ada@", "a@b@c", "a b@c", "a\r\nb@c"] {
            assert_eq!(check_user_email(email), Err(UserRefused::Email), "{email}");
        }
    }

    #[test]
    fn the_longest_names_fit_into_keys() {
        let name: String = "\u{10400}".repeat(USER_NAME_CHARS_MAX);
        assert!(user_name_key(&name).len() <= crate::services::KEY_BYTES_MAX);
        let name: String = "İ".repeat(USER_NAME_CHARS_MAX);
        assert!(user_name_key(&name).len() <= crate::services::KEY_BYTES_MAX);
    }
}
