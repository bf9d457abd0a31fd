//! What authors expect of strings, arrays, maps and numbers.

use crate::script::check;

#[test]
fn strings() {
    check("\"\".trimmed()", "\"\"");
    check("const S = \" x \"; S.trimmed()", "\"x\"");
    check("let s = \"aXbX\"; s.replaced(\"X\", \"\"); s", "\"aXbX\"");
    check("\"ab\".replaced(\"\", \"-\")", "\"-a-b-\"");
    check("\"é\".repeated(0)", "\"\"");
    check("\"é\".repeated(-1)", "error: the count is -1");
    check("\"aa\".without_prefix(\"a\").without_suffix(\"\")", "\"a\"");
    check("\"\".lines()", "[]");
}

#[test]
fn arrays() {
    check(
        "[[1], #{a: \"x\"}, (), 1.0, 'c'].join(\"|\")",
        "`[1]|#{\"a\": \"x\"}||1.0|c`",
    );
    check("[].sum()", "0");
    check(
        "[9223372036854775807, 1].sum()",
        "error: does not fit into 64 bits",
    );
    check("[].min()", "()");
    check("[1, \"2\"].max()", "error: not only numbers");
    check("[1, 1.0, \"1\", 1].unique()", "[1, 1.0, \"1\"]");
    check("let a = [1, 2]; a.reversed(); a", "[1, 2]");
    check("max(1, 2)", "2");
}

#[test]
fn maps_and_numbers() {
    check("#{}.get(\"a\", [])", "[]");
    check("#{a: ()}.get(\"a\", 1)", "()");
    check("1.005.to_fixed(2)", "\"1.00\"");
    check("(-9223372036854775808).to_fixed(1)", "\"-9223372036854775808.0\"");
    check("1.0.to_fixed(18)", "error: from 0 to 17");
}

/// Whatever else is called so.
#[test]
fn a_text_is_found_in_an_array() {
    check("[\"trim\", \"len\"].index_of(\"len\")", "1");
    check("[\"sleep\", \"print\"].index_of(\"print\")", "1");
    check("[1, (), 'c', \"c\"].index_of(\"c\")", "2");
    check("[1, ['c'], \"cc\"].index_of(\"c\")", "-1");
    check("[].index_of(\"len\")", "-1");
    check("let t = \"é\"; let f = || t; [1, t].index_of(\"é\")", "1");
    check(
        "let a = [\"a\", \"b\", \"a\"]; [a.index_of(\"a\", 1), a.index_of(\"b\", -1)]",
        "[2, -1]",
    );
    check("[\"a\"].index_of(\"a\", 1)", "-1");
    check("[\"a\"].index_of(\"a\", -9223372036854775808)", "0");
    check("const A = [\"a\"]; A.index_of(\"a\")", "0");
}

/// The functions that took the place of Rhai's do what those do.
#[test]
fn replaced_functions_keep_their_meaning() {
    check(
        "let s = \"a-b\"; s.replace(\"-\", \"+\"); s.replace('a', 'x'); s.replace('b', \"yy\"); s.replace(\"+\", '*'); s",
        "\"x*yy\"",
    );
    check(
        "let s = \"é\"; s.pad(3, '-'); s.pad(2, '!'); s.pad(6, \"ab\"); s",
        "\"é--aba\"",
    );
    check("let s = \"x\"; s.pad(5, \"\"); s", "\"x\"");
    check("\"a b  c\".split()", "[\"a\", \"b\", \"c\"]");
    check("\"\".split(\",\")", "[\"\"]");
    check("\"a,b,c\".split(\",\", 2)", "[\"a\", \"b,c\"]");
    check("\"a,b,c\".split(',', 0)", "[\"a,b,c\"]");
    check("\"a,b,c\".split_rev(',')", "[\"c\", \"b\", \"a\"]");
    check("\"a,b,c\".split_rev(\",\", 2)", "[\"c\", \"a,b\"]");
    check("\"aé\".to_chars()", "['a', 'é']");
    check("\"abc\".split(1)", "[\"a\", \"bc\"]");
    check("blob(2, 0x1ff).to_array()", "[255, 255]");
    check("blob(-1).len", "0");
    check("let b = blob(); b.pad(2, 1); b.to_array()", "[1, 1]");
    check("let a = [1]; a.pad(3, []); a", "[1, [], []]");
    check("let a = [1, 1, 2, 1]; a.dedup(); a", "[1, 2, 1]");
    check("let a = [1, 2, 4, 7]; a.dedup(|x, y| y - x == 1); a", "[1, 4, 7]");
    check("parse_json(`{\"a\": [1]}`)", "#{a: [1]}");
    check("#{a: 1}.to_json()", "`{\"a\":1}`");
}

#[test]
fn places_in_strings_count_characters() {
    check("\"äbcd\".sub_string(1, 2)", "\"bc\"");
    check("\"äbcd\".sub_string(-3, 2)", "\"bc\"");
    check("\"äbcd\".sub_string(-9, 1)", "\"ä\"");
    check("\"äbcd\".sub_string(4)", "\"\"");
    check("\"äbcd\".sub_string(1, -1)", "\"\"");
    check("\"äbcd\".sub_string(1..3)", "\"bc\"");
    check("\"äbcd\".sub_string(-2..=1)", "\"äb\"");
    check("\"äbcd\".sub_string(3..1)", "\"\"");
    check("\"äbcd\".sub_string(2..=9223372036854775807)", "\"cd\"");
    check("let s = \"äbcd\"; s.crop(-2); s", "\"cd\"");
    check("let s = \"äbcd\"; s.crop(0..=0); s", "\"ä\"");
    check("\"äbäb\".index_of(\"b\", 2)", "3");
    check("\"äbäb\".index_of('ä', -2)", "2");
    check("\"äbäb\".index_of('ä', -9223372036854775808)", "0");
    check("\"ab\".index_of(\"b\", 2)", "-1");
    check("\"\".index_of(\"\", 0)", "-1");
}

#[test]
fn sorting() {
    check("let a = [3, 1, 2]; a.sort(); a", "[1, 2, 3]");
    check("let a = [3, 1, 2]; a.sort_desc(); a", "[3, 2, 1]");
    check("[\"b\", \"é\", \"a\"].order()", "[\"a\", \"b\", \"é\"]");
    check("[1.5, 0.0/0.0, -1.0].order().len()", "3");
    check(
        "let a = [[2, 1], [1, 2], [1, 1]]; a.sort(|x, y| x[0] - y[0]); a",
        "[[1, 2], [1, 1], [2, 1]]",
    );
    check("[3, 1, 2].order_by(|x, y| x < y)", "[1, 2, 3]");
    check("[3, 1, 2].order_desc()", "[3, 2, 1]");
    check("let a = [1, \"a\"]; a.sort()", "error: different types");
    check("let a = [#{}, #{}]; a.sort()", "error: cannot be sorted");
    check(
        "let a = [2, 1]; a.sort(|x, y| \"?\")",
        "error: must return an integer or a boolean",
    );
    check(
        "let a = [3, 2, 1]; try { a.sort(|x, y| throw \"no\"); } catch { } a",
        "[3, 2, 1]",
    );
    check(
        "let a = []; for i in 0..500 { a.push(i); } a.sort(|x, y| 1); a.sort(|x, y| -1); a.sort(|x, y| true);
           a.sort(|x, y| random::int(-1, 1)); a.len()",
        "500",
    );
}

#[test]
fn values_as_text() {
    check(
        "[1, 1.5, \"a\\\"\\n\\x01é\", 'c', true, (), [], #{}].to_string()",
        "`[1, 1.5, \"a\\\"\\n\\u{1}é\", c, true, (), [], #{}]`",
    );
    check("#{b: 1, a: [\"x\"]}.to_debug()", "`#{\"a\": [\"x\"], \"b\": 1}`");
    check(
        "`${[1]} ${#{a: 1}} ${blob(9, 1)}`",
        "\"[1] #{\\\"a\\\": 1} [0101010101010101 01]\"",
    );
    check("\"x: \" + [1]", "\"x: [1]\"");
    check("Fn(\"f\").to_string()", "\"Fn(f)\"");
    check(
        "let a = []; for i in 0..70 { a = [a]; } a.to_string().contains(\"[…]\")",
        "true",
    );
    check(
        "let f = |x| x; let g = f.curry([1]); g.to_debug().starts_with(\"Fn(\")",
        "true",
    );
}
