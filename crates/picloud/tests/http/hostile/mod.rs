//! Scripts and clients that mean harm.

mod clients;
mod fuzz;
mod scripts;
mod sleepers;
