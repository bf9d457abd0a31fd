//! Who changes something, when, why and from where.

use std::net::IpAddr;

use crate::{
    access::Capability,
    id::{ExecutionId, SessionId, TokenId, UserId},
    seam::Origin,
    time::Timestamp,
};

/// Who changes something, when, why and from where. Every write that people are to know of takes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Who; absent for what the first start makes, and for what is done on the machine itself.
    pub author: Option<UserId>,
    /// By what they were known.
    pub via: Via,
    /// Where the request came from; absent on the machine itself.
    pub address: Option<IpAddr>,
    /// The `x-request-id` of the answer; absent without a request.
    pub request_id: Option<ExecutionId>,
    /// How many runs and events led to it, if a script has asked for it.
    pub depth: u8,
    /// When.
    pub at: Timestamp,
    /// What the author must be allowed for it. They were when they asked; whoever writes asks once more in the
    /// transaction, as their role may have been taken meanwhile. Absent for what everybody may.
    pub needs: Option<Capability>,
    /// Why.
    pub note: Option<String>,
}

/// By what somebody who changes something was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Nobody asked: the first start, or the server itself.
    Server,
    /// Whoever may use the machine, with a command on it.
    Console,
    /// Not by anything yet: with the setup code, an invitation, or a name and password.
    Entrance,
    /// By a session.
    Session(SessionId),
    /// By a personal API token.
    Token(TokenId),
}

impl Via {
    /// The word for it in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Console => "console",
            Self::Entrance => "entrance",
            Self::Session(_) => "session",
            Self::Token(_) => "token",
        }
    }
}

impl Change {
    /// What the server does of its own.
    pub fn by_server(at: Timestamp) -> Self {
        Self::without_request(Via::Server, at)
    }

    /// What somebody does with a command on the machine.
    pub fn by_console(at: Timestamp) -> Self {
        Self::without_request(Via::Console, at)
    }

    /// What somebody does who is not signed in yet; `author` is who they turned out to be.
    pub fn at_entrance(author: Option<UserId>, origin: &Origin, at: Timestamp) -> Self {
        Self {
            author,
            via: Via::Entrance,
            address: Some(origin.remote_addr),
            request_id: Some(origin.request_id),
            depth: 0,
            at,
            needs: None,
            note: None,
        }
    }

    fn without_request(via: Via, at: Timestamp) -> Self {
        Self {
            author: None,
            via,
            address: None,
            request_id: None,
            depth: 0,
            at,
            needs: None,
            note: None,
        }
    }
}
