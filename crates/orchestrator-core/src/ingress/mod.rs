//! From a listening socket to requests: accepting, balancing, HTTP, and the bounds that clients are held to.

mod acceptor;
mod clients;
mod connection;
mod io;
mod load;
mod phase;
mod watch;
mod worker;

pub(crate) use acceptor::{Acceptor, ConnectionBounds, Lane};
pub(crate) use connection::Pace;
pub(crate) use load::Load;
pub(crate) use phase::Phase;
pub(crate) use worker::{Queues, Worker};
