//! What a called script gets, and what its caller gets back.

use std::sync::Arc;

use picloud_shared::{outcome::ScriptErrorKind, seam::ExecutorClient as _};

use super::{check, error};
use crate::support::{invocation_in, on_serving_thread, places_of_logs, run_in};

#[test]
fn what_is_returned_is_what_is_given() {
    for (value, expected) in [
        ("\"text\"", "text"),
        ("42", "42"),
        ("[1, #{a: [true, ()]}, 'x']", "[1,{\"a\":[true,null]},\"x\"]"),
        ("#{}", "{}"),
        ("()", ""),
        ("exit([1])", "[1]"),
        ("return 1; 2", "1"),
    ] {
        check(&[("main", "script::call(\"other\")"), ("other", value)], expected);
        check(
            &[
                ("main", "fn handle(request) { script::call(\"other\") }"),
                ("other", &format!("fn handle(request) {{ {value} }}")),
            ],
            expected,
        );
    }
    check(
        &[
            (
                "main",
                "type_of(script::call(\"other\")) + script::call(\"other\").len()",
            ),
            ("other", "blob(3)"),
        ],
        "blob3",
    );
}

#[test]
fn a_response_comes_back_as_one() {
    let page = (
        "page",
        "response(418, `<${request.argument}>`).header(\"X-Is\", \"a\").cookie(\"c\", \"d\")",
    );
    let outcome = run_in(&[("main", "script::call(\"page\", 1)"), page]);
    let response = outcome.result.expect("an answer");
    assert_eq!(response.status.as_u16(), 418);
    assert_eq!(&*response.body, b"<1>");
    assert!(response.headers.contains_key("set-cookie"));
    check(
        &[
            (
                "main",
                "let r = script::call(\"page\"); [r.status, r.body, r.bytes.len(), r.headers[\"x-is\"], \
                 r.headers[\"content-type\"], r.headers[\"set-cookie\"].contains(\"c=d\")]",
            ),
            page,
        ],
        "[418,\"<>\",2,\"a\",\"text/plain; charset=utf-8\",true]",
    );
}

#[test]
fn the_argument_is_a_copy_and_the_request_the_same() {
    check(
        &[
            (
                "main",
                "let list = [1, [2]]; let add = || list.push(3); add.call(); \
                 let got = script::call(\"other\", #{list: list}); [list, got, request.argument]",
            ),
            (
                "other",
                "let a = request.argument; a.list[1].push(9); \
                 [a.list, request.argument.list, request.method, request.path]",
            ),
        ],
        "[[1,[2],3],[[1,[2,9],3],[1,[2],3],\"GET\",\"/\"],null]",
    );
    check(
        &[
            ("main", "script::call(\"other\") ?? \"none\""),
            ("other", "request.argument"),
        ],
        "none",
    );
}

#[test]
fn what_is_no_data_is_not_handed_over() {
    let other = ("other", "request.argument");
    for argument in ["|| 1", "[#{f: |x| x}]", "request", "Fn(\"f\")", "1..2"] {
        let source = format!("script::call(\"other\", {argument})");
        let error = error(&[("main", &source), other]);
        assert_eq!(error.kind, ScriptErrorKind::Runtime, "{error:#?}");
        assert!(
            error.message.starts_with("script::call hands over text"),
            "{error:#?}"
        );
        assert_eq!((error.line, error.script), (Some(1), None));
    }
    let thrown = error(&[
        ("main", "\nscript::call(\"other\")"),
        ("other", "let x = 1;\n|| x"),
    ]);
    assert!(
        thrown.message.starts_with("a script that is called returns"),
        "{thrown:#?}"
    );
    assert_eq!((thrown.line, thrown.script.as_deref()), (Some(2), Some("other")));
    check(
        &[
            (
                "main",
                "let out = \"\"; try { script::call(\"other\") } catch (e) { out = e.kind; } out",
            ),
            ("other", "throw [|| 1]"),
        ],
        "runtime",
    );
    let deep = "let a = []; for i in 0..200 { a = [a]; } script::call(\"other\", a)";
    assert!(
        error(&[("main", deep), other])
            .message
            .contains("at most 127 levels")
    );
    // What holds itself does so by a function.
    let itself = "let a = [0]; a[0] = || a; script::call(\"other\", a)";
    assert_eq!(error(&[("main", itself), other]).kind, ScriptErrorKind::Runtime);
}

#[test]
fn a_script_that_is_not_there_is_named() {
    let missing = error(&[("main", "\n  script::call(\"othr\")"), ("other", "1")]);
    assert_eq!(
        missing.message,
        "script::call: there is no script `othr` in this app; did you mean `other`?"
    );
    assert_eq!((missing.line, missing.column), (Some(2), Some(11)));
    let missing = error(&[("main", "script::call(\"zzzzzz\")"), ("other", "1")]);
    assert!(
        missing.message.ends_with("; there is main, other"),
        "{missing:#?}"
    );
    let suspended = on_serving_thread(|executor| async move {
        let mut invocation = invocation_in(&[("main", "script::call(\"other\")"), ("other", "1")]);
        let scripts = ["main", "other"].map(|name| {
            let mut script = invocation
                .scripts
                .find(name)
                .expect("it is there")
                .as_ref()
                .clone();
            script.suspended = name == "other";
            Arc::new(script)
        });
        invocation.scripts = picloud_shared::script::AppScripts::new(scripts);
        executor.execute(invocation).await
    });
    let error = suspended.result.expect_err("no answer");
    assert!(error.message.contains("`other` is suspended"), "{error:#?}");
}

#[test]
fn what_is_thrown_is_thrown_to_the_caller() {
    for value in ["\"no\"", "7", "#{a: [1, #{b: 2}]}", "()"] {
        let source = format!("throw {value}");
        check(
            &[
                (
                    "main",
                    "let out = []; try { script::call(\"other\") } catch (e) { out.push(e); } json(out)",
                ),
                ("other", &source),
            ],
            &format!(
                "[{}]",
                value
                    .replace("a:", "\"a\":")
                    .replace("b:", "\"b\":")
                    .replace('#', "")
                    .replace("()", "null")
                    .replace(' ', "")
            ),
        );
    }
    // What PiCloud refuses is a text, what Rhai itself fails with a map.
    for (source, expected) in [
        ("kv::set(\"\", 1)", "string: kv::set: a key has 1 to 512 bytes"),
        ("1 / 0", "map: runtime"),
    ] {
        let main = "try { script::call(\"other\") } catch (e) { \
                    let said = if type_of(e) == \"map\" { e.kind } else { e }; return type_of(e) + \": \" + said; }";
        let outcome = run_in(&[("main", main), ("other", source)]);
        let body = outcome.result.expect("an answer").body;
        let text = String::from_utf8_lossy(&body);
        assert!(text.starts_with(expected), "{source}: {text}");
    }
    // An answer that is thrown goes all the way, if nobody catches it.
    let answer = run_in(&[
        ("main", "script::call(\"other\")"),
        ("other", "throw #{status: 404, message: \"gone\"}"),
    ]);
    assert_eq!(answer.result.expect("an answer").status.as_u16(), 404);
}

#[test]
fn an_error_names_its_place_and_the_calls_that_led_there() {
    let thrown = error(&[
        ("main", "fn start() {\n  script::call(\"middle\")\n}\nstart()"),
        ("middle", "\n\nfn handle(request) { script::call(\"last\", 1) }"),
        ("last", "fn fail() {\n  1 + nothing()\n}\n\nfail()"),
    ]);
    assert_eq!(thrown.kind, ScriptErrorKind::Runtime);
    assert!(thrown.message.contains("`nothing`"), "{thrown:#?}");
    assert_eq!((thrown.script.as_deref(), thrown.line), (Some("last"), Some(2)));
    assert!(
        thrown
            .excerpt
            .as_deref()
            .is_some_and(|excerpt| excerpt.contains("1 + nothing()"))
    );
    let trace: Vec<_> = thrown
        .trace
        .iter()
        .map(|frame| (frame.function.as_str(), frame.script.as_deref(), frame.line))
        .collect();
    assert_eq!(
        trace,
        [
            ("fail", Some("last"), 5),
            ("script::call", Some("middle"), 3),
            ("script::call", None, 2),
            ("start", None, 4),
        ]
    );
    // What was caught is not told of another error.
    let own = error(&[
        ("main", "try { script::call(\"other\") } catch {}\nthrow \"own\""),
        ("other", "throw \"other\""),
    ]);
    assert_eq!(
        (own.message.as_str(), own.script, own.line),
        ("own", None, Some(2))
    );
    let broken = error(&[("main", "script::call(\"other\")"), ("other", "let = 1")]);
    assert_eq!(
        (broken.kind, broken.script.as_deref()),
        (ScriptErrorKind::Compile, Some("other"))
    );
}

#[test]
fn its_lines_are_in_the_log_of_its_caller() {
    let outcome = run_in(&[
        (
            "main",
            "print(\"before\");\nscript::call(\"other\");\nprint(\"after\");",
        ),
        ("other", "\n\nlog::warn(\"inside\")"),
    ]);
    assert_eq!(
        places_of_logs(&outcome),
        [
            ("before", None, 1),
            ("inside", Some("other"), 3),
            ("after", None, 3)
        ]
    );
}

#[test]
fn a_script_that_is_called_imports_and_is_reached_from_modules() {
    check(
        &[
            ("main", "import \"tools\" as t; t::ask(20)"),
            ("tools", "fn ask(n) { script::call(\"other\", n) }"),
            (
                "other",
                "import \"double\" as d; fn handle(request) { d::of(request.argument) }",
            ),
            ("double", "fn of(n) { n * 2 }"),
        ],
        "40",
    );
}
