//! Sources that could take the compiler's stack, memory or time.

use crate::case::Case;

/// The largest source that there may be.
const LARGE: usize = 262_144;

pub(super) fn cases() -> Vec<Case> {
    repeated().into_iter().chain(built()).collect()
}

/// `before`, much of `part`, `after`: a name, and how it ends.
#[expect(clippy::too_many_lines, reason = "a table")]
fn repeated() -> Vec<Case> {
    [
        ("parentheses", "", "(", "", "compile"),
        ("parentheses that close", "1", "", "", "ok"),
        ("brackets", "", "[", "", "compile"),
        ("braces", "", "{", "", "compile"),
        ("maps", "", "#{a:", "", "compile"),
        ("nots", "", "!", "true", "compile"),
        ("minus signs", "", "-", "1", "compile"),
        ("plus signs", "", "+", "1", "compile"),
        ("ifs", "", "if true {", "", "compile"),
        ("else ifs", "if false {}", " else if false {}", "", "compile|204"),
        ("whiles", "", "while true {", "", "compile"),
        ("fors", "", "for x in [", "", "compile"),
        ("switches", "", "switch 1 { 1 => ", "", "compile"),
        ("tries", "", "try {", "", "compile"),
        ("loops", "", "loop {", "", "compile"),
        ("dos", "", "do {", "", "compile"),
        ("sums", "1", "+1", "", "compile|ok"),
        ("sums in parentheses", "", "1+(", "", "compile"),
        ("products", "1", "*1", "", "compile|ok"),
        ("powers", "1", "**1", "", "compile|ok"),
        ("comparisons", "1", "==1", "", "compile|ok|runtime"),
        ("ands", "true", "&&true", "", "compile|ok"),
        ("ors", "false", "||false", "", "compile|ok"),
        ("coalescing", "()", "??()", "", "compile|204"),
        ("properties", "request", ".x", "", "compile|runtime"),
        ("indexes", "request", "[0]", "", "compile|runtime"),
        ("open indexes", "", "request[", "", "compile"),
        ("elvis properties", "()", "?.x", "", "compile|204"),
        ("methods", "1", ".max(1)", "", "compile|ok"),
        ("arguments", "max(", "max(", "", "compile"),
        ("closures", "", "|x|", "1", "compile"),
        ("closures in calls", "", "(|x| ", "1", "compile"),
        ("interpolations", "", "`${", "", "compile"),
        (
            "texts that open and close",
            "",
            "\"",
            "",
            "compile|ok|response_size",
        ),
        ("open characters", "", "'", "", "compile"),
        ("open comments", "", "/*", "", "compile|204"),
        ("comments", "", "// x\n", "1", "ok"),
        ("block comments", "", "/* */", "1", "ok"),
        ("documentation", "", "/// x\n", "fn f() {} 1", "ok"),
        ("semicolons", "", ";", "", "204|compile"),
        ("commas", "[", ",", "]", "compile"),
        ("assignments", "let a = 1; ", "a=", "1", "compile"),
        ("statements", "let a = 1;", "a+=1;", "a", "ok|runtime"),
        ("variables", "", "let x=1;", "1", "ok|compile|runtime"),
        ("blocks", "", "{}", "1", "ok|compile"),
        ("returns", "", "return ", "1", "compile|ok"),
        ("throws", "", "throw ", "1", "compile|runtime"),
        ("functions in functions", "", "fn f() {", "", "compile"),
        ("imports", "", "import \"x\" as x;", "1", "compile"),
        ("ranges", "0", "..0", "", "compile|ok|runtime|response"),
        ("digits", "", "9", "", "compile|ok|runtime"),
        ("digits of a float", "1.", "9", "", "compile|ok"),
        ("exponents", "1e", "9", "", "compile|ok|runtime"),
        ("underscores in a number", "1", "_", "", "compile|ok"),
        ("hex digits", "0x", "f", "", "compile|ok|runtime"),
        ("letters", "", "x", "", "compile"),
        ("letters beyond ASCII", "", "ä", "", "compile"),
        ("escapes", "\"", "\\x41", "\"", "ok|response_size"),
        ("unknown escapes", "\"", "\\q", "\"", "compile"),
        ("spaces", "", " ", "1", "ok"),
        ("lines", "", "\n", "1", "ok"),
        ("carriage returns", "", "\r", "1", "ok"),
        ("marks of the byte order", "", "\u{feff}", "1", "compile"),
        ("NULs", "", "\0", "1", "compile"),
        ("characters that join", "", "\u{200d}", "1", "compile"),
        ("characters from right to left", "", "\u{202e}", "1", "compile"),
        (
            "characters outside of the basic plane",
            "\"",
            "😀",
            "\"",
            "ok|response_size",
        ),
        ("private characters", "", "\u{f8ff}", "1", "compile"),
        ("array items", "[", "1,", "].len", "ok"),
        ("array items that are arrays", "[", "[],", "].len", "ok|memory"),
        ("keys of a map", "#{", "a:1,", "}", "compile"),
        ("arms of a switch", "switch 1 {", "1=>1,", "}", "ok|compile|204"),
        ("unknown calls", "if false {", "nothing();", "}", "204"),
        (
            "unknown calls that could be in a map",
            "let m = #{nothing: 1}; if false {",
            "nothing();",
            "}",
            "204",
        ),
        ("calls", "", "max(1,2);", "1", "ok"),
        ("strange brackets", "", "⟨", "", "compile"),
        ("reserved words", "", "goto ", "", "compile"),
        ("reserved symbols", "", "=== ", "", "compile"),
        ("shebangs", "", "#!", "", "compile"),
        ("hashes", "", "#", "", "compile"),
        ("raw texts", "", "#\"", "", "compile|ok"),
        ("at signs", "", "@", "", "compile"),
        ("dollars", "", "$", "", "compile"),
    ]
    .into_iter()
    .map(|(name, before, part, after, verdicts)| {
        let times = (LARGE - before.len() - after.len())
            .checked_div(part.len())
            .unwrap_or(0);
        let source = format!("{before}{}{after}", part.repeat(times));
        Case::new(format!("parser/{name}"), verdicts, source)
    })
    .collect()
}

/// As many of `part` as fit, each with its number in place of `N`.
fn numbered(before: &str, part: &str, after: &str, count: usize) -> String {
    let mut source = before.to_owned();
    for number in 0..count {
        let part = part.replace('N', &number.to_string());
        if source.len() + part.len() + after.len() > LARGE {
            break;
        }
        source.push_str(&part);
    }
    source + after
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn built() -> Vec<Case> {
    let captures = |count: usize| {
        let variables = numbered("", "let vN=N;", "", count);
        let sum = numbered("0", "+vN", "", count);
        format!("{variables} let f = || {{ {sum} }}; 1")
    };
    let captures_in_statements = |count: usize| {
        let variables = numbered("", "let vN=N;", "", count);
        let uses = numbered("", "vN;", "", count);
        format!("{variables} let f = || {{ {uses} }}; 1")
    };
    let captured_parameters = |count: usize| {
        let uses = numbered("", "pN;", "", count);
        format!(
            "{}) {{ let f = || {{ {uses} }}; 1 }} 1",
            numbered("fn f(a", ",pN", "", count)
        )
    };
    let nested_captures = {
        let mut source = "let a = 1; ".to_owned();
        source.push_str(&"(|| ".repeat(100));
        source.push('a');
        source.push_str(&")".repeat(100));
        source + "; 1"
    };
    let junk: String = (0..60_000_u32)
        .filter_map(|n| char::from_u32(n.wrapping_mul(2_654_435_761) % 0x500))
        .collect();
    let all_of_unicode: String = (1..0x11_0000_u32)
        .step_by(17)
        .filter_map(char::from_u32)
        .collect();
    [
        ("a megabyte in one line", "compile", "x".repeat(1_048_576)),
        (
            "a megabyte of text in one line",
            "compile",
            format!("\"{}\"", "x".repeat(1_048_576)),
        ),
        ("one byte too much", "compile", format!("{}1", " ".repeat(LARGE))),
        ("as long as may be", "ok", format!("{}1", " ".repeat(LARGE - 1))),
        ("capturing 4,000 variables", "compile|runtime", captures(4_000)),
        (
            "capturing 4,000 variables in statements",
            "compile|runtime",
            captures_in_statements(4_000),
        ),
        (
            "capturing 12,000 variables in statements",
            "compile",
            captures_in_statements(12_000),
        ),
        (
            "capturing 2,400 variables in statements",
            "compile|runtime",
            captures_in_statements(2_400),
        ),
        (
            "capturing 12,000 parameters",
            "compile|runtime",
            captured_parameters(12_000),
        ),
        (
            "capturing 900 variables in statements",
            "ok|runtime|compile",
            captures_in_statements(900),
        ),
        (
            "capturing through a hundred closures",
            "ok|compile",
            nested_captures,
        ),
        (
            "20,000 functions",
            "compile",
            numbered("", "fn fN(){}", "1", 20_000),
        ),
        (
            "1,000 functions",
            "ok|compile",
            numbered("", "fn fN(){}", "1", 1_000),
        ),
        (
            "20,000 closures",
            "ok|compile|memory",
            numbered("", "|x|N;", "1", 20_000),
        ),
        (
            "4,000 closures that capture",
            "ok|compile|runtime|memory",
            numbered("let a=1;", "||a+N;", "1", 4_000),
        ),
        (
            "20,000 variables",
            "compile|runtime",
            numbered("", "let vN=N;", "1", 20_000),
        ),
        (
            "20,000 constants",
            "compile|runtime|ok",
            numbered("", "const C_N=N;", "1", 20_000),
        ),
        (
            "20,000 constants and a handler",
            "compile|runtime|ok",
            numbered("fn handle(r){1}", "const C_N=N;", "", 20_000),
        ),
        (
            "20,000 keys",
            "ok|compile|memory",
            numbered("#{", "kN:N,", "}.len()", 20_000),
        ),
        (
            "20,000 arms",
            "ok|compile|memory",
            numbered("switch 1 {", "N=>N,", "}", 20_000),
        ),
        (
            "20,000 texts",
            "ok|compile|memory",
            numbered("[", "\"tN\",", "].len", 20_000),
        ),
        (
            "a function with 4,000 parameters",
            "compile|ok",
            format!("{}) {{}} 1", numbered("fn f(a", ",pN", "", 4_000)),
        ),
        (
            "a call with 4,000 arguments",
            "runtime|compile",
            format!("{})", numbered("max(0", ",N", "", 4_000)),
        ),
        (
            "unknown calls with names of their own",
            "compile|204|ok",
            numbered("if false {", "nN();", "}", 20_000),
        ),
        (
            "unknown calls hidden as keys",
            "204|compile",
            numbered("if false {", "nN(#{nN:1});", "}", 20_000),
        ),
        ("junk", "compile", junk),
        ("all of Unicode", "compile", all_of_unicode.clone()),
        (
            "all of Unicode in a text",
            "ok|compile|response_size",
            format!("`{}`", all_of_unicode.replace(['`', '\\', '$'], "")),
        ),
        (
            "all of Unicode in a comment",
            "ok",
            format!("/*{}*/ 1", all_of_unicode.replace('*', "")),
        ),
        ("nothing", "204", String::new()),
        (
            "a mark of the byte order alone",
            "204|compile",
            "\u{feff}".to_owned(),
        ),
        (
            "65,536 lines before a fault",
            "compile",
            format!("{}\nlet", "\n".repeat(65_536)),
        ),
        (
            "65,536 lines before a failure",
            "runtime",
            format!("{}\nnothing()", "\n".repeat(65_536)),
        ),
        (
            "65,536 columns before a failure",
            "runtime",
            format!("{}nothing()", " ".repeat(65_536)),
        ),
    ]
    .into_iter()
    .map(|(name, verdicts, source)| Case::new(format!("parser/{name}"), verdicts, source))
    .collect()
}
