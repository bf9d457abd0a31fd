//! What leaves the server, over sockets on loopback alone.

mod answers;
mod brokers;
mod emails;
mod ground;
mod guard;
mod limits;
mod mail_server;
mod redirects;
