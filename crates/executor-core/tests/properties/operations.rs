//! The same script takes the same steps: again, on another thread, beside others, and in another profile.

use std::{env, fs, path::Path, thread};

use picloud_executor_core::{Executor, ExecutorConfig};
use picloud_shared::seam::ExecutorClient as _;
use proptest::{prelude::*, strategy::ValueTree as _};
use tokio::task::spawn_local;

use crate::{
    LIMITS, decided,
    generator::script,
    support::{invocation, on_serving_thread, request, run_with},
};

fn alone(source: &str) -> String {
    decided(&run_with(source, LIMITS, request()))
}

/// Again and again on one executor, which has compiled it by then.
fn again(source: &str) -> Vec<String> {
    on_serving_thread(|executor| async move {
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(decided(
                &executor.execute(invocation(source, LIMITS, request())).await,
            ));
        }
        all
    })
}

/// At once with others of its kind, and with some that take all they get, all on one thread.
fn beside_others(source: &str) -> Vec<String> {
    const OTHERS: [&str; 3] = [
        "let s = \"x\"; loop { s += s; }",
        "[1].map(|x| { loop {} })",
        "for i in 0..20 { sleep(0.0001); } 1",
    ];
    on_serving_thread(|executor| async move {
        let start = |source: &str| {
            let (executor, invocation) = (executor.clone(), invocation(source, LIMITS, request()));
            spawn_local(async move { executor.execute(invocation).await })
        };
        let mut mine = Vec::new();
        for other in OTHERS {
            drop(start(other));
            mine.push(start(source));
        }
        let mut all = Vec::new();
        for run in mine {
            all.push(decided(&run.await.expect("no panic")));
        }
        all
    })
}

/// On as many threads, at once.
fn on_threads(source: &str, count: usize) -> Vec<String> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(|| alone(source))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_script_takes_the_same_steps_everywhere(source in script()) {
        let expected = alone(&source);
        let mut all = again(&source);
        all.extend(beside_others(&source));
        all.extend(on_threads(&source, 2));
        all.extend(on_threads(&source, 4));
        for outcome in all {
            prop_assert_eq!(&outcome, &expected, "{}", &source);
        }
    }
}

#[test]
fn generated_scripts_compile_and_end_in_many_ways() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut answers, mut errors) = (0, 0);
    for _ in 0..100 {
        let source = script().new_tree(&mut runner).expect("a script").current();
        match run_with(&source, LIMITS, request()).result {
            Ok(_) => answers += 1,
            Err(error) => {
                assert_ne!(
                    error.kind,
                    picloud_shared::outcome::ScriptErrorKind::Compile,
                    "{source}\n{error:?}"
                );
                errors += 1;
            }
        }
    }
    assert!(answers > 10 && errors > 10, "{answers} answers, {errors} errors");
}

/// Each line of `operations.txt` has a number of steps and the script that takes them. The file is the same for
/// every profile and machine; a change of it changes what scripts may do within `operations_max`.
#[test]
fn scripts_take_the_steps_that_are_written_down() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/properties/operations.txt");
    let written = fs::read_to_string(&path).expect("the file can be read");
    let scripts: Vec<_> = written
        .lines()
        .map(|line| line.split_once('\t').expect("steps, a tab, a script").1)
        .collect();
    assert!(scripts.len() >= 40, "only {} scripts", scripts.len());
    let lines = scripts
        .iter()
        .map(|source| format!("{}\t{source}\n", executor_alone(source)));
    let measured = lines.collect::<Vec<_>>().concat();
    if env::var_os("UPDATE_OPERATIONS").is_some() {
        fs::write(path, measured).expect("the file can be written");
        return;
    }
    let changed: Vec<_> = written
        .lines()
        .zip(measured.lines())
        .filter(|(before, now)| before != now)
        .collect();
    assert!(
        changed.is_empty(),
        "written and measured; UPDATE_OPERATIONS=1 writes what is measured: {changed:#?}"
    );
}

fn executor_alone(source: &str) -> u64 {
    on_serving_thread(|_| async move {
        let executor = Executor::new(ExecutorConfig::default());
        executor
            .execute(invocation(source, LIMITS, request()))
            .await
            .usage
            .operations
    })
}
