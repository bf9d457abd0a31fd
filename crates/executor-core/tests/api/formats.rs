//! JSON, Base64, hexadecimal, forms, URLs and HTML.

use crate::script::check;

#[test]
fn json_takes_and_gives_every_kind_of_value() {
    check(
        "json::parse(` [1, -2.5, true, null, \"\\u00e9\"] `)",
        "[1, -2.5, true, (), \"é\"]",
    );
    check("json::parse(\"9223372036854775808\")", "9223372036854775808.0");
    check("json::parse(`{\"a\": 1, \"a\": 2}`)", "#{a: 2}");
    check("let b = blob(); b += `{\"x\": [1]}`; json::parse(b)", "#{x: [1]}");
    check(
        "json::stringify([1.0, 'c', (), \"\\n\"])",
        "`[1.0,\"c\",null,\"\\n\"]`",
    );
    check("json::stringify(blob(3, 255))", "`\"////\"`");
    check("json::pretty([])", "\"[]\"");
}

#[test]
fn json_errors_say_where() {
    check(
        "json::parse(\"\")",
        "error: EOF while parsing a value at line 1, column 0",
    );
    check(
        "json::parse(\"{\\n\\\"a\\\" 1}\")",
        "error: expected `:` at line 2, column 5",
    );
    check(
        "json::parse(1)",
        "error: json::parse takes a string or a blob, not integer",
    );
    check(
        "json::parse(\"[\".repeated(200))",
        "error: recursion limit exceeded",
    );
    check(
        "let a = []; for i in 0..200 { a = [a]; } json::stringify(a)",
        "error: more than 127 levels",
    );
    check("json::stringify(#{f: || 1})", "error: cannot be written as JSON");
    check("json::stringify(1..2)", "error: cannot be written as JSON");
}

#[test]
fn base64_and_hex() {
    check("base64::encode(\"\")", "\"\"");
    check("base64::decode(\"QWRhIQ\").as_string()", "\"Ada!\"");
    check("base64::decode(\"QWRhIQ==\").as_string()", "\"Ada!\"");
    check("base64::decode(\"_w\")", "error: not Base64");
    check("base64::decode_text(\"/w==\")", "error: not UTF-8");
    check(
        "base64::encode(1)",
        "error: base64::encode takes a string or a blob, not integer",
    );
    check(
        "base64::decode_url(base64::encode_url(\"?>~é\")).as_string()",
        "\"?>~é\"",
    );
    check("hex::decode(\"abc\")", "error: not hexadecimal");
    check("hex::decode_text(\"ff\")", "error: not UTF-8");
    check("hex::encode(hex::decode(\"00FF\"))", "\"00ff\"");
}

#[test]
fn forms() {
    check("form::parse(\"\")", "#{}");
    check(
        "form::parse(\"a&b=&=c&a=2&%zz=%\")",
        "#{a: \"\", b: \"\", \"\": \"c\", \"%zz\": \"%\"}",
    );
    check("form::pairs(\"a=1&a=2\")", "[[\"a\", \"1\"], [\"a\", \"2\"]]");
    check(
        "form::parse(form::encode(#{\"ä &\": \"= +\", n: 1.5, b: true, u: ()}))",
        "#{\"ä &\": \"= +\", n: \"1.5\", b: \"true\", u: \"\"}",
    );
    check("form::encode(#{})", "\"\"");
    check(
        "form::encode(#{a: #{}})",
        "error: form::encode: a value must be text, a number or a boolean, not map",
    );
}

#[test]
fn urls() {
    check("url::encode(\"\")", "\"\"");
    check("url::encode(\"-._~ é/?%\")", "\"-._~%20%C3%A9%2F%3F%25\"");
    check("url::decode(\"+%C3%A9%2\")", "\"+é%2\"");
    check(
        "url::parse(\"http://bücher.example:80/ä?\").host",
        "\"xn--bcher-kva.example\"",
    );
    check(
        "url::parse(\"http://u:p@[::1]:8080\")",
        "#{scheme: \"http\", username: \"u\", password: \"p\", host: \"[::1]\", port: 8080, path: \"/\",
           query: #{}, fragment: ()}",
    );
    check(
        "url::build(url::parse(\"https://u@h.example:1/a%20b?x=1#f\"))",
        "\"https://u@h.example:1/a%20b?x=1#f\"",
    );
    check(
        "url::build(#{scheme: \"https\", host: \"a.example\", path: \"a b\", query: \"q=1\"})",
        "\"https://a.example/a%20b?q=1\"",
    );
    check("url::build(#{host: \"a\"})", "error: `scheme`");
    check("url::build(#{scheme: \"https\", host: \"a/b\"})", "error: `host`");
    check(
        "url::build(#{scheme: \"https\", host: \"a\", port: 99999})",
        "error: `port`",
    );
    check("url::join(\"nothing\", \"/a\")", "error: url::join");
}

#[test]
fn html() {
    check("html::escape(\"\")", "\"\"");
    check("html::escape(\"nichts Böses\")", "\"nichts Böses\"");
    check("html::escape(\"é<é>é\")", "\"é&lt;é&gt;é\"");
}
