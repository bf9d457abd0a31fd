//! Taking a file in: in steps, each of which is a commit.
//!
//! Nothing is written of which the audit log knows nothing. The record of an import is a part of its only commit. If there are
//! more, the first one has a record of how much is to be written, and the last one that of how much was; an import that ends
//! before leaves the latter behind its last step, and if the server ends with it, or nobody knows what became of that step,
//! there is the former.

use picloud_shared::{
    audit::{DataChange, Recorded, Target},
    change::Change,
    id::AppId,
    problem::Code,
};
use serde_json::json;

use super::{
    access::Caller,
    problem::{Answer, Refusal},
};
use crate::Manager;

/// What writes the parts of a file.
pub(crate) trait Steps: Sync {
    /// What a part is made of.
    type Row: Send;
    /// What people call many of them, as a word of the audit log.
    const WHAT: &'static str;

    /// Writes all of `rows` in one commit, with what the audit log has of it; or none.
    fn write(
        &self,
        rows: Vec<Self::Row>,
        audit: Option<Box<Recorded>>,
    ) -> impl Future<Output = Answer<()>> + Send;
}

/// The import of a file.
pub(crate) struct Import<'i> {
    pub(crate) manager: &'i Manager,
    pub(crate) caller: &'i Caller,
    pub(crate) app: AppId,
    /// The operation.
    pub(crate) action: &'static str,
    /// What it is about.
    pub(crate) target: Target,
}

impl Import<'_> {
    /// Writes all of `batches`, one after the other, and tells how many rows that were; a refusal says how many were written
    /// before it.
    pub(crate) async fn run<S: Steps>(&self, steps: &S, batches: Vec<Vec<S::Row>>) -> Answer<usize> {
        let rows: usize = batches.iter().map(Vec::len).sum();
        let count = batches.len();
        let is_written = |written| self.done(S::WHAT, "written", written);
        if count == 0 {
            let change = self.confirmed().await?;
            self.record(&is_written(0), &change).await?;
        }
        let mut written = 0;
        for (number, batch) in (1..).zip(batches) {
            let size = batch.len();
            let done = if number == count {
                Some(is_written(rows))
            } else if number == 1 {
                Some(self.done(S::WHAT, "to_write", rows))
            } else {
                None
            };
            if let Err(refusal) = self.step(steps, batch, done).await {
                if written > 0 && is_certain(&refusal) {
                    self.note(&is_written(written)).await;
                }
                return Err(after(written, S::WHAT, refusal));
            }
            written += size;
        }
        Ok(written)
    }

    async fn step<S: Steps>(&self, steps: &S, batch: Vec<S::Row>, done: Option<DataChange>) -> Answer<()> {
        let change = self.confirmed().await?;
        let recorded = done.map(|done| Box::new(Recorded { done, change }));
        steps.write(batch, recorded).await
    }

    /// A change that they may make at this moment.
    async fn confirmed(&self) -> Answer<Change> {
        let change = self.caller.change(self.manager, None);
        let repository = self.manager.repository();
        repository.confirm_data_change(self.app, &change).await?;
        Ok(change)
    }

    /// Records how far an import came that has ended. Why it has ended is what matters to whoever asked for it, also if this
    /// cannot be recorded.
    async fn note(&self, done: &DataChange) {
        let change = self.caller.change(self.manager, None);
        let repository = self.manager.repository();
        if let Err(error) = repository.record_data_change(self.app, done, &change).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                app.id = %self.app,
                "how much was imported is not in the audit log"
            );
        }
    }

    /// Records what no commit does.
    async fn record(&self, done: &DataChange, change: &Change) -> Answer<()> {
        let repository = self.manager.repository();
        Ok(repository.record_data_change(self.app, done, change).await?)
    }

    fn done(&self, what: &str, how: &str, rows: usize) -> DataChange {
        DataChange {
            action: self.action,
            target: self.target.clone(),
            before: None,
            after: Some(json!({ (format!("{what}_{how}")): rows })),
        }
    }
}

/// Whether nothing of the step was written. If nobody knows, its own record may be there, and none may contradict it.
fn is_certain(refusal: &Refusal) -> bool {
    !matches!(refusal, Refusal::Problem(problem) if problem.code == Code::CommitUnknown)
}

/// The refusal of a file, with how many of `what` were written before it.
fn after(written: usize, what: &str, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Problem(problem) if written > 0 && problem.code != Code::Internal => {
            let detail = format!("{} {written} {what} were written before.", problem.detail);
            let mut problem = problem.with("written", written);
            problem.detail = detail;
            Refusal::Problem(problem)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::{internal, problem};

    #[test]
    fn what_may_have_been_written_is_not_said_to_be_missing() {
        assert!(!is_certain(&problem(Code::CommitUnknown, "")));
        assert!(is_certain(&problem(Code::QuotaExceeded, "")));
        assert!(is_certain(&internal()));
    }

    #[test]
    fn a_refusal_says_how_much_was_written_before_it() {
        let refusal = || problem(Code::QuotaExceeded, "Full.");
        let Refusal::Problem(first) = after(0, "keys", refusal()) else {
            panic!("a problem")
        };
        assert_eq!(first.detail, "Full.");
        let Refusal::Problem(later) = after(1_000, "keys", refusal()) else {
            panic!("a problem")
        };
        assert_eq!(later.detail, "Full. 1000 keys were written before.");
    }
}
