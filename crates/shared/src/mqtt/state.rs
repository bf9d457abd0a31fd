//! How a connection to a broker is.

use crate::time::Timestamp;

/// How the connection to a broker is, as the server knows that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerState {
    /// In one word.
    pub status: BrokerStatus,
    /// Since when.
    pub since: Timestamp,
    /// What last went wrong with the connection.
    pub error: Option<String>,
    /// When that was.
    pub error_at: Option<Timestamp>,
    /// Messages of this broker that could not become events, and messages for it that it did not take, since the server
    /// runs or the broker was last set.
    pub refused: u64,
    /// Why the last of them was refused.
    pub refusal: Option<String>,
}

/// How a connection is in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerStatus {
    /// It is there. Filters that the broker refuses stand in the error.
    Connected,
    /// It is being made, or will be tried again.
    Connecting,
    /// It is there, and no message is taken from it: as many events of the app wait as may, or the database is away.
    Held,
    /// Nobody wants it.
    Paused,
    /// Another server has it.
    Elsewhere,
}

impl BrokerStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Connected,
        Self::Connecting,
        Self::Held,
        Self::Paused,
        Self::Elsewhere,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Connecting => "connecting",
            Self::Held => "held",
            Self::Paused => "paused",
            Self::Elsewhere => "elsewhere",
        }
    }
}

impl BrokerState {
    /// That of a connection which is `status` since `since`, and of which nothing else is known.
    pub fn new(status: BrokerStatus, since: Timestamp) -> Self {
        Self {
            status,
            since,
            error: None,
            error_at: None,
            refused: 0,
            refusal: None,
        }
    }
}
