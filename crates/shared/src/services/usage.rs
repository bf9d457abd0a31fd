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
}

/// What a run used of one service.
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
}
