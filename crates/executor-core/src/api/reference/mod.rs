//! What there is to read about the script API, made from the functions themselves.

mod catalogue;
mod definitions;
mod json;
mod markdown;

pub use self::{
    catalogue::{ScriptFunction, functions},
    definitions::definitions,
    json::reference_json,
    markdown::reference_markdown,
};
