//! How a script runs together with what it imports.

use std::collections::BTreeMap;

use rhai::{
    AST, Caches, Dynamic, Engine, EvalAltResult, EvalContext, GlobalRuntimeState, Locked, Module, Scope,
    Shared,
};

use super::style::HANDLER;
use crate::modules::ModuleSet;

/// What a script begins with that imports what is in `modules`: the functions, constants and imports of all of them. Their
/// names have marks, so that none is taken for another. One that is run has no `name`; those that it imports have.
pub(super) fn global_state(
    engine: &Engine,
    ast: &AST,
    name: Option<&str>,
    modules: &ModuleSet,
) -> GlobalRuntimeState {
    let mut global = engine.new_global_runtime_state();
    global.source = name.map(Into::into);
    // Rhai calls a closure that it finds in the first place without noting whose it is; so nothing is there.
    global.lib.push(Module::new().into());
    let mut constants = BTreeMap::new();
    for module in modules.iter() {
        global.lib.push(module.ast.shared_lib().clone());
        constants.extend(module.constants.iter().cloned());
        for (alias, name) in &module.imports {
            if let Some(imported) = modules.find(name) {
                global.push_import(alias.clone(), imported.exported.clone());
            }
        }
    }
    if !constants.is_empty() {
        global.constants = Some(Shared::new(Locked::new(constants)));
    }
    global.lib.push(ast.shared_lib().clone());
    global
}

/// Runs the top level of a script.
#[expect(
    deprecated,
    reason = "Rhai marks this so to say that it may change; the version is pinned"
)]
pub(super) fn evaluate(
    engine: &Engine,
    global: &mut GlobalRuntimeState,
    caches: &mut Caches,
    scope: &mut Scope<'static>,
    ast: &AST,
) -> Result<Dynamic, Box<EvalAltResult>> {
    engine.eval_statements_raw(global, caches, scope, ast.statements())
}

/// Runs the top level of a script, and then its handler with `request`.
pub(super) fn handle(
    engine: &Engine,
    global: &mut GlobalRuntimeState,
    scope: &mut Scope<'static>,
    ast: &AST,
    request: Dynamic,
) -> Result<Dynamic, Box<EvalAltResult>> {
    let caches = &mut Caches::new();
    drop(evaluate(engine, global, caches, scope, ast)?);
    let mut request = request;
    EvalContext::new(engine, global, caches, scope, None).call_fn_raw(
        HANDLER,
        false,
        false,
        &mut [&mut request],
    )
}
