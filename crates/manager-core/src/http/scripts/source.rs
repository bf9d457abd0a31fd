//! Sources: none is saved that does not compile.

use std::sync::Arc;

use picloud_shared::{
    outcome::{Diagnostic, Severity},
    problem::{Code, Problem},
};
use serde::Serialize;

use crate::{Manager, http::problem::Answer};

/// Sources, each with the name of its script.
pub(crate) type Sources = Vec<(String, Arc<str>)>;

/// Refuses a source with errors; all of them are in `errors`, the first one also beside it.
pub(super) async fn require_valid(manager: &Manager, source: &Arc<str>) -> Answer<()> {
    let errors = errors(manager, source).await;
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

/// Refuses sources with errors; all of them are in `errors`, each with its `script`, the first one also beside it.
pub(crate) async fn require_all_valid(manager: &Manager, sources: &Sources) -> Answer<()> {
    let mut all = Vec::new();
    for (script, source) in sources {
        let errors = errors(manager, source).await;
        all.extend(errors.into_iter().map(|error| ScriptError { script, error }));
    }
    let Some(ScriptError { script, error }) = all.first() else {
        return Ok(());
    };
    let detail = format!(
        "Script `{script}`, line {}, column {}: {}",
        error.line, error.column, error.message
    );
    let problem = Problem::new(Code::ScriptInvalid, detail)
        .with("script", script.as_str())
        .with("line", error.line)
        .with("column", error.column)
        .with("message", error.message.as_str())
        .with("errors", serde_json::to_value(&all).unwrap_or_default());
    Err(problem.into())
}

#[derive(Serialize)]
struct ScriptError<'s> {
    script: &'s String,
    #[serde(flatten)]
    error: Diagnostic,
}

async fn errors(manager: &Manager, source: &Arc<str>) -> Vec<Diagnostic> {
    let diagnostics = manager.workbench().check(Arc::clone(source)).await;
    let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
    diagnostics.into_iter().filter(is_error).collect()
}
