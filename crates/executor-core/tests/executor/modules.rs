//! Scripts that import others.

use std::sync::Arc;

use picloud_executor_core::{Executor, ExecutorConfig, LocalWorkbench, bytes_held};
use picloud_shared::{
    limits::Limits,
    memory::MemoryBudget,
    modules::Linker,
    outcome::{Diagnostic, ScriptError, ScriptErrorKind},
    seam::{ExecutorClient as _, Workbench as _},
};
use tokio::runtime;

use crate::support::{invocation_in, on_serving_thread, run_in};

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
fn each_script_sees_its_own_names() {
    let one = "const RATE = 1; fn name() { \"one\" } fn calls() { name() + global::RATE } \
               fn apply(f) { f.call(name()) } fn each(list, f) { list.map(f) }";
    let two = "import \"one\" as m; const RATE = 2; fn name() { \"two\" } \
               fn calls() { name() + global::RATE + m::calls() }";
    let main = "import \"two\" as m; import \"one\" as one; const RATE = 3;\n\
                fn name() { \"main\" } fn calls() { name() + global::RATE }\n\
                fn handle(request) {\n\
                  let mine = |x| calls() + \" \" + x + \" \" + m::calls();\n\
                  [calls(), m::calls(), one::calls(), one::apply(mine), one::each([1], |x| name() + x)]\n\
                }";
    check(
        &[("main", main), ("one", one), ("two", two)],
        r#"["main3","two2one1","one1","main3 one two2one1",["main1"]]"#,
    );
}

const ODD: (&str, &str) = (
    "odd",
    "fn built_in() { [abs(-1), [-1].map(\"abs\"), max(1, 2), json(200, 1).status, [1, 2].len()] }\n\
     fn asks() { is_def_fn(\"of_main\", 1) }\n\
     fn calls() { of_main(1) }\n\
     fn maps() { [1].map(\"of_main\") }\n\
     fn points() { Fn(\"of_main\").call(1) }",
);

#[test]
fn functions_of_the_importer_stand_in_for_no_other() {
    let main = "import \"odd\" as o;\n\
                fn abs(x) { \"main abs\" } fn max(a, b) { let abs = a; abs + b } fn len() { \"main len\" }\n\
                fn json(a, b) { #{status: \"main json\", max: a} }\n\
                fn of_main(x) { x + 1 }\n\
                fn handle(request) {\n\
                  let max = max(3, 4); let named = Fn(\"of_main\");\n\
                  [o::built_in(), o::asks(), abs(1), max, json(1, 2).status, json(5, 6).max, len(), named.call(1),\n\
                   named.name, [1].map(\"of_main\"), is_def_fn(\"of_main\", 1)]\n\
                }";
    check(
        &[("main", main), ODD],
        r#"[[1,[1],2,200,2],false,"main abs",7,"main json",5,"main len",2,"of_main",[2],true]"#,
    );
    let said = remarks(&[("main", main), ODD]);
    assert!(said.is_empty(), "{said:#?}");

    for call in ["calls", "maps", "points"] {
        let main = format!("import \"odd\" as o; fn of_main(x) {{ x }} o::{call}()");
        let message = error(&[("main", &main), ODD]).message;
        assert!(
            message.contains("there is no function `of_main`"),
            "{call}: {message}"
        );
    }
}

#[test]
fn functions_of_the_importer_call_those_of_rhai_that_are_called_so() {
    let main = "import \"odd\" as o;\n\
                fn abs(x) { if x < -100 { x.abs() } else { \"main abs\" } } fn max(a, b) { a.max(b) }\n\
                let odd = o::built_in();\n\
                [odd[0], odd[1], odd[2], abs(-1), abs(-200), max(3, 4)]";
    check(&[("main", main), ODD], r#"[1,[1],2,"main abs",200,4]"#);
    // Behind a dot it is found as it is written.
    let main = "import \"odd\" as o; fn of_main(x) { x + 1 } 5.of_main(1)";
    check(&[("main", main), ODD], "2");
}

#[test]
fn texts_in_lists_and_maps_name_no_function_of_the_importer() {
    for hooks in [
        "fn run() { for name in [\"hook\"] { return [1].map(name); } }",
        "fn run() { for name in [1, #{deep: [\"hook\"]}][1].deep { return [1].map(name); } }",
        "fn run() { for name in #{hook: 1}.keys() { return [1].map(name); } }",
        "const HOOKS = [\"hook\"]; fn run() { for name in global::HOOKS { return [1].map(name); } }",
    ] {
        let main = "import \"hooks\" as h; fn hook(x) { x } h::run()";
        let message = error(&[("main", main), ("hooks", hooks)]).message;
        assert!(
            message.contains("there is no function `hook`"),
            "{hooks}: {message}"
        );
        let main = "import \"hooks\" as h; fn hook(x) { x + 1 } [1].map(\"hook\")";
        check(&[("main", main), ("hooks", hooks)], "[2]");
    }
}

#[test]
fn names_of_the_importer_are_shown_as_they_were_written() {
    let thrown = "import \"odd\" as o;\nfn of_main(x) {\n  throw \"no\"\n}\nof_main(1)";
    let thrown = error(&[("main", thrown), ODD]);
    assert_eq!(thrown.trace[0].function, "of_main");
    assert_eq!((thrown.script, thrown.line), (None, Some(3)));
    let mistaken = "import \"odd\" as o; fn of_main(x) { x } Fn(\"of_main\").call(1, 2)";
    assert_eq!(
        error(&[("main", mistaken), ODD]).message,
        "`of_main` cannot be called with (integer, integer); there is of_main(x)"
    );
    let caught =
        "import \"odd\" as o; fn of_main(x) { 1 / x } try { of_main(0) } catch (e) { print(e.message) }";
    let outcome = run_in(&[("main", caught), ODD]);
    let line = &outcome.logs[0].message;
    assert!(line.contains("'of_main'"), "{line}");
}

#[test]
fn what_only_looks_like_a_mark_is_shown() {
    let main = "import \"odd\" as o; fn m0123456789abcdef_f(x) { x }\n\
                print(\"item0123456789abcdef_x\"); print(Fn(\"m0123456789abcdef_f\").name);\n\
                throw \"form0000000000000000_y\"";
    let outcome = run_in(&[("main", main), ODD]);
    let lines: Vec<_> = outcome.logs.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(lines, ["item0123456789abcdef_x", "m0123456789abcdef_f"]);
    assert_eq!(outcome.result.unwrap_err().message, "form0000000000000000_y");
}

#[test]
fn the_script_that_runs_puts_names_of_functions_together() {
    let main = "import \"odd\" as o; fn of_main(x) { x + 1 }\n\
                let name = \"of\"; [Fn(name + \"_main\").call(1), is_def_fn(name + \"_main\", 1)]";
    check(&[("main", main), ODD], "[2,true]");
}

#[test]
fn the_script_that_runs_puts_names_of_variables_together() {
    let main = "import \"odd\" as o; fn max(a, b) { a } let max = 3; let name = \"m\";\n\
                [is_def_var(name + \"ax\"), is_def_var(name + \"in\"), is_def_var(\"max\"), max]";
    check(&[("main", main), ODD], "[true,false,true,3]");
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
fn a_function_that_is_named_by_a_text_is_one_of_the_script_that_says_it() {
    let tools = "fn twice(x) { x * 2 }\n\
                 fn is_odd(x) { x % 2 == 1 }\n\
                 fn sum(a, x) { (a ?? 0) + x }\n\
                 fn down(a, b) { b - a }\n\
                 fn same(a, b) { a % 2 == b % 2 }\n\
                 fn by_text() {\n\
                   let list = [1, 2, 3, 4];\n\
                   let odd = [1, 2, 3]; let out = odd.drain(\"is_odd\");\n\
                   let kept = [1, 2, 3]; kept.retain(\"is_odd\");\n\
                   let sorted = [1, 3, 2]; sorted.sort(\"down\");\n\
                   let fewer = [1, 3, 2]; fewer.dedup(\"same\");\n\
                   [list.map(\"twice\"), map(list, \"twice\").len(), list.filter(\"is_\" + \"odd\"), list.some(\"is_odd\"),\n\
                    list.all(\"is_odd\"), list.reduce(\"sum\"), list.reduce(\"sum\", 10), list.reduce_rev(\"sum\"),\n\
                    list.reduce_rev(\"sum\", 10), out, kept, sorted, fewer, is_def_fn(\"by_text\", 0), list.map(\"to_string\")]\n\
                 }";
    let main = "import \"tools\" as t;\n\
                fn twice(x) { \"no\" } fn is_odd(x) { \"no\" } fn sum(a, x) { \"no\" } fn down(a, b) { \"no\" }\n\
                fn same(a, b) { \"no\" }\n\
                [t::by_text(), [1].map(\"twice\")]";
    check(
        &[("main", main), ("tools", tools)],
        r#"[[[2,4,6,8],4,[1,3],true,false,10,20,10,20,[1,3],[1,3],[3,2,1],[1,2],true,["1","2","3","4"]],["no"]]"#,
    );
    check(
        &[
            ("main", "import \"tools\" as t; t::by_text().len()"),
            ("tools", tools),
        ],
        "15",
    );
}

#[test]
fn a_text_that_is_looked_for_calls_no_function() {
    let find = "fn refund(x) { throw \"refunded\" }\n\
                fn find(colour) { let all = [\"red\", \"refund\"]; [all.index_of(colour), all.index_of(colour, 1)] }\n\
                fn is_two(x) { x == 2 }\n\
                fn meant() { [[1, 2].index_of(Fn(\"is_two\")), [1, 2].index_of(|x| is_two(x))] }";
    check(
        &[(
            "main",
            &format!("{find} [find(\"refund\"), find(\"red\"), meant()]"),
        )],
        "[[1,1],[0,-1],[1,1]]",
    );
    let main = "import \"find\" as f; fn find(x) { true } fn red(x) { true }\n\
                [f::find(\"refund\"), f::find(\"red\"), f::find(\"find\"), f::meant()]";
    check(&[("main", main), ("find", find)], "[[1,1],[0,-1],[-1,-1],[1,1]]");
}

#[test]
fn a_module_puts_no_name_of_a_function_together() {
    for text in ["name", "\"plu\" + name", "global::PLUS"] {
        let tools =
            format!("const PLUS = \"plus\";\nfn plus(a, b) {{ a + b }}\nfn by(name) {{ Fn({text}) }}");
        let scripts = [
            ("main", "import \"tools\" as t; t::by(\"plus\")"),
            ("tools", &*tools),
        ];
        refused(
            &scripts,
            (1, 8),
            "`tools` cannot be imported, because of its line 3:",
        );
        refused(&scripts, (1, 8), "|x| name(x)");
    }
    let asks = "fn plus(a, b) { a + b }\nfn has(name) { is_def_fn(name, 2) }";
    refused(
        &[
            ("main", "import \"tools\" as t; t::has(\"plus\")"),
            ("tools", asks),
        ],
        (1, 8),
        "because of its line 2: in a script that is imported, `is_def_fn`",
    );
    // Whoever is not imported does.
    check(
        &[(
            "main",
            "fn plus(a, b) { a + b } let n = \"pl\"; Fn(n + \"us\").call(1, 2)",
        )],
        "3",
    );
}

#[test]
fn words_that_only_look_like_own_names_stay() {
    let odd = "fn total(total) { let m = #{total: total, other: [total], `x`: 1}; m.total += 1; m.total + m[\"total\"] }\n\
               fn other(x) { switch x { 1 => total(1), _ => #{other: x} } }\n\
               fn text(total) { `${total(total)} ${#{total: 2}.total} ${if true { total } else { 0 }}` }\n\
               fn int.twice() { this * 2 }\n\
               fn grown() { this + 1 }\n\
               fn methods() { 4.twice() + 4.grown() }\n\
               fn first(list) { #{first: list?[0], total: 5}.total }";
    let main = "import \"odd\" as o; \n\
                [o::total(1), o::other(1), o::text(3), o::methods(), o::first([1])]";
    check(&[("main", main), ("odd", odd)], r#"[4,4,"8 2 3",13,5]"#);
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
fn messages_show_names_as_they_were_written() {
    let odd = "fn show(x) { helper(x, 1) } fn helper(x) { x } fn far() { helperr(1) }";
    let message =
        |call: &str| error(&[("main", &format!("import \"odd\" as o; {call}")), ("odd", odd)]).message;
    assert_eq!(
        message("o::show(1)"),
        "`helper` cannot be called with (integer, integer); there is helper(x)"
    );
    assert_eq!(
        message("o::far()"),
        "there is no function `helperr`; did you mean `helper`?"
    );
}

#[test]
fn a_message_names_the_forms_of_the_function_that_was_called() {
    let odd = "fn helper(a, b, c) { a } fn max(a) { a } fn call_it(f) { f.call(1, 2) }\n\
               fn own() { Fn(\"helper\") } fn greatest() { max(1, 2) }";
    for (call, form) in [
        ("o::call_it(Fn(\"helper\"))", "helper(x)"),
        ("Fn(\"helper\").call(1, 2)", "helper(x)"),
        ("o::own().call(1, 2)", "helper(a, b, c)"),
        ("o::call_it(o::own())", "helper(a, b, c)"),
        ("o::greatest()", "max(a)"),
    ] {
        let main = format!("import \"odd\" as o; fn helper(x) {{ x }} {call}");
        let message = error(&[("main", &main), ("odd", odd)]).message;
        let end = format!("cannot be called with (integer, integer); there is {form}");
        assert!(message.ends_with(&end), "{call}: {message}");
    }
}

#[test]
fn functions_show_their_names_as_they_were_written() {
    let odd = "fn same(x) { x } fn half(x) { 1 / x }\n\
               fn show() { let f = Fn(\"same\"); [f.name, f.to_string(), f + \"\", [f].to_string(), [1].map(f.name)] }\n\
               fn tell() { try { half(0) } catch (e) { log::error(e.message) } }";
    check(
        &[("main", "import \"odd\" as o; o::show()"), ("odd", odd)],
        r#"["same","Fn(same)","Fn(same)","[Fn(same)]",[1]]"#,
    );
    let outcome = run_in(&[("main", "import \"odd\" as o; o::tell()"), ("odd", odd)]);
    let line = &outcome.logs[0].message;
    assert!(line.contains("'half'"), "{line}");
}

#[test]
fn log_lines_and_failures_name_their_script() {
    let noisy =
        "fn shout(x) {\n  log::info(\"in\", x);\n  print(\"there\");\n}\nfn bad() {\n  response(1000)\n}";
    let main = "import \"noisy\" as n;\nlog::info(\"before\"); n::shout(1); n::bad()";
    let outcome = run_in(&[("main", main), ("noisy", noisy)]);
    let lines: Vec<_> = outcome
        .logs
        .iter()
        .map(|line| (line.message.as_str(), line.script.as_deref(), line.line))
        .collect();
    assert_eq!(
        lines,
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
