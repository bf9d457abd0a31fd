//! `email::…`
//!
//! Reading order: `functions` (what scripts call), `draft` (an e-mail as a script describes it).

mod draft;
mod functions;

use picloud_shared::services::{
    Answer, EMAILS_PER_RUN_MAX, Email, EmailFailure, EmailFailureKind, Question, Service,
};
use rhai::{EvalAltResult, Map, Position};

pub(crate) use self::functions::module;
use super::session::{Session, unexpected};
use crate::api::{Fallible, fail};

const FUNCTION: &str = "email::send";

fn send(session: &Session, email: &Email, bytes: usize) -> Fallible<()> {
    if !session.keeps_writes() {
        return Err(fail(format!(
            "{FUNCTION}: not sent, because this run is only tried; run it with keep_writes"
        )));
    }
    let sent = session.state(|state| {
        state.emails += 1;
        state.emails
    });
    if sent > EMAILS_PER_RUN_MAX {
        return Err(session.too_much(format!("one run may send {EMAILS_PER_RUN_MAX} e-mails")));
    }
    // Before it is asked: of a run that ends while it waits, nobody knows whether it has sent something.
    let had_acted = session.had_outside_effect();
    session.meter(Service::Email, |used| used.bytes_written += bytes as u64);
    let answer = session.ask(Service::Email, || Question::Email { email: email.clone() })?;
    match &*answer {
        Answer::Email { failure: None } => Ok(()),
        Answer::Email {
            failure: Some(failure),
        } => {
            if failure.kind.is_before_sending() && !had_acted {
                session.had_no_outside_effect();
            }
            Err(thrown(failure))
        }
        other => Err(unexpected(other)),
    }
}

/// What is wrong with an e-mail before anybody is asked, as scripts see it.
#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
fn invalid(message: String) -> Box<EvalAltResult> {
    thrown(&EmailFailure {
        kind: EmailFailureKind::Invalid,
        message,
        recipient: None,
    })
}

/// A failure as scripts see it.
#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
fn thrown(failure: &EmailFailure) -> Box<EvalAltResult> {
    let mut map = Map::from([
        ("kind".into(), failure.kind.as_str().into()),
        ("message".into(), failure.message.clone().into()),
    ]);
    if let Some(recipient) = &failure.recipient {
        map.insert("recipient".into(), recipient.clone().into());
    }
    EvalAltResult::ErrorRuntime(map.into(), Position::NONE).into()
}
