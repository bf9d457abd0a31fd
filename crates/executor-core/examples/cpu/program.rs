//! A program of `bench/cpu`, and how its runs are timed: the same for both engines.

use std::{
    fs,
    time::{Duration, Instant},
};

use nix::time::{ClockId, clock_gettime};

/// What stands before the answer, in a line of its own.
const ANSWER: &str = "//=> ";

/// A program and the answer that it must give.
pub(crate) struct Program {
    pub(crate) source: String,
    answer: String,
    time: Duration,
}

impl Program {
    /// The program in the file that is the first argument, to be run again and again for as many milliseconds
    /// as the second one says.
    pub(crate) fn of_arguments() -> Self {
        let mut arguments = std::env::args().skip(1);
        let mut argument = || arguments.next().expect("usage: FILE MILLISECONDS");
        let source = fs::read_to_string(argument()).expect("the program can be read");
        let answer = source
            .lines()
            .find_map(|line| line.strip_prefix(ANSWER))
            .expect("the program says its answer")
            .to_owned();
        let time = Duration::from_millis(argument().parse().expect("a number of milliseconds"));
        Self { source, answer, time }
    }

    /// Ends the process if `answer` is not the one that the program must give.
    pub(crate) fn check(&self, answer: &str) {
        assert_eq!(answer, self.answer, "\n{}", self.source);
    }

    /// Prints how much of the processor a run takes, in nanoseconds: the least of all runs, because whatever
    /// else the machine does can only add to it.
    #[expect(clippy::print_stdout, reason = "the benchmark reads this line")]
    pub(crate) fn time(&self, mut run: impl FnMut()) {
        let (start, mut least) = (Instant::now(), Duration::MAX);
        while start.elapsed() < self.time {
            let before = on_processor();
            run();
            least = least.min(on_processor().saturating_sub(before));
        }
        println!("{}", least.as_nanos());
    }
}

/// How long this thread has been on a processor.
fn on_processor() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .expect("every thread has this clock")
        .into()
}
