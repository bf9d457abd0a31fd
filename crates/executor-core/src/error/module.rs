//! Modules that cannot be imported.

use std::sync::Arc;

use picloud_shared::{
    modules::{Module, Modules, imports},
    outcome::{Diagnostic, ScriptError, Severity},
    script::ScriptName,
};

use super::{compile_error, diagnostic::word_length};

/// What is wrong with a module.
pub(crate) struct ModuleFault {
    name: ScriptName,
    source: Arc<str>,
    fault: Diagnostic,
}

impl ModuleFault {
    /// `fault` was found in `module`.
    pub(crate) fn new(module: &Module, fault: Diagnostic) -> Self {
        Self {
            name: module.name.clone(),
            source: Arc::clone(&module.source),
            fault,
        }
    }

    /// For a run that cannot begin because of it.
    pub(crate) fn into_error(self) -> ScriptError {
        ScriptError {
            script: Some(self.name.as_str().to_owned()),
            ..compile_error(&self.source, self.fault)
        }
    }

    /// For the author of a script with this source, which imports these modules: at the import that leads there.
    pub(crate) fn seen_from(&self, source: &str, modules: Option<&Modules>) -> Diagnostic {
        let mut leading = vec![self.name.as_str().to_owned()];
        // Each module comes after those that it imports.
        for module in modules.into_iter().flat_map(|modules| &modules.in_order) {
            if imports(&module.source)
                .iter()
                .any(|import| leading.contains(&import.name))
            {
                leading.push(module.name.as_str().to_owned());
            }
        }
        let place = imports(source)
            .into_iter()
            .find(|import| leading.contains(&import.name));
        let (line, column) = place.map_or((1, 1), |import| (import.line, import.column));
        let Diagnostic {
            line: there, message, ..
        } = &self.fault;
        Diagnostic {
            severity: Severity::Error,
            message: format!(
                "`{}` cannot be imported, because of its line {there}: {message}",
                self.name
            ),
            line,
            column,
            end_line: line,
            end_column: column + word_length(source, line, column),
        }
    }
}
