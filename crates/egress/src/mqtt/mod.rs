//! Connections to the MQTT brokers of apps.
//!
//! One task per broker holds its connection, and makes it again when it is lost; where no broker is set there is none. What
//! comes in becomes events, and is acknowledged when these are on disk; what scripts publish waits in the database until
//! the broker has it. The protocol is spoken here, not by a library: so a connection goes to an address that the guard has
//! decided on, nothing is read that there is no place for, and what is acknowledged is known.
//!
//! Reading order: [`Brokers`] (which connections there are), `held` (one of them, as those see it who begin and end it), `wish`,
//! `connection` (over and over), `talk` (from its beginning to its end), `incoming` and `outgoing` (messages), `packet`,
//! `encode` and `decode` (what is said), `reason`, `authority`.

mod authority;
mod brokers;
mod connection;
mod decode;
mod encode;
mod held;
mod incoming;
mod outgoing;
mod packet;
mod reason;
mod talk;
mod wish;

pub use self::brokers::{Brokers, BrokersParts};
