//! Processes that end in all kinds of ways, and what the next one reads.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    rc::Rc,
    sync::mpsc,
    task::{Context, Waker},
    thread,
};

use picloud_shared::{
    in_flight::{Ending, LostRun, LostWork},
    memory::MemoryBudget,
};
use uuid::Uuid;

use super::{InFlight, InFlightJournal, SystemState};
use crate::{
    bounds::Bounds,
    coroutine::{Home, Task, wait},
    run::{Run, Settings},
};

const SYSTEM: SystemState = SystemState {
    boot_id: Uuid::from_u128(7),
    oom_kills: 3,
};

/// Where the process that is to end finds its journal.
const JOURNAL: &str = "PICLOUD_TEST_JOURNAL";

const SIGABRT: u8 = 6;
const SIGSEGV: u8 = 11;

/// What happens in the process that is to end, by the name of the test that begins it.
fn end(journal: &InFlight, name: &str) {
    let run = |body: fn(&Run)| poll(body);
    match name {
        "an_abort_names_what_had_the_processor" => run(|_| std::process::abort()),
        "a_stack_that_overflows_names_it_too" => run(|_| {
            recurse(0);
        }),
        "a_fault_that_is_caught_by_nobody_names_it" => run(|_| {
            // The address of nothing.
            let nowhere = std::hint::black_box(std::ptr::without_provenance::<u8>(16));
            // SAFETY: there is none: this is the fault that the test is about.
            let _ = std::hint::black_box(unsafe { nowhere.read_volatile() });
        }),
        "only_the_thread_with_the_fault_is_blamed" => {
            let (other_runs, runs) = mpsc::channel();
            let journal = journal.clone();
            thread::spawn(move || {
                journal.join();
                poll(move |_| {
                    other_runs.send(()).unwrap();
                    thread::park();
                });
            });
            runs.recv().unwrap();
            run(|_| std::process::abort());
        }
        "what_waits_is_not_blamed" => {
            let home = Rc::new(Home::new(1, MemoryBudget::unbounded(), None));
            let waits = |_: &Run| wait(std::future::pending::<()>()).is_ok();
            let mut task = Task::new(&home, Bounds::COMPILE, Settings::default(), waits).unwrap();
            let _ = poll_once(&mut task);
            std::process::abort();
        }
        "a_process_that_is_killed_blames_nothing" | "unless_the_system_was_out_of_memory" => run(|_| {
            // SAFETY: ends this process.
            unsafe { libc::raise(libc::SIGKILL) };
        }),
        "an_orderly_end_leaves_nothing" => {
            let journal = journal.clone();
            poll(move |_| {
                journal.close();
                std::process::exit(0);
            });
        }
        "the_end_of_a_run_takes_it_out" => {
            run(|_| ());
            std::process::abort();
        }
        "a_run_that_is_dropped_is_named_if_that_ends_the_process" => {
            struct Abort;
            impl Drop for Abort {
                fn drop(&mut self) {
                    std::process::abort();
                }
            }
            let home = Rc::new(Home::new(1, MemoryBudget::unbounded(), None));
            let waits = |_: &Run| {
                let _abort = Abort;
                wait(std::future::pending::<()>()).is_ok()
            };
            let mut task = Task::new(&home, Bounds::COMPILE, Settings::default(), waits).unwrap();
            let _ = poll_once(&mut task);
            drop(task);
        }
        "a_journal_without_its_file_does_no_harm" => {
            let path = PathBuf::from(env::var_os(JOURNAL).unwrap());
            std::fs::File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(0)
                .unwrap();
            run(|_| ());
            std::process::exit(0);
        }
        name => panic!("nothing is said about {name}"),
    }
    panic!("the process should have ended");
}

#[expect(unconditional_recursion, reason = "it is to overflow the stack")]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(recurse(std::hint::black_box(depth + 1)) + 1)
}

/// Runs `body` as a coroutine.
fn poll(body: impl FnOnce(&Run) + 'static) {
    let home = Rc::new(Home::new(1, MemoryBudget::unbounded(), None));
    let mut task = Task::new(&home, Bounds::COMPILE, Settings::default(), body).unwrap();
    assert!(poll_once(&mut task));
}

fn poll_once(task: &mut Task<impl Sized>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    // A run that waits needs a clock.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    std::pin::Pin::new(task).poll(&mut context).is_ready()
}

/// Lets a process of its own end as is said for the calling test; gives how it did, and what the next one reads.
#[track_caller]
fn ended(test: &str, now: SystemState) -> (ExitStatus, Vec<LostRun>) {
    if let Some(path) = env::var_os(JOURNAL) {
        let journal = open(Path::new(&path), SYSTEM).begin(2).unwrap();
        journal.join();
        end(&journal, test);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let name = format!("coroutine::in_flight::tests::{test}");
    let output = Command::new(env::current_exe().unwrap())
        .args([&name, "--exact", "--nocapture"])
        .env(JOURNAL, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "{said}");
    (output.status, open(&path, now).lost().to_vec())
}

fn open(path: &Path, system: SystemState) -> InFlightJournal {
    InFlightJournal::open(path, system).unwrap()
}

fn lost(ending: Ending) -> Vec<LostRun> {
    vec![LostRun {
        work: LostWork::Check,
        ending,
    }]
}

#[test]
fn an_abort_names_what_had_the_processor() {
    let (_, found) = ended("an_abort_names_what_had_the_processor", SYSTEM);
    assert_eq!(found, lost(Ending::Fault { signal: SIGABRT }));
}

#[test]
fn a_stack_that_overflows_names_it_too() {
    let (_, found) = ended("a_stack_that_overflows_names_it_too", SYSTEM);
    assert_eq!(found, lost(Ending::Fault { signal: SIGSEGV }));
}

#[test]
fn a_fault_that_is_caught_by_nobody_names_it() {
    use std::os::unix::process::ExitStatusExt as _;

    let (status, found) = ended("a_fault_that_is_caught_by_nobody_names_it", SYSTEM);
    assert_eq!(found, lost(Ending::Fault { signal: SIGSEGV }));
    assert_eq!(
        status.signal(),
        Some(libc::SIGSEGV),
        "the process ends as it would have"
    );
}

#[test]
fn only_the_thread_with_the_fault_is_blamed() {
    let (_, found) = ended("only_the_thread_with_the_fault_is_blamed", SYSTEM);
    let endings: Vec<Ending> = found.iter().map(|lost| lost.ending).collect();
    assert_eq!(endings, [Ending::Fault { signal: SIGABRT }, Ending::Outside]);
}

#[test]
fn what_waits_is_not_blamed() {
    assert_eq!(ended("what_waits_is_not_blamed", SYSTEM).1, []);
}

#[test]
fn a_process_that_is_killed_blames_nothing() {
    let (_, found) = ended("a_process_that_is_killed_blames_nothing", SYSTEM);
    assert_eq!(found, lost(Ending::Outside));
}

#[test]
fn unless_the_system_was_out_of_memory() {
    let later = SystemState {
        oom_kills: SYSTEM.oom_kills + 1,
        ..SYSTEM
    };
    let (_, found) = ended("unless_the_system_was_out_of_memory", later);
    assert_eq!(found, lost(Ending::OutOfMemory));
}

#[test]
fn a_run_that_is_dropped_is_named_if_that_ends_the_process() {
    let test = "a_run_that_is_dropped_is_named_if_that_ends_the_process";
    assert_eq!(ended(test, SYSTEM).1, lost(Ending::Fault { signal: SIGABRT }));
}

#[test]
fn the_end_of_a_run_takes_it_out() {
    assert_eq!(ended("the_end_of_a_run_takes_it_out", SYSTEM).1, []);
}

#[test]
fn an_orderly_end_leaves_nothing() {
    let (status, found) = ended("an_orderly_end_leaves_nothing", SYSTEM);
    assert!(status.success(), "{status}");
    assert_eq!(found, []);
}

#[test]
fn a_journal_without_its_file_does_no_harm() {
    let (status, found) = ended("a_journal_without_its_file_does_no_harm", SYSTEM);
    assert!(status.success(), "{status}");
    assert_eq!(found, []);
}

#[test]
fn a_journal_of_another_start_of_the_system_says_nothing() {
    let test = "an_abort_names_what_had_the_processor";
    let restarted = SystemState {
        boot_id: Uuid::from_u128(8),
        oom_kills: 0,
    };
    assert_eq!(ended(test, restarted).1, []);
}

#[test]
fn what_is_no_journal_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    for text in [
        "",
        "short",
        &"not a journal, but long enough to be one ".repeat(20),
    ] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(open(&path, SYSTEM).lost(), []);
    }
}

#[test]
fn a_journal_belongs_to_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let first = open(&path, SYSTEM);
    let error = InFlightJournal::open(&path, SYSTEM).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    drop(first);
    open(&path, SYSTEM);
}
