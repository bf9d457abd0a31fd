//! What leaves the server because a script asked for it: requests to other servers, e-mail, and what is
//! spoken with MQTT brokers.
//!
//! [`Egress`] answers those questions of scripts, and hands on all others. All sockets belong to the runtime that it was
//! started on; a serving thread only waits for what is done there. It knows no script and no database: what an app may
//! do comes from [`EgressRepository`](picloud_shared::repository::EgressRepository), and is kept in memory.
//!
//! Reading order: [`Egress`], `apps` (what each app may, and holds), `guard` (where a connection may go), `resolve`,
//! `connect`, `http` (how a request is made), `email` (how an e-mail is handed over), `mqtt` (connections to brokers).

mod apps;
mod connect;
mod egress;
mod email;
mod guard;
mod http;
mod mqtt;
mod resolve;

pub use self::{
    egress::{Egress, EgressParts},
    mqtt::{Brokers, BrokersParts},
    resolve::{Resolve, SystemResolver},
};
