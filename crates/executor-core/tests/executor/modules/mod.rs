//! Scripts that import others.

mod names;
mod sharing;

use std::sync::Arc;

use picloud_executor_core::LocalWorkbench;
use picloud_shared::{
    memory::MemoryBudget,
    modules::Linker,
    outcome::{Diagnostic, ScriptError},
    seam::Workbench as _,
};
use tokio::runtime;

use crate::support::run_in;

/// Runs the first of `scripts`, and compares its answer.
#[track_caller]
fn check(scripts: &[(&str, &str)], expected: &str) {
    let outcome = run_in(scripts);
    match outcome.result {
        Ok(response) => assert_eq!(String::from_utf8_lossy(&response.body), expected, "{scripts:#?}"),
        Err(error) => panic!("{scripts:#?}\n{error:#?}"),
    }
}

#[track_caller]
fn error(scripts: &[(&str, &str)]) -> ScriptError {
    match run_in(scripts).result {
        Ok(response) => panic!("{scripts:#?}\n{response:#?}"),
        Err(error) => error,
    }
}

/// What is said about the first of `scripts`.
fn remarks(scripts: &[(&str, &str)]) -> Vec<Diagnostic> {
    let app = Linker::new(
        scripts
            .iter()
            .map(|(name, source)| (name.parse().expect("a name"), (*source).into())),
    );
    let (name, source) = scripts[0];
    let modules = app.link(&name.parse().expect("a name")).unwrap_or_default();
    let runtime = runtime::Builder::new_current_thread().build().expect("a runtime");
    let bench = LocalWorkbench::start(&MemoryBudget::unbounded(), None, None).expect("threads");
    runtime.block_on(bench.check(source.into(), modules.map(Arc::new)))
}

/// The first of `scripts` is refused at this place, in these words.
#[track_caller]
fn refused(scripts: &[(&str, &str)], place: (u32, u32), words: &str) {
    let remarks = remarks(scripts);
    let Some(first) = remarks.first() else {
        panic!("nothing is said of {scripts:#?}");
    };
    assert_eq!((first.line, first.column), place, "{scripts:#?}\n{first:#?}");
    assert!(first.message.contains(words), "{scripts:#?}\n{first:#?}");
}
