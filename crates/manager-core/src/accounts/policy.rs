//! Which passwords are accepted when one is set.

use picloud_shared::user::Username;

/// Shortest password in bytes.
pub(crate) const PASSWORD_BYTES_MIN: usize = 8;
/// Longest password in bytes.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1_024;

/// The passwords that guessing starts with, of those that are long enough; in lower case, one per line.
const COMMON: &str = include_str!("common_passwords.txt");

/// Why a password is refused; each says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// Too short.
    #[error("the password is too short; use at least {PASSWORD_BYTES_MIN} characters")]
    TooShort,
    /// Too long.
    #[error("the password is too long; use at most {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    /// One of the commonest.
    #[error("this password is among the first that are guessed; use several unrelated words instead")]
    Common,
    /// The same as the username.
    #[error("the password is the username; use another")]
    IsUsername,
}

/// Whether `password` may be set for `username`. Any characters are welcome; no kind of them is required.
pub(crate) fn check(password: &str, username: &Username) -> Result<(), PasswordRefused> {
    if password.len() < PASSWORD_BYTES_MIN {
        return Err(PasswordRefused::TooShort);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordRefused::TooLong);
    }
    let lower = password.to_lowercase();
    if lower == username.as_str() {
        return Err(PasswordRefused::IsUsername);
    }
    if COMMON.lines().any(|common| common == lower) {
        return Err(PasswordRefused::Common);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_uncommon_is_enough() {
        let Ok(username) = "ada.lovelace".parse() else {
            panic!("a username")
        };
        for (password, expected) in [
            ("a fine password", Ok(())),
            ("ééééé", Ok(())),
            ("seven77", Err(PasswordRefused::TooShort)),
            ("", Err(PasswordRefused::TooShort)),
            ("PassWord1", Err(PasswordRefused::Common)),
            ("Ada.Lovelace", Err(PasswordRefused::IsUsername)),
        ] {
            assert_eq!(check(password, &username), expected, "{password}");
        }
        assert_eq!(check(&"x".repeat(1_024), &username), Ok(()));
        assert_eq!(
            check(&"x".repeat(1_025), &username),
            Err(PasswordRefused::TooLong)
        );
    }

    #[test]
    fn the_list_holds_only_what_would_pass_otherwise() {
        for common in COMMON.lines() {
            assert!(common.len() >= PASSWORD_BYTES_MIN, "{common}");
            assert_eq!(common, common.to_lowercase(), "{common}");
        }
    }
}
