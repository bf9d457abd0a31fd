//! Scripts that call others.

use std::sync::Arc;

use picloud_executor_core::{Executor, ExecutorConfig, bytes_held};
use picloud_shared::{
    id::AppId,
    invocation::DEPTH_MAX,
    limits::Limits,
    outcome::{Outcome, ScriptError, ScriptErrorKind},
    seam::ExecutorClient as _,
    services::{KvValue, Question, Service},
};

use crate::support::{
    LIMITS, invocation_in, invocation_within, memory::MemoryHost, on_serving_thread, run_in,
};

/// Runs the first of `scripts`, and compares its answer.
#[track_caller]
fn check(scripts: &[(&str, &str)], expected: &str) {
    says(run_in(scripts), expected);
}

#[track_caller]
fn says(outcome: Outcome, expected: &str) {
    match outcome.result {
        Ok(response) => assert_eq!(String::from_utf8_lossy(&response.body), expected),
        Err(error) => panic!("{error:#?}"),
    }
}

#[track_caller]
fn error(scripts: &[(&str, &str)]) -> ScriptError {
    match run_in(scripts).result {
        Ok(response) => panic!("{scripts:#?}\n{response:#?}"),
        Err(error) => error,
    }
}

/// Runs the first of `scripts`, of which some have limits of their own.
fn run_within(scripts: &[(&str, &str)], limits: &[(&str, Limits)]) -> Outcome {
    on_serving_thread(|executor| async move { executor.execute(invocation_within(scripts, limits)).await })
}

/// Runs the first of `scripts` on `host`.
fn run_on(host: &Arc<MemoryHost>, scripts: &[(&str, &str)]) -> (AppId, Outcome) {
    let services = Some(host.services());
    on_serving_thread(|_| async move {
        let executor = Executor::new(ExecutorConfig {
            services,
            ..ExecutorConfig::default()
        });
        let invocation = invocation_in(scripts);
        (invocation.script.app_id, executor.execute(invocation).await)
    })
}

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
fn a_script_that_is_called_ends_by_its_own_limits() {
    let small = Limits {
        operations_max: 10_000,
        memory_bytes_max: 1_024 * 1_024,
        timeout_ms: 50,
        cpu_ms_max: 1_000,
        ..LIMITS
    };
    let main = "let out = \"\"; try { script::call(\"other\") } \
                catch (e) { out = `${e.kind} in ${e.script}: ${e.message}`; } out";
    for (source, expected) in [
        (
            "loop {}",
            "operations in other: stopped after 10000 steps (operations_max)",
        ),
        (
            "let a = \"x\"; loop { a += a; }",
            "memory in other: stopped with more than 1048576 bytes",
        ),
        ("sleep(5)", "timeout in other: stopped after 50 ms (timeout_ms)"),
        (
            "fn f() { f() } f()",
            "depth in other: functions call each other too deep",
        ),
        ("try { loop {} } catch { 1 }", "operations in other"),
    ] {
        let outcome = run_within(&[("main", main), ("other", source)], &[("other", small)]);
        let response = outcome
            .result
            .unwrap_or_else(|error| panic!("{source}: {error:#?}"));
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert!(text.starts_with(expected), "{source}: {text}");
    }
    let uncaught = run_within(
        &[
            ("main", "script::call(\"other\")"),
            ("other", "let n = 0;\nloop { n += 1; }"),
        ],
        &[("other", small)],
    );
    let uncaught = uncaught.result.expect_err("no answer");
    assert_eq!(
        (uncaught.kind, uncaught.script.as_deref(), uncaught.line),
        (ScriptErrorKind::Operations, Some("other"), Some(2))
    );
}

#[test]
fn what_is_called_never_has_more_than_its_caller() {
    let small = Limits {
        operations_max: 10_000,
        memory_bytes_max: 2 * 1_024 * 1_024,
        timeout_ms: 200,
        ..LIMITS
    };
    let main = "try { script::call(\"other\") } catch {} \"caught\"";
    for (source, kind) in [
        ("loop {}", ScriptErrorKind::Operations),
        ("let a = \"x\"; loop { a += a; }", ScriptErrorKind::Memory),
        ("sleep(60)", ScriptErrorKind::Timeout),
        ("script::call(\"last\")", ScriptErrorKind::Operations),
    ] {
        let scripts = [("main", main), ("other", source), ("last", "loop {}")];
        let outcome = run_within(&scripts, &[("main", small)]);
        let error = outcome.result.expect_err("no answer");
        assert_eq!((error.kind, error.script), (kind, None), "{source}");
    }
    // Many small calls are as much as one large one.
    let small = Limits {
        timeout_ms: 60_000,
        ..small
    };
    let many = run_within(
        &[
            ("main", "loop { script::call(\"other\") }"),
            ("other", "let n = 0; for i in 0..100 { n += i; } n"),
        ],
        &[("main", small)],
    );
    assert_eq!(many.usage.operations, 10_000);
    let kept = run_within(
        &[
            (
                "main",
                "let all = []; loop { all.push(script::call(\"other\")); }",
            ),
            ("other", "let a = \"x\"; while a.len() < 100000 { a += a; } a"),
        ],
        &[("main", small)],
    );
    assert_eq!(kept.result.expect_err("no answer").kind, ScriptErrorKind::Memory);
}

#[test]
fn the_same_calls_take_the_same_steps() {
    let scripts = [
        (
            "main",
            "let sum = 0; for i in 0..20 { sum += script::call(\"other\", i); } sum",
        ),
        ("other", "let n = 0; for i in 0..request.argument { n += i; } n"),
    ];
    let first = run_in(&scripts);
    assert_eq!(first.usage.operations, run_in(&scripts).usage.operations);
    assert!(first.usage.operations > 400, "{:?}", first.usage);
    says(first, "1140");
}

#[test]
fn scripts_that_call_each_other_come_to_an_end() {
    for scripts in [
        [
            ("main", "try { script::call(\"main\") } catch { 1 }"),
            ("other", "1"),
        ],
        [
            ("main", "try { script::call(\"other\") } catch { 1 }"),
            ("other", "try { script::call(\"main\") } catch { 2 }"),
        ],
    ] {
        let looping = error(&scripts);
        assert_eq!(looping.kind, ScriptErrorKind::LoopDetected);
        assert!(
            looping.message.starts_with("more than 16 calls lead"),
            "{looping:#?}"
        );
        assert_eq!(looping.line, Some(1));
    }
    let counting = "let n = request.argument ?? 0; if n == 16 { n } else { script::call(\"main\", n + 1) }";
    check(&[("main", counting)], "16");
    let deep = on_serving_thread(|executor| async move {
        let mut invocation = invocation_in(&[("main", "script::call(\"other\")"), ("other", "1")]);
        invocation.depth = DEPTH_MAX;
        executor.execute(invocation).await
    });
    assert_eq!(
        deep.result.expect_err("no answer").kind,
        ScriptErrorKind::LoopDetected
    );
}

#[test]
fn all_of_it_is_one_transaction() {
    let host = Arc::<MemoryHost>::default();
    let scripts = [
        (
            "main",
            "kv::set(\"a\", 1); let seen = script::call(\"other\"); [seen, kv::get(\"b\"), docs::count(\"d\", #{})]",
        ),
        (
            "other",
            "kv::set(\"b\", 2); docs::insert(\"d\", #{n: 1}); kv::get(\"a\")",
        ),
    ];
    let (app, outcome) = run_on(&host, &scripts);
    let uses: Vec<_> = outcome
        .services
        .iter()
        .map(|used| (used.service, used.calls))
        .collect();
    assert!(
        uses.contains(&(Service::Script, 1)) && uses.contains(&(Service::Kv, 4)),
        "{uses:?}"
    );
    says(outcome, "[1,2,1]");
    assert_eq!(host.get(app, "b"), Some(KvValue::Json("2".to_owned())));
    let commits = host
        .asked()
        .into_iter()
        .filter(|asked| matches!(asked, Question::Commit(_)));
    assert_eq!(commits.count(), 1);
}

#[test]
fn what_throws_leaves_nothing_of_its_own() {
    let host = Arc::<MemoryHost>::default();
    let scripts = [
        (
            "main",
            "kv::set(\"a\", \"main\"); docs::insert(\"d\", \"1\", #{by: \"main\"}); \
             try { script::call(\"other\") } catch {} \
             [kv::get(\"a\"), kv::get(\"b\"), docs::get(\"d\", \"1\").by, docs::get(\"new\", \"1\"), script::call(\"good\")]",
        ),
        (
            "other",
            "kv::set(\"a\", \"other\"); kv::set(\"b\", 1); docs::replace(\"d\", \"1\", #{by: \"other\"}); \
             docs::insert(\"new\", \"1\", #{}); script::call(\"good\"); throw 1",
        ),
        ("good", "kv::incr(\"good\")"),
    ];
    let (app, outcome) = run_on(&host, &scripts);
    says(outcome, "[\"main\",null,\"main\",null,1]");
    assert_eq!(host.get(app, "a"), Some(KvValue::Json("\"main\"".to_owned())));
    assert_eq!(
        (host.get(app, "b"), host.get(app, "good")),
        (None, Some(KvValue::Json("1".to_owned())))
    );
    // So does what a limit ends, and all of it if the caller throws.
    let stopped = [
        (
            "main",
            "try { script::call(\"other\") } catch {} kv::get(\"c\") ?? \"none\"",
        ),
        ("other", "kv::set(\"c\", 1); loop {}"),
    ];
    let few = Limits {
        operations_max: 1_000,
        ..LIMITS
    };
    says(run_within(&stopped, &[("other", few)]), "none");
    let (app, outcome) = run_on(
        &host,
        &[
            ("main", "script::call(\"other\"); throw 1"),
            ("other", "kv::set(\"e\", 1)"),
        ],
    );
    assert!(outcome.result.is_err());
    assert_eq!(host.get(app, "e"), None);
}

#[test]
fn only_the_caller_commits() {
    let error = error(&[
        ("main", "script::call(\"other\")"),
        ("other", "transaction::commit()"),
    ]);
    assert!(error.message.contains("belongs to its caller"), "{error:#?}");
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
    let lines: Vec<_> = outcome
        .logs
        .iter()
        .map(|line| (line.message.as_str(), line.script.as_deref(), line.line))
        .collect();
    assert_eq!(
        lines,
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

#[test]
fn a_call_that_waits_holds_up_nobody_and_can_be_given_up() {
    // The stacks of all sixteen are unwound from the innermost outwards.
    let source = "if (request.argument ?? 0) == 15 { sleep(60) } else { script::call(\"main\", (request.argument ?? 0) + 1) }";
    on_serving_thread(|executor| async move {
        let run = executor.execute(invocation_in(&[("main", source)]));
        assert!(
            tokio::time::timeout(std::time::Duration::from_millis(300), run)
                .await
                .is_err()
        );
        let after = executor.execute(invocation_in(&[
            ("main", "script::call(\"other\")"),
            ("other", "1"),
        ]));
        assert!(after.await.result.is_ok());
    });
}

#[test]
fn a_call_leaves_no_memory_behind() {
    on_serving_thread(|executor| async move {
        let scripts = [
            (
                "main",
                "let all = []; for i in 0..20 { all.push(script::call(\"other\", all.len())); \
                 try { script::call(\"bad\", all) } catch (e) { all.push(e); } } all.len()",
            ),
            ("other", "let me = [request.argument]; me[0] = || me; \"abc\""),
            ("bad", "let a = [request.argument]; a[0] = || a; throw a.len()"),
        ];
        let run = || async {
            let outcome = executor.execute(invocation_in(&scripts)).await;
            says(outcome, "40");
        };
        run().await;
        run().await;
        let before = bytes_held();
        for _ in 0..5 {
            run().await;
        }
        assert_eq!(bytes_held(), before);
    });
}
