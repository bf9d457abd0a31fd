//! How every Rhai engine of PiCloud is built.

use std::cell::{Cell, OnceCell};

use rhai::{
    Dynamic, Engine, LexError, Module, OptimizationLevel, Shared, Token,
    packages::{Package, StandardPackage},
};

use picloud_shared::modules::MODULES_MAX;

use crate::{
    api, coroutine::with_current, declared::DECLARATIONS_MAX, gate, modules, natives, request, response,
    services, steps,
};

/// How deep expressions and blocks may be nested, in a script and in a function.
const NESTING_MAX: usize = 128;

/// How many functions a script may define.
const FUNCTIONS_MAX: usize = 1_000;

/// How many variables may be in scope at one time.
const VARIABLES_MAX: usize = 1_000;

thread_local! {
    /// Rhai's own functions. Building them costs 140 µs, sharing them nothing.
    static STANDARD: OnceCell<StandardPackage> = const { OnceCell::new() };

    /// What the host adds to them: one module, because Rhai looks through all of them for every function that
    /// it meets first in a run.
    static HOST: OnceCell<Shared<Module>> = const { OnceCell::new() };

    static LOG: OnceCell<Shared<Module>> = const { OnceCell::new() };
}

/// An engine with the whole script API and all bounds, and nothing that reaches out of the sandbox, for
/// scripts that may call `call_depth_max` functions deep. Rhai's own bounds on operations and sizes stay
/// unset: the guard has better ones.
pub(crate) fn build(call_depth_max: u32) -> Engine {
    let mut engine = Engine::new_raw();
    STANDARD.with(|package| {
        package
            .get_or_init(StandardPackage::new)
            .register_into_engine(&mut engine);
    });
    name_types(&mut engine);
    engine.register_global_module(HOST.with(|module| Shared::clone(module.get_or_init(host))));
    engine.register_static_module("log", LOG.with(|module| Shared::clone(module.get_or_init(log))));
    api::register(&mut engine);

    engine
        .set_max_call_levels(usize::try_from(call_depth_max).unwrap_or(usize::MAX))
        .set_max_expr_depths(NESTING_MAX, NESTING_MAX)
        .set_max_functions(FUNCTIONS_MAX)
        .set_max_variables(VARIABLES_MAX)
        .set_max_modules(MODULES_MAX)
        // An engine serves scripts of many apps: none is handed a string that another one made. (Measured,
        // keeping strings to hand them out again gains nothing.)
        .set_max_strings_interned(0)
        .set_strict_variables(true)
        // The full level would call functions with constant arguments while it compiles.
        .set_optimization_level(OptimizationLevel::Simple)
        .disable_symbol("eval");
    modules::resolve_in_run(&mut engine);
    engine.on_progress(|_| if steps::take(1) { None } else { asked() });
    watch_parser(&mut engine);
    engine
}

/// An engine that only compiles, and leaves a source as it is.
pub(crate) fn build_without_optimizer() -> Engine {
    let mut engine = build(0);
    engine.set_optimization_level(OptimizationLevel::None);
    engine
}

/// Asks the guard whether the run goes on; the answer is as Rhai takes it.
#[cold]
#[inline(never)]
fn asked() -> Option<Dynamic> {
    gate::step().err().map(|_| Dynamic::UNIT)
}

/// Gives Rhai's own types the names that they have anyway. For every call of a method Rhai looks through all modules
/// for the name of the object's type, and ends at the first that knows it: this makes it the first of them.
fn name_types(engine: &mut Engine) {
    for name in ["Fn", "array", "blob", "char", "f64", "i64", "map", "string"] {
        engine.register_type_with_name_raw(name, name);
    }
}

fn host() -> Shared<Module> {
    let mut host = response::module();
    let of_types = request::modules().into_iter().chain([services::http_methods()]);
    for module in natives::globals().into_iter().chain(of_types) {
        host.combine(module);
    }
    request::register_types(&mut host);
    response::register_types(&mut host);
    services::register_http_types(&mut host);
    host.build_index();
    host.into()
}

fn log() -> Shared<Module> {
    let mut log = natives::log_module();
    log.build_index();
    log.into()
}

/// Makes every token a step, so that compiling is guarded as running is; and lets a module have a function
/// called `debug` or `call`, words that Rhai keeps for its own everywhere.
#[expect(
    deprecated,
    reason = "Rhai marks this hook so to say that it may change; the version is pinned"
)]
fn watch_parser(engine: &mut Engine) {
    let in_module = Cell::new(false);
    engine.on_parse_token(move |token, _, _| {
        if gate::step().is_err() {
            return Token::LexError(Box::new(LexError::Runtime(String::new())));
        }
        if with_current(|run| run.is_some_and(|run| run.declared.is_exceeded_by(&token))) {
            let message = format!(
                "the script declares more than {DECLARATIONS_MAX} variables and parameters; split it up"
            );
            return Token::LexError(Box::new(LexError::Runtime(message)));
        }
        let token = with_current(|run| {
            let renaming = run.map(|run| run.renaming.borrow());
            match renaming.as_deref() {
                Some(Some(renaming)) => renaming.rename(token),
                _ => token,
            }
        });
        match token {
            Token::Reserved(word) if in_module.get() && matches!(word.as_str(), "debug" | "call") => {
                Token::Identifier(word)
            }
            other => {
                in_module.set(other == Token::DoubleColon);
                other
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does not compile if `Engine` is `Send`, which it is with Rhai's `sync` feature: then two candidates
    /// for `_` apply.
    #[test]
    fn engines_stay_on_their_thread() {
        trait AmbiguousIfSend<T> {
            fn check() {}
        }
        impl<T: ?Sized> AmbiguousIfSend<()> for T {}
        impl<T: ?Sized + Send> AmbiguousIfSend<u8> for T {}
        <Engine as AmbiguousIfSend<_>>::check();
    }

    /// With Rhai's `unchecked` feature there is no `on_progress`, and this crate does not compile; this test
    /// says why, and that the hook works.
    #[test]
    fn every_step_is_reported() {
        let steps = std::rc::Rc::new(std::cell::Cell::new(0_u64));
        let mut engine = build(64);
        let counter = std::rc::Rc::clone(&steps);
        engine.on_progress(move |_| {
            counter.set(counter.get() + 1);
            None
        });
        engine.run("let sum = 0; for i in 0..100 { sum += i }").unwrap();
        let plain = steps.replace(0);
        assert!(plain >= 100, "{plain} steps");
        engine
            .run("let sum = 0; [0].for_each(|x| for i in 0..100 { x += i })")
            .unwrap();
        assert!(steps.get() >= 100, "{} steps", steps.get());
    }

    #[test]
    fn nothing_reaches_out_of_the_sandbox() {
        let engine = build(64);
        for source in ["eval(\"1\")", "import \"x\" as x;"] {
            assert!(engine.run(source).is_err(), "{source}");
        }
    }
}
