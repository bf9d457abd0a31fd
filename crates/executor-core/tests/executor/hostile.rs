//! Sources and data made to break the executor. Each ends in a documented error; none ends the process.

use std::time::Instant;

use picloud_shared::{
    limits::{Limits, SOURCE_BYTES_MAX},
    outcome::ScriptErrorKind,
};

use crate::support::{LIMITS, request, run, run_with};

/// Data nested as deep as `DEPTH` says: arrays, maps, curried functions and captured variables; and how deep
/// each is nested in a test, since Rhai walks over all of an array or map when it is assigned.
const NESTED: [(&str, u32); 4] = [
    ("let d = 0; for i in 0..DEPTH { d = [d.take()]; }", 8_000),
    ("let d = 0; for i in 0..DEPTH { d = #{d: d.take()}; }", 6_000),
    (
        "let d = |x| x; for i in 0..DEPTH { d = (|x, y| y).curry(d); }",
        2_000,
    ),
    ("let d = 0; for i in 0..DEPTH { let c = d; d = || c; }", 40_000),
];

#[test]
fn deeper_nested_data_than_may_be_ends_in_its_error() {
    let limits = Limits {
        cpu_ms_max: 300,
        ..LIMITS
    };
    for (build, _) in NESTED {
        let build = build.replace("DEPTH", "100_000");
        for act in ["d = 0; 1", "d == d", "d.to_string()", "json(d)"] {
            let source = format!("{build} {act}");
            let start = Instant::now();
            let error = run_with(&source, limits, request()).result.expect_err(&source);
            let documented = matches!(error.kind, ScriptErrorKind::Memory | ScriptErrorKind::CpuTime);
            assert!(documented, "{source}: {error:?}");
            assert!(
                start.elapsed().as_millis() < 1_500,
                "{source}: {:?}",
                start.elapsed()
            );
        }
    }
}

#[test]
fn deeply_nested_data_breaks_nothing() {
    for (build, depth) in NESTED {
        let build = build.replace("DEPTH", &depth.to_string());
        for act in [
            "d = 0; 1",
            "let e = d; d == e",
            "d.to_string().len",
            "d.to_debug().len",
            "`${d}`.len",
            "print(d); 1",
            "d",
            "json(d)",
            "[d].contains(d)",
            "[d, d].dedup()",
            "switch d { 1 => 2, _ => 3 }",
            "throw d",
        ] {
            let source = format!("{build} {act}");
            if let Err(error) = run(&source).result {
                let documented = matches!(
                    error.kind,
                    ScriptErrorKind::Depth
                        | ScriptErrorKind::Memory
                        | ScriptErrorKind::Response
                        | ScriptErrorKind::Runtime
                        | ScriptErrorKind::CpuTime
                        | ScriptErrorKind::Operations
                );
                assert!(documented, "{source}: {error:?}");
            }
        }
    }
}

#[test]
fn a_deep_stack_is_not_kept_and_the_thread_goes_on() {
    for _ in 0..3 {
        assert!(
            run("let d = 0; for i in 0..5_000 { d = [d.take()]; } 1")
                .result
                .is_ok()
        );
        assert!(run("1").result.is_ok());
    }
}

#[test]
fn sources_that_cannot_be_parsed_are_refused_with_a_place() {
    let junk: String = (0..5_000_u32)
        .filter_map(|n| char::from_u32(n.wrapping_mul(2_654_435_761) % 0x500))
        .collect();
    let sources = [
        "x".repeat(SOURCE_BYTES_MAX + 1),
        "\u{0}\u{1}\u{2}\u{7f}".to_owned(),
        junk,
        "(".repeat(10_000),
        "[".repeat(100_000),
        "{".repeat(100_000),
        "!".repeat(100_000),
        "-".repeat(100_000) + "1",
        "#{a:".repeat(50_000),
        "if true {".repeat(20_000),
        "1 + (".repeat(20_000),
        "|x|".repeat(30_000) + "1",
        "`${".repeat(50_000),
        "\"".to_owned(),
        "let ".to_owned(),
        "a.".repeat(100_000),
        "request[".repeat(30_000),
        format!("request{}", ".x".repeat(100_000)),
        format!("1{}", "+1".repeat(100_000)),
        "fn f() { ".repeat(1_000),
        (0..2_000)
            .map(|n| format!("fn f{n}() {{}} "))
            .collect::<Vec<_>>()
            .concat(),
    ];
    for source in sources {
        let start = Instant::now();
        let error = run(&source).result.expect_err(&source[..source.len().min(50)]);
        let shown: String = source.chars().take(50).collect();
        assert_eq!(error.kind, ScriptErrorKind::Compile, "{shown}: {error:?}");
        assert!(
            error.line >= Some(1) && error.column >= Some(1),
            "{shown}: {error:?}"
        );
        assert!(error.message.len() < 3_000);
        assert!(start.elapsed().as_secs() < 5, "{shown}: {:?}", start.elapsed());
    }
}

#[test]
fn cycles_of_captured_variables_end_the_run_and_no_more() {
    let source = "let f = 0; f = || f; let a = [f]; a.push(a); f.to_string(); 1";
    let outcome = run(source);
    assert!(outcome.result.is_ok() || outcome.result.is_err());
    assert!(run("1").result.is_ok());
}
