//! Checking and trying scripts away from the serving threads.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use picloud_executor_core::LocalWorkbench;
use picloud_shared::{
    memory::MemoryBudget,
    outcome::{Diagnostic, Severity},
    seam::Workbench,
};
use tokio::{runtime, time::timeout};

use crate::support::{LIMITS, invocation, request};

fn on_control_runtime<F: Future>(test: impl FnOnce(Arc<dyn Workbench>) -> F) -> F::Output {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let workbench = LocalWorkbench::start(&MemoryBudget::unbounded(), None, None);
    runtime.block_on(test(Arc::new(workbench.expect("threads"))))
}

#[track_caller]
fn check(source: &str, expected: &[(Severity, u32, u32, u32, &str)]) {
    let remarks: Vec<Diagnostic> =
        on_control_runtime(|bench| async move { bench.check(source.into(), None).await });
    let remarks: Vec<_> = remarks
        .iter()
        .map(|remark| {
            (
                remark.severity,
                remark.line,
                remark.column,
                remark.end_column,
                remark.message.as_str(),
            )
        })
        .collect();
    assert_eq!(remarks, expected, "{source}");
}

#[test]
fn sources_are_checked() {
    check("\"Hello, \" + (request.query.name ?? \"World\")", &[]);
    check("let f = |x| x + 1; let m = #{act: f}; m.act(1); f.call(1)", &[]);
    check(
        "let x = 1;\nlet total = ;",
        &[(Severity::Error, 2, 13, 14, "`;` cannot stand here")],
    );
    check(
        "  unknown_name",
        &[(
            Severity::Error,
            1,
            3,
            15,
            "there is no variable `unknown_name` here",
        )],
    );
    check(
        "lenn(\"x\"); log::inof(1)",
        &[
            (
                Severity::Warning,
                1,
                1,
                5,
                "there is no function `lenn`; did you mean `len`?",
            ),
            (
                Severity::Warning,
                1,
                17,
                21,
                "there is no function `log::inof`; did you mean `log::info`?",
            ),
        ],
    );
}

#[test]
fn a_script_that_does_nothing_is_remarked_on() {
    let empty = "the script is empty, so it answers 204 without a body";
    check("", &[(Severity::Warning, 1, 1, 2, empty)]);
    check("// later\n", &[(Severity::Warning, 1, 1, 2, empty)]);
    let uncalled = "the script has functions but runs none of them, so it answers 204 without a body; call one at \
                    the end, or name one `handle`: fn handle(request) { .. }; a script that is only imported needs \
                    neither";
    check(
        "\n  fn greet(name) { name }",
        &[(Severity::Warning, 2, 3, 5, uncalled)],
    );
    check("fn greet(name) { name } greet(1)", &[]);
    check("fn handle(request) { 1 }", &[]);
}

#[test]
fn a_source_over_the_bound_is_not_parsed() {
    let source = "x".repeat(300_000);
    check(
        &source,
        &[(
            Severity::Error,
            1,
            1,
            300_001,
            "the source has 300000 bytes, and may have 262144",
        )],
    );
}

#[test]
fn scripts_are_tried() {
    on_control_runtime(|bench| async move {
        let outcome = bench
            .run(invocation("log::info(\"x\"); request.method", LIMITS, request()))
            .await;
        assert_eq!(outcome.result.expect("ok").body, "GET");
        assert_eq!(outcome.logs.len(), 1);
        let outcome = bench.run(invocation("loop {}", LIMITS, request())).await;
        assert!(outcome.result.is_err());
    });
}

#[test]
fn a_caller_that_leaves_ends_its_run() {
    on_control_runtime(|bench| async move {
        let slow = bench.run(invocation("sleep(3600)", LIMITS, request()));
        assert!(timeout(Duration::from_millis(20), slow).await.is_err());
        let start = Instant::now();
        assert!(bench.run(invocation("1", LIMITS, request())).await.result.is_ok());
        assert!(start.elapsed() < Duration::from_secs(2));
    });
}
