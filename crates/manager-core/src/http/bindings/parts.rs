//! Parts of the bodies of subscriptions and schedules: retry policies, destinations, and filters.

use picloud_shared::{
    bindings::{BINDING_JSON_BYTES_MAX, SUBSCRIPTION_RUNS_MAX},
    events::{Batch, Destination, RetryPolicy, Topic, TopicPattern},
    id::ScriptId,
    release::BundleDestination,
    services::docs::Filter,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::validate::{Violations, or_default, some_id};

/// What filters may ask about.
const FILTERED: [&str; 5] = ["topic", "subject", "source", "key", "data"];

/// How often and how long an event is tried.
#[derive(Serialize, ToSchema)]
#[schema(as = RetryPolicy)]
pub(crate) struct RetryBody {
    /// Runs in all, the first included.
    #[schema(example = 5)]
    attempts_max: u32,
    /// From the first failure to the second run, in milliseconds; later delays grow from it.
    #[schema(example = 10_000)]
    first_delay_ms: u64,
    /// How old it may become, in seconds.
    #[schema(example = 86_400)]
    max_age_s: u64,
}

impl From<RetryPolicy> for RetryBody {
    fn from(retry: RetryPolicy) -> Self {
        Self {
            attempts_max: retry.attempts_max,
            first_delay_ms: retry.first_delay_ms,
            max_age_s: retry.max_age_s,
        }
    }
}

/// How often and how long an event is tried; what is absent is the default.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SetRetry {
    /// Runs in all, the first included: 1 to 25; 5 unless set.
    attempts_max: Option<u32>,
    /// From the first failure to the second run, in milliseconds: up to 3,600,000, an hour; 10,000 unless set. Later
    /// delays are 6, 30 and from then on 180 times as long, but never longer than six hours.
    first_delay_ms: Option<u64>,
    /// How old it may become, in seconds: 1 to 604,800, a week; 86,400, a day, unless set.
    max_age_s: Option<u64>,
}

impl SetRetry {
    /// The policy; notes what is out of range.
    pub(crate) fn read(&self, violations: &mut Violations) -> RetryPolicy {
        let default = RetryPolicy::default();
        let policy = RetryPolicy {
            attempts_max: self.attempts_max.unwrap_or(default.attempts_max),
            first_delay_ms: self.first_delay_ms.unwrap_or(default.first_delay_ms),
            max_age_s: self.max_age_s.unwrap_or(default.max_age_s),
        };
        if let Err(error) = policy.check() {
            violations.add(
                &format!("retry.{}", error.field),
                format!("must be {} to {}", error.min, error.max),
            );
        }
        policy
    }
}

/// That a run gets several events at once.
#[derive(Serialize, ToSchema)]
#[schema(as = Batch)]
pub(crate) struct BatchBody {
    /// How many at most.
    #[schema(example = 50)]
    events_max: u32,
    /// How long the first of them waits for others, in milliseconds.
    #[schema(example = 1_000)]
    wait_ms: u32,
}

impl From<Batch> for BatchBody {
    fn from(batch: Batch) -> Self {
        Self {
            events_max: batch.events_max,
            wait_ms: batch.wait_ms,
        }
    }
}

/// That a run gets several events at once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetBatch {
    /// How many at most: 2 to 100. They have at most 1 MiB together.
    #[schema(example = 50)]
    events_max: u32,
    /// How long the first of them waits for others, in milliseconds: up to 60,000, a minute. Unless set, a run gets what is
    /// there.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(nullable)]
    wait_ms: u32,
}

impl SetBatch {
    /// The batch; notes what is out of range.
    pub(crate) fn read(&self, violations: &mut Violations) -> Batch {
        let batch = Batch {
            events_max: self.events_max,
            wait_ms: self.wait_ms,
        };
        if let Err(error) = batch.check() {
            violations.add(
                &format!("batch.{}", error.field),
                format!("must be {} to {}", error.min, error.max),
            );
        }
        batch
    }
}

/// Checks how many runs of a subscription may be going.
pub(crate) fn runs_max(violations: &mut Violations, runs_max: Option<u32>) -> Option<u32> {
    violations.require(
        runs_max.is_none_or(|most| (1..=SUBSCRIPTION_RUNS_MAX).contains(&most)),
        "concurrency_max",
        format!("must be 1 to {SUBSCRIPTION_RUNS_MAX}"),
    );
    runs_max
}

/// Who is told of the end of a run: one of the two.
#[derive(Serialize, ToSchema)]
#[schema(as = Destination)]
pub(crate) struct DestinationBody {
    /// A script of the same app; null if it is a topic.
    #[schema(required)]
    script_id: Option<Uuid>,
    /// A topic; null if it is a script.
    #[schema(required)]
    topic: Option<String>,
}

impl From<Destination> for DestinationBody {
    fn from(destination: Destination) -> Self {
        match destination {
            Destination::Script(script) => Self {
                script_id: Some(script.0),
                topic: None,
            },
            Destination::Topic(topic) => Self {
                script_id: None,
                topic: Some(topic.as_str().to_owned()),
            },
        }
    }
}

/// Who is told of the end of a run: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetDestination {
    /// A script of the same app.
    #[serde(default, deserialize_with = "some_id")]
    script_id: Option<Uuid>,
    /// Whoever subscribes to this topic.
    #[serde(default)]
    #[schema(example = "orders.failed")]
    topic: Option<String>,
}

impl SetDestination {
    /// The destination that stands at `field`.
    pub(crate) fn read(&self, field: &str, violations: &mut Violations) -> Option<Destination> {
        let topic = topic(self.topic.as_deref(), field, violations);
        match (self.script_id, topic) {
            (Some(script), None) if self.topic.is_none() => Some(Destination::Script(ScriptId(script))),
            (None, Some(topic)) => Some(Destination::Topic(topic)),
            // What is wrong with the topic has been said.
            (None, None) if self.topic.is_some() => None,
            _ => {
                violations.add(field, "must have either `script_id` or `topic`");
                None
            }
        }
    }
}

/// Who is told of the end of a run: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BundledDestination {
    /// The name of a script of the bundle.
    #[serde(default)]
    script: Option<String>,
    /// Whoever subscribes to this topic.
    #[serde(default)]
    #[schema(example = "orders.failed")]
    topic: Option<String>,
}

impl BundledDestination {
    /// The destination that stands at `field`.
    pub(crate) fn read(&self, field: &str, violations: &mut Violations) -> Option<BundleDestination> {
        let topic = topic(self.topic.as_deref(), field, violations);
        match (&self.script, topic) {
            (Some(script), None) if self.topic.is_none() => violations
                .parse(&format!("{field}.script"), script)
                .map(BundleDestination::Script),
            (None, Some(topic)) => Some(BundleDestination::Topic(topic)),
            // What is wrong with the topic has been said.
            (None, None) if self.topic.is_some() => None,
            _ => {
                violations.add(field, "must have either `script` or `topic`");
                None
            }
        }
    }
}

/// A topic that apps may publish on.
fn topic(text: Option<&str>, field: &str, violations: &mut Violations) -> Option<Topic> {
    let field = format!("{field}.topic");
    let topic: Topic = violations.parse_some(&field, text)?;
    if topic.is_reserved() {
        violations.add(
            &field,
            "must not begin with `picloud.` or `mqtt:`, which are PiCloud's own",
        );
    }
    Some(topic)
}

/// Reads the topics that somebody subscribes to.
pub(crate) fn pattern(violations: &mut Violations, text: &str) -> Option<TopicPattern> {
    let pattern: TopicPattern = violations.parse("topic", text)?;
    if let Err(error) = pattern.require_told() {
        violations.add("topic", error);
    }
    Some(pattern)
}

/// Reads a filter of events.
pub(crate) fn filter(violations: &mut Violations, filter: Option<Value>) -> Option<Value> {
    let filter = filter.filter(|filter| !filter.is_null())?;
    match Filter::read(&filter) {
        Ok(read) => {
            for path in read.paths() {
                let name = path.as_str().split('.').next().unwrap_or_default();
                violations.require(
                    FILTERED.contains(&name),
                    "filter",
                    format!("`{path}`: a filter is about {}", FILTERED.join(", ")),
                );
            }
        }
        Err(error) => violations.add("filter", error),
    }
    small(violations, "filter", &filter);
    Some(filter)
}

/// Checks the size of what each release has a copy of.
pub(crate) fn small(violations: &mut Violations, field: &str, value: &Value) {
    violations.require(
        value.to_string().len() <= BINDING_JSON_BYTES_MAX,
        field,
        format!("must have at most {BINDING_JSON_BYTES_MAX} bytes as JSON"),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_filter_is_about_what_events_have() {
        let faults = |body: Value| {
            let mut violations = Violations::default();
            filter(&mut violations, Some(body));
            violations.finish().is_err()
        };
        for body in [
            json!({}),
            json!({ "topic": "a", "data.total": { "gte": 1 } }),
            json!({ "or": [{ "subject": "a" }, { "not": { "key": "b" } }], "source": "/c", "data": 1 }),
        ] {
            assert!(!faults(body.clone()), "{body}");
        }
        for body in [
            json!({ "foo": 1 }),
            json!({ "topic": "a", "total": 1 }),
            json!({ "or": [{ "subject": "a" }, { "not": { "id": "b" } }] }),
            json!({ "datum.a": 1 }),
        ] {
            assert!(faults(body.clone()), "{body}");
        }
    }

    #[test]
    fn a_destination_is_one_thing() {
        let read = |body: Value| {
            let body: SetDestination = serde_json::from_value(body).expect("it has the form");
            let mut violations = Violations::default();
            let read = body.read("on_failure", &mut violations);
            violations.finish().is_ok().then_some(read).flatten()
        };
        let script = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert!(matches!(
            read(json!({ "script_id": script })),
            Some(Destination::Script(_))
        ));
        assert!(matches!(
            read(json!({ "topic": "failed" })),
            Some(Destination::Topic(_))
        ));
        for body in [
            json!({}),
            json!({ "topic": "failed", "script_id": script }),
            json!({ "topic": "picloud.x" }),
            json!({ "topic": "a b" }),
        ] {
            assert_eq!(read(body.clone()), None, "{body}");
        }
    }
}
