//! A run that was ended, by whatever, leaves no trace in those after it on its thread.

use std::{task::Context, time::Duration};

use picloud_executor_core::{Executor, bytes_held};
use picloud_shared::{limits::Limits, seam::ExecutorClient as _};
use proptest::prelude::*;
use tokio::time::timeout;

use crate::{
    LIMITS, decided,
    generator::script,
    support::{invocation, on_serving_thread, request, run_with},
};

/// Scripts that would show what a run before them left: variables, constants, functions, the log, what answers are
/// made of, compiled patterns, limits, the depth of calls.
const PROBES: [&str; 12] = [
    "is_def_var(\"x\") || is_def_var(\"a\") || is_def_fn(\"down\", 1)",
    "const A = 1; fn get() { global::A } get()",
    "fn f() { this } f()",
    "print(\"first\"); log::warn(\"second\"); 1",
    "response(201, \"x\").header(\"x-a\", \"1\")",
    "response(200, #{}).cookie(\"a\", \"1\")",
    "regex::replace_all(`(a)(b)?`, \"abacab\", `$2$1`)",
    "let s = \"x\".repeated(1_000_000); s.len",
    "fn f(n) { if n == 0 { 0 } else { 1 + f(n - 1) } } f(60)",
    "let n = 0; let f = || { n += 1; n }; [f.call(), f.call(), n]",
    "let x = []; for i in 0..50 { x.push(|| i); } x.map(|f| f.call())",
    "request.query",
];

/// What each probe does on an executor that has seen nothing.
fn fresh() -> Vec<String> {
    PROBES
        .map(|probe| decided(&run_with(probe, LIMITS, request())))
        .into()
}

async fn probed(executor: &Executor) -> Vec<String> {
    let mut all = Vec::new();
    for probe in PROBES {
        all.push(decided(
            &executor.execute(invocation(probe, LIMITS, request())).await,
        ));
    }
    all
}

/// Ways in which a run is ended: fewer steps than it takes, or less of something else.
fn ends() -> impl Strategy<Value = Limits> {
    prop_oneof![
        (1_u64..400).prop_map(|operations_max| Limits {
            operations_max,
            ..LIMITS
        }),
        (1_u64..4).prop_map(|kilobytes| Limits {
            memory_bytes_max: kilobytes * 1_024,
            ..LIMITS
        }),
        (1_u32..10).prop_map(|call_depth_max| Limits {
            call_depth_max,
            ..LIMITS
        }),
        (1_u64..20).prop_map(|response_bytes_max| Limits {
            response_bytes_max,
            ..LIMITS
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_a_run_was_ended_all_is_as_before(source in script(), limits in ends()) {
        let expected = decided(&run_with(&source, LIMITS, request()));
        let (after, same) = on_serving_thread(|executor| async {
            let executor = executor;
            let _ = executor.execute(invocation(&source, limits, request())).await;
            let after = probed(&executor).await;
            let same = decided(&executor.execute(invocation(&source, LIMITS, request())).await);
            (after, same)
        });
        prop_assert_eq!(after, fresh(), "after {}", &source);
        prop_assert_eq!(same, expected, "{}", &source);
    }

    #[test]
    fn after_a_run_was_given_up_all_is_as_before(source in script(), polls in 1_usize..4) {
        let waits = format!("fn pause() {{ sleep(3600) }} let held = \"x\".repeated(1000); let again = || held;
            held = again; print(\"before\"); [1].map(|x| {{ try {{ pause() }} catch {{ }} }}); {source}");
        let after = on_serving_thread(|executor| async {
            let executor = executor;
            let mut run = Box::pin(executor.execute(invocation(&waits, LIMITS, request())));
            for _ in 0..polls {
                let mut context = Context::from_waker(std::task::Waker::noop());
                assert!(run.as_mut().poll(&mut context).is_pending());
            }
            drop(run);
            probed(&executor).await
        });
        prop_assert_eq!(after, fresh(), "after {}", &source);
    }
}

#[test]
fn a_run_that_is_given_up_leaves_no_memory() {
    const SOURCE: &str = "let m = #{text: \"x\".repeated(100_000)}; m.again = || m; sleep(3600)";
    on_serving_thread(|executor| async move {
        let give_up = async || {
            let run = executor.execute(invocation(SOURCE, LIMITS, request()));
            assert!(timeout(Duration::from_millis(5), run).await.is_err());
        };
        give_up().await;
        let before = bytes_held();
        for _ in 0..5 {
            give_up().await;
        }
        assert!(bytes_held() - before < 10_000, "{} bytes", bytes_held() - before);
    });
}
