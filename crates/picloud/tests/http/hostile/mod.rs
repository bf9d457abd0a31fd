//! Scripts and clients that mean harm.

mod clients;
mod fuzz;
mod memory;
mod scripts;
mod sleepers;
