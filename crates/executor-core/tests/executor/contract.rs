//! What scripts are promised: the request they see and the answer that is made of what they return.

use http::Method;
use picloud_shared::{
    invocation::ScriptRequest,
    outcome::{LogLevel, ScriptErrorKind},
    webhook::{ReceivedWebhook, WebhookPreset},
};

use crate::support::{answer, error, request, run, with_header};

/// Runs `source` and compares `status content-type: body`.
#[track_caller]
fn check_with(source: &str, request: ScriptRequest, expected: &str) {
    let response = answer(source, request);
    let content_type = response
        .headers
        .get("content-type")
        .map_or("-", |value| value.to_str().expect("ASCII"));
    let body = String::from_utf8_lossy(&response.body);
    assert_eq!(
        format!("{} {content_type}: {body}", response.status.as_u16()),
        expected,
        "{source}"
    );
}

#[track_caller]
fn check(source: &str, expected: &str) {
    check_with(source, request(), expected);
}

#[track_caller]
fn check_error(source: &str, kind: ScriptErrorKind, message: &str) {
    let error = error(source);
    assert_eq!((error.kind, error.message.as_str()), (kind, message), "{source}");
}

#[test]
fn values_become_responses() {
    check("\"Hello\"", "200 text/plain; charset=utf-8: Hello");
    check("'ü'", "200 text/plain; charset=utf-8: ü");
    check("42", "200 application/json: 42");
    check("4.5", "200 application/json: 4.5");
    check("true", "200 application/json: true");
    check("[1, \"a\", (), 2.0]", "200 application/json: [1,\"a\",null,2.0]");
    check(
        "#{b: #{c: []}, a: 'x'}",
        "200 application/json: {\"a\":\"x\",\"b\":{\"c\":[]}}",
    );
    check("()", "204 -: ");
    check("", "204 -: ");
    check("let x = 1;", "204 -: ");
    check("response(204, \"\")", "204 -: ");
    check("blob(2, 65)", "200 application/octet-stream: AA");
    check("return 7; 8", "200 application/json: 7");
    check("exit(\"done\"); 8", "200 text/plain; charset=utf-8: done");
    check(
        "[1].map(|x| exit(\"done\")); 8",
        "200 text/plain; charset=utf-8: done",
    );
}

#[test]
fn both_styles_run() {
    check(
        "fn handle(request) { greet(request.method) } fn greet(who) { `Hello, ${who}` }",
        "200 text/plain; charset=utf-8: Hello, GET",
    );
    check(
        "const GREETING = \"Hi\"; fn handle(req) { global::GREETING }",
        "200 text/plain; charset=utf-8: Hi",
    );
    check("fn double(x) { x * 2 } double(21)", "200 application/json: 42");
    check(
        "let path = || request.path; path.call()",
        "200 text/plain; charset=utf-8: /",
    );
}

#[test]
fn helpers_make_responses() {
    check("response(201, #{id: 7})", "201 application/json: {\"id\":7}");
    check("response(404)", "404 -: ");
    check("html(\"<b>hi</b>\")", "200 text/html; charset=utf-8: <b>hi</b>");
    check("html(404, \"no\")", "404 text/html; charset=utf-8: no");
    check("json(\"text\")", "200 application/json: \"text\"");
    check("json(422, ())", "422 application/json: null");
    check("text(500, \"oops\")", "500 text/plain; charset=utf-8: oops");
    check(
        "response(200, \"a,b\").header(\"Content-Type\", \"text/csv\")",
        "200 text/csv: a,b",
    );
    check(
        "let r = response(200, \"x\"); r.header(\"x-a\", 1); r.status",
        "200 application/json: 200",
    );

    let response = answer("redirect(\"/b\", 307)", request());
    assert_eq!(response.status.as_u16(), 307);
    assert_eq!(response.headers["location"], "/b");

    let response = answer(
        "redirect(\"/a b/ü?x=%20\").header(\"x-a\", \"1\").header(\"X-A\", 2)",
        request(),
    );
    assert_eq!(response.status.as_u16(), 302);
    assert_eq!(response.headers["location"], "/a%20b/%C3%BC?x=%20");
    assert_eq!(response.headers["x-a"], "2");

    let source = "response(200, \"x\").cookie(\"a\", \"1\").cookie(\"b\", \"2\", #{path: \"/b\"})";
    let response = answer(source, request());
    let cookies: Vec<_> = response.headers.get_all("set-cookie").iter().collect();
    assert_eq!(
        cookies,
        [
            "a=1; Path=/; HttpOnly; SameSite=Lax",
            "b=2; Path=/b; HttpOnly; SameSite=Lax"
        ]
    );
}

#[test]
fn throwing_answers_too() {
    check(
        "throw #{status: 404, message: \"no such item\"}",
        "404 application/json: {\"error\":\"no such item\"}",
    );
    check(
        "throw #{status: 409, body: \"taken\"}",
        "409 text/plain; charset=utf-8: taken",
    );
    check("fn f() { throw #{status: 403} } f()", "403 -: ");
    check(
        "[1].map(|x| { throw response(418, \"tea\") })",
        "418 text/plain; charset=utf-8: tea",
    );
    let response = answer(
        "throw #{status: 401, headers: #{\"www-authenticate\": \"Basic\"}}",
        request(),
    );
    assert_eq!(response.headers["www-authenticate"], "Basic");
    check_error("throw \"broken\"", ScriptErrorKind::Runtime, "broken");
    check_error("throw #{code: 1}", ScriptErrorKind::Runtime, "#{\"code\": 1}");
    check_error(
        "throw #{status: 700}",
        ScriptErrorKind::Response,
        "a response cannot have the status 700, only 200 to 599",
    );
}

#[test]
fn what_cannot_be_sent_is_an_error() {
    let kind = ScriptErrorKind::Response;
    check_error(
        "response(101, ())",
        kind,
        "a response cannot have the status 101, only 200 to 599",
    );
    check_error(
        "response(-1)",
        kind,
        "a response cannot have the status -1, only 200 to 599",
    );
    check_error(
        "response(204, \"x\")",
        kind,
        "a response with status 204 has no body",
    );
    check_error(
        "|x| x",
        kind,
        "the response cannot be sent: a value of type `Fn` cannot be written as JSON",
    );
    check_error(
        "response(200, \"\").header(\"x\", \"a\\r\\nb: c\")",
        kind,
        "the value of the header `x` has a line break or control character",
    );
    check_error(
        "response(200, \"\").header(\"a b\", \"\")",
        kind,
        "\"a b\" is not the name of a header",
    );
    check_error(
        "response(200, \"\").header(\"Content-Length\", 5)",
        kind,
        "the header `content-length` is set by the server",
    );
    check_error(
        "let r = response(200, \"\"); for i in 0..100 { r.header(`x-${i}`, \"\"); } r",
        kind,
        "a response has at most 64 headers and 32768 bytes of them",
    );
    check_error(
        "redirect(200, \"/\")",
        kind,
        "a redirect has the status 301, 302, 303, 307 or 308, not 200",
    );
}

#[test]
fn a_signed_request_tells_what_is_known_of_it() {
    for (webhook, expected) in [
        (
            ReceivedWebhook {
                preset: WebhookPreset::Standard,
                id: Some("msg_1".to_owned()),
                timestamp: Some(1_614_265_330),
            },
            r#"{"id":"msg_1","preset":"standard","timestamp":1614265330000}"#,
        ),
        (
            ReceivedWebhook {
                preset: WebhookPreset::Github,
                id: None,
                timestamp: None,
            },
            r#"{"id":null,"preset":"github","timestamp":null}"#,
        ),
    ] {
        let mut request = request();
        request.webhook = Some(Box::new(webhook));
        check_with(
            "json(request.webhook)",
            request,
            &format!("200 application/json: {expected}"),
        );
    }
}

#[test]
fn the_head_of_a_request_is_seen() {
    let mut request = request();
    request.method = Method::POST;
    request.uri = "/a%20b?q=1&q=2&name=J%C3%B6rg+M&empty".parse().unwrap();
    request.scheme = "https";
    request.params = vec![("id".into(), "a/b".to_owned())];
    let request = with_header(request, "x-twice", "1");
    let request = with_header(request, "x-twice", "2");
    let request = with_header(request, "cookie", "a=1; b=\"x%20y\"; a=3");
    let request = with_header(request, "cookie", "c=%zz");
    let check = |source: &str, expected: &str| {
        check_with(
            &format!("json({source})"),
            request.clone(),
            &format!("200 application/json: {expected}"),
        );
    };
    check("request.method", "\"POST\"");
    check("request.path", "\"/a%20b\"");
    check(
        "request.url",
        "\"https://example.com/a%20b?q=1&q=2&name=J%C3%B6rg+M&empty\"",
    );
    check("request.host", "\"example.com\"");
    check("request.scheme", "\"https\"");
    check("request.remote_addr", "\"192.0.2.1\"");
    check("request.id.len", "36");
    check("request.webhook", "null");
    check("request.params", "{\"id\":\"a/b\"}");
    check("request.params.none", "null");
    check(
        "request.query",
        "{\"empty\":\"\",\"name\":\"Jörg M\",\"q\":\"1\"}",
    );
    check("request.query.q", "\"1\"");
    check("request.query.none ?? \"-\"", "\"-\"");
    check("request.query_all(\"q\")", "[\"1\",\"2\"]");
    check("request.headers[\"X-Twice\"]", "\"1, 2\"");
    check("request.headers.get(\"x-none\")", "null");
    check("request.headers.get_all(\"X-TWICE\")", "[\"1\",\"2\"]");
    check(
        "[\"X-twice\" in request.headers, \"x\" in request.headers]",
        "[true,false]",
    );
    check("request.headers.keys()", "[\"x-twice\",\"cookie\"]");
    check("request.headers.to_map()[\"x-twice\"]", "\"1, 2\"");
    check("request.headers.cookie", "\"a=1; b=\\\"x%20y\\\"; a=3; c=%zz\"");
    check_with(
        "let n = 0; for line in request.headers { n += 1; } n",
        request.clone(),
        "200 application/json: 4",
    );
    check("request.cookies", "{\"a\":\"1\",\"b\":\"x y\",\"c\":\"%zz\"}");
    check("type_of(request)", "\"Request\"");
}

#[test]
fn the_body_is_read_in_many_forms() {
    let with_body = |body: &'static [u8], content_type: &str| {
        let mut request = request();
        request.body = body.into();
        with_header(request, "content-type", content_type)
    };
    let json = with_body(b"{\"a\": [1, 2.5, null, \"x\"]}", "application/json");
    check_with(
        "request.json().a[3]",
        json.clone(),
        "200 text/plain; charset=utf-8: x",
    );
    check_with("request.body.len", json.clone(), "200 application/json: 26");
    check_with("request.bytes.len", json.clone(), "200 application/json: 26");
    let source = "try { return request.form() } catch (e) { return e }";
    check_with(
        source,
        json,
        "200 text/plain; charset=utf-8: request.form() reads application/x-www-form-urlencoded, and this body is \
         application/json",
    );
    check_with(
        source,
        with_body(b"", "multipart/form-data; boundary=x"),
        "200 text/plain; charset=utf-8: request.form() reads application/x-www-form-urlencoded, and this body is \
         multipart/form-data",
    );
    let form = with_body(
        b"name=A%26B&tag=1&tag=2",
        "application/x-www-form-urlencoded; charset=utf-8",
    );
    check_with(
        "request.form()",
        form.clone(),
        "200 application/json: {\"name\":\"A&B\",\"tag\":\"1\"}",
    );
    check_with(
        "request.form_all(\"tag\")",
        form,
        "200 application/json: [\"1\",\"2\"]",
    );
    check_with(
        "try { return request.json() } catch (e) { return e }",
        with_body(b"{\"a\":\n tru}", "application/json"),
        "200 text/plain; charset=utf-8: the request's body is not valid JSON: expected ident at line 2, column 5",
    );
    check_with(
        "try { return request.body } catch (e) { return e }",
        with_body(b"ab\xff", "text/plain"),
        "200 text/plain; charset=utf-8: the request's body is not UTF-8 text (byte 2); read `request.bytes`",
    );
}

#[test]
fn what_a_client_sent_wrong_is_answered_as_such() {
    let mut broken = request();
    broken.body = b"{\"a\":\n tru}".as_slice().into();
    let message = "the request's body is not valid JSON: expected ident at line 2, column 5";
    let answer = format!("400 application/json: {{\"error\":\"{message}\"}}");
    for source in [
        "request.json()",
        "fn handle(request) { [1].map(|x| request.json()) }",
        "try { request.json() } catch (e) { throw e }",
    ] {
        check_with(source, broken.clone(), &answer);
    }
    check(
        "request.json()",
        "400 application/json: {\"error\":\"the request has no body, so request.json() has nothing to read\"}",
    );
    broken.body = b"ab\xff".as_slice().into();
    check_with(
        "request.body",
        broken.clone(),
        "400 application/json: {\"error\":\"the request's body is not UTF-8 text (byte 2); read `request.bytes`\"}",
    );
    check_with(
        "request.form()",
        with_header(broken, "content-type", "text/csv"),
        "415 application/json: {\"error\":\"request.form() reads application/x-www-form-urlencoded, and this body \
         is text/csv\"}",
    );
    // What the script itself parses is not the client's.
    check_error(
        "json::parse(\"tru\")",
        ScriptErrorKind::Runtime,
        "not valid JSON: EOF while parsing a value at line 1, column 3",
    );
}

#[test]
fn of_fields_that_repeat_the_first_stays() {
    let mut request = request();
    request.uri = "/?a=1&b=2&a=3".parse().unwrap();
    request.body = b"a=1&b=2&a=3".as_slice().into();
    let source = "[request.query, request.form(), form::parse(request.body), form::parse(\"a=1&b=2&a=3\"),
         request.query_all(\"a\"), request.form_all(\"a\"), form::pairs(request.body).filter(|p| p[0] == \"a\").map(|p| p[1])]";
    let first = r#"{"a":"1","b":"2"}"#;
    let all = r#"["1","3"]"#;
    check_with(
        source,
        request,
        &format!("200 application/json: [{first},{first},{first},{first},{all},{all},{all}]"),
    );
}

#[test]
fn a_request_cannot_be_changed() {
    let message = "a request cannot be changed; copy what you need into a variable";
    check_error("request.method = \"PUT\"; 1", ScriptErrorKind::Runtime, message);
    check_error("fn handle(r) { r.path = 1; }", ScriptErrorKind::Runtime, message);
    check_error(
        "request.metod",
        ScriptErrorKind::Runtime,
        "a request has no field `metod`; did you mean `method`?",
    );
    check("request.query.x = 1; request.query.x", "204 -: ");
}

#[test]
fn lines_are_logged_with_their_place() {
    let source = "log::info(\"order\", 42, #{total: 9.5});\nprint([1, 'x']);\n  debug(\"d\");\nlog::error(());\nprint(1.0); print(true); print();";
    let outcome = run(source);
    let lines: Vec<_> = outcome
        .logs
        .iter()
        .map(|line| (line.level, line.message.as_str(), line.line))
        .collect();
    assert_eq!(
        lines,
        [
            (LogLevel::Info, "order 42 #{\"total\": 9.5}", 1),
            (LogLevel::Info, "[1, x]", 2),
            (LogLevel::Debug, "d", 3),
            (LogLevel::Error, "()", 4),
            (LogLevel::Info, "1.0", 5),
            (LogLevel::Info, "true", 5),
            (LogLevel::Info, "", 5),
        ]
    );
    assert!(outcome.result.is_ok());
}
