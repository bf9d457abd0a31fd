//! Whoever wants it is told of runs that failed.

use std::{collections::BTreeMap, sync::Arc};

use picloud_shared::{
    events::{DEPTH_MAX, Lineage, NewEvent, Topic},
    execution::{Execution, ExecutionStatus},
    id::EventId,
    seam::EventTable as _,
    time::Timestamp,
};
use serde_json::json;

use super::Events;

/// The topic on which whoever wants it is told of every run of the app that failed.
const TOPIC: &str = "picloud.script.failed";

/// Runs that failed of which it is about to be told. What fails beyond that, while storage does not keep up, is not told.
pub(super) const TELLING_MAX: usize = 1_000;

impl Events {
    /// Tells of a run that failed, if anybody wants to know. `follows` is what the run follows from; nothing is told of
    /// one that was itself told how others went, as that would have no end.
    pub(crate) fn tell_failed(&self, record: &Execution, follows: Option<(&Lineage, Option<&Topic>)>) {
        let (lineage, about) = follows.unzip();
        let is_told = about.flatten().is_some_and(Topic::is_about_runs);
        if is_told || record.status == ExecutionStatus::Cancelled || !self.is_wanted(record.app_id, TOPIC) {
            return;
        }
        let depth = lineage.map_or(0, |lineage| lineage.depth.saturating_add(1));
        if depth >= DEPTH_MAX {
            return;
        }
        let lineage = Lineage {
            root: lineage.map_or(record.id.0, |lineage| lineage.root),
            cause: Some(record.id),
            depth,
        };
        let now = self.clock().now();
        self.tell(record, event(record, lineage, now));
    }

    fn tell(&self, record: &Execution, event: NewEvent) {
        let (events, app) = (self.clone(), record.app_id);
        let Ok(place) = Arc::clone(self.telling()).try_acquire_owned() else {
            tracing::warn!(app.id = %app, execution.id = %record.id, "nobody is told of a run that failed: too many did at one time");
            return;
        };
        self.runtime().spawn(async move {
            let _place = place;
            if let Err(error) = events.publish(app, vec![event], None).await {
                tracing::warn!(%error, app.id = %app, "nobody is told of a run that failed");
            }
        });
    }
}

fn event(record: &Execution, lineage: Lineage, now: Timestamp) -> NewEvent {
    let error = record.error.as_ref();
    let data = json!({
        "execution": record.id,
        "script": record.script_name,
        "script_id": record.script_id,
        "version": record.version,
        "trigger": record.trigger,
        "status": record.status,
        "kind": error.map(|error| error.kind),
        "message": error.map(|error| error.message.as_str()),
        "line": error.and_then(|error| error.line),
        "method": record.request.method,
        "path": record.request.path,
    });
    NewEvent {
        id: EventId::new(now),
        topic: TOPIC.parse().ok(),
        source: format!("/executions/{}", record.id),
        subject: Some(format!("/scripts/{}", record.script_name)),
        time: now,
        extensions: BTreeMap::new(),
        content_type: "application/json".to_owned(),
        data: data.to_string().into(),
        key: None,
        request: None,
        due_at: None,
        lineage,
        deliveries: Vec::new(),
    }
}
