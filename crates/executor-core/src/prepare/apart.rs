//! Functions of a script that imports others, kept apart from what those call.
//!
//! A module that calls `max` means Rhai's, and one that asks for a function `check` means its own; Rhai would find what
//! the script that imports it calls so. So a function of that script gets a mark, as all of a module's have, if a module
//! looks for one of its name. All others keep their names, and most scripts are left as they are.

use std::collections::{HashMap, HashSet};

use rhai::{AST, ASTNode, Array, Dynamic, Engine, Expr, FnPtr, ImmutableString, Map, Stmt};

use super::{
    HANDLER, REQUEST, compile,
    module::with_renaming,
    named,
    own_names::{OwnNames, is_method, uses_of_this},
};
use crate::{error::is_closure, modules::ModuleSet};

/// Names that mean something to whoever runs a script.
const KEPT: [&str; 3] = [HANDLER, REQUEST, "global"];

/// The word that asks for a variable by its name.
const IS_VARIABLE: &str = "is_def_var";

/// Names of functions, and with how many parameters there is one.
type Functions = HashMap<String, HashSet<usize>>;

/// Gives marks to those functions of `ast`, which is `source` compiled, that one of `modules` would find without being
/// meant to.
pub(super) fn set_apart(engine: &Engine, ast: AST, source: &str, modules: ModuleSet) -> (AST, ModuleSet) {
    if modules.is_empty() {
        return (ast, modules);
    }
    let names = sought(&modules, &functions(&ast));
    if names.is_empty() {
        return (ast, modules);
    }
    let own = OwnNames::of_importer(names);
    match with_renaming(&own, || compile(engine, source, &modules)) {
        Ok(marked) if named::check(&marked, &own, source).is_ok() => (marked, modules.imported_by(own)),
        // It puts names of functions together, and finds them only as they were written.
        _ => (ast, modules),
    }
}

/// The functions of a script that can have marks: those whose names mean nothing else anywhere in it.
fn functions(ast: &AST) -> Functions {
    let uses_of_this = uses_of_this(ast);
    let mut functions = Functions::new();
    let mut kept = HashSet::from(KEPT);
    for function in ast.iter_fn_def() {
        let name = function.name.as_str();
        if is_closure(name) {
            kept.extend(function.params.iter().map(ImmutableString::as_str));
        } else if is_method(function, &uses_of_this) {
            kept.insert(name);
        } else {
            let counts = functions.entry(name.to_owned()).or_default();
            counts.insert(function.params.len());
        }
    }
    functions.retain(|name, _| !kept.contains(name.as_str()));
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(node) = path.last() {
            leave_out(&mut functions, node);
        }
        !functions.is_empty()
    });
    functions
}

/// Leaves out what has to keep its name because of `node`.
fn leave_out(functions: &mut Functions, node: &ASTNode<'_>) {
    match node {
        ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => {
            let name = call.name.as_str();
            if !call.namespace.is_empty() {
                functions.remove(call.namespace.root());
            } else if name == IS_VARIABLE {
                if let Some(Expr::StringConstant(variable, _)) = call.args.first() {
                    functions.remove(variable.as_str());
                } else {
                    // It may ask for any.
                    functions.clear();
                }
            } else if let Some(counts) = functions.get(name)
                && !counts.contains(&call.args.len())
            {
                // It is Rhai's.
                functions.remove(name);
            }
        }
        ASTNode::Expr(Expr::MethodCall(call, _)) => {
            let name = call.name.as_str();
            // Behind a dot there is never a mark. Without one that fits, it is Rhai's anyway.
            if functions
                .get(name)
                .is_some_and(|counts| counts.contains(&call.args.len()))
            {
                functions.remove(name);
            }
        }
        ASTNode::Expr(Expr::Variable(variable, ..)) if !variable.2.is_empty() => {
            functions.remove(variable.2.root());
        }
        _ => {}
    }
}

/// The names among `functions` that one of `modules` looks for.
fn sought(modules: &ModuleSet, functions: &Functions) -> HashSet<String> {
    let mut sought = HashSet::new();
    if functions.is_empty() {
        return sought;
    }
    let mut look = |name: &str, params: Option<usize>| {
        let counts = functions.get(name);
        if counts.is_some_and(|counts| params.is_none_or(|count| counts.contains(&count))) {
            sought.insert(name.to_owned());
        }
    };
    for module in modules.iter() {
        module.ast.walk(&mut |path: &[ASTNode<'_>]| {
            match path.last() {
                Some(
                    ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))
                    | ASTNode::Stmt(Stmt::FnCall(call, _)),
                ) if call.namespace.is_empty() => look(call.name.as_str(), Some(call.args.len())),
                Some(ASTNode::Expr(Expr::StringConstant(text, _))) => look(text.as_str(), None),
                Some(ASTNode::Expr(Expr::DynamicConstant(value, _))) => look_into(value, &mut look),
                _ => {}
            }
            true
        });
    }
    sought
}

/// Looks at each text, and at each function, in a value that the parser made; it is nested no deeper than the source.
fn look_into(value: &Dynamic, look: &mut impl FnMut(&str, Option<usize>)) {
    if let Some(array) = value.read_lock::<Array>() {
        for item in &*array {
            look_into(item, look);
        }
    } else if let Some(map) = value.read_lock::<Map>() {
        for (key, item) in &*map {
            look(key.as_str(), None);
            look_into(item, look);
        }
    } else if let Some(text) = value.read_lock::<ImmutableString>() {
        look(text.as_str(), None);
    } else if let Some(function) = value.read_lock::<FnPtr>() {
        look(function.fn_name(), None);
    }
}
