//! The manager over its router, with a real store and stand-ins for the services beside it. What only shows with
//! a running server is tested with the program.

mod access;
mod after_crash;
mod answers;
mod authenticator;
mod first_start;
mod harness;
mod publish;
mod second_factor;
mod sign_in;
mod tokens;
