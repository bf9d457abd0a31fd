//! Values of each type, most of them from the edges.

use super::Choices;

const INTS: [&str; 20] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "10",
    "63",
    "64",
    "255",
    "256",
    "1000",
    "65536",
    "1_000_000",
    "4_294_967_296",
    "1_763_670_896_789",
    "253_402_207_200_000",
    "9_223_372_036_854_775_807",
    "(-9_223_372_036_854_775_807 - 1)",
    "-62_135_596_800_000",
    "-64",
];

const FLOATS: [&str; 12] = [
    "0.0",
    "-0.0",
    "1.5",
    "0.1",
    "-1.0",
    "1e308",
    "-1e308",
    "5e-324",
    "(0.0 / 0.0)",
    "(1.0 / 0.0)",
    "(-1.0 / 0.0)",
    "9.3e18",
];

const STRINGS: [&str; 45] = [
    r#""""#,
    r#""a""#,
    r#""abc def""#,
    r#""ü€😀""#,
    r#""\u0000\r\n\t""#,
    r#""a\u0301\u200d""#,
    r#""42""#,
    r#""-1.5e3""#,
    r#""0x1F""#,
    r#""true""#,
    r#""a,b;c\n\"d\",,\r\n""#,
    r#"",,\"""#,
    r#"",""#,
    r#""{\"a\": [1, 2.5, null, \"x\"], \"b\": {}}""#,
    r#""[[[[[[[[]]]]]]]]""#,
    r#""{\"a\":""#,
    r#""a=1&b=%C3%BC&a=2+3&&=x&%zz""#,
    r#""https://user:pw@example.com:8080/a/../b%20c?x=1&y#frag""#,
    r#""../x?y""#,
    r#""//h""#,
    r#""%41%zz%""#,
    r#""aGVsbG8=""#,
    r#""aGVsbG8""#,
    r#""_-8""#,
    r#""deadBEEF""#,
    r#""0g""#,
    r#""(a|b)*c""#,
    r#""(?P<name>\\w+)\\s(\\d{2,4})""#,
    r#""(((a{1,9}){1,9}){1,9}){1,9}""#,
    r#""[\\p{L}--a]""#,
    r#""(?i)^$""#,
    r#""$1${name}$0$$""#,
    r#""2024-02-29T23:59:60Z""#,
    r#""2024-03-31 02:30:00""#,
    r#""%Y-%m-%d %H:%M:%S""#,
    r#""%A %j %Q %999999d""#,
    r#""Europe/Berlin""#,
    r#""Nowhere/Here""#,
    r#""months""#,
    r#""day""#,
    r#""week""#,
    r#""01890a5d-ac96-774b-bcce-b302099a8057""#,
    r#""<b>&'\"</b>""#,
    r#""content-type""#,
    r#""x\r\ny: z""#,
];

const MAPS: [&str; 12] = [
    "#{}",
    "#{a: 1, b: [1, 2], \"c d\": \"e\"}",
    "#{years: 1, months: -13, days: 40, hours: 25}",
    "#{days: 9_223_372_036_854_775_807}",
    "#{year: 2024, month: 2, day: 30}",
    "#{year: 2024, month: 3, day: 31, hour: 2, minute: 30, second: 1.5}",
    "#{scheme: \"https\", host: \"a.b\", port: 99999, path: \"x y\", query: #{q: [1, \"ü\"]}, fragment: \"f\"}",
    "#{header: true, separator: \";\"}",
    "#{header: false, separator: \"\\n\", quote: 1}",
    "#{max_age: -1, path: \";\", same_site: \"none\", secure: true, http_only: false, domain: \"x y\"}",
    "#{status: 404, message: \"m\", headers: #{\"x-y\": [1, 2]}}",
    "#{status: 1000, body: blob(3, 65)}",
];

const ARRAYS: [&str; 9] = [
    "[]",
    "[1]",
    "[3, 1, 2, 1]",
    "[\"b\", \"a\", 'c', 1.5, (), true]",
    "[[1, 2], [3], []]",
    "[#{a: 1, b: \"x,\\\"y\\\"\"}, #{b: 2}]",
    "[0.5, 1e308, (0.0 / 0.0), -0.0]",
    "[9_223_372_036_854_775_807, 1]",
    "[|x| x, Fn(\"same\"), 0..3]",
];

const FUNCTIONS: [&str; 12] = [
    "Fn(\"same\")",
    "Fn(\"less\")",
    "Fn(\"no_such\")",
    "Fn(\"print\")",
    "|x| x",
    "|x, y| x < y",
    "|x, y| true",
    "|x, y| x - y",
    "|x| throw x",
    "|| 1",
    "|x, y, z| [x, y, z]",
    "Fn(\"less\").curry(2)",
];

const RANGES: [&str; 7] = [
    "0..3",
    "0..0",
    "2..1",
    "-3..-1",
    "0..9_223_372_036_854_775_807",
    "-9_223_372_036_854_775_807..1",
    "1..1_000_000",
];

const OTHERS: [&str; 12] = [
    "()",
    "true",
    "false",
    "'x'",
    "'😀'",
    "request",
    "request.headers",
    "text(\"t\")",
    "html(201, \"<p>\")",
    "response(404, #{a: 1})",
    "timestamp()",
    "blob(2, 255)",
];

/// A value of a type, by the name that the catalogue has for it.
pub(super) fn value(choices: &mut Choices<'_>, kind: &str) -> String {
    let kind = if is_known(kind) {
        kind
    } else {
        choices.pick(&[
            "int",
            "float",
            "string",
            "map",
            "array",
            "Fn",
            "Range<i64>",
            "blob",
            "other",
            "string",
        ])
    };
    match kind {
        "int" | "INT" => int(choices),
        "float" | "f32" => choices.pick(&FLOATS).to_owned(),
        "string" => string(choices),
        "char" => choices
            .pick(&["'a'", "'ü'", "'😀'", "'\\n'", "'\\u0000'"])
            .to_owned(),
        "bool" => choices.pick(&["true", "false"]).to_owned(),
        "map" => choices.pick(&MAPS).to_owned(),
        "array" => array(choices),
        "blob" => blob(choices),
        "Fn" => choices.pick(&FUNCTIONS).to_owned(),
        "Range<i64>" | "Range<INT>" => choices.pick(&RANGES).to_owned(),
        "RangeInclusive<i64>" => choices.pick(&RANGES).replace("..", "..="),
        "Request" => "request".to_owned(),
        "Headers" => "request.headers".to_owned(),
        "Response" => choices
            .pick(&["text(\"t\")", "response(200)", "json(#{a: 1})", "redirect(\"/\")"])
            .to_owned(),
        "Instant" => "timestamp()".to_owned(),
        "()" => "()".to_owned(),
        _ => choices.pick(&OTHERS).to_owned(),
    }
}

fn is_known(kind: &str) -> bool {
    const KNOWN: [&str; 18] = [
        "int",
        "INT",
        "float",
        "f32",
        "string",
        "char",
        "bool",
        "map",
        "array",
        "blob",
        "Fn",
        "Range<i64>",
        "Range<INT>",
        "RangeInclusive<i64>",
        "Request",
        "Headers",
        "Response",
        "Instant",
    ];
    kind == "()" || KNOWN.contains(&kind)
}

fn int(choices: &mut Choices<'_>) -> String {
    match choices.below(3) {
        0 => choices.pick(&INTS).to_owned(),
        1 => (i16::from(choices.byte()) - 128).to_string(),
        _ => u16::from_be_bytes([choices.byte(), choices.byte()]).to_string(),
    }
}

fn string(choices: &mut Choices<'_>) -> String {
    match choices.below(4) {
        0 | 1 => choices.pick(&STRINGS).to_owned(),
        2 => format!("({} + {})", choices.pick(&STRINGS), choices.pick(&STRINGS)),
        _ => {
            let text: String = (0..choices.below(12))
                .map(|_| char::from(choices.byte()))
                .collect();
            format!("\"{}\"", escaped(&text))
        }
    }
}

/// As it stands between quotes in a script.
fn escaped(text: &str) -> String {
    let char = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(char).collect()
}

fn array(choices: &mut Choices<'_>) -> String {
    match choices.below(3) {
        0 | 1 => choices.pick(&ARRAYS).to_owned(),
        _ => {
            let items: Vec<_> = (0..choices.below(5)).map(|_| value(choices, "")).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

fn blob(choices: &mut Choices<'_>) -> String {
    match choices.below(3) {
        0 => format!("blob({}, {})", choices.below(64), choices.byte()),
        1 => format!("{}.to_blob()", string(choices)),
        _ => format!(
            "base64::decode({})",
            choices.pick(&["\"AP+A\"", "\"\"", "\"4pyTw7w=\""])
        ),
    }
}
