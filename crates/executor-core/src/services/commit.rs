//! `transaction::…`

use picloud_shared::{
    outcome::ScriptErrorKind,
    services::{Answer, Commit, Question, Service, is_reserved},
};
use rhai::{EvalAltResult, Module, export_module, exported_module};

use super::{
    session::{Failed, Session, unexpected},
    settle::LEASE_LOST,
};
use crate::{
    api::{Fallible, fail},
    coroutine::with_current,
    run::Run,
};

/// The module as scripts see it.
pub(crate) fn module() -> Module {
    exported_module!(functions)
}

/// Each run is a transaction. What it writes takes effect at its end, all of it at once; a run that throws, or is
/// stopped, changes nothing. If what it has read has changed meanwhile, it runs again.
#[export_module(export_all)]
mod functions {
    use picloud_shared::services::Service;
    use rhai::NativeCallContext;

    use crate::{api::Fallible, error::at_call, services::session::call};

    /// Makes everything take effect that was written so far, and begins the next transaction. When it returns, all is
    /// on disk, and nothing that happens later takes it back. A run that has committed does not run again: if what it
    /// reads afterwards has changed by the time of its next commit, it ends with `conflict`. A script that another one has
    /// called cannot commit: its caller does.
    ///
    /// ```rhai
    /// kv::set("step", 1);
    /// transaction::commit();
    /// kv::get("step")  //=> 1
    /// ```
    #[rhai_fn(return_raw, volatile)]
    fn commit(ctx: NativeCallContext) -> Fallible<()> {
        at_call(&ctx, || call(Service::Transaction, super::commit))
    }
}

fn commit(session: &Session) -> Fallible<()> {
    if with_current(|run| run.is_some_and(Run::is_called)) {
        return Err(fail(
            "transaction::commit: what a script writes that was called belongs to its caller; commit there",
        ));
    }
    if !session.keeps_writes() {
        // A run that is only tried goes on to see what it would have written.
        session.state(|state| state.transaction.begin_anew());
        return Ok(());
    }
    let transaction = session.state(|state| std::mem::take(&mut state.transaction));
    if !transaction.is_to_be_asked() {
        return Ok(());
    }
    let (written, _) = transaction.writes();
    let answer = session.ask(Service::Transaction, || {
        Question::Commit(Commit {
            held: session.held(),
            writer: with_current(|run| run.map(Run::writer)),
            ..transaction.to_commit()
        })
    })?;
    drop(transaction);
    match &*answer {
        Answer::Committed => {
            // A run that has changed nothing yet may be repeated as before.
            session.state(|state| state.commits += u32::from(written > 0));
            Ok(())
        }
        Answer::Conflict { key } => Err(met(session, key)),
        Answer::LeaseLost => Err(session.fail(Failed {
            kind: ScriptErrorKind::Cancelled,
            message: LEASE_LOST.to_owned(),
            conflict_over: None,
        })),
        other => Err(unexpected(other)),
    }
}

/// Ends a run that met a conflict over `key` before its end.
#[expect(
    clippy::unnecessary_box_returns,
    reason = "the form in which Rhai takes errors"
)]
pub(super) fn met(session: &Session, key: &str) -> Box<EvalAltResult> {
    // One that may run again does, and then nobody sees this.
    let why = session.why_not_repeated().unwrap_or(NotRepeated::TooOften);
    session.fail(Failed {
        kind: ScriptErrorKind::Conflict,
        message: conflict_message(key, why),
        conflict_over: Some(key.to_owned()),
    })
}

/// Why a run that met a conflict does not run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRepeated {
    /// It did so as often as it may.
    TooOften,
    /// Its time was over before it could.
    OutOfTime,
    /// It has committed before.
    HasCommitted,
    /// It has done something outside.
    HasActed,
}

/// What a conflict over `key` means to an author.
pub(super) fn conflict_message(key: &str, why: NotRepeated) -> String {
    let why = match why {
        NotRepeated::TooOften => "and it did so each time that the script was run again",
        NotRepeated::OutOfTime => "and its time was over before it could run again",
        NotRepeated::HasCommitted => "and the script has committed before, so it was not run again",
        NotRepeated::HasActed => {
            "and the script has sent something to others before, so it was not run again; call transaction::commit() \
             before it sends"
        }
    };
    let what = if is_reserved(key) {
        "a user".to_owned()
    } else {
        format!("`{key}`")
    };
    format!("{what} changed while the script ran, {why}")
}
