//! From a script to what others import.
//!
//! A module gives its functions and its constants to those that import it. Its constants are made once, when it is
//! prepared, and every run gets copies of the same ones; so nothing may happen while they are made.

use std::{collections::HashSet, sync::Arc};

use picloud_shared::{
    modules::Module,
    outcome::{Diagnostic, Severity},
    script::ScriptName,
};
use rhai::{
    AST, ASTFlags, ASTNode, Array, Caches, Dynamic, Engine, Expr, FnAccess, FnPtr, ImmutableString, Map,
    Module as RhaiModule, Position, Scope, ScriptFuncDef, Shared, Stmt,
};

use super::{
    HANDLER, compile,
    imports::imports,
    linked::{evaluate, global_state},
    named,
    own_names::OwnNames,
    style,
};
use crate::{
    allocator, captured,
    coroutine::with_current,
    error::{Explainer, diagnostic, is_closure},
    modules::{ModuleSet, PreparedModule},
};

/// Memory that the constants of one module may take.
const CONSTANTS_BYTES_MAX: usize = 1_024 * 1_024;

/// Compiles a module that imports what is in `modules`, which is what the run at hand has. To be called in a run of its
/// own, within [`Bounds::COMPILE`](crate::bounds::Bounds).
pub(crate) fn prepare_module(
    engine: &Engine,
    module: &Module,
    modules: &ModuleSet,
) -> Result<PreparedModule, Diagnostic> {
    let held_before = allocator::bytes();
    let source = &*module.source;
    let own = {
        let ast = compile(engine, source, modules)?;
        style::of(&ast, source)?;
        check_top_level(&ast, source)?;
        OwnNames::of(&ast, &module.hash)
    };
    let mut ast = with_renaming(&own, || compile(engine, source, modules))?;
    ast.set_source(module.name.as_str());
    named::check(&ast, &own, source)?;

    let compiled = allocator::bytes();
    let constants = constants(engine, &ast, &module.name, source, modules, &own)?;
    if held_since(compiled) > CONSTANTS_BYTES_MAX {
        let message =
            format!("the constants of a script that is imported may take {CONSTANTS_BYTES_MAX} bytes");
        let place = ast.statements().first().map_or(Position::START, Stmt::position);
        return Err(diagnostic(source, place, Severity::Error, &message));
    }
    let imports = imports(&ast)
        .map(|import| (import.alias.into(), import.name.to_owned()))
        .collect();
    Ok(PreparedModule {
        name: module.name.clone(),
        hash: module.hash,
        source: Arc::clone(&module.source),
        exported: export(&ast, &own, &constants, module.name.as_str()),
        captured: captured::names_in(&ast),
        constants: used_by_functions(&ast, constants),
        imports,
        own,
        ast,
        bytes: held_since(held_before) + size_of::<PreparedModule>(),
    })
}

fn held_since(before: isize) -> usize {
    usize::try_from(allocator::bytes() - before).unwrap_or(0)
}

/// Refuses what would have to happen when the module is imported.
fn check_top_level(ast: &AST, source: &str) -> Result<(), Diagnostic> {
    for statement in ast.statements() {
        let message = match statement {
            Stmt::Noop(_) | Stmt::Import(..) => continue,
            Stmt::Var(variable, flags, _) if flags.intersects(ASTFlags::CONSTANT) => {
                if is_plain(&variable.1) {
                    continue;
                }
                "a constant of a script that is imported is made of values, operators and other constants; make \
                 this in a function"
            }
            _ => {
                "a script that is imported has only functions, constants and imports; move this into a function"
            }
        };
        return Err(diagnostic(source, statement.position(), Severity::Error, message));
    }
    Ok(())
}

/// Whether making a value does nothing else, and the value holds nothing that could.
fn is_plain(expression: &Expr) -> bool {
    let mut plain = true;
    expression.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
        plain = match path.last() {
            Some(ASTNode::Expr(expression)) => match expression {
                Expr::DynamicConstant(value, _) => !holds_function(value),
                Expr::FnCall(call, _) => call.is_operator_call(),
                Expr::MethodCall(..) | Expr::ThisPtr(_) | Expr::Stmt(_) | Expr::Custom(..) => false,
                _ => true,
            },
            _ => false,
        };
        plain
    });
    plain
}

/// Whether there is a function in a value that the parser made; it is nested no deeper than the source.
fn holds_function(value: &Dynamic) -> bool {
    if let Some(array) = value.read_lock::<Array>() {
        return array.iter().any(holds_function);
    }
    if let Some(map) = value.read_lock::<Map>() {
        return map.values().any(holds_function);
    }
    value.is::<FnPtr>()
}

/// Has the parser see the names in `own` with their marks.
pub(super) fn with_renaming<T>(own: &OwnNames, parse: impl FnOnce() -> T) -> T {
    let set = |renaming| {
        with_current(|run| {
            if let Some(run) = run {
                run.renaming.replace(renaming);
            }
        });
    };
    set(Some(own.renaming()));
    let parsed = parse();
    set(None);
    parsed
}

/// The constants of a module by their names, which have its mark.
fn constants(
    engine: &Engine,
    ast: &AST,
    name: &ScriptName,
    source: &str,
    modules: &ModuleSet,
    own: &OwnNames,
) -> Result<Vec<(ImmutableString, Dynamic)>, Diagnostic> {
    let mut scope = Scope::new();
    let mut global = global_state(engine, ast, Some(name.as_str()), modules);
    let made = evaluate(engine, &mut global, &mut Caches::new(), &mut scope, ast);
    made.map_err(|error| {
        let explainer = Explainer {
            engine,
            ast,
            source,
            modules: &modules.clone().imported_by(own.clone()),
        };
        let verdict = with_current(|run| run.and_then(|run| run.guard.verdict()));
        let verdict = verdict.map(|verdict| (verdict.kind(), verdict.compile_message().to_owned()));
        let (message, position) = explainer.say(&error, verdict);
        diagnostic(source, position, Severity::Error, &message)
    })
    .map(drop)?;
    Ok(scope
        .iter_raw()
        .map(|(name, _, value)| (name.into(), value.clone()))
        .collect())
}

/// Those among `constants` that the functions of the module use, as `global::NAME`. Each run gets a copy of these.
fn used_by_functions(
    ast: &AST,
    mut constants: Vec<(ImmutableString, Dynamic)>,
) -> Vec<(ImmutableString, Dynamic)> {
    let mut used = HashSet::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(Expr::Variable(variable, ..))) = path.last()
            && !variable.2.is_empty()
        {
            used.insert(variable.1.clone());
        }
        true
    });
    constants.retain(|(name, _)| used.contains(name));
    constants
}

/// What those that import the module see of it.
fn export(
    ast: &AST,
    own: &OwnNames,
    constants: &[(ImmutableString, Dynamic)],
    name: &str,
) -> Shared<RhaiModule> {
    let mut module = RhaiModule::new();
    module.set_id(name);
    for function in ast.iter_fn_def() {
        let public = function.access == FnAccess::Public && !is_closure(&function.name);
        if let Some(name) = own.unmarked(&function.name)
            && public
            && name != HANDLER
        {
            let exported = ScriptFuncDef {
                name: name.into(),
                ..ScriptFuncDef::clone(function)
            };
            module.set_script_fn(Shared::new(exported));
        }
    }
    for (name, value) in constants {
        if let Some(name) = own.unmarked(name) {
            module.set_var(name, value.clone());
        }
    }
    module.build_index();
    module.into()
}
