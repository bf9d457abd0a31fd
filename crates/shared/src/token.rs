//! Personal API tokens: what programs sign in with in the name of a person.

use crate::{
    access::Ceiling,
    id::{TokenId, UserId},
    time::Timestamp,
};

/// A personal API token. What it is worth is decided anew at each request, from what its person may do then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Names the token; never its text.
    pub id: TokenId,
    /// Whose.
    pub user_id: UserId,
    /// What people call it, unique among those of its person.
    pub name: String,
    /// SHA-256 of its text. The text itself is nowhere.
    pub token_hash: [u8; 32],
    /// Its last characters, for people to tell it by.
    pub hint: String,
    /// The most that it may do.
    pub ceiling: Ceiling,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; never, if absent.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to within [`TOKEN_TOUCH_INTERVAL_MIN`](crate::repository::TOKEN_TOUCH_INTERVAL_MIN).
    pub last_used_at: Option<Timestamp>,
}
