//! The process that hands cases out, and sees which of them ends a child.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStderr, ChildStdin, Command, ExitCode, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{CHILD, case::Case};

/// A case that is not over by then never will be.
const CASE_TIMEOUT: Duration = Duration::from_mins(2);

/// Runs the cases whose names have one of `words`, or all, and sums up as other tests do.
#[expect(clippy::print_stdout, reason = "the report of the tests")]
pub(crate) fn run(cases: &[Case], words: &[String]) -> ExitCode {
    let start = Instant::now();
    let chosen: Vec<usize> = (0..cases.len())
        .filter(|index| words.is_empty() || words.iter().any(|word| cases[*index].name.contains(word)))
        .collect();
    println!("\nrunning {} hostile scripts", chosen.len());
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut process = None;
                while let Some(index) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(fault) = Process::give(&mut process, *index) {
                        let mut faults = faults.lock().unwrap_or_else(PoisonError::into_inner);
                        faults.push((*index, fault));
                    }
                }
            });
        }
    });
    let mut faults = faults.into_inner().unwrap_or_else(PoisonError::into_inner);
    faults.sort();
    for (index, fault) in &faults {
        println!("hostile script {}: {fault}", cases[*index].name);
    }
    println!(
        "\ntest result: {}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        if faults.is_empty() { "ok" } else { "FAILED" },
        chosen.len() - faults.len(),
        faults.len(),
        cases.len() - chosen.len(),
        start.elapsed().as_secs_f64()
    );
    if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A child, and what it says.
struct Process {
    child: Child,
    input: ChildStdin,
    errors: ChildStderr,
    answers: Receiver<String>,
}

impl Process {
    /// Gives a case to the process in `place`, to a new one if there is none. One that does not answer is ended.
    fn give(place: &mut Option<Self>, case: usize) -> Result<(), String> {
        let process = place.get_or_insert_with(Self::start);
        let sent = writeln!(process.input, "{case}").and_then(|()| process.input.flush());
        let answer = match sent {
            Ok(()) => process.answers.recv_timeout(CASE_TIMEOUT),
            Err(_) => Err(RecvTimeoutError::Disconnected),
        };
        match answer {
            Ok(answer) if answer.is_empty() => Ok(()),
            Ok(fault) => Err(fault),
            Err(reason) => {
                let process = place.take().ok_or("there is no process")?;
                Err(process.end(reason))
            }
        }
    }

    fn start() -> Self {
        let program = env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a child");
        let input = child.stdin.take().expect("it was asked for");
        let output = child.stdout.take().expect("it was asked for");
        let errors = child.stderr.take().expect("it was asked for");
        let (answer, answers) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if answer.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            input,
            errors,
            answers,
        }
    }

    /// What became of a process that does not answer.
    fn end(mut self, reason: RecvTimeoutError) -> String {
        if reason == RecvTimeoutError::Timeout {
            let _ = self.child.kill();
            let _ = self.child.wait();
            return format!("did not end within {CASE_TIMEOUT:?}");
        }
        let status = self.child.wait().expect("it has ended");
        let mut said = String::new();
        let _ = self.errors.read_to_string(&mut said);
        format!(
            "ended the process, {status}: {}",
            said.trim().replace('\n', "\\n")
        )
    }
}
