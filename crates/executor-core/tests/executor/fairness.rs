//! Scripts share a thread, and leave nothing behind on it.

use std::{cell::Cell, future::poll_fn, pin::pin, rc::Rc, sync::Arc, task::Poll, time::Instant};

use picloud_executor_core::{Executor, ExecutorConfig};
use picloud_shared::{
    id::AppId,
    invocation::Invocation,
    limits::Limits,
    outcome::{Outcome, ScriptErrorKind},
    seam::ExecutorClient,
};
use tokio::task::{JoinHandle, spawn_local, yield_now};
use uuid::Uuid;

use crate::support::{LIMITS, invocation, on_serving_thread, request};

#[test]
fn a_thousand_sleepers_take_one_sleep() {
    on_serving_thread(|executor| async move {
        let start = Instant::now();
        let sleepers: Vec<_> = (0..1_000)
            .map(|_| {
                let executor = executor.clone();
                spawn_local(async move {
                    executor
                        .execute(invocation("sleep(1); 1", LIMITS, request()))
                        .await
                })
            })
            .collect();
        for sleeper in sleepers {
            assert!(sleeper.await.expect("no panic").result.is_ok());
        }
        let elapsed = start.elapsed().as_secs_f64();
        assert!((1.0..3.0).contains(&elapsed), "{elapsed} s");
    });
}

#[test]
fn hello_is_answered_beside_endless_loops() {
    on_serving_thread(|executor| async move {
        let ended = Rc::new(Cell::new(0));
        let hogs: Vec<_> = ["loop {}", "[1].map(|x| { loop {} })"]
            .into_iter()
            .map(|source| {
                let (executor, ended) = (executor.clone(), Rc::clone(&ended));
                spawn_local(async move {
                    let limits = Limits {
                        operations_max: Limits::CAPS.operations_max,
                        ..LIMITS
                    };
                    let outcome = executor.execute(invocation(source, limits, request())).await;
                    ended.set(ended.get() + 1);
                    outcome
                })
            })
            .collect();
        for _ in 0..50 {
            let executor = executor.clone();
            let hello =
                spawn_local(async move { executor.execute(invocation("\"hi\"", LIMITS, request())).await });
            assert!(hello.await.expect("no panic").result.is_ok());
        }
        assert_eq!(
            ended.get(),
            0,
            "fifty greetings take a fraction of the loops' time"
        );
        for hog in hogs {
            let error = hog.await.expect("no panic").result.expect_err("endless");
            assert_eq!(error.kind, ScriptErrorKind::CpuTime);
        }
    });
}

/// Runs that go on until they reach one of `limits`. Gives what ends when they do, and how many have ended.
fn endless(
    executor: &Executor,
    count: usize,
    app: AppId,
    limits: Limits,
) -> (Vec<JoinHandle<Outcome>>, Rc<Cell<usize>>) {
    let ended = Rc::new(Cell::new(0));
    let runs = (0..count).map(|_| {
        let (executor, ended) = (executor.clone(), Rc::clone(&ended));
        spawn_local(async move {
            let outcome = executor.execute(of_app(app, "loop {}", limits)).await;
            ended.set(ended.get() + 1);
            outcome
        })
    });
    (runs.collect(), ended)
}

fn of_app(app: AppId, source: &str, limits: Limits) -> Invocation {
    let mut invocation = invocation(source, limits, request());
    Arc::make_mut(&mut invocation.script).app_id = app;
    invocation
}

fn app(number: u128) -> AppId {
    AppId(Uuid::from_u128(number))
}

/// Lets every run of `executor` have its first slice.
async fn first_slices(executor: &Executor, count: usize) {
    while executor.busy().count() < count {
        yield_now().await;
    }
}

#[test]
fn hello_waits_for_one_endless_loop_however_many_there_are() {
    on_serving_thread(|executor| async move {
        let limits = Limits {
            operations_max: 4_000_000,
            ..Limits::CAPS
        };
        let (hogs, ended) = endless(&executor, 100, app(1), limits);
        first_slices(&executor, 100).await;
        // If each greeting waited for a slice of every loop, the loops would be over before the greetings.
        for _ in 0..50 {
            let executor = executor.clone();
            let hello = spawn_local(async move {
                let hello = of_app(app(2), "sleep(0.0001); \"hi\"", LIMITS);
                executor.execute(hello).await
            });
            assert!(hello.await.expect("no panic").result.is_ok());
        }
        assert_eq!(ended.get(), 0, "the loops had most of the time");
        for hog in hogs {
            let error = hog.await.expect("no panic").result.expect_err("endless");
            assert_eq!(error.kind, ScriptErrorKind::Operations);
        }
        assert_eq!(executor.busy().count(), 0);
    });
}

#[test]
fn apps_take_turns_however_many_runs_each_has() {
    on_serving_thread(|executor| async move {
        let operations = |operations_max| Limits {
            operations_max,
            ..Limits::CAPS
        };
        let (hogs, ended) = endless(&executor, 20, app(1), operations(4_000_000));
        first_slices(&executor, 20).await;
        // As much work as each of the others has, which it would end with if all runs took turns.
        let alone = of_app(app(2), "loop {}", operations(4_000_000));
        let error = executor.execute(alone).await.result.expect_err("endless");
        assert_eq!(error.kind, ScriptErrorKind::Operations);
        assert_eq!(ended.get(), 0, "the other app's runs had most of the time");
        for hog in hogs {
            assert!(hog.await.expect("no panic").result.is_err());
        }
    });
}

#[test]
fn a_run_that_is_dropped_in_its_turn_passes_it_on() {
    on_serving_thread(|executor| async move {
        let (hogs, _) = endless(&executor, 3, app(1), Limits::CAPS);
        first_slices(&executor, 3).await;
        for hog in &hogs {
            hog.abort();
        }
        let limits = Limits {
            timeout_ms: 300,
            ..Limits::CAPS
        };
        let (last, _) = endless(&executor, 2, app(1), limits);
        for hog in last {
            let error = hog.await.expect("no panic").result.expect_err("endless");
            assert_eq!(error.kind, ScriptErrorKind::Timeout);
        }
        assert_eq!(executor.busy().count(), 0);
    });
}

#[test]
fn a_dropped_run_leaves_nothing() {
    on_serving_thread(|_| async {
        let sources = [
            "let a = [1, 2, 3]; let s = \"some text that is on the heap for sure\"; sleep(60); a",
            "let f = |x| { sleep(60); x }; [#{a: \"x\"}, #{b: [1]}].map(f)",
            "fn f(n) { if n == 0 { sleep(60) } else { f(n - 1) } } f(20)",
        ];
        let executor = Executor::new(ExecutorConfig {
            stacks_kept_max: 0,
            ..ExecutorConfig::default()
        });
        // The first round fills caches.
        let mut held = Vec::new();
        for _ in 0..4 {
            for source in sources {
                let mut run = pin!(executor.execute(invocation(source, LIMITS, request())));
                poll_fn(|context| {
                    assert!(run.as_mut().poll(context).is_pending());
                    Poll::Ready(())
                })
                .await;
            }
            held.push(picloud_executor_core::bytes_held());
        }
        assert_eq!(held[1], held[2]);
        assert_eq!(held[2], held[3]);
    });
}

#[test]
fn a_run_can_be_dropped_before_it_starts_and_in_its_slice() {
    on_serving_thread(|executor| async move {
        drop(executor.execute(invocation("1", LIMITS, request())));
        let mut run = Box::pin(executor.execute(invocation("loop {}", LIMITS, request())));
        poll_fn(|context| {
            assert!(run.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(run);
        assert!(
            executor
                .execute(invocation("1", LIMITS, request()))
                .await
                .result
                .is_ok()
        );
    });
}

#[test]
fn runs_on_one_thread_do_not_pay_for_each_other() {
    on_serving_thread(|executor| async move {
        let big = invocation("let b = blob(8_000_000); sleep(0.05); b.len", LIMITS, request());
        let small = Limits {
            memory_bytes_max: 100_000,
            ..LIMITS
        };
        let small = invocation(
            "let s = \"\"; for i in 0..200 { s += \"x\"; sleep(0.0005); } s.len",
            small,
            request(),
        );
        let other = executor.clone();
        let big = spawn_local(async move { other.execute(big).await });
        let small = spawn_local(async move { executor.execute(small).await });
        assert_eq!(big.await.expect("no panic").result.expect("ok").body, "8000000");
        let small = small.await.expect("no panic");
        assert_eq!(small.result.expect("ok").body, "200");
        assert!(small.usage.memory_bytes_peak < 100_000);
    });
}
