//! What the author of a script is told when it fails.

use picloud_shared::outcome::{ScriptError, ScriptErrorKind};

use crate::support::error;

#[track_caller]
fn check(source: &str, place: (u32, u32), message: &str) -> ScriptError {
    let error = error(source);
    assert_eq!(error.message, message, "{source}");
    assert_eq!(
        (error.line, error.column),
        (Some(place.0), Some(place.1)),
        "{source}"
    );
    error
}

#[test]
fn unknown_names_bring_the_nearest() {
    check(
        "let a = [1];\nlenn(a)",
        (2, 1),
        "there is no function `lenn`; did you mean `len`?",
    );
    check(
        "log::inof(1)",
        (1, 6),
        "there is no function `log::inof`; did you mean `log::info`?",
    );
    check(
        "info(1)",
        (1, 1),
        "there is no function `info`; did you mean `log::info`?",
    );
    check(
        "fn greet(x) { x } gret(1)",
        (1, 19),
        "there is no function `gret`; did you mean `greet`?",
    );
    check(
        "lgo::info(1)",
        (1, 1),
        "there is no module `lgo`; did you mean `log`?",
    );
    check(
        "let total = 1;\n  totl",
        (2, 3),
        "there is no variable `totl` here; did you mean `total`?",
    );
    check(
        "redirect(1, 2, 3, 4)",
        (1, 1),
        "`redirect` cannot be called with (integer, integer, integer, integer); there is redirect(integer, string), redirect(string), redirect(string, integer)",
    );
    check("1 + #{}", (1, 3), "`+` does not work between integer and map");
    check("-\"a\"", (1, 1), "`-` does not work on string");
}

#[test]
fn what_functions_of_modules_refuse_has_its_place() {
    for call in [
        "kv::get(\"\")",
        "kv::set(\"\", 1)",
        "kv::set(\"a\", 1, -1)",
        "kv::incr(\"\")",
        "docs::insert(\"_x\", #{})",
        "docs::count(\"_x\")",
        "docs::get(\"people\", \"\")",
        "users::get(\"x\")",
        "secret::get(\"not a name\")",
        "config::get(\"NO_SUCH\")",
        "http::get(\"x\")",
        "email::send(#{})",
        "script::call(\"nobody\")",
        "base64::decode(\"?\")",
        "base64::decode_text(\"/w==\")",
        "hex::decode(\"4x\")",
        "hex::decode_text(\"ff\")",
        "hash::sha256(1)",
        "hmac::sha256(1, 2)",
        "json::parse(\"{\")",
        "jwt::sign(#{}, \"short\")",
        "csv::parse(1)",
        "form::parse(1)",
        "random::int(2, 1)",
        "regex::find(\"(\", \"a\")",
        "template::render(\"{{\", #{})",
        "time::parse(\"x\")",
        "url::parse(\"x\")",
        "uuid::parse(\"x\")",
        "xml::parse(\"<\")",
    ] {
        let error = error(&format!("let n = 1;\n  {call}"));
        let column = call.find("::").expect("a module") + 5;
        assert_eq!(
            (error.line, error.column),
            (Some(2), u32::try_from(column).ok()),
            "{call}: {error:?}"
        );
        assert!(error.excerpt.is_some(), "{call}");
    }
}

#[test]
fn hidden_variables_are_explained() {
    check(
        "fn f() { request.path } f()",
        (1, 10),
        "there is no variable `request` here; functions see only their parameters, so hand it over as one",
    );
    check(
        "let rate = 2; fn f() { rate } f()",
        (1, 24),
        "there is no variable `rate` here; functions see only their parameters, so hand it over as one",
    );
    check(
        "const RATE = 2; fn handle(request) { RATE }",
        (1, 38),
        "there is no variable `RATE` here; inside a function, a constant is `global::RATE`",
    );
}

#[test]
fn operations_on_the_wrong_values_are_explained() {
    check(
        "let a = [1, 2]; a[5]",
        (1, 19),
        "index 5 is out of bounds: the array has only 2 elements",
    );
    check(
        "let s = \"\"; s[0]",
        (1, 15),
        "index 0 is out of bounds: the string is empty",
    );
    check("let x = 5; x.name", (1, 14), "an integer has no property `name`");
    check(
        "let x = 5; x[\"a\"]",
        (1, 14),
        "this must be an integer, and is a string",
    );
    check(
        "let n = 5; for x in n {}",
        (1, 21),
        "`for` goes through arrays, ranges, strings and blobs, not through this value; for a map, use `for key in map.keys()`",
    );
    check(
        "let n = 1; if n { 2 }",
        (1, 15),
        "this must be a boolean, and is an integer",
    );
    check("1 / 0", (1, 3), "Division by zero: 1 / 0");
    check(
        "const A = 1; A = 2;",
        (1, 14),
        "`A` is a constant and cannot be changed",
    );
    check("throw \"no\"", (1, 1), "no");
    check("throw", (1, 1), "the script threw an error without a message");
}

#[test]
fn an_error_shows_the_source_and_the_calls_that_led_there() {
    let source = "fn inner(x) {\n    x.nope()\n}\nfn outer(x) {\n    [x].map(|y| inner(y))\n}\nouter(1)";
    let error = check(source, (2, 7), "there is no function `nope`");
    assert_eq!(error.kind, ScriptErrorKind::Runtime);
    assert_eq!(
        error.excerpt.as_deref(),
        Some("1 | fn inner(x) {\n2 |     x.nope()\n  |       ^\n3 | }")
    );
    let calls: Vec<_> = error
        .trace
        .iter()
        .map(|frame| (frame.function.as_str(), frame.line))
        .collect();
    assert_eq!(calls, [("inner", 5), ("closure", 5), ("map", 5), ("outer", 7)]);
}

#[test]
fn a_long_trace_and_a_long_message_are_cut() {
    let deep = error("fn f(n) { if n == 0 { throw \"x\" } f(n - 1) } f(60)");
    assert_eq!(deep.trace.len(), 32);
    assert_eq!(deep.trace[0].function, "f");
    let long = error("let s = \"\"; s.pad(100_000, 'x'); throw s");
    assert!(long.message.len() < 1_100, "{}", long.message.len());
    let long_names = error(&format!("let x = 1; x.{}()", "y".repeat(100_000)));
    assert!(long_names.message.len() < 2_100);
    assert!(long_names.excerpt.expect("lines").len() < 500);
}

#[test]
fn a_source_that_does_not_compile_has_its_place() {
    let compile = |source: &str, place, message: &str| {
        let error = check(source, place, message);
        assert_eq!(error.kind, ScriptErrorKind::Compile);
        assert!(error.excerpt.is_some());
    };
    compile("let x = ;", (1, 9), "`;` cannot stand here");
    compile(
        "let a = 1\nlet b = 2",
        (2, 1),
        "expected `;` to terminate this statement",
    );
    compile(
        "fn handle(a, b) { a }",
        (1, 1),
        "`handle` takes one parameter, the request: fn handle(request) { .. }",
    );
    compile(
        "\n  fn handle() { 1 }",
        (2, 3),
        "`handle` takes one parameter, the request: fn handle(request) { .. }",
    );
    compile(
        "private fn handle(request) { 1 }",
        (1, 9),
        "`handle` is called from outside of the script and cannot be private",
    );
    compile(
        "fn handle(request) { 1 }\nhandle(request)",
        (2, 1),
        "a script with `fn handle` has only functions, constants and imports beside it; move this into a function",
    );
    compile(
        "let cache = #{}; fn handle(request) { 1 }",
        (1, 1),
        "a script with `fn handle` has only functions, constants and imports beside it; move this into a function",
    );
    compile(
        "const P = request.path; fn handle(request) { 1 }",
        (1, 11),
        "there is no variable `request` here; functions see only their parameters, so hand it over as one",
    );
    compile("eval(\"1\")", (1, 1), "`eval` is not offered here");
}

#[test]
fn an_answer_that_cannot_be_sent_has_its_place() {
    let check = |source: &str, place, message: &str| {
        let error = check(source, place, message);
        assert_eq!(error.kind, ScriptErrorKind::Response);
    };
    let fault = "a response cannot have the status 101, only 200 to 599";
    check("let a = 1;\n  response(101)", (2, 3), fault);
    check("fn handle(request) {\n  response(101)\n}", (2, 3), fault);
    check("[1].map(|x|\n response(101))", (2, 2), fault);
    let fault = "the response cannot be sent: a value of type `Fn` cannot be written as JSON";
    check("let f = |x| x;\nf", (2, 1), fault);
    check("let f = |x| x;\nreturn f;", (2, 8), fault);
    check("\nfn handle(request) { |x| x }", (2, 1), fault);
    check(
        "\nthrow #{status: 99}",
        (2, 1),
        "a response cannot have the status 99, only 200 to 599",
    );
}

#[test]
fn an_import_is_refused_with_its_place() {
    let not_there = "there is no script `x` in this app; make it first";
    let computed = "the name of a script to import is a plain text: import \"name\" as m;";
    let inside = "`import` stands at the top of a script, not inside of a block or a function";
    for (source, place, message) in [
        ("import \"x\" as x;", (1, 8), not_there),
        ("let n = \"x\";\n  import n as x;", (2, 10), computed),
        ("fn handle(request) { import \"x\" as x; 1 }", (1, 22), inside),
    ] {
        let error = check(source, place, message);
        assert_eq!(error.kind, ScriptErrorKind::Compile);
    }
}
