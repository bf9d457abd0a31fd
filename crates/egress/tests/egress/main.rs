//! What leaves the server, over sockets on loopback alone.

mod answers;
mod emails;
mod ground;
mod guard;
mod limits;
mod mail_server;
mod redirects;
