//! What a run used of the services.

use serde::{Deserialize, Serialize};

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Keys and values.
    Kv,
    /// Secrets of the app.
    Secret,
    /// Documents.
    Docs,
    /// The commits of transactions.
    Transaction,
    /// Requests to other servers.
    Http,
    /// Passwords.
    Password,
    /// The app's own users.
    Users,
    /// E-mail.
    Email,
    /// Other scripts of the app.
    Script,
    /// Events.
    Event,
    /// Messages to brokers.
    Mqtt,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 11] = [
        Self::Kv,
        Self::Secret,
        Self::Docs,
        Self::Transaction,
        Self::Http,
        Self::Email,
        Self::Password,
        Self::Users,
        Self::Script,
        Self::Event,
        Self::Mqtt,
    ];

    /// The word for it in the API and the database. What has one is part of [`Self::ALL`].
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kv => "kv",
            Self::Secret => "secret",
            Self::Docs => "docs",
            Self::Transaction => "transaction",
            Self::Http => "http",
            Self::Email => "email",
            Self::Password => "password",
            Self::Users => "users",
            Self::Script => "script",
            Self::Event => "event",
            Self::Mqtt => "mqtt",
        }
    }
}

/// What was used of one service, by a run or by all of an app on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceUse {
    /// Which.
    pub service: Service,
    /// How often it was called.
    pub calls: u64,
    /// Bytes of values that the script got.
    pub bytes_read: u64,
    /// Bytes of keys and values that the script gave.
    pub bytes_written: u64,
    /// Time in which the run waited for it, in microseconds.
    pub duration_us: u64,
}

impl ServiceUse {
    /// Nothing yet of `service`.
    pub fn none(service: Service) -> Self {
        Self {
            service,
            calls: 0,
            bytes_read: 0,
            bytes_written: 0,
            duration_us: 0,
        }
    }

    /// Adds what else was used of the same service.
    pub fn add(&mut self, more: &Self) {
        for (sum, more) in [
            (&mut self.calls, more.calls),
            (&mut self.bytes_read, more.bytes_read),
            (&mut self.bytes_written, more.bytes_written),
            (&mut self.duration_us, more.duration_us),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}
