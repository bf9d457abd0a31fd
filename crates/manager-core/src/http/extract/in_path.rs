//! Ids and numbers in a path. What is none leads nowhere, exactly like one that does not exist.

use std::{borrow::Cow, convert::Infallible, str::FromStr};

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use picloud_shared::{
    id::{
        DeliveryId, DomainId, ExecutionId, InvitationId, RouteId, ScheduleId, ScriptId, SessionId,
        SubscriptionId, TokenId,
    },
    user::UserRef,
};

use crate::http::{
    problem::{Refusal, not_found},
    validate::number,
};

/// The id or number that the path has for a `T`.
pub(crate) struct InPath<T>(pub(crate) T);

/// The number of a version.
pub(crate) struct VersionNumber(pub(crate) u32);

/// The number of a release.
pub(crate) struct ReleaseNumber(pub(crate) u32);

/// The text that stands for the name of a secret or a config value. What is wrong with it is said by the operation.
pub(crate) struct SettingNameText(pub(crate) String);

/// The text that stands for the name of a broker.
pub(crate) struct BrokerNameText(pub(crate) String);

/// A text that is no number.
pub(crate) struct NoNumber;

/// Something that a path parameter names.
pub(crate) trait Named: FromStr {
    /// The parameter.
    const NAME: &str;
    /// What people call it.
    const TITLE: &str = Self::NAME;
}

macro_rules! named {
    ($($type:ty = $name:literal),+ $(,)?) => {
        $(impl Named for $type {
            const NAME: &str = $name;
        })+
    };
}

named!(
    BrokerNameText = "broker",
    DeliveryId = "delivery",
    DomainId = "domain",
    ExecutionId = "execution",
    InvitationId = "invitation",
    RouteId = "route",
    ScheduleId = "schedule",
    ScriptId = "script",
    SessionId = "session",
    SettingNameText = "name",
    SubscriptionId = "subscription",
    TokenId = "token",
    UserRef = "user",
    VersionNumber = "version",
    ReleaseNumber = "release",
);

macro_rules! numbers {
    ($($type:ident),+) => {
        $(impl FromStr for $type {
            type Err = NoNumber;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                number(text).map(Self).ok_or(NoNumber)
            }
        })+
    };
}

numbers!(VersionNumber, ReleaseNumber);

macro_rules! texts {
    ($($type:ident),+) => {
        $(impl FromStr for $type {
            type Err = Infallible;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self(text.to_owned()))
            }
        })+
    };
}

texts!(BrokerNameText, SettingNameText);

/// What a text in a path names, where a name may be anything. Browsers and others take `.` and `..` for steps, also if they
/// are escaped, so a `~` may stand before them. What would be read as such a name has one more.
pub(crate) fn named_by(text: &str) -> &str {
    text.strip_prefix('~')
        .filter(|name| is_step(name))
        .unwrap_or(text)
}

/// The text in a path that names `name`, wherever that is read.
pub(crate) fn text_for(name: &str) -> Cow<'_, str> {
    if is_step(name) {
        Cow::Owned(format!("~{name}"))
    } else {
        Cow::Borrowed(name)
    }
}

fn is_step(name: &str) -> bool {
    matches!(name.trim_start_matches('~'), "." | "..")
}

impl<S: Send + Sync, T: Named> FromRequestParts<S> for InPath<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let missing = || not_found(T::TITLE);
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| missing())?;
        params
            .iter()
            .find(|(name, _)| *name == T::NAME)
            .and_then(|(_, text)| text.parse().ok())
            .map(Self)
            .ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_text_that_is_no_step() {
        for (name, text) in [
            (".", "~."),
            ("..", "~.."),
            ("~.", "~~."),
            ("~~..", "~~~.."),
            ("~", "~"),
            ("~a", "~a"),
            ("...", "..."),
            ("a/..", "a/.."),
            ("", ""),
        ] {
            assert_eq!(text_for(name), text);
            assert_eq!(named_by(text), name);
        }
        // Who takes no steps may write it as it is.
        assert_eq!((named_by("."), named_by("..")), (".", ".."));
    }
}
