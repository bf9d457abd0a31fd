//! What follows when the server ended without a word: who ran is named, and who did it gets a strike.

use std::collections::BTreeMap;

use picloud_shared::{
    app::AppRef,
    execution::{Execution, ExecutionStatus, RequestSummary, RunBatch},
    id::{AppId, ExecutionId, ScriptId},
    in_flight::{Ending, LostRun, LostWork},
    invocation::Trigger,
    outcome::{ScriptError, ScriptErrorKind, Usage},
    repository::{FoundApp, Repository, StoreError},
    strikes::Strike,
    time::Timestamp,
};

/// What a run of a source is called that was never saved.
const UNSAVED_NAME: &str = "unsaved";

/// A run of a script that was lost.
#[derive(Clone, Copy)]
struct Lost {
    app_id: AppId,
    script_id: ScriptId,
    version: u32,
    execution_id: ExecutionId,
    trigger: Trigger,
    ending: Ending,
}

/// Logs and records what was on a processor when the server last ended on `node`, and notes strikes against the
/// scripts that have to answer for it. To be called before anything is served, so that a script that is suspended
/// does not run again. If it was called before with the same runs, nothing changes.
pub async fn answer_for_lost_runs(
    repository: &dyn Repository,
    runs: &[LostRun],
    node: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut records = Vec::new();
    let mut guilty = BTreeMap::new();
    for run in runs {
        let LostWork::Script {
            app_id,
            script_id,
            version,
            execution_id,
            trigger,
        } = run.work
        else {
            tracing::error!(
                cause = said(run.ending),
                "the server ended while a source was checked"
            );
            continue;
        };
        let lost = Lost {
            app_id,
            script_id,
            version,
            execution_id,
            trigger,
            ending: run.ending,
        };
        let (app, script) = names(repository, &lost).await?;
        tell(&lost, &app, &script);
        records.push(record(&lost, script, node));
        if lost.ending.is_strike() {
            // One end of the server is one strike, on however many threads the script ran.
            guilty.entry((script_id, version)).or_insert(execution_id);
        }
    }
    repository
        .record_executions(RunBatch::of_records(&records), now)
        .await?;
    for ((script_id, version), execution_id) in guilty {
        let strike = Strike {
            script_id,
            version,
            execution_id,
            at: now,
        };
        let Some(strikes) = repository.strike_script(strike).await? else {
            continue;
        };
        let suspended = strikes.suspended_at == Some(now);
        tracing::error!(script.id = %script_id, version, strikes = strikes.count, suspended, "the script has a strike");
    }
    Ok(())
}

/// The app's slug and the script's name, as far as they are still there.
async fn names(repository: &dyn Repository, lost: &Lost) -> Result<(String, String), StoreError> {
    let app = match repository.find_app(&AppRef::Id(lost.app_id)).await? {
        Some(FoundApp::Current(app) | FoundApp::Renamed(app)) => app.slug.as_str().to_owned(),
        None => lost.app_id.to_string(),
    };
    let script = match repository.find_script(lost.script_id).await? {
        Some(script) => script.name.as_str().to_owned(),
        None => UNSAVED_NAME.to_owned(),
    };
    Ok((app, script))
}

fn tell(lost: &Lost, app: &str, script: &str) {
    let Lost {
        script_id,
        version,
        execution_id,
        ..
    } = lost;
    let cause = said(lost.ending);
    if lost.ending.is_strike() {
        tracing::error!(
            app.slug = app, script.name = script, version, cause, script.id = %script_id, execution.id = %execution_id,
            "the server ended because of a script"
        );
    } else {
        tracing::warn!(
            app.slug = app, script.name = script, version, cause, script.id = %script_id, execution.id = %execution_id,
            "the server ended while a script ran"
        );
    }
}

/// What its author finds among the runs of the script. Of the request, nothing is known but its id and when it came.
fn record(lost: &Lost, script_name: String, node: &str) -> Execution {
    let message = format!("the server ended while this script ran: {}", said(lost.ending));
    let error = ScriptError::nowhere(ScriptErrorKind::Internal, message);
    Execution {
        id: lost.execution_id,
        app_id: lost.app_id,
        script_id: lost.script_id,
        script_name,
        version: lost.version,
        trigger: lost.trigger,
        status: ExecutionStatus::of(Some(&error)),
        started_at: lost.execution_id.made_at(),
        usage: Usage::default(),
        services: Vec::new(),
        request: RequestSummary {
            method: String::new(),
            host: String::new(),
            path: String::new(),
            body_bytes: 0,
            remote_addr: String::new(),
        },
        response_status: 0,
        logs: Vec::new(),
        error: Some(error),
        node: node.to_owned(),
        delivery: None,
    }
}

fn said(ending: Ending) -> String {
    match ending {
        Ending::Fault { signal } => format!("a fault on its thread (signal {signal})"),
        Ending::OutOfMemory => "the system was out of memory".to_owned(),
        Ending::Outside => "the cause lies outside of it".to_owned(),
    }
}
