//! How a request is made.
//!
//! Reading order: `call` (one request from its start to its answer), `outgoing` (what is sent, and what becomes of it
//! at a redirect), `connect` (opening a connection), `pool` (those that are kept for later), `answer` (reading what
//! comes back, within its bounds).

mod answer;
mod call;
mod connect;
mod outgoing;
mod pool;

use picloud_shared::services::HttpFailureKind;

pub(crate) use self::{call::Http, pool::Pool};

/// Why a request has no answer, before it is known at which URL.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: HttpFailureKind,
    pub(crate) message: String,
}

pub(crate) fn fault(kind: HttpFailureKind, message: impl Into<String>) -> Fault {
    Fault {
        kind,
        message: message.into(),
    }
}
