//! What scripts can ask of the world, through the whole program.

mod kv;
mod transactions;
