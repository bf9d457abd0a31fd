//! Functions of a module that are named by texts.
//!
//! The names of a module's own functions have marks that its author does not know of. A name that stands in quotes gets its
//! mark while it is parsed; one that is put together would find a function of whoever imports the module, or none.

use picloud_shared::outcome::{Diagnostic, Severity};
use rhai::{AST, ASTNode, Expr, FnCallExpr, FnPtr, Position, Stmt};

use super::own_names::OwnNames;
use crate::error::diagnostic;

/// The word that makes a function of a name.
const FUNCTION: &str = "Fn";

const PUT_TOGETHER: &str = "in a script that is imported, `Fn` takes the name of a function in quotes: Fn(\"name\"); write a \
                            closure instead: |x| name(x)";

/// Refuses functions whose names are known only when the module runs.
pub(super) fn check(ast: &AST, own: &OwnNames, source: &str) -> Result<(), Diagnostic> {
    let mut fault = None;
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        fault = path.last().and_then(|node| place(node, own));
        fault.is_none()
    });
    match fault {
        None => Ok(()),
        Some(place) => Err(diagnostic(source, place, Severity::Error, PUT_TOGETHER)),
    }
}

/// Where a function is made of a name that has no mark, and may have to have one.
fn place(node: &ASTNode<'_>, own: &OwnNames) -> Option<Position> {
    match node {
        ASTNode::Expr(Expr::FnCall(call, place)) | ASTNode::Stmt(Stmt::FnCall(call, place)) => {
            is_put_together(call, own).then_some(*place)
        }
        // The compiler has put it together.
        ASTNode::Expr(Expr::DynamicConstant(value, place)) => {
            let function = value.read_lock::<FnPtr>()?;
            own.find(function.fn_name()).map(|_| *place)
        }
        _ => None,
    }
}

fn is_put_together(call: &FnCallExpr, own: &OwnNames) -> bool {
    if call.name.as_str() != FUNCTION || !call.namespace.is_empty() {
        return false;
    }
    match call.args.first() {
        Some(Expr::StringConstant(name, _)) => own.find(name.as_str()).is_some(),
        Some(_) => true,
        None => false,
    }
}
