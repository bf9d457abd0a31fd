//! `password::…`, and what `users::…` asks about passwords.

mod functions;

use picloud_shared::services::{
    Answer, PASSWORD_BYTES_MAX, Password, PasswordAnswer, PasswordQuestion, Question, Service,
};
use rhai::{Dynamic, EvalAltResult, Map, Position};

pub(crate) use self::functions::module;
use super::session::{Session, unexpected};
use crate::{
    api::{Fallible, fail},
    gate,
};

/// Steps that one hash counts for: it takes tens of milliseconds of a processor, though not on the run's thread.
const OPERATIONS_PER_HASH: u64 = 100_000;

/// `text`, if it may be a password.
pub(super) fn valid(function: &str, text: &str) -> Fallible<Password> {
    if text.len() > PASSWORD_BYTES_MAX {
        return Err(fail(format!(
            "{function}: a password has at most {PASSWORD_BYTES_MAX} bytes"
        )));
    }
    Ok(Password(text.to_owned()))
}

/// The hash of a password.
pub(super) fn hash(session: &Session, password: Password) -> Fallible<String> {
    match ask(session, &PasswordQuestion::Hash { password })? {
        PasswordAnswer::Hashed { hash } => Ok(hash),
        other => Err(not_tried(&other)),
    }
}

/// Whether a password fits.
pub(super) fn fits(session: &Session, question: &PasswordQuestion) -> Fallible<bool> {
    match ask(session, question)? {
        PasswordAnswer::Verified { fits } => Ok(fits),
        other => Err(not_tried(&other)),
    }
}

fn ask(session: &Session, question: &PasswordQuestion) -> Fallible<PasswordAnswer> {
    gate::spend(OPERATIONS_PER_HASH)?;
    // A copy, which is the host's and does not count as memory of the run.
    let answer = session.ask(Service::Password, || Question::Password(question.clone()))?;
    match &*answer {
        Answer::Password(answer) => Ok(answer.clone()),
        other => Err(unexpected(other)),
    }
}

/// What answers with its status, if a script does not catch it.
#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
pub(super) fn thrown(status: i64, message: &str, more: &[(&str, Dynamic)]) -> Box<EvalAltResult> {
    let mut error = Map::from([
        ("status".into(), status.into()),
        ("message".into(), message.into()),
    ]);
    error.extend(more.iter().map(|(name, value)| ((*name).into(), value.clone())));
    EvalAltResult::ErrorRuntime(Dynamic::from_map(error), Position::NONE).into()
}

#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
fn not_tried(answer: &PasswordAnswer) -> Box<EvalAltResult> {
    match answer {
        PasswordAnswer::Wait { seconds } => {
            let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
            let message = format!("too many attempts; try again in {seconds} s");
            thrown(429, &message, &retry_after(seconds))
        }
        PasswordAnswer::Busy => thrown(
            503,
            "too many passwords are being checked; try again",
            &retry_after(1),
        ),
        _ => fail("password::verify: that is not a hash that password::hash made"),
    }
}

/// When to try again: for the script, and for the client if the script does not catch it.
fn retry_after(seconds: i64) -> [(&'static str, Dynamic); 2] {
    let headers = Map::from([("retry-after".into(), seconds.into())]);
    [
        ("retry_after", seconds.into()),
        ("headers", Dynamic::from_map(headers)),
    ]
}
