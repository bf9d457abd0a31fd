//! Remarks on a script that compiles but may not do what its author means.

use picloud_shared::outcome::{Diagnostic, Severity};
use rhai::{ASTNode, Engine, Expr, FnCallExpr, Position, Stmt};

use super::Prepared;
use crate::error::{Functions, diagnostic, is_closure};

/// Remarks that are made at most.
const REMARKS_MAX: usize = 20;

/// Rhai's own words that look like functions.
const BUILT_IN: [&str; 9] = [
    "call",
    "curry",
    "type_of",
    "is_shared",
    "is_def_var",
    "is_def_fn",
    "Fn",
    "print",
    "debug",
];

/// Calls of functions that do not exist. Whether a function exists is only certain when it is called, since a
/// map can hold functions too; so these are warnings.
pub(crate) fn lint(engine: &Engine, source: &str, script: &Prepared) -> Vec<Diagnostic> {
    let functions = Functions::of(engine, script.ast());
    let mut remarks = Vec::new();
    script.ast().walk(&mut |path: &[ASTNode<'_>]| {
        if let Some((call, position)) = path.last().and_then(call) {
            let name = full_name(call);
            if is_unknown(&functions, source, call, &name) {
                let meant = functions
                    .nearest(&name)
                    .map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
                let message = format!("there is no function `{name}`{meant}");
                remarks.push(diagnostic(source, position, Severity::Warning, &message));
            }
        }
        remarks.len() < REMARKS_MAX
    });
    remarks
}

fn call<'a>(node: &ASTNode<'a>) -> Option<(&'a FnCallExpr, Position)> {
    match node {
        ASTNode::Expr(Expr::FnCall(call, position) | Expr::MethodCall(call, position))
        | ASTNode::Stmt(Stmt::FnCall(call, position)) => Some((&**call, *position)),
        _ => None,
    }
}

fn full_name(call: &FnCallExpr) -> String {
    if call.namespace.is_empty() {
        call.name.to_string()
    } else {
        format!("{}::{}", call.namespace, call.name)
    }
}

fn is_unknown(functions: &Functions, source: &str, call: &FnCallExpr, name: &str) -> bool {
    let is_name = call
        .name
        .starts_with(|first: char| first.is_alphabetic() || first == '_');
    is_name
        && !call.is_operator_call()
        && !BUILT_IN.contains(&call.name.as_str())
        && !is_closure(&call.name)
        && functions.forms_of(name).is_empty()
        // A function in a map, or under the name of a variable.
        && !source.contains(&format!("{}:", call.name))
        && !source.contains(&format!("{} =", call.name))
}
