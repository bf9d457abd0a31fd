//! The program itself: how it starts, stops and survives.

mod config;
mod crash;
mod in_flight;
mod restart;
mod start;
mod stop;
