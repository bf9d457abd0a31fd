//! The program itself: how it starts, stops and survives.

mod config;
mod crash;
mod restart;
mod start;
mod stop;
