//! The server, or its database, ends in the middle of what clients do.

use std::{
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::harness::{Done, TestCloud, WAIT_MAX};

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// `kill -9` of the server, which is started again.
    Kill,
    /// PostgreSQL ends at once and starts again. The server stays up, and has to find its way back by itself.
    Database,
}

/// What came of a request that may have changed something.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It was answered, with this.
    Done(String),
    /// It was refused: it must not have changed anything.
    Refused,
    /// Nobody said whether it has changed anything.
    Unknown,
}

/// How far the clients are.
#[derive(Default)]
pub(super) struct Progress {
    done: Mutex<u64>,
    more: Condvar,
    over: AtomicBool,
}

impl Fault {
    /// That of one of many rounds: on PostgreSQL either of them in turn.
    pub(super) fn of_round(cloud: &TestCloud, round: usize) -> Self {
        match cloud.postgres() {
            Some(_) if round.is_multiple_of(2) => Self::Database,
            _ => Self::Kill,
        }
    }

    /// Lets so many clients work at one time until this happens, once they have done `after` requests; those that can
    /// go on have then done as many again. Afterwards all is up.
    pub(super) fn strike(
        self,
        cloud: &TestCloud,
        clients: usize,
        after: u64,
        client: impl Fn(usize, &Progress) + Sync,
    ) {
        let progress = Progress::default();
        thread::scope(|scope| {
            let _end = Done(&progress.over);
            for number in 0..clients {
                let (client, progress) = (&client, &progress);
                scope.spawn(move || client(number, progress));
            }
            progress.wait_for(after);
            match (self, cloud.postgres()) {
                (Self::Database, Some(postgres)) => {
                    postgres.stop();
                    postgres.start_again();
                    progress.wait_for(progress.count() + after);
                }
                _ => cloud.kill9(),
            }
        });
        if self == Self::Kill {
            cloud.start_again();
        }
    }
}

impl Progress {
    /// Whether the clients have done enough.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Asks for `path` of the app at `a.test`.
    pub(super) fn ask(&self, cloud: &TestCloud, path: &str) -> Outcome {
        let Ok(answer) = cloud.call("GET", "a.test", path).try_send() else {
            return Outcome::Unknown;
        };
        match answer.status {
            200 | 204 => {
                *self.lock() += 1;
                self.more.notify_all();
                Outcome::Done(answer.text())
            }
            // Not enough money, or a conflict.
            402 | 409 => Outcome::Refused,
            503 => match answer.json()["code"].as_str() {
                Some("database_unavailable") => Outcome::Refused,
                Some("commit_unknown") => Outcome::Unknown,
                _ => panic!("{}: {}", answer.request, answer.text()),
            },
            _ => panic!("{}: {} {}", answer.request, answer.status, answer.text()),
        }
    }

    fn wait_for(&self, count: u64) {
        let waited = self
            .more
            .wait_timeout_while(self.lock(), WAIT_MAX, |done| *done < count);
        let (done, time) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!time.timed_out(), "{} requests done, {count} wanted", *done);
    }

    fn count(&self) -> u64 {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, u64> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
