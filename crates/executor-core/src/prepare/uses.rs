//! What a script uses of what it imports.
//!
//! Rhai finds out when the line runs. Everything is known before: a use of what is not there is an error, of the script
//! that is saved or of one that imports it.

use rhai::{ASTNode, Expr, FnCallExpr, ImmutableString, Position, Stmt};

use super::{Prepared, imports::imports, own_names::without_marks};
use crate::modules::PreparedModule;

/// Every use of a function or constant that an imported script does not give.
pub(super) fn unknown_uses(script: &Prepared) -> Vec<(Position, String)> {
    let mut unknown = Vec::new();
    if script.modules().is_empty() {
        return unknown;
    }
    let module = |namespace: &str| {
        let root = namespace.split("::").next().unwrap_or(namespace);
        let import = imports(script.ast()).find(|import| import.alias == root)?;
        Some((script.modules().find(import.name)?, root == namespace))
    };
    script.ast().walk(&mut |path: &[ASTNode<'_>]| {
        let fault = match path.last() {
            Some(
                ASTNode::Expr(Expr::FnCall(call, position)) | ASTNode::Stmt(Stmt::FnCall(call, position)),
            ) if !call.namespace.is_empty() => module(&call.namespace.to_string())
                .and_then(|(module, is_whole)| unknown_function(module, call, is_whole))
                .map(|message| (*position, message)),
            Some(ASTNode::Expr(Expr::Variable(variable, _, position))) if !variable.2.is_empty() => {
                module(&variable.2.to_string())
                    .filter(|(module, is_whole)| !is_whole || !module.exported.contains_var(&variable.1))
                    .map(|(module, _)| {
                        (
                            *position,
                            format!("`{}` has no constant `{}`", module.name, variable.1),
                        )
                    })
            }
            _ => None,
        };
        unknown.extend(fault);
        true
    });
    unknown
}

fn unknown_function(module: &PreparedModule, call: &FnCallExpr, is_whole: bool) -> Option<String> {
    let there: Vec<_> = module
        .exported
        .iter_script_fn_info()
        .filter(|(_, _, name, ..)| is_whole && *name == call.name.as_str())
        .collect();
    if there.iter().any(|(.., params, _)| *params == call.args.len()) {
        return None;
    }
    let forms: Vec<_> = there
        .iter()
        .map(|(.., function)| {
            let params: Vec<_> = function.params.iter().map(ImmutableString::as_str).collect();
            let form = format!("{}({})", call.name, params.join(", "));
            without_marks(&form, &[module.own.mark()]).into_owned()
        })
        .collect();
    let name = format!("{}({})", call.name, vec!["_"; call.args.len()].join(", "));
    Some(if forms.is_empty() {
        format!("`{}` has no function `{name}` for others", module.name)
    } else {
        format!(
            "`{}` has no function `{name}`; there is {}",
            module.name,
            forms.join(", ")
        )
    })
}
