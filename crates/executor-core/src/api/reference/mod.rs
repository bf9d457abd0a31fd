//! What there is to read about the script API, made from the functions themselves.

mod catalogue;
mod definitions;
mod markdown;

pub use self::{
    catalogue::{ScriptFunction, functions},
    definitions::definitions,
    markdown::reference_markdown,
};
