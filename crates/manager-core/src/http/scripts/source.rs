//! Sources: none is saved that does not compile, with all that it imports and for all that import it.

use std::sync::Arc;

use picloud_shared::{
    id::{AppId, ScriptId},
    modules::{LinkFault, Linker, MODULES_BYTES_MAX, Modules, imports},
    outcome::{Diagnostic, Severity},
    problem::{Code, Problem},
    release::LiveRelease,
    repository::Checked,
    script::ScriptName,
};
use serde::Serialize;

use crate::{
    Manager,
    http::problem::{Answer, not_found, problem, sentence},
};

/// What an importer is told that would not work any more.
const BREAKS: &str = "Change both at once with a bundle, or keep what it uses until it does not.";

/// The scripts that are live in an app.
pub(crate) async fn live_scripts(manager: &Manager, app: AppId) -> Answer<Linker> {
    let release = manager.repository().live_release(app).await?;
    Ok(release.as_ref().map_or_else(|| Linker::new([]), linker))
}

fn linker(release: &LiveRelease) -> Linker {
    let scripts = release.scripts.iter();
    Linker::new(scripts.map(|script| (script.name.clone(), Arc::clone(&script.source))))
}

/// Which script is to have a source.
#[derive(Clone, Copy)]
pub(super) enum Target<'n> {
    /// One that is made, with this name.
    New(&'n ScriptName),
    /// One that is there, and keeps its name unless it gets this one.
    Existing(ScriptId, Option<&'n ScriptName>),
}

/// Refuses a source with errors; all of them are in `errors`, the first one also beside it. Scripts that import it have
/// to work with it too. Gives what it was checked with, unless that cannot matter.
pub(super) async fn require_valid(
    manager: &Manager,
    app: AppId,
    target: Target<'_>,
    source: &Arc<str>,
) -> Answer<Option<Checked>> {
    if let Target::New(name) = target
        && imports(source).is_empty()
    {
        let alone = Linker::new([(name.clone(), Arc::clone(source))]);
        require_no_errors(manager, &alone, name).await?;
        return Ok(None);
    }
    let release = manager.repository().live_release(app).await?;
    let release = release.ok_or_else(|| not_found("app"))?;
    let mut scripts = linker(&release);
    let name = match target {
        Target::New(name) => name,
        Target::Existing(id, new_name) => {
            let found = release.scripts.iter().find(|script| script.script_id == id);
            let before = &found.ok_or_else(|| not_found("script"))?.name;
            scripts.remove(before);
            new_name.unwrap_or(before)
        }
    };
    scripts.put(name.clone(), Arc::clone(source));
    require_no_errors(manager, &scripts, name).await?;
    let dependents: Vec<_> = scripts.dependents(name).into_iter().cloned().collect();
    require_all_valid(manager, &scripts, &dependents).await?;
    let around = scripts.around(name);
    Ok(Some(Checked {
        release: release.number,
        around: around.map_err(|fault| problem(Code::ScriptInvalid, sentence(&fault)))?,
    }))
}

async fn require_no_errors(manager: &Manager, scripts: &Linker, name: &ScriptName) -> Answer<()> {
    let errors = errors(remarks_on(manager, scripts, name).await);
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
pub(crate) async fn require_all_valid(
    manager: &Manager,
    scripts: &Linker,
    names: &[ScriptName],
) -> Answer<()> {
    let mut all = Vec::new();
    for script in names {
        let errors = errors(remarks_on(manager, scripts, script).await);
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
    script: &'s ScriptName,
    #[serde(flatten)]
    error: Diagnostic,
}

fn errors(remarks: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
    remarks.into_iter().filter(is_error).collect()
}

/// Everything that is to be said about the script `name`.
pub(super) async fn remarks_on(manager: &Manager, scripts: &Linker, name: &ScriptName) -> Vec<Diagnostic> {
    let Some(source) = scripts.source(name) else {
        return Vec::new();
    };
    remarks(manager, source, scripts.link(name)).await
}

/// Everything that is to be said about a source that imports this.
pub(super) async fn remarks(
    manager: &Manager,
    source: &Arc<str>,
    modules: Result<Option<Modules>, LinkFault>,
) -> Vec<Diagnostic> {
    let modules = match modules {
        Ok(modules) => modules,
        Err(fault) => return vec![at_import(source, &fault)],
    };
    let in_order = modules.iter().flat_map(|modules| &modules.in_order);
    let bytes: usize = in_order.map(|module| module.source.len()).sum();
    if bytes > MODULES_BYTES_MAX {
        let message = format!(
            "the scripts that are imported have {bytes} bytes together, those that they import included, and may have \
             {MODULES_BYTES_MAX}"
        );
        return vec![at(source, &[], message)];
    }
    manager
        .workbench()
        .check(Arc::clone(source), modules.map(Arc::new))
        .await
}

/// What is wrong with imports, at the one that leads there.
pub(super) fn at_import(source: &str, fault: &LinkFault) -> Diagnostic {
    let names = match fault {
        LinkFault::Cycle { path } => path.as_slice(),
        LinkFault::Unknown { name, .. } => std::slice::from_ref(name),
        LinkFault::TooDeep | LinkFault::TooMany => &[],
    };
    at(source, names, fault.to_string())
}

/// An error at the first import of one of these, or at the first import.
fn at(source: &str, names: &[String], message: String) -> Diagnostic {
    let imports = imports(source);
    let found = imports.iter().find(|import| names.contains(&import.name));
    let (line, column, length) = found.or(imports.first()).map_or((1, 1, 1), |import| {
        (import.line, import.column, import.name.len() + 2)
    });
    Diagnostic {
        severity: Severity::Error,
        message,
        line,
        column,
        end_line: line,
        end_column: column + u32::try_from(length).unwrap_or(1),
    }
}

/// What is to be said about scripts that import `name`: those that would not work with it.
pub(super) async fn broken_importers(
    manager: &Manager,
    scripts: &Linker,
    name: &ScriptName,
) -> Vec<Diagnostic> {
    let mut broken = Vec::new();
    for importer in scripts.dependents(name) {
        let Some(first) = errors(remarks_on(manager, scripts, importer).await)
            .into_iter()
            .next()
        else {
            continue;
        };
        broken.push(Diagnostic {
            severity: Severity::Error,
            message: format!(
                "`{importer}` imports this script, and would not work any more, because of its line {}: {}. {BREAKS}",
                first.line, first.message
            ),
            line: 1,
            column: 1,
            end_line: 1,
            end_column: 2,
        });
    }
    broken
}
