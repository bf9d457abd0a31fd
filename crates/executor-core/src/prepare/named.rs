//! Functions with marks that are named by texts.
//!
//! The names of a module's own functions have marks that its author does not know of. A name that stands in quotes gets its
//! mark while it is parsed; one that is put together would find nothing, or a function of somebody else.

use picloud_shared::outcome::{Diagnostic, Severity};
use rhai::{AST, ASTNode, Expr, FnCallExpr, FnPtr, Position, Stmt};

use super::own_names::OwnNames;
use crate::error::diagnostic;

/// The word that makes a function of a name.
const FUNCTION: &str = "Fn";

/// The word that asks whether there is a function of a name.
const IS_FUNCTION: &str = "is_def_fn";

const PUT_TOGETHER: &str = "in a script that is imported, `Fn` takes the name of a function in quotes: Fn(\"name\"); write a \
                            closure instead: |x| name(x)";

const ASKED_FOR: &str = "in a script that is imported, `is_def_fn` takes the name of a function in quotes: \
                         is_def_fn(\"name\", 1)";

/// Refuses names of functions that are known only when the script runs.
pub(super) fn check(ast: &AST, own: &OwnNames, source: &str) -> Result<(), Diagnostic> {
    let mut fault = None;
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        fault = path.last().and_then(|node| fault_in(node, own));
        fault.is_none()
    });
    match fault {
        None => Ok(()),
        Some((place, message)) => Err(diagnostic(source, place, Severity::Error, message)),
    }
}

/// Where a name of a function has no mark, and may have to have one; and what is said of it.
fn fault_in(node: &ASTNode<'_>, own: &OwnNames) -> Option<(Position, &'static str)> {
    match node {
        ASTNode::Expr(Expr::FnCall(call, place)) | ASTNode::Stmt(Stmt::FnCall(call, place)) => {
            Some((*place, put_together(call, own)?))
        }
        // The compiler has put it together.
        ASTNode::Expr(Expr::DynamicConstant(value, place)) => {
            let function = value.read_lock::<FnPtr>()?;
            own.find(function.fn_name()).map(|_| (*place, PUT_TOGETHER))
        }
        _ => None,
    }
}

/// What is said of `call`, if its name of a function is put together.
fn put_together(call: &FnCallExpr, own: &OwnNames) -> Option<&'static str> {
    let message = match (call.name.as_str(), call.args.len()) {
        _ if !call.namespace.is_empty() => return None,
        (FUNCTION, _) => PUT_TOGETHER,
        // With a type before the name it asks for a method, and those have no marks.
        (IS_FUNCTION, 2) => ASKED_FOR,
        _ => return None,
    };
    let is_put_together = match call.args.first()? {
        Expr::StringConstant(name, _) => own.find(name.as_str()).is_some(),
        _ => true,
    };
    is_put_together.then_some(message)
}
