//! Sources: checked, run, run again.

use std::{cell::LazyCell, sync::Arc};

use bytes::Bytes;
use picloud_executor_core::{LocalWorkbench, bytes_held};
use picloud_shared::{
    limits::SOURCE_BYTES_MAX,
    memory::MemoryBudget,
    outcome::{Diagnostic, Outcome, ScriptErrorKind, Severity},
    seam::Workbench as _,
};

use crate::run::{request, run, runtime};

/// What a script may have in it and then not do the same in every run.
const CHANGING: [&str; 6] = ["random", "uuid", "now", "timestamp", "elapsed", "sleep"];

/// Why a source does not compile that takes more time than there is for it.
const SLOW: &str = "the script takes too long to compile; split it up";

/// Checks and runs a source.
pub fn script(data: &[u8]) {
    if let Ok(source) = std::str::from_utf8(data) {
        judge(source);
    }
}

/// Checks `source`, and runs it twice: within its limits, with the same end, and without anything left of it.
pub(crate) fn judge(source: &str) {
    let fault = check(source);
    let first = run(source, request(body()));
    let refusal = match &first.result {
        Err(error) if error.kind == ScriptErrorKind::Compile => Some(error.message.clone()),
        _ => None,
    };
    if [&fault, &refusal].iter().any(|why| why.as_deref() == Some(SLOW)) {
        // On a busy machine one of the two may have been in time.
        return;
    }
    assert_eq!(
        fault.is_none(),
        refusal.is_none(),
        "the check and the run disagree: {first:?}"
    );
    if fault.is_some() {
        return;
    }
    let (first_kind, first_usage) = (kind(&first), first.usage);
    drop(first);

    let held = bytes_held();
    let second = run(source, request(body()));
    if is_repeatable(source) && !is_about_the_machine(first_kind) && !is_about_the_machine(kind(&second)) {
        assert_eq!(
            first_kind,
            kind(&second),
            "it ends another way when it runs again"
        );
        assert_eq!(
            first_usage.operations, second.usage.operations,
            "it takes another number of operations when it runs again"
        );
    }
    drop(second);
    // Patterns stay with the thread, together with what their engines remember of texts.
    if !source.contains("regex") {
        let left = bytes_held() - held;
        assert!(left <= 0, "{left} bytes are left of a run");
    }
}

fn body() -> Bytes {
    Bytes::from_static(br#"{"name": "Ada", "tags": ["a", 1, 2.5, null, true], "deep": {"er": {}}}"#)
}

/// Why the source does not compile, if it does not.
fn check(source: &str) -> Option<String> {
    thread_local! {
        static WORKBENCH: LazyCell<LocalWorkbench> = const {
            LazyCell::new(|| LocalWorkbench::start(&MemoryBudget::unbounded(), None, None).expect("threads"))
        };
    }
    let workbench = WORKBENCH.with(|workbench| LocalWorkbench::clone(workbench));
    let remarks = runtime().block_on(workbench.check(Arc::from(source), None));
    // Rhai ends a comment at a lone carriage return too, and counts a line there.
    let lines = source.split(['\n', '\r']).count();
    for remark in &remarks {
        assert!(
            is_in_place(remark, lines),
            "{remark:?} in a source of {lines} lines"
        );
        assert_ne!(remark.message, "the compiler failed on this script");
    }
    let fault = remarks
        .into_iter()
        .find(|remark| remark.severity == Severity::Error);
    assert!(fault.is_some() || source.len() <= SOURCE_BYTES_MAX);
    fault.map(|fault| fault.message)
}

fn is_in_place(remark: &Diagnostic, lines: usize) -> bool {
    let begins_before_it_ends = (remark.line, remark.column) <= (remark.end_line, remark.end_column);
    remark.line >= 1 && remark.column >= 1 && remark.line as usize <= lines && begins_before_it_ends
}

fn kind(outcome: &Outcome) -> Option<ScriptErrorKind> {
    outcome.result.as_ref().err().map(|error| error.kind)
}

fn is_repeatable(source: &str) -> bool {
    !CHANGING.iter().any(|word| source.contains(word))
}

/// Whether it ended for a reason that depends on how fast the machine is, or on what its thread keeps from other
/// runs, such as compiled patterns.
fn is_about_the_machine(kind: Option<ScriptErrorKind>) -> bool {
    kind.is_some_and(|kind| kind.is_timeout() || kind == ScriptErrorKind::Memory)
}
