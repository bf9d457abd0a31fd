//! What scripts have of others, within which limits, and where it fails.

use std::sync::Arc;

use picloud_executor_core::{Executor, ExecutorConfig, bytes_held};
use picloud_shared::{limits::Limits, outcome::ScriptErrorKind, seam::ExecutorClient as _};

use super::{check, error, refused};
use crate::support::{invocation_in, on_serving_thread, places_of_logs, run_in};

const PRICES: (&str, &str) = (
    "prices",
    "const VAT = 20; const NAMES = #{net: \"net\", VAT: \"tax\"};\n\
     fn gross(net) { net + tax(net) }\n\
     private fn tax(net) { net * global::VAT / 100 }\n\
     fn handle(request) { \"prices\" }",
);

#[test]
fn functions_and_constants_of_another_script_are_there() {
    check(
        &[("main", "import \"prices\" as p; p::gross(50) + p::VAT"), PRICES],
        "80",
    );
    let handler = "import \"prices\" as p;\n\
                   fn twice(net) { 2 * p::gross(net) }\n\
                   fn handle(request) { `${twice(50)} ${p::NAMES.net} ${p::NAMES.VAT}` }";
    check(&[("main", handler), PRICES], "120 net tax");
    check(&[PRICES], "prices");
}

#[test]
fn what_a_module_keeps_for_itself_is_not_there() {
    for call in ["p::tax(1)", "p::handle(1)", "p::nothing()", "p::gross()"] {
        let main = format!("import \"prices\" as p; {call}");
        let error = error(&[("main", &main), PRICES]);
        assert_eq!(error.kind, ScriptErrorKind::Runtime, "{call}");
        refused(&[("main", &main), PRICES], (1, 26), "`prices` has no function");
    }
    refused(
        &[("main", "import \"prices\" as p; p::NOTHING"), PRICES],
        (1, 26),
        "`prices` has no constant `NOTHING`",
    );
}

#[test]
fn closures_go_from_script_to_script() {
    let tools = "const STEP = 5;\n\
                 fn adder(n) { |x| plus(x, n) + global::STEP }\n\
                 fn plus(a, b) { a + b }\n\
                 fn named() { Fn(\"plus\") }\n\
                 fn counter() { let n = 0; || { n += 1; n } }";
    let main = "import \"tools\" as t;\n\
                fn plus(a, b) { \"no\" }\n\
                let add = t::adder(10);\n\
                let count = t::counter(); count.call();\n\
                let named = t::named();\n\
                [add.call(1), [1, 2].map(add), count.call(), named.call(1, 2)]";
    check(&[("main", main), ("tools", tools)], "[16,[16,17],2,3]");
}

#[test]
fn constants_are_the_same_for_every_run_and_nobody_changes_them() {
    let list = ("list", "const ITEMS = [1, 2]; fn items() { global::ITEMS }");
    let main = "import \"list\" as l; let items = l::items(); items.push(3); [l::ITEMS.len(), items.len()]";
    on_serving_thread(|executor| async move {
        for _ in 0..3 {
            let outcome = executor.execute(invocation_in(&[("main", main), list])).await;
            assert_eq!(outcome.result.unwrap().body, "[2,3]");
        }
    });
    let change = "import \"list\" as l; l::ITEMS.push(1)";
    assert!(error(&[("main", change), list]).message.contains("constant"));
}

#[test]
fn the_same_script_with_another_module_is_another_one() {
    let main = ("main", "import \"m\" as m; m::n()");
    on_serving_thread(|executor| async move {
        for source in ["fn n() { 1 }", "fn n() { 2 }", "fn n() { 1 }"] {
            let outcome = executor.execute(invocation_in(&[main, ("m", source)])).await;
            let body = String::from_utf8(outcome.result.unwrap().body.to_vec()).unwrap();
            assert!(source.contains(&body), "{source}: {body}");
        }
        // Two apps may have one source under two names.
        let same = "fn n() { 3 }";
        for name in ["a", "b"] {
            let main = format!("import \"{name}\" as m; m::n()");
            let outcome = executor
                .execute(invocation_in(&[("main", &main), (name, same)]))
                .await;
            assert_eq!(outcome.result.unwrap().body, "3");
        }
    });
}

#[test]
fn an_error_names_the_script_in_which_it_is() {
    let inner = "fn check(x) {\n  if x == 0 { throw \"no zero\" }\n  [x].map(|y| 1 / (y - y))\n}";
    let outer = "import \"inner\" as i;\nfn run(x) {\n  let result = i::check(x);\n  result\n}";
    let main = "import \"outer\" as o;\nfn handle(request) {\n  o::run(0)\n}";
    let thrown = error(&[("main", main), ("outer", outer), ("inner", inner)]);
    assert_eq!(thrown.message, "no zero");
    assert_eq!(thrown.script.as_deref(), Some("inner"));
    assert_eq!((thrown.line, thrown.column), (Some(2), Some(15)));
    assert!(thrown.excerpt.unwrap().contains("throw \"no zero\""));
    let trace: Vec<_> = thrown
        .trace
        .iter()
        .map(|frame| (frame.function.as_str(), frame.script.as_deref(), frame.line))
        .collect();
    assert_eq!(
        trace,
        [("check", Some("outer"), 3), ("run", None, 3), ("handle", None, 0)]
    );

    let main = "import \"outer\" as o;\nfn handle(request) {\n  o::run(1)\n}";
    let divided = error(&[("main", main), ("outer", outer), ("inner", inner)]);
    assert_eq!(divided.script.as_deref(), Some("inner"));
    assert_eq!(divided.line, Some(3));
    assert_eq!(divided.trace[0].function, "closure");
}

#[test]
fn a_closure_of_the_script_that_runs_fails_there_wherever_it_is_called() {
    let outer = "fn each(list, f) { list.for_each(f) }\nfn now(f) { f.call() }";
    for (main, line) in [
        ("import \"outer\" as o;\n\no::each([1], |x| x.missing());", 3),
        ("import \"outer\" as o;\no::now(|| { throw 1 })", 2),
    ] {
        let error = error(&[("main", main), ("outer", outer)]);
        assert_eq!((error.script, error.line), (None, Some(line)), "{main}");
    }
}

#[test]
fn log_lines_and_failures_name_their_script() {
    let noisy =
        "fn shout(x) {\n  log::info(\"in\", x);\n  print(\"there\");\n}\nfn bad() {\n  response(1000)\n}";
    let main = "import \"noisy\" as n;\nlog::info(\"before\"); n::shout(1); n::bad()";
    let outcome = run_in(&[("main", main), ("noisy", noisy)]);
    assert_eq!(
        places_of_logs(&outcome),
        [
            ("before", None, 2),
            ("in 1", Some("noisy"), 2),
            ("there", Some("noisy"), 3)
        ]
    );
    let error = outcome.result.unwrap_err();
    assert_eq!(error.kind, ScriptErrorKind::Response);
    assert_eq!((error.script.as_deref(), error.line), (Some("noisy"), Some(6)));
}

#[test]
fn imports_stand_where_they_are_known_before_the_script_runs() {
    let a = ("a", "fn f() { 1 }");
    let check = |main: &str, place, words: &str| refused(&[("main", main), a], place, words);
    check("import \"b\" as b; 1", (1, 8), "no script `b` in this app");
    check(
        "let n = \"a\";\nimport n as m; 1",
        (2, 8),
        "import \"name\" as m;",
    );
    check("import `a` as m; 1", (1, 8), "double quotes");
    check("import \"a\"; 1", (1, 8), "what the script is called here");
    check("import \"a\" as kv; 1", (1, 8), "module of the script API");
    check(
        "import \"a\" as m; import \"a\" as m; 1",
        (1, 25),
        "another import",
    );
    check(
        "if true {\n  import \"a\" as m;\n}",
        (2, 10),
        "at the top of a script",
    );
    check(
        "for i in 0..9 { import \"a\" as m; }",
        (1, 24),
        "at the top of a script",
    );
    check(
        "fn f() { import \"a\" as m; } f()",
        (1, 10),
        "at the top of a script",
    );
    check(
        "let f = || { import \"a\" as m; m::f() }; f.call()",
        (1, 14),
        "at the top of a script",
    );
    check("m::f(); import \"a\" as m;", (1, 1), "no module `m`");
    check("import \"/etc/passwd\" as m; 1", (1, 8), "by its name");
}

#[test]
fn a_script_that_does_something_at_its_top_level_cannot_be_imported() {
    let main = "// first\nimport \"a\" as a; a::f()";
    for source in [
        "fn f() { 1 }\nkv::set(\"x\", 1);",
        "fn f() { 1 }\nlet x = 1;",
        "fn f() { 1 }\n1 + 1",
        "fn f() { 1 }\nloop {}",
        "fn f() { 1 }\nconst NOW = timestamp();",
        "fn f() { 1 }\nconst F = |x| x;",
        "fn f() { 1 }\nconst F = #{a: [|x| x]};",
        "fn f() { 1 }\nconst X = 1 / 0;",
        "fn f() { 1 }\nconst X = \"x\".len();",
        "fn f() { 1 }\nconst X = request;",
        "fn f() { 1 }\nconst X = if f() == 1 { 1 } else { 2 };",
    ] {
        let scripts = [("main", main), ("a", source)];
        refused(&scripts, (2, 8), "`a` cannot be imported, because of its line 2:");
        let error = error(&scripts);
        assert_eq!(error.kind, ScriptErrorKind::Compile, "{source}");
        assert_eq!(
            (error.script.as_deref(), error.line),
            (Some("a"), Some(2)),
            "{source}"
        );
    }
    let far = [
        ("main", "import \"b\" as b; 1"),
        ("b", "import \"a\" as a;"),
        ("a", "1"),
    ];
    refused(&far, (1, 8), "`a` cannot be imported, because of its line 1:");
}

#[test]
fn what_modules_do_counts_in_the_limits_of_the_run() {
    let spin = "fn spin() { loop {} }\nfn down(n) { if n == 0 { 0 } else { 1 + down(n - 1) } }\n\
                fn fill() { let a = []; loop { a.push([1, 2, 3, \"x\" + a.len()]) } }\n\
                fn turn(f, n) { f.call(n) }";
    let run = |main: &str, limits: Limits| {
        let mut invocation = invocation_in(&[("main", main), ("spin", spin)]);
        Arc::make_mut(&mut invocation.script).limits = limits;
        on_serving_thread(|executor| async move { executor.execute(invocation).await })
    };
    let kind = |call: &str, limits| {
        let outcome = run(&format!("import \"spin\" as s; {call}"), limits);
        outcome.result.unwrap_err().kind
    };
    let operations = Limits {
        operations_max: 10_000,
        ..Limits::DEFAULT
    };
    assert_eq!(kind("s::spin()", operations), ScriptErrorKind::Operations);
    assert_eq!(
        kind("try { s::spin() } catch { 1 }", operations),
        ScriptErrorKind::Operations
    );
    assert_eq!(kind("s::down(1_000)", Limits::DEFAULT), ScriptErrorKind::Depth);
    let memory = Limits {
        memory_bytes_max: 4 * 1_024 * 1_024,
        ..Limits::DEFAULT
    };
    assert_eq!(kind("s::fill()", memory), ScriptErrorKind::Memory);
    let circle = "fn around(n) { s::turn(Fn(\"around\"), n + 1) } around(0)";
    assert_eq!(kind(circle, Limits::DEFAULT), ScriptErrorKind::Depth);
}

#[test]
fn what_holds_itself_in_a_module_is_freed() {
    let tools = "fn circle() { let m = #{text: \"x\".repeated(100_000)}; m.again = || m; m }\n\
                 private fn inner(f) { let n = #{}; n.f = f; n.again = || n; n }\n\
                 fn hand_in(f) { inner(f) }";
    let main =
        "import \"tools\" as t; let mine = #{}; mine.f = || mine; t::hand_in(mine.f); t::circle().text.len()";
    on_serving_thread(|executor| async move {
        let run = async || {
            let outcome = executor
                .execute(invocation_in(&[("main", main), ("tools", tools)]))
                .await;
            assert_eq!(outcome.result.unwrap().body, "100000");
        };
        run().await;
        let before = bytes_held();
        for _ in 0..5 {
            run().await;
        }
        assert!(bytes_held() - before < 10_000, "{} bytes", bytes_held() - before);
    });
}

#[test]
fn a_module_is_kept_as_long_as_a_script_that_imports_it() {
    let bytes = |executor: &Executor| {
        let executor = executor.clone();
        async move {
            let before = bytes_held();
            for number in 0..200 {
                let main = format!("import \"m\" as m; m::f() + {number}");
                let module = format!("fn f() {{ 1 }} fn n{number}() {{ {} }}", "1 + 1; ".repeat(200));
                let outcome = executor
                    .execute(invocation_in(&[("main", &main), ("m", &module)]))
                    .await;
                assert_eq!(outcome.result.unwrap().body, (1 + number).to_string());
            }
            bytes_held() - before
        }
    };
    on_serving_thread(|_| async move {
        let cache_bytes_max = 256 * 1_024;
        let executor = Executor::new(ExecutorConfig {
            cache_bytes_max,
            ..ExecutorConfig::default()
        });
        bytes(&executor).await;
        let grown = bytes(&executor).await;
        assert!(grown.unsigned_abs() < cache_bytes_max, "{grown} bytes");
    });
}
