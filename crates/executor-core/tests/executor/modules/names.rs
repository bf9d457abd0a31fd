//! What a name means in each of them, and how it is shown.

use super::{check, error, refused, remarks};
use crate::support::run_in;

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
