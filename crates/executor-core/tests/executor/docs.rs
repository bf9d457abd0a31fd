//! What the guides show can be saved as it stands.

use std::{fs, path::Path, sync::Arc};

use picloud_executor_core::LocalWorkbench;
use picloud_shared::{
    memory::MemoryBudget,
    modules::Linker,
    outcome::{Diagnostic, Severity},
    script::ScriptName,
    seam::Workbench as _,
};
use tokio::runtime;

/// As many examples there are at least: fewer were not found.
const EXAMPLES_MIN: usize = 20;

/// A script on a page.
struct Example {
    line: usize,
    source: Arc<str>,
}

impl Example {
    /// What the script is called, if its first line says so.
    fn name(&self) -> Option<ScriptName> {
        let (_, rest) = self.source.lines().next()?.split_once("The script `")?;
        rest.split_once('`')?.0.parse().ok()
    }
}

#[test]
fn what_the_guides_show_can_be_saved() {
    let runtime = runtime::Builder::new_current_thread().build().expect("a runtime");
    let bench = LocalWorkbench::start(&MemoryBudget::unbounded(), None, None).expect("threads");
    let (mut examples_seen, mut wrong) = (0, Vec::new());
    for (page, text) in pages() {
        let examples = examples(&text);
        let named = examples
            .iter()
            .filter_map(|example| Some((example.name()?, Arc::clone(&example.source))));
        let app = Linker::new(named);
        for Example { line, source } in &examples {
            examples_seen += 1;
            let modules = app.link_unsaved(source).unwrap_or_default();
            let remarks = runtime.block_on(bench.check(Arc::clone(source), modules.map(Arc::new)));
            let faults = remarks.iter().filter(|remark| is_fault(remark));
            wrong.extend(faults.map(|fault| {
                let line = line + usize::try_from(fault.line).unwrap_or_default();
                format!("{page}:{line}: {}", fault.message)
            }));
        }
    }
    assert!(examples_seen >= EXAMPLES_MIN, "{examples_seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether it could not be saved, or calls what there is not. That a script only has functions is no fault of it.
fn is_fault(remark: &Diagnostic) -> bool {
    remark.severity == Severity::Error || remark.message.contains("there is no function")
}

/// The pages by their names.
fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guides = fs::read_dir(root.join("docs")).expect("a folder");
    let mut files: Vec<_> = guides.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.push(root.join("README.md"));
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).expect("a page");
            (file.display().to_string(), text)
        })
        .collect()
}

/// The blocks of Rhai in a page.
fn examples(page: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut lines = page.lines().zip(1..);
    while let Some((_, line)) = lines.by_ref().find(|(text, _)| *text == "```rhai") {
        let block: Vec<&str> = lines
            .by_ref()
            .map(|(text, _)| text)
            .take_while(|text| *text != "```")
            .collect();
        examples.push(Example {
            line,
            source: block.join("\n").into(),
        });
    }
    examples
}
