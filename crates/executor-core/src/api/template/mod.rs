//! `template::…`: pages and texts from data.
//!
//! An engine of our own, because one that is made for the templates of the program's author allocates where nobody
//! can ask before (`a ~ a`, `"x" * n`) and knows no way to give the thread up in the middle. This one has no such
//! operators, asks as it goes, and ends as soon as the run does.
//!
//! Reading order: [`functions`], `syntax` (what a template consists of), `parse` and `expression` (from text to that),
//! `data` (what a template sees), `evaluate` and `filter` (values), `render` (the text).

mod data;
mod evaluate;
mod expression;
mod filter;
mod functions;
mod parse;
mod render;
mod syntax;

pub(super) use self::functions::module;
