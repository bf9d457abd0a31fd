//! What scripts import, prepared; and how Rhai gets it while they run.

use std::{borrow::Cow, rc::Rc, sync::Arc};

use picloud_shared::script::{ContentHash, ScriptName};
use rhai::{AST, Dynamic, Engine, EvalAltResult, ImmutableString, Module, ModuleResolver, Position, Shared};

use crate::{
    captured::{CapturedNames, joined},
    coroutine::with_current,
    prepare::{OwnNames, without_marks},
};

/// A script that others import.
pub(crate) struct PreparedModule {
    /// The name by which it is imported.
    pub(crate) name: ScriptName,
    /// Names its source, and all that it imports.
    pub(crate) hash: ContentHash,
    /// Its source.
    pub(crate) source: Arc<str>,
    /// The names of its own.
    pub(crate) own: OwnNames,
    /// The script as Rhai has it, with marks at the names of its own.
    pub(crate) ast: AST,
    /// What it gives to those that import it.
    pub(crate) exported: Shared<Module>,
    /// The constants that its functions use, by their names with marks.
    pub(crate) constants: Vec<(ImmutableString, Dynamic)>,
    /// What it calls what it imports, with marks; and what that is.
    pub(crate) imports: Vec<(ImmutableString, String)>,
    /// The variables that its closures capture.
    pub(crate) captured: CapturedNames,
    /// Memory that it takes.
    pub(crate) bytes: usize,
}

/// All that a script imports, directly or by way of others.
#[derive(Clone, Default)]
pub(crate) struct ModuleSet {
    modules: Option<Rc<[Rc<PreparedModule>]>>,
    /// The names of the script itself that have marks, if any have.
    importer: Option<Rc<OwnNames>>,
}

impl ModuleSet {
    /// Those.
    pub(crate) fn new(modules: Vec<Rc<PreparedModule>>) -> Self {
        Self {
            modules: (!modules.is_empty()).then(|| modules.into()),
            importer: None,
        }
    }

    /// The same for a script in which these names have marks.
    pub(crate) fn imported_by(self, own: OwnNames) -> Self {
        Self {
            importer: Some(Rc::new(own)),
            ..self
        }
    }

    /// Whether nothing is imported.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.modules.is_none()
    }

    /// Each one once.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rc<PreparedModule>> {
        self.modules.iter().flat_map(|modules| modules.iter())
    }

    /// The one with this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Rc<PreparedModule>> {
        self.iter().find(|module| module.name.as_str() == name)
    }

    /// `text` without the marks of names: those of these modules, and of the script itself.
    pub(crate) fn without_marks<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let modules = self.iter().map(|module| &module.own);
        let marks: Vec<_> = modules
            .chain(self.importer.as_deref())
            .map(OwnNames::mark)
            .collect();
        without_marks(text, &marks)
    }

    /// The variables that closures capture in a script with these of its own, or in anything that it imports.
    pub(crate) fn captured_with(&self, own: CapturedNames) -> CapturedNames {
        if self.iter().all(|module| module.captured.is_empty()) {
            return own;
        }
        joined(self.iter().map(|module| &module.captured).chain([&own]))
    }
}

/// Has `engine` give to imports what the run at hand was prepared with.
pub(crate) fn resolve_in_run(engine: &mut Engine) {
    engine.set_module_resolver(OfRun);
}

/// What Rhai calls the function `name` of `script`, one that the script at hand imports; without one, of that itself.
pub(crate) fn function_in<'n>(script: Option<&str>, name: &'n str) -> Cow<'n, str> {
    let marked = with_current(|run| {
        let modules = run?.modules.borrow();
        match script {
            Some(script) => modules.find(script)?.own.find(name),
            None => modules.importer.as_ref()?.find(name),
        }
    });
    marked.map_or(Cow::Borrowed(name), Cow::Owned)
}

/// `text` without the marks of names in the run at hand.
pub(crate) fn without_marks_of_run(text: &str) -> Cow<'_, str> {
    with_current(|run| match run {
        Some(run) => run.modules.borrow().without_marks(text),
        None => Cow::Borrowed(text),
    })
}

struct OfRun;

impl ModuleResolver for OfRun {
    fn resolve(
        &self,
        _: &Engine,
        _: Option<&str>,
        name: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        with_current(|run| {
            let modules = run.map(|run| run.modules.borrow());
            let found = modules.as_ref().and_then(|modules| modules.find(name));
            found.map(|module| Shared::clone(&module.exported))
        })
        .ok_or_else(|| EvalAltResult::ErrorModuleNotFound(name.to_owned(), position).into())
    }
}
