//! What leaves the server, over sockets on loopback alone.

mod answers;
mod ground;
mod guard;
mod limits;
mod redirects;
