//! A run for events, and what is committed with it: the end of the deliveries, the record, and what is told of them.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use http::header::CONTENT_TYPE;
use picloud_shared::{
    events::{Ack, Delivered, DeliveryResult, Held, Leased, Origin, RESULT_BYTES_MAX},
    execution::{CommittedRun, DeliveryRun, Execution, ExecutionStatus, RequestSummary},
    id::ExecutionId,
    invocation::{Invocation, ScriptRequest, Trigger},
    outcome::{Outcome, ScriptError, ScriptResponse, Usage},
    seam::{Acknowledged, AtCommit},
    time::Timestamp,
};

use super::{Events, deliveries::Deliveries, destinations, request};
use crate::{recorder::Recorder, routing::LiveEntry};

/// A run of the script of deliveries.
pub(super) struct EventRun {
    pub(super) id: ExecutionId,
    pub(super) live: Arc<LiveEntry>,
    pub(super) deliveries: Arc<Deliveries>,
    started_at: Timestamp,
    request: Arc<ScriptRequest>,
    events: Events,
    recorder: Recorder,
    /// The record that its commit was given.
    committed: Mutex<Option<Box<Execution>>>,
}

impl EventRun {
    /// A run that begins now.
    pub(super) fn begin(
        deliveries: &Arc<Deliveries>,
        live: &Arc<LiveEntry>,
        events: &Events,
        recorder: &Recorder,
    ) -> Arc<Self> {
        let now = events.clock().now();
        Arc::new(Self {
            id: ExecutionId::new(now),
            live: Arc::clone(live),
            deliveries: Arc::clone(deliveries),
            started_at: now,
            request: Arc::new(request::of(deliveries)),
            events: events.clone(),
            recorder: recorder.clone(),
            committed: Mutex::default(),
        })
    }

    /// What the executor is given.
    pub(super) fn invocation(self: &Arc<Self>) -> Invocation {
        Invocation {
            id: self.id,
            script: Arc::clone(&self.live.script),
            scripts: self.live.scripts.clone(),
            trigger: self.trigger(),
            request: Arc::clone(&self.request),
            keeps_writes: true,
            at_commit: Some(Arc::clone(self) as Arc<dyn AtCommit>),
            event: Some(Arc::new(Delivered {
                others: self.deliveries.iter().skip(1).map(delivered).collect(),
                ..delivered(self.first())
            })),
            depth: self.deliveries.depth(),
        }
    }

    fn first(&self) -> &Leased {
        &self.deliveries.first
    }

    fn trigger(&self) -> Trigger {
        match self.first().origin {
            Origin::Invoke => Trigger::Async,
            Origin::Subscription(_) | Origin::Destination => Trigger::Event,
            Origin::Schedule { .. } => Trigger::Schedule,
        }
    }

    /// Records how it ended.
    pub(super) fn record_end(&self, outcome: Outcome) {
        let mut committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = committed.take().filter(|_| outcome.recorded) {
            let committed = CommittedRun {
                record: *record,
                duration_us: outcome.usage.duration_us,
            };
            self.recorder.committed(&self.live, committed);
            return;
        }
        let record = self.execution(outcome);
        if record.error.is_some() {
            let event = &self.first().event;
            let follows = Some((&event.lineage, event.topic.as_ref()));
            self.events.tell_failed(&record, follows);
        }
        self.recorder.record(&self.live, record);
    }

    /// Records that it was given up before its end.
    pub(super) fn record_given_up(&self, error: ScriptError) {
        let duration_us = self.events.clock().now().as_micros() - self.started_at.as_micros();
        let usage = Usage {
            // The clock can be set back meanwhile.
            duration_us: u64::try_from(duration_us).unwrap_or(0),
            ..Usage::default()
        };
        self.record_end(Outcome {
            usage,
            ..Outcome::failed(error)
        });
    }

    fn execution(&self, outcome: Outcome) -> Execution {
        let script = &self.live.script;
        let (response_status, error) = match outcome.result {
            Ok(response) => (response.status.as_u16(), None),
            Err(error) => (0, Some(error)),
        };
        Execution {
            id: self.id,
            app_id: script.app_id,
            script_id: script.script_id,
            script_name: script.name.as_str().to_owned(),
            version: script.version,
            trigger: self.trigger(),
            status: ExecutionStatus::of(error.as_ref()),
            started_at: self.started_at,
            usage: outcome.usage,
            services: outcome.services,
            request: self.summary(outcome.request_path.as_deref()),
            response_status,
            logs: outcome.logs,
            error,
            node: self.recorder.node().to_owned(),
            delivery: Some(DeliveryRun {
                id: self.first().delivery,
                attempt: self.first().attempt(),
                root: self.first().event.lineage.root,
                events: u32::try_from(self.deliveries.len()).unwrap_or(u32::MAX),
            }),
        }
    }

    fn summary(&self, path: Option<&str>) -> RequestSummary {
        RequestSummary::of(&self.request, path)
    }
}

impl AtCommit for EventRun {
    fn record(&self, outcome: &Outcome) -> Option<Box<Execution>> {
        let record = Box::new(self.execution(outcome.clone()));
        let mut committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        *committed = Some(record.clone());
        Some(record)
    }

    fn ends_something(&self) -> bool {
        true
    }

    fn held(&self) -> Vec<Held> {
        self.deliveries.held()
    }

    fn ended(&self, outcome: &Outcome) -> Option<Acknowledged> {
        let result = kept(outcome.result.as_ref().ok()?);
        let now = self.events.clock().now();
        let told = |leased: &Leased| destinations::of_done(leased, &self.live.script, self.id, &result, now);
        let emits = self.deliveries.iter().flat_map(told).collect();
        let ack = |leased: &Leased| Ack {
            delivery: leased.delivery,
            token: leased.token,
            execution: self.id,
            // Who asked for a run may ask for what came of it.
            result: (leased.origin == Origin::Invoke).then(|| result.clone()),
        };
        Some(Acknowledged {
            acks: self.deliveries.iter().map(ack).collect(),
            emits,
        })
    }
}

/// One event, as its script sees it.
fn delivered(leased: &Leased) -> Delivered {
    Delivered {
        delivery: leased.delivery,
        attempt: leased.attempt(),
        origin: leased.origin.clone(),
        event: Arc::clone(&leased.event),
        others: Vec::new(),
    }
}

/// What is kept of an answer.
fn kept(response: &ScriptResponse) -> DeliveryResult {
    let content_type = response.headers.get(CONTENT_TYPE);
    DeliveryResult {
        status: response.status.as_u16(),
        content_type: content_type.and_then(|value| Some(value.to_str().ok()?.to_owned())),
        body: response.body.slice(..response.body.len().min(RESULT_BYTES_MAX)),
        is_cut: response.body.len() > RESULT_BYTES_MAX,
    }
}

impl fmt::Debug for EventRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventRun")
            .field("id", &self.id)
            .field("delivery", &self.first().delivery)
            .finish_non_exhaustive()
    }
}
