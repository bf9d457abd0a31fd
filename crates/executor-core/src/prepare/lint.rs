//! Remarks on a script that compiles but may not do what its author means.

use std::collections::HashSet;

use picloud_shared::outcome::{Diagnostic, Severity};
use rhai::{ASTNode, Engine, Expr, FnCallExpr, Position, Stmt};

use super::{Prepared, style::position_of_function, uses::unknown_uses};
use crate::{
    error::{Functions, diagnostic, is_closure},
    gate,
    modules::ModuleSet,
};

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

/// Calls of functions that an imported script does not give, as errors; and what may not be what its author means: a script that does nothing, and calls of functions that do not exist.
/// Whether a function exists is only certain when it is called, since a map can hold functions too; so these are
/// warnings.
pub(crate) fn lint(engine: &Engine, source: &str, script: &Prepared) -> Vec<Diagnostic> {
    let warn = |position, message: &str| diagnostic(source, position, Severity::Warning, message);
    let mut remarks: Vec<_> = unknown_uses(script)
        .into_iter()
        .take(REMARKS_MAX)
        .map(|(position, message)| diagnostic(source, position, Severity::Error, &message))
        .collect();
    if !remarks.is_empty() {
        return remarks;
    }
    if let Some((position, message)) = nothing_to_run(source, script) {
        remarks.push(warn(position, message));
    }
    let functions = Functions::of(engine, script.ast(), script.modules());
    let known = Known {
        functions: functions.names(),
        assigned: assigned_words(source),
    };
    script.ast().walk(&mut |path: &[ASTNode<'_>]| {
        if let Some((call, position)) = path.last().and_then(call) {
            let name = full_name(call, script.modules());
            if known.is_unknown(call, &name) {
                let meant = functions
                    .nearest(&name)
                    .map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
                remarks.push(warn(position, &format!("there is no function `{name}`{meant}")));
            }
        }
        remarks.len() < REMARKS_MAX && gate::spend(1).is_ok()
    });
    remarks
}

/// Why a script answers nothing, whatever the request.
fn nothing_to_run(source: &str, script: &Prepared) -> Option<(Position, &'static str)> {
    if script.has_handler() || !script.ast().statements().is_empty() {
        return None;
    }
    if script.ast().has_functions() {
        let message = "the script has functions but runs none of them, so it answers 204 without a body; call one \
                       at the end, or name one `handle`: fn handle(request) { .. }; a script that is only imported needs \
                       neither";
        return Some((position_of_function(source, None), message));
    }
    let message = "the script is empty, so it answers 204 without a body";
    Some((Position::START, message))
}

fn call<'a>(node: &ASTNode<'a>) -> Option<(&'a FnCallExpr, Position)> {
    match node {
        ASTNode::Expr(Expr::FnCall(call, position) | Expr::MethodCall(call, position))
        | ASTNode::Stmt(Stmt::FnCall(call, position)) => Some((&**call, *position)),
        _ => None,
    }
}

fn full_name(call: &FnCallExpr, modules: &ModuleSet) -> String {
    if call.namespace.is_empty() {
        modules.without_marks(&call.name).into_owned()
    } else {
        format!("{}::{}", call.namespace, call.name)
    }
}

/// Names that may be those of functions.
struct Known<'a> {
    functions: HashSet<&'a str>,
    /// Words that a value is given to. It may be a function, in a map or under the name of a variable.
    assigned: HashSet<&'a str>,
}

impl Known<'_> {
    fn is_unknown(&self, call: &FnCallExpr, name: &str) -> bool {
        let is_name = call
            .name
            .starts_with(|first: char| first.is_alphabetic() || first == '_');
        is_name
            && !call.is_operator_call()
            && !BUILT_IN.contains(&call.name.as_str())
            && !is_closure(&call.name)
            && !self.functions.contains(name)
            && !self.assigned.contains(call.name.as_str())
    }
}

/// The words before each `:` and ` =`.
fn assigned_words(source: &str) -> HashSet<&str> {
    let ends = source.match_indices(':').chain(source.match_indices(" ="));
    ends.map(|(end, _)| {
        let start = source[..end]
            .char_indices()
            .rev()
            .take_while(|(_, c)| c.is_alphanumeric() || *c == '_')
            .last()
            .map_or(end, |(start, _)| start);
        &source[start..end]
    })
    .collect()
}
