//! Sources: none is saved that does not compile.

use std::sync::Arc;

use picloud_shared::{
    outcome::{Diagnostic, Severity},
    problem::{Code, Problem},
};

use crate::{Manager, http::problem::Answer};

/// Refuses a source with errors; all of them are in `errors`, the first one also beside it.
pub(super) async fn require_valid(manager: &Manager, source: &Arc<str>) -> Answer<()> {
    let diagnostics = manager.workbench().check(Arc::clone(source)).await;
    let errors: Vec<Diagnostic> = diagnostics
        .into_iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .collect();
    let Some(first) = errors.first() else {
        return Ok(());
    };
    let detail = format!("Line {}, column {}: {}", first.line, first.column, first.message);
    let problem = Problem::new(Code::ScriptInvalid, detail)
        .with("line", first.line)
        .with("column", first.column)
        .with("message", first.message.as_str())
        .with("errors", serde_json::to_value(&errors).unwrap_or_default());
    Err(problem.into())
}
