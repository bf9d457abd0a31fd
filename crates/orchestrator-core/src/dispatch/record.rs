//! What is recorded of a run.
//!
//! A run that has written something has its record in the transaction of its commit: both are there or neither is. What
//! is recorded of any other run goes through the recorder, after its answer is made.

use std::{
    fmt, mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use picloud_shared::{
    execution::{Execution, ExecutionStatus, RequestSummary},
    outcome::{LogLine, Outcome, ScriptError, Usage},
    seam::AtCommit,
    services::ServiceUse,
};

use super::run::Run;
use crate::recorder::Recorder;

/// What a record tells of a run beside what was known at its begin.
pub(super) struct Ended {
    pub(super) request: RequestSummary,
    pub(super) usage: Usage,
    pub(super) services: Vec<ServiceUse>,
    pub(super) response_status: u16,
    pub(super) logs: Vec<LogLine>,
    pub(super) error: Option<ScriptError>,
}

/// What the commit of a run was given to carry.
#[derive(Default)]
pub(super) struct Carried(Mutex<Given>);

#[derive(Default)]
enum Given {
    /// It was not asked for.
    #[default]
    Nothing,
    /// Beyond the rate there is no record.
    OnlyCounted,
    Record(Box<Execution>),
}

/// What becomes of the record of a run that has succeeded.
pub(super) enum Fate {
    /// It is on disk.
    Committed(Box<Execution>),
    /// It is to be written.
    Recorded,
    /// There is none.
    OnlyCounted,
}

impl Carried {
    fn lock(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    /// What becomes of its record, after it has succeeded. `asked` tells whether it has used services, `committed`
    /// whether its commit carried a record.
    #[inline]
    pub(super) fn fate(&self, asked: bool, committed: bool) -> Fate {
        let given = if asked {
            mem::take(&mut *self.carried.lock())
        } else {
            Given::Nothing
        };
        match given {
            Given::Record(record) if committed => Fate::Committed(record),
            // It was repeated after a conflict, and wrote nothing then.
            Given::Record(_) => Fate::Recorded,
            Given::Nothing if Recorder::admits(&*self.live, self.entry.at) => Fate::Recorded,
            Given::OnlyCounted | Given::Nothing => Fate::OnlyCounted,
        }
    }

    /// The record of the run that ended like this.
    pub(super) fn execution(&self, ended: Ended) -> Execution {
        let Ended {
            request,
            usage,
            services,
            response_status,
            logs,
            error,
        } = ended;
        let script = &self.live.script;
        Execution {
            id: self.entry.id,
            app_id: script.app_id,
            script_id: script.script_id,
            script_name: script.name.as_str().to_owned(),
            version: script.version,
            trigger: self.trigger,
            status: ExecutionStatus::of(error.as_ref()),
            started_at: self.entry.at,
            usage,
            services,
            request,
            response_status,
            logs,
            error,
            node: self.node.as_ref().to_owned(),
            delivery: None,
        }
    }

    /// The request in short, with `path` in place of its own.
    pub(super) fn summary(&self, path: Option<&str>) -> RequestSummary {
        RequestSummary::of(&self.request, path)
    }
}

impl AtCommit for Run {
    fn record(&self, outcome: &Outcome) -> Option<Box<Execution>> {
        let response = outcome.result.as_ref().ok()?;
        if response.status.is_informational() {
            // A failure, once the dispatcher looks at it.
            return None;
        }
        let mut given = self.carried.lock();
        match &*given {
            // A run takes one place within the rate, however often it is repeated.
            Given::Nothing if !Recorder::admits(&*self.live, self.entry.at) => {
                *given = Given::OnlyCounted;
                return None;
            }
            Given::OnlyCounted => return None,
            Given::Nothing | Given::Record(_) => {}
        }
        let record = Box::new(self.execution(Ended {
            request: self.summary(outcome.request_path.as_deref()),
            usage: outcome.usage,
            services: outcome.services.clone(),
            response_status: response.status.as_u16(),
            logs: outcome.logs.clone(),
            error: None,
        }));
        *given = Given::Record(record.clone());
        Some(record)
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("id", &self.entry.id)
            .finish_non_exhaustive()
    }
}
