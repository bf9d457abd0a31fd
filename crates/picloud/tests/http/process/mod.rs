//! The program itself: how it starts, stops and survives.

mod config;
mod crash;
pub(crate) mod in_flight;
mod restart;
mod start;
mod stop;
