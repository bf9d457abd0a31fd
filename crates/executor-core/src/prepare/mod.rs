//! From a source to a script that can run.
//!
//! This is the one place that knows how scripts are represented. Another compiler can take the place of Rhai's
//! tree walker behind [`prepare`] and [`Prepared::run`].

mod apart;
mod imports;
mod linked;
mod lint;
mod module;
mod named;
mod own_names;
mod returned;
mod style;
mod uses;

use picloud_shared::{
    limits::SOURCE_BYTES_MAX,
    outcome::{Diagnostic, Severity},
};
use rhai::{AST, Caches, CallFnOptions, Dynamic, Engine, EvalAltResult, Position, Scope};

pub(crate) use self::{
    imports::{Import, imports},
    lint::lint,
    module::prepare_module,
    own_names::{OwnNames, Renaming, without_marks},
    style::HANDLER,
};
use self::{returned::Returned, style::Style};
use crate::{
    allocator,
    captured::{self, CapturedNames},
    coroutine::with_current,
    engine,
    error::{diagnostic, parse_diagnostic},
    modules::ModuleSet,
    request::Request,
};

/// The name under which a bare script sees its request.
const REQUEST: &str = "request";

/// Statements of a source that is optimized, arms of a `switch` among them. Rhai takes out those without effect one
/// by one, which takes time that grows with the square of their number, and asks nobody meanwhile.
const STATEMENTS_OPTIMIZED_MAX: usize = 8_192;

/// A script that can run, on any engine of its thread.
pub(crate) struct Prepared {
    ast: AST,
    style: Style,
    /// Whether the script may look at its request at all.
    reads_request: bool,
    /// Whether it may call other scripts at all.
    calls_scripts: bool,
    captured: CapturedNames,
    /// The variable of a bare script whose value is the answer.
    returned: Option<Returned>,
    modules: ModuleSet,
    bytes: usize,
}

/// Compiles `source`, which imports what is in `modules`. To be called in a run of its own, within
/// [`Bounds::COMPILE`](crate::bounds::Bounds).
pub(crate) fn prepare(engine: &Engine, source: &str, modules: ModuleSet) -> Result<Prepared, Diagnostic> {
    let held_before = allocator::bytes();
    let ast = compile(engine, source, &modules)?;
    let style = style::of(&ast, source)?;
    let (mut ast, modules) = apart::set_apart(engine, ast, source, modules);
    let returned = match style {
        Style::Bare => Returned::replace(&mut ast),
        Style::Handler => None,
    };
    let captured = modules.captured_with(captured::names_in(&ast));
    Ok(Prepared {
        ast,
        style,
        reads_request: may_read_request(source),
        calls_scripts: may_call_scripts(source)
            || modules.iter().any(|module| may_call_scripts(&module.source)),
        captured,
        returned,
        modules,
        bytes: usize::try_from(allocator::bytes() - held_before).unwrap_or(0) + size_of::<Prepared>(),
    })
}

/// Has Rhai compile `source`, and looks at what it imports.
fn compile(engine: &Engine, source: &str, modules: &ModuleSet) -> Result<AST, Diagnostic> {
    if source.len() > SOURCE_BYTES_MAX {
        let message = format!(
            "the source has {} bytes, and may have {SOURCE_BYTES_MAX}",
            source.len()
        );
        return Err(diagnostic(source, Position::START, Severity::Error, &message));
    }
    with_current(|run| {
        if let Some(run) = run {
            run.declared.begin();
        }
    });
    let plain;
    let compiler = if statements(source) > STATEMENTS_OPTIMIZED_MAX {
        plain = engine::build_without_optimizer();
        &plain
    } else {
        engine
    };
    let mut scope = Scope::new();
    scope.push(REQUEST, ());
    let ast = compiler.compile_with_scope(&scope, source).map_err(|error| {
        match with_current(|run| run.and_then(|run| run.guard.verdict())) {
            Some(verdict) => diagnostic(
                source,
                error.position(),
                Severity::Error,
                verdict.compile_message(),
            ),
            None => parse_diagnostic(engine, source, &error),
        }
    })?;
    imports::check(engine, &ast, source)?;
    imports::check_found(&ast, source, |name| modules.find(name).is_some())?;
    Ok(ast)
}

/// At least as many statements as `source` has.
fn statements(source: &str) -> usize {
    source.matches([';', '}']).count() + source.matches("=>").count()
}

impl Prepared {
    /// Runs the script to its end in the current run. `scope` is empty, and is left as it comes.
    pub(crate) fn run(
        &self,
        engine: &Engine,
        scope: &mut Scope<'static>,
        request: Request,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        match self.style {
            Style::Bare => {
                if self.reads_request {
                    scope.push(REQUEST, request);
                }
                let result = if self.modules.is_empty() {
                    engine.eval_ast_with_scope(scope, &self.ast)?
                } else {
                    let mut global = linked::global_state(engine, &self.ast, None, &self.modules);
                    linked::evaluate(engine, &mut global, &mut Caches::new(), scope, &self.ast)?
                };
                Ok(match &self.returned {
                    Some(returned) => returned.take(scope, result),
                    None => result,
                })
            }
            Style::Handler if !self.modules.is_empty() => {
                let mut global = linked::global_state(engine, &self.ast, None, &self.modules);
                linked::handle(engine, &mut global, scope, &self.ast, Dynamic::from(request))
            }
            Style::Handler => {
                let options = CallFnOptions::new();
                engine.call_fn_with_options(options, scope, &self.ast, HANDLER, (request,))
            }
        }
    }

    /// Where its answer is made, as far as that is certain.
    pub(crate) fn place_of_answer(&self, source: &str) -> Position {
        style::place_of_answer(&self.ast, self.style, source)
    }

    /// The variables that closures capture, in it and in what it imports.
    pub(crate) fn captured(&self) -> &CapturedNames {
        &self.captured
    }

    /// Whether it may call other scripts.
    #[inline]
    pub(crate) fn calls_scripts(&self) -> bool {
        self.calls_scripts
    }

    /// What it imports.
    pub(crate) fn modules(&self) -> &ModuleSet {
        &self.modules
    }

    /// Whether it has a function that handles requests.
    pub(crate) fn has_handler(&self) -> bool {
        self.style == Style::Handler
    }

    /// The script as Rhai has it.
    pub(crate) fn ast(&self) -> &AST {
        &self.ast
    }

    /// Memory that it takes, without what it imports.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Whether a bare script may look at its request. One that never names it cannot, but for asking whether there is a
/// variable of a name that it puts together.
fn may_read_request(source: &str) -> bool {
    source.contains(REQUEST) || source.contains("is_def_var")
}

/// Whether a source may call other scripts. One that never names their module cannot.
fn may_call_scripts(source: &str) -> bool {
    source.contains("script")
}

/// A source on which the compiler itself failed.
pub(crate) fn compiler_panicked(source: &str) -> Diagnostic {
    diagnostic(
        source,
        Position::START,
        Severity::Error,
        "the compiler failed on this script",
    )
}

/// A source that could not be looked at.
pub(crate) fn no_memory() -> Diagnostic {
    diagnostic(
        "",
        Position::START,
        Severity::Error,
        "there is no memory to compile in",
    )
}
