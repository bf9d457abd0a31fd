//! The reference that people read.

use std::{collections::BTreeMap, fmt::Write as _};

use super::catalogue::{ScriptFunction, functions, module_docs};

/// The reference of the script API in Markdown: PiCloud's functions with their examples, by module.
pub fn reference_markdown() -> String {
    let mut sections: BTreeMap<Section, Vec<ScriptFunction>> = BTreeMap::new();
    for function in functions().into_iter().filter(|function| !function.is_standard) {
        sections.entry(Section::of(&function)).or_default().push(function);
    }
    let docs = module_docs();
    let mut out = INTRODUCTION.to_owned();
    for (section, functions) in &sections {
        let about = match section {
            Section::Module(module) => docs.get(module).map_or("", String::as_str),
            _ => "",
        };
        let _ = write!(out, "\n## {}\n", section.title());
        if !about.is_empty() {
            let _ = write!(out, "\n{about}\n");
        }
        // Of those that differ in the number of arguments alone, the longest stands for all.
        let same = |left: &ScriptFunction, right: &ScriptFunction| {
            left.name == right.name && left.docs == right.docs
        };
        for function in functions.chunk_by(same).filter_map(<[_]>::last) {
            let _ = write!(
                out,
                "\n### `{}`\n\n{}\n",
                heading(section, function),
                function.docs
            );
        }
    }
    out
}

const INTRODUCTION: &str = "\
<!-- Made from the doc comments of the functions: do not edit, but run
     UPDATE_REFERENCE=1 cargo test -p picloud-executor-core --test api generated -->

# Script API

What PiCloud adds to [Rhai](https://rhai.rs/book/). Every function of the language itself is there too, except
`eval`. In the examples `//=>` stands before the value of the line, or before the text of its error.

A type `any` means that several types are taken, or given; the text says which.
";

/// Where a function stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    /// Called by its name alone.
    Function,
    /// Called on a value of a type.
    Method(String),
    /// In a module.
    Module(String),
}

impl Section {
    pub(super) fn of(function: &ScriptFunction) -> Self {
        if let Some(module) = &function.module {
            return Self::Module(module.clone());
        }
        let is_property = function.name.contains('$');
        let is_method = is_property || function.docs.contains(&format!(".{}(", function.name));
        match function.params.first() {
            Some((_, kind)) if is_method => Self::Method(kind.clone()),
            _ => Self::Function,
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Function => "Functions".to_owned(),
            Self::Method(kind) => format!("On a value of type `{kind}`"),
            Self::Module(module) => format!("Module `{module}`"),
        }
    }
}

/// How it is called.
pub(super) fn heading(section: &Section, function: &ScriptFunction) -> String {
    let write = |params: &[(String, String)]| {
        let params: Vec<_> = params
            .iter()
            .map(|(name, kind)| format!("{name}: {kind}"))
            .collect();
        params.join(", ")
    };
    let returns = &function.returns;
    match (section, function.params.split_first()) {
        (Section::Method(_), Some(((receiver, _), others))) => match function.name.split_once('$') {
            Some(("get", property)) => format!("{receiver}.{property} -> {returns}"),
            Some(("set", property)) => format!("{receiver}.{property} = {}", write(others)),
            Some(_) => format!("{receiver}[{}] -> {returns}", write(others)),
            None => format!("{receiver}.{}({}) -> {returns}", function.name, write(others)),
        },
        _ => function.signature(),
    }
}
