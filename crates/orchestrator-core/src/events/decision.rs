//! What a run that did not end its delivery says of it.

use picloud_shared::{
    events::Verdict,
    outcome::{Outcome, RetryWish, ScriptErrorKind},
};

/// Longest error that a delivery keeps, in bytes.
const ERROR_BYTES_MAX: usize = 2_048;

/// Whose fault it was, and what the script wishes.
pub(super) fn verdict(outcome: &Outcome) -> Verdict {
    let Err(error) = &outcome.result else {
        // It threw an answer.
        return Verdict::Failed;
    };
    match error.kind {
        ScriptErrorKind::StorageFull
        | ScriptErrorKind::StorageUnavailable
        | ScriptErrorKind::CommitUnknown
        | ScriptErrorKind::Conflict
        | ScriptErrorKind::Cancelled
        | ScriptErrorKind::Internal => Verdict::Fault,
        // However often it is tried, it stands as deep in its chain.
        ScriptErrorKind::LoopDetected => Verdict::Never,
        _ => match outcome.retry {
            Some(RetryWish::Never) => Verdict::Never,
            Some(RetryWish::After(delay)) => Verdict::After(delay),
            None => Verdict::Failed,
        },
    }
}

/// In one sentence, for those who look at the delivery.
pub(super) fn explained(outcome: &Outcome) -> String {
    let mut text = match &outcome.result {
        Ok(response) => format!(
            "the script threw an answer with status {}",
            response.status.as_u16()
        ),
        Err(error) => match (&error.script, error.line) {
            (Some(script), Some(line)) => format!("{} (`{script}`, line {line})", error.message),
            (None, Some(line)) => format!("{} (line {line})", error.message),
            (_, None) => error.message.clone(),
        },
    };
    text.truncate(text.floor_char_boundary(ERROR_BYTES_MAX));
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use picloud_shared::outcome::{ScriptError, ScriptResponse};

    use super::*;

    fn outcome(kind: Option<ScriptErrorKind>, retry: Option<RetryWish>) -> Outcome {
        let mut outcome = Outcome::failed(ScriptError {
            kind: kind.unwrap_or(ScriptErrorKind::Runtime),
            message: "no".to_owned(),
            script: None,
            line: Some(3),
            column: Some(1),
            excerpt: None,
            trace: Vec::new(),
        });
        if kind.is_none() {
            outcome.result = Ok(ScriptResponse::default());
        }
        outcome.retry = retry;
        outcome
    }

    #[test]
    fn faults_of_picloud_are_told_from_those_of_the_script() {
        for (kind, expected) in [
            (None, Verdict::Failed),
            (Some(ScriptErrorKind::Runtime), Verdict::Failed),
            (Some(ScriptErrorKind::Compile), Verdict::Failed),
            (Some(ScriptErrorKind::Timeout), Verdict::Failed),
            (Some(ScriptErrorKind::QuotaExceeded), Verdict::Failed),
            (Some(ScriptErrorKind::StorageUnavailable), Verdict::Fault),
            (Some(ScriptErrorKind::CommitUnknown), Verdict::Fault),
            (Some(ScriptErrorKind::Conflict), Verdict::Fault),
            (Some(ScriptErrorKind::Cancelled), Verdict::Fault),
            (Some(ScriptErrorKind::LoopDetected), Verdict::Never),
        ] {
            assert_eq!(verdict(&outcome(kind, None)), expected, "{kind:?}");
        }
    }

    #[test]
    fn what_a_script_wishes_counts_if_it_was_the_script_that_failed() {
        let failed = Some(ScriptErrorKind::Runtime);
        let delay = Duration::from_secs(30);
        for (kind, wish, expected) in [
            (failed, RetryWish::Never, Verdict::Never),
            (failed, RetryWish::After(delay), Verdict::After(delay)),
            (
                Some(ScriptErrorKind::StorageUnavailable),
                RetryWish::Never,
                Verdict::Fault,
            ),
        ] {
            assert_eq!(verdict(&outcome(kind, Some(wish))), expected);
        }
    }

    #[test]
    fn the_place_of_an_error_is_told() {
        assert_eq!(
            explained(&outcome(Some(ScriptErrorKind::Runtime), None)),
            "no (line 3)"
        );
        assert_eq!(
            explained(&outcome(None, None)),
            "the script threw an answer with status 200"
        );
    }
}
