//! The definitions that editors read.

use std::fmt::Write as _;

use super::catalogue::{ScriptFunction, functions};

/// PiCloud's functions as a Rhai definition file (`.d.rhai`), for editors.
pub fn definitions() -> String {
    let functions: Vec<_> = functions()
        .into_iter()
        .filter(|function| !function.is_standard)
        .collect();
    let mut out = String::from("module static;\n");
    for function in functions.iter().filter(|function| function.module.is_none()) {
        define(&mut out, function, "");
    }
    let in_modules = functions.iter().filter(|function| function.module.is_some());
    let mut current = None;
    for function in in_modules {
        if current != function.module.as_ref() {
            if current.is_some() {
                out.push_str("}\n");
            }
            current = function.module.as_ref();
            let _ = writeln!(
                out,
                "\nmodule {} {{",
                function.module.as_deref().unwrap_or_default()
            );
        }
        define(&mut out, function, "    ");
    }
    if current.is_some() {
        out.push_str("}\n");
    }
    out
}

// Writing to a string does not fail.
fn define(out: &mut String, function: &ScriptFunction, indent: &str) {
    out.push('\n');
    for line in function.docs.lines() {
        let _ = writeln!(out, "{}", format!("{indent}/// {line}").trim_end());
    }
    let name = match function.name.split_once('$') {
        Some(("get", property)) => format!("get {property}"),
        Some(("set", property)) => format!("set {property}"),
        _ => function.name.clone(),
    };
    let params: Vec<_> = function
        .params
        .iter()
        .map(|(name, kind)| format!("{name}: {}", editor_type(kind)))
        .collect();
    let returns = editor_type(&function.returns);
    let _ = writeln!(out, "{indent}fn {name}({}) -> {returns};", params.join(", "));
}

/// A type by the name that Rhai's definition files have for it.
fn editor_type(kind: &str) -> &str {
    match kind {
        "any" => "?",
        "string" => "String",
        "array" => "Array",
        "map" => "Map",
        "blob" => "Blob",
        "Fn" => "FnPtr",
        other => other,
    }
}
