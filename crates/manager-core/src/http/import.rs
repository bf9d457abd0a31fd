//! Taking a file in: in steps, each of which is a commit.
//!
//! Nothing is written of which the audit log knows nothing. The record of an import is a part of its only commit. If there are
//! more, the first one has a record of how much is to be written, and the last one that of how much was; an import that ends
//! before leaves the latter behind its last step, and if the server ends with it, there is the former.

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
                if written > 0 {
                    let change = self.caller.change(self.manager, None);
                    self.record(&is_written(written), &change).await?;
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
