//! Templates, Markdown and XML.

use crate::script::check;

/// What a template gives with the data of the tests.
#[track_caller]
fn page(template: &str, expected: &str) {
    let data = "#{name: \"<Ada>\", none: (), zero: 0, half: 0.5, yes: true, empty: [], rows: [#{n: 1, t: \"a\"}, #{n: 2, t: \"b\"}],
                map: #{b: 2, a: 1}, words: [\"x\", \"<y>\"]}";
    check(&format!("template::render(`{template}`, {data})"), expected);
}

#[test]
fn values_are_shown() {
    page("", "\"\"");
    page(
        "{{ name }}{{name|safe}}{{ name|escape }}",
        "\"&lt;Ada&gt;<Ada>&lt;Ada&gt;\"",
    );
    page(
        "{{ none }}{{ zero }} {{ half }} {{ yes }} {{ -5 }}",
        "\"0 0.5 true -5\"",
    );
    page(
        "{{ rows[1].t }}{{ map[\"a\"] }}{{ rows|length }}{{ words|first }}{{ words|last }}",
        "\"b12x&lt;y&gt;\"",
    );
    page("{{ words|join(\", \") }}", "\"x, &lt;y&gt;\"");
    page("{{ words|json }}", "`[\"x\",\"\\u003cy\\u003e\"]`");
    page(
        "{{ half|fixed(2) }} {{ 7|fixed(1) }} {{ \"a/b\"|url }} {{ \"äb\"|upper }}",
        "\"0.50 7.0 a%2Fb ÄB\"",
    );
    page(
        "{{ nothing|default(\"-\") }}{{ map.c|default(name) }}",
        "\"-&lt;Ada&gt;\"",
    );
    check("template::render_text(`{{ a }}`, #{a: \"<\"})", "\"<\"");
}

#[test]
fn tags_choose_and_repeat() {
    page(
        "{% if yes and not nothing %}a{% elif yes %}b{% else %}c{% endif %}",
        "\"a\"",
    );
    page(
        "{% if zero %}a{% elif empty or name == \"x\" %}b{% else %}c{% endif %}",
        "\"c\"",
    );
    page(
        "{% if 1 < 2 and 2 <= 2.0 and \"b\" > \"a\" and not (1 >= 2) and 1 != \"1\" %}a{% endif %}",
        "\"a\"",
    );
    page(
        "{% if \"x\" in words and \"a\" in map and \"Ad\" in name and not 5 in words %}a{% endif %}",
        "\"a\"",
    );
    page(
        "{% for row in rows %}{{ loop.index }}/{{ loop.length }}:{{ row.t }}{% if not loop.last %},{% endif %}{% else %}x{% endfor %}",
        "\"1/2:a,2/2:b\"",
    );
    page(
        "{% for x in empty %}a{% else %}b{% endfor %}{% for x in none %}a{% endfor %}",
        "\"b\"",
    );
    page(
        "{% for k, v in map %}{{ k }}{{ v }}{% endfor %}{% for k in map %}{{ k }}{% endfor %}",
        "\"a1b2ab\"",
    );
    page(
        "{% for a in rows %}{% for b in words %}{{ a.n }}{{ loop.index }} {% endfor %}{% endfor %}",
        "\"11 12 21 22 \"",
    );
    page(
        "{% for name in words %}{{ name }}{% endfor %}{{ name }}",
        "\"x&lt;y&gt;&lt;Ada&gt;\"",
    );
    page(
        "a {# {{ nothing }} #}b{% raw %}{{ x }}{% y %}{% endraw %}c",
        "\"a b{{ x }}{% y %}c\"",
    );
    page(
        "a \n {%- if yes -%} \n b {% endif -%} \n c {{- 1 -}} d",
        "\"ab c1d\"",
    );
    page("{ a { b }} %} #}", "\"{ a { b }} %} #}\"");
}

#[test]
fn template_errors_name_the_line() {
    let error =
        |template: &str, message: &str| page(template, &format!("error: template::render: {message}"));
    error("a\n{{ nmae }}", "line 2: `nmae` is not in the data");
    error("{{ map.x }}", "line 1: `x` is not in the data");
    error("{{ rows[7].t }}", "line 1: `[7]` is not in the data");
    error("{{ rows }}", "line 1: an array is no text");
    error("{{ name.x }}", "line 1: a text has no part `x`");
    error("a\n\n{% if yes %}\nb", "line 3: `if` has no `endif`");
    error(
        "{% if yes %}\n{% endfor %}",
        "line 1: `if` is not ended by `endif`, but line 2 has `endfor`",
    );
    error(
        "{% if yes %}{% else %}{% else %}{% endif %}",
        "line 1: `if` is not ended",
    );
    error(
        "a\n{% endif %}",
        "line 2: nothing is there for `endif` to belong to",
    );
    error("{% include \"x\" %}", "line 1: there is no tag `include`");
    error("{{ name | shout }}", "line 1: there is no filter `shout`");
    error("{{ name ", "line 1: `}}` is missing at the end");
    error("{{ 1 + 2 }}", "line 1: `}}` is missing before `+`");
    error("{{ }}", "line 1: a value is missing");
    error("{{ \"a }}", "line 1: a text has no end");
    error("{# a", "line 1: a comment has no end");
    error("{% raw %}", "line 1: `raw` has no `endraw`");
    error(
        "{% for a, b in words %}{% endfor %}",
        "line 1: an array has no keys",
    );
    error(
        "{% for a in zero %}{% endfor %}",
        "line 1: a number cannot be gone through",
    );
    error(
        "{% for a in nothing %}{% endfor %}",
        "line 1: `nothing` is not in the data",
    );
    error(
        "{% if name < 1 %}{% endif %}",
        "line 1: a text and a number have no order",
    );
    error("{{ name|join }}", "line 1: a text has no `join`");
    error(
        "{{ name|upper(1) }}",
        "line 1: the filter `upper` takes no argument",
    );
    check("template::render(`{{ f }}`, #{f: |x| x})", "error: is no text");
}

#[test]
fn templates_are_bounded() {
    check(
        "template::render(\"{% if a %}\".repeated(40), #{})",
        "error: more than 32 levels",
    );
    check(
        "template::render(\"{{ \" + \"(\".repeated(1000), #{})",
        "error: more than 32 levels",
    );
    check(
        "template::render(\"{% if \" + \"not \".repeated(1000), #{})",
        "error: more than 32 levels",
    );
    check(
        "template::render(\"{{ a\" + \"|upper\".repeated(100) + \" }}\", #{})",
        "error: one tag may have 64 operations",
    );
    check(
        "template::render(\"{{ a\" + \".b\".repeated(100) + \" }}\", #{})",
        "error: one tag may have 64 operations",
    );
    check(
        "template::render(\"x\".repeated(300_000), #{})",
        "error: larger than 262144 bytes",
    );
    check(
        "let d = []; for i in 0..200 { d = [d]; } template::render(\"\", #{d: d})",
        "error: more than 127 levels",
    );
    check("template::render(\"{{ é\", #{})", "error: line 1");
}

#[test]
fn markdown() {
    check("markdown::to_html(\"\")", "\"\"");
    check(
        "markdown::to_html(\"<script>a</script>\\n\\nb <img onerror=x>\")",
        "\"&lt;script&gt;a&lt;/script&gt;\\n<p>b &lt;img onerror=x&gt;</p>\\n\"",
    );
    for link in [
        "[a](javascript:x)",
        "[a](JaVaScRiPt:x)",
        "[a](java&#x09;script:x)",
        "[a](<java\\tscript:x>)",
        "[a](&#x01;javascript:x)",
        "[a](data:text/html,x)",
        "[a](vbscript:x)",
        "![a](javascript:x)",
        "[a][b]\\n\\n[b]: javascript:x",
        "<javascript:x>",
    ] {
        check(
            &format!("markdown::to_html(\"{link}\").contains(\"href\")"),
            "false",
        );
        check(
            &format!("markdown::to_html(\"{link}\").contains(\"src\")"),
            "false",
        );
    }
    check(
        "markdown::to_html(\"[a](/b?c:d) <a@b.example>\").contains(\"/b?c:d\")",
        "true",
    );
    check(
        "markdown::to_html(\"[![a](data:x)](https://b.example)\")",
        "\"<p><a href=\\\"https://b.example\\\">a</a></p>\\n\"",
    );
    check(
        "markdown::to_html(\"| a |\\n|---|\\n| b |\").contains(\"<td>b</td>\")",
        "true",
    );
    check(
        "markdown::to_html(\"x\".repeated(300_000))",
        "error: larger than 131072 bytes",
    );
}

#[test]
fn xml() {
    check(
        "xml::parse(`<?xml version=\"1.0\"?><!-- c --><a:b x='1 &lt; 2' y=\"\"> t<c/>u&#233;&amp;<![CDATA[<d>]]></a:b>`)",
        "#{name: \"a:b\", attributes: #{x: \"1 < 2\", y: \"\"}, text: \" tué&<d>\",
           children: [#{name: \"c\", attributes: #{}, text: \"\", children: []}]}",
    );
    check("let b = blob(); b += `<a/>`; xml::parse(b).name", "\"a\"");
    for (text, message) in [
        ("", "there is no element"),
        ("text", "there is text outside"),
        ("<a>", "`a` has no end"),
        ("<a></b>", "line 1"),
        ("<a/><b/>", "more than one element"),
        ("<a x='1' x='2'/>", "`x` is there twice"),
        ("<a>&nbsp;</a>", "there is no entity `nbsp`"),
        ("<a x='&e;'/>", "line 1"),
        ("<a>&#0;</a>", "line 1"),
        ("<a\\n", "line"),
        (
            "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
            "a document with a DOCTYPE is not read",
        ),
    ] {
        check(&format!("xml::parse(\"{text}\")"), &format!("error: {message}"));
    }
    check("xml::parse(\"<a>\".repeated(61))", "error: more than 60 elements");
    check(
        "let x = xml::parse(\"<a>\".repeated(60) + \"</a>\".repeated(60)); json::parse(json::stringify(x)) == x",
        "true",
    );
    check("xml::parse(blob(1, 255))", "error: not UTF-8");
    check(
        "xml::parse(\"x\".repeated(5_000_000))",
        "error: larger than 4194304 bytes",
    );
}
