//! Identifiers: `UUIDv7`, one type per noun, so that an app's id can never be passed where a script's belongs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::{Uuid, fmt::Hyphenated};

use crate::time::Timestamp;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, ordered by `now`.
            pub fn new(now: Timestamp) -> Self {
                Self(uuid_v7(now))
            }

            /// When the id was made, to the millisecond.
            pub fn made_at(self) -> Timestamp {
                let (high, _) = self.0.as_u64_pair();
                Timestamp::from_micros(i64::try_from(high >> 16).unwrap_or(0) * 1_000)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NoId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                read(text).map(Self)
            }
        }
    )+};
}

/// A text that is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an id, such as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct NoId;

/// Reads an id in the one form in which ids are written: digits with hyphens, without braces or `urn:uuid:`.
pub fn read(text: &str) -> Result<Uuid, NoId> {
    Uuid::parse_str(text)
        .ok()
        .filter(|_| text.len() == Hyphenated::LENGTH)
        .ok_or(NoId)
}

ids! {
    /// Names an app.
    AppId,
    /// Names an app's claim on a domain.
    DomainId,
    /// Names a collection of documents.
    CollectionId,
    /// Names a script, whatever its version.
    ScriptId,
    /// Names a route.
    RouteId,
    /// Names a person who may sign in.
    UserId,
    /// Names one sign-in of one person.
    SessionId,
    /// Names a personal API token.
    TokenId,
    /// Names an invitation.
    InvitationId,
    /// Names a record of the audit log.
    AuditId,
    /// Names an event.
    EventId,
    /// Names one event on its way to one script; also an asynchronous run.
    DeliveryId,
    /// Names a subscription.
    SubscriptionId,
    /// Names a schedule.
    ScheduleId,
    /// Names a broker of an app.
    BrokerId,
    /// Names one run of a script; also the `x-request-id` of the answer it gave.
    ExecutionId,
}

/// A `UUIDv7` (RFC 9562) for the moment `now`: 48 bits of milliseconds, 12 bits of the microseconds
/// within them, 62 random bits. Ids made by one node within a microsecond have no defined order.
fn uuid_v7(now: Timestamp) -> Uuid {
    let micros = u64::try_from(now.as_micros()).unwrap_or(0);
    let millis = micros / 1_000;
    let fraction = (micros % 1_000) * 4_096 / 1_000;
    let random = Uuid::new_v4().as_u64_pair().1 & 0x3FFF_FFFF_FFFF_FFFF;
    Uuid::from_u64_pair((millis << 16) | 0x7000 | fraction, 0x8000_0000_0000_0000 | random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_in_one_form() {
        let plain = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(read(plain).map(|id| id.to_string()), Ok(plain.to_owned()));
        assert_eq!(read(&plain.to_uppercase()), read(plain));
        for other in [
            "",
            "1",
            "01890a5dac96774bbcceb302099a8057",
            "{01890a5d-ac96-774b-bcce-b302099a8057}",
            "urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057",
            "01890a5d-ac96-774b-bcce-b302099a805g",
        ] {
            assert_eq!(other.parse::<AppId>(), Err(NoId), "{other}");
        }
    }

    #[test]
    fn ids_are_version_7_and_sort_by_time() {
        let early = AppId::new(Timestamp::from_micros(1_700_000_000_000_001));
        let late = AppId::new(Timestamp::from_micros(1_700_000_000_000_002));
        assert_eq!(early.0.get_version_num(), 7);
        assert_eq!(early.0.get_variant(), uuid::Variant::RFC4122);
        assert!(early < late);
        let made_at = ExecutionId::new(Timestamp::from_micros(1_700_000_000_000_999)).made_at();
        assert_eq!(made_at, Timestamp::from_micros(1_700_000_000_000_000));
    }
}
