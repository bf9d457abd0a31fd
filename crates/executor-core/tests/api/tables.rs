//! CSV.

use crate::script::check;

#[test]
fn reading() {
    check("csv::parse(\"\")", "[]");
    check("csv::parse(\"a,b\")", "[]");
    check(
        "csv::parse(\"a,b\\r\\n1\\r\\n\\r\\n\\\"x\\r\\ny\\\",\\\"\\\"\\\"\\\"\")",
        "[#{a: \"1\", b: ()}, #{a: \"x\\r\\ny\", b: \"\\\"\"}]",
    );
    check("csv::parse(\"\\ufeffä\\n1\")", "[#{\"ä\": \"1\"}]");
    check(
        "csv::parse(\"a\\tb\", #{separator: \"\\t\", header: false})",
        "[[\"a\", \"b\"]]",
    );
    check(
        "csv::parse(\" a , b \\n 1 , 2 \", #{trim: true})",
        "[#{a: \"1\", b: \"2\"}]",
    );
    check(
        "csv::parse(\"a\\n1,2\")",
        "error: line 2 has 2 cells, but there are 1 columns",
    );
    check("csv::parse(blob(1, 255))", "error: csv::parse");
    check(
        "csv::parse(\"a\", #{separator: \"::\"})",
        "error: `separator` must be one ASCII character",
    );
    check(
        "csv::parse(\"a\", #{seperator: \",\"})",
        "error: there is no option `seperator`",
    );
    check(
        "csv::parse(\"a\", #{header: 1})",
        "error: `header` must be true or false",
    );
}

#[test]
fn writing() {
    check("csv::stringify([])", "\"\"");
    check(
        "csv::stringify([[\"\"], [1, 2.5, true, (), \"a,b\", \" x\"]])",
        "\"\\\"\\\"\\r\\n1,2.5,true,,\\\"a,b\\\",\\\" x\\\"\\r\\n\"",
    );
    check(
        "csv::stringify([#{a: 1, b: 2}], #{columns: [\"b\", \"c\"], header: false})",
        "\"2,\\r\\n\"",
    );
    check("csv::stringify([#{a: []}])", "error: a value must be text");
    check(
        "csv::stringify([1])",
        "error: rows must be all maps or all arrays",
    );
    check(
        "csv::stringify([], #{columns: 1})",
        "error: `columns` must be an array of names",
    );
    check(
        "let rows = [#{a: \"x\\ny\", b: \"\\\"\"}, #{a: \"\", b: \";\"}]; csv::parse(csv::stringify(rows)) == rows",
        "true",
    );
}
