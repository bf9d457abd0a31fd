//! Runs scripts: source in, answer out, within limits that no script escapes.
//!
//! This is the only crate that knows Rhai. It refuses to know where a request came from and where its answer
//! goes: it meets the other services in `picloud_shared::seam` alone.
//!
//! Reading order: [`executor`] (the public door for serving threads) and [`workbench`] (the one for the
//! control plane); then what a run is made of: `prepare` (source to prepared script), `run`, `coroutine`
//! (how a run waits and shares its thread), `guard` (how it is kept within its limits), `gate` (what native
//! functions ask of the run); then what scripts see: `request`, `response`, `natives` and `api`.

mod api;
mod engine;
mod gate;
mod json;
