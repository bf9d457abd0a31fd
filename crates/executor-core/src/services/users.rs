//! `users::…`: an app's own end users. Their records are keys of the app, read and written in the run's transaction.
//!
//! Reading order: [`functions`], `records` (finding and writing them), `fields` (what a script gives and gets), `change`
//! (making, changing, removing), `sign_in` (sessions and their cookies).

mod change;
mod fields;
mod functions;
mod list;
mod records;
mod sign_in;

pub(crate) use self::{functions::module, sign_in::current};
