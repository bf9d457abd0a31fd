//! What calls may take, and how deep they go.

use picloud_executor_core::bytes_held;
use picloud_shared::{
    invocation::DEPTH_MAX, limits::Limits, outcome::ScriptErrorKind, seam::ExecutorClient as _,
};

use super::{check, error, run_within, says};
use crate::support::{LIMITS, invocation_in, on_serving_thread, run_in};

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
        // The thread itself may come to hold something for good, but not with every few runs.
        for _ in 0..10 {
            let before = bytes_held();
            for _ in 0..5 {
                run().await;
            }
            if bytes_held() == before {
                return;
            }
        }
        panic!("the thread holds more and more");
    });
}
