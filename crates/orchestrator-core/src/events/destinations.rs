//! Who is told of the end of a delivery, and what.

use std::collections::BTreeMap;

use bytes::Bytes;
use picloud_shared::{
    events::{
        DEPTH_MAX, DeadReason, DeliveryResult, Destination, EVENT_DATA_BYTES_MAX, Leased, Lineage,
        NewDelivery, NewEvent, Origin, RetryPolicy, Topic,
    },
    id::{DeliveryId, EventId, ExecutionId},
    script::LiveScript,
    time::Timestamp,
};
use serde_json::{Map, Value, json};

/// The topic on which whoever wants it is told of every delivery of the app that is dead.
const DEAD_TOPIC: &str = "picloud.delivery.dead";
/// What a script is told of as a destination, if its delivery is done.
const DONE_TOPIC: &str = "picloud.delivery.done";

/// What is published when a delivery is done. Whoever subscribes to a topic is to be found out.
pub(super) fn of_done(
    leased: &Leased,
    script: &LiveScript,
    run: ExecutionId,
    result: &DeliveryResult,
    now: Timestamp,
) -> Vec<NewEvent> {
    let Some(destination) = &leased.on_success else {
        return Vec::new();
    };
    let told = Told {
        leased,
        name: Some(script.name.as_str()),
        run: Some(run),
        now,
    };
    let outcome = json!({ "result": shown(result) });
    told.event(destination, DONE_TOPIC, &outcome)
        .into_iter()
        .collect()
}

/// What is published when a delivery is dead: to its own destination, and on a topic of PiCloud's own.
pub(super) fn of_dead(
    leased: &Leased,
    script: Option<&LiveScript>,
    run: Option<ExecutionId>,
    (reason, error): (DeadReason, &str),
    now: Timestamp,
) -> Vec<NewEvent> {
    // What tells how others went is not told of: that would have no end.
    let is_told = leased.event.topic.as_ref().is_some_and(Topic::is_about_runs);
    let everybody = DEAD_TOPIC
        .parse()
        .ok()
        .filter(|_| !is_told)
        .map(Destination::Topic);
    let told = Told {
        leased,
        name: script.map(|script| script.name.as_str()),
        run,
        now,
    };
    let outcome = json!({ "reason": reason.as_str(), "error": error });
    let destinations = leased.on_failure.iter().chain(&everybody);
    destinations
        .filter_map(|destination| told.event(destination, DEAD_TOPIC, &outcome))
        .collect()
}

/// What is known of the end of a delivery.
struct Told<'d> {
    leased: &'d Leased,
    name: Option<&'d str>,
    run: Option<ExecutionId>,
    now: Timestamp,
}

impl Told<'_> {
    /// The event for one destination; none if the chain of events would become too long.
    fn event(&self, destination: &Destination, topic: &str, outcome: &Value) -> Option<NewEvent> {
        let lineage = self.lineage()?;
        let (topic, deliveries) = match destination {
            Destination::Topic(topic) => (Some(topic.clone()), Vec::new()),
            Destination::Script(script) => {
                let delivery = NewDelivery {
                    id: DeliveryId::new(self.now),
                    script_id: *script,
                    origin: Origin::Destination,
                    ordered: false,
                    retry: RetryPolicy::default(),
                    on_success: None,
                    on_failure: None,
                };
                (topic.parse().ok(), vec![delivery])
            }
        };
        Some(NewEvent {
            id: EventId::new(self.now),
            topic,
            source: format!("/deliveries/{}", self.leased.delivery),
            subject: self.name.map(|name| format!("/scripts/{name}")),
            time: self.now,
            extensions: BTreeMap::new(),
            content_type: "application/json".to_owned(),
            data: self.data(outcome),
            key: self.leased.event.key.clone(),
            request: None,
            due_at: None,
            lineage,
            deliveries,
        })
    }

    fn lineage(&self) -> Option<Lineage> {
        let before = self.leased.event.lineage;
        let depth = before.depth.checked_add(1).filter(|depth| *depth < DEPTH_MAX)?;
        Some(Lineage {
            root: before.root,
            cause: self.run.or(before.cause),
            depth,
        })
    }

    /// The delivery, its event and its outcome. If that is too much, the data of the event is left out.
    fn data(&self, outcome: &Value) -> Bytes {
        let event = &self.leased.event;
        let mut told = json!({
            "delivery": self.leased.delivery,
            "script": self.name,
            "script_id": self.leased.script_id,
            "execution": self.run,
            "attempts": self.leased.attempt(),
            "event": {
                "id": event.id,
                "topic": event.topic,
                "source": event.source,
                "subject": event.subject,
                "time": event.time,
                "key": event.key,
                "data": value(&event.content_type, &event.data),
            },
        });
        if let (Some(told), Some(outcome)) = (told.as_object_mut(), outcome.as_object()) {
            told.extend(outcome.clone());
        }
        let whole = told.to_string();
        if whole.len() <= EVENT_DATA_BYTES_MAX {
            return whole.into();
        }
        if let Some(event) = told["event"].as_object_mut() {
            event.insert("data".to_owned(), Value::Null);
            event.insert("data_left_out".to_owned(), true.into());
        }
        let short = told.to_string();
        if short.len() <= EVENT_DATA_BYTES_MAX {
            return short.into();
        }
        // A body that is mostly escapes.
        if let Some(result) = told["result"].as_object_mut() {
            result.insert("body".to_owned(), Value::Null);
            result.insert("is_cut".to_owned(), true.into());
        }
        told.to_string().into()
    }
}

fn shown(result: &DeliveryResult) -> Map<String, Value> {
    let content_type = result.content_type.as_deref().unwrap_or_default();
    let shown = json!({
        "status": result.status,
        "content_type": result.content_type,
        "body": value(content_type, &result.body),
        "is_cut": result.is_cut,
    });
    match shown {
        Value::Object(shown) => shown,
        _ => Map::new(),
    }
}

/// Data as a value of JSON: as what it is, as text, or null if it is neither.
fn value(content_type: &str, data: &Bytes) -> Value {
    let read = content_type
        .contains("json")
        .then(|| serde_json::from_slice(data).ok())
        .flatten();
    read.or_else(|| std::str::from_utf8(data).ok().map(Value::from))
        .unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc, time::Duration};

    use picloud_shared::{
        events::{Counts, Event},
        id::{AppId, ScriptId},
    };
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
    const SCRIPT: ScriptId = ScriptId(Uuid::from_u128(5));

    fn leased(topic: Option<&str>, depth: u8, data: Bytes) -> Leased {
        Leased {
            delivery: DeliveryId(Uuid::from_u128(2)),
            app_id: AppId(Uuid::nil()),
            script_id: ScriptId(Uuid::from_u128(3)),
            token: 1,
            until: NOW.plus(Duration::from_secs(30)),
            counts: Counts {
                attempts: 4,
                ..Counts::default()
            },
            batch: None,
            ran_only_in_batch: false,
            event: Arc::new(Event {
                id: EventId(Uuid::from_u128(1)),
                topic: topic.map(|topic| topic.parse().expect("a topic")),
                source: "/test".to_owned(),
                subject: None,
                time: NOW,
                extensions: BTreeMap::new(),
                content_type: "application/json".to_owned(),
                data,
                key: Some("c".to_owned()),
                request: None,
                lineage: Lineage {
                    root: Uuid::from_u128(9),
                    cause: None,
                    depth,
                },
            }),
            origin: Origin::Destination,
            ordered: false,
            retry: RetryPolicy::default(),
            on_success: None,
            on_failure: Some(Destination::Script(SCRIPT)),
            since: NOW,
        }
    }

    fn dead(leased: &Leased) -> Vec<NewEvent> {
        of_dead(leased, None, None, (DeadReason::Exhausted, "no"), NOW)
    }

    fn data(event: &NewEvent) -> Value {
        serde_json::from_slice(&event.data).expect("JSON")
    }

    #[test]
    fn its_own_destination_and_whoever_wants_it_are_told_of_what_is_dead() {
        let events = dead(&leased(Some("orders"), 2, "{\"order\":7}".into()));
        let [own, all] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(own.deliveries[0].script_id, SCRIPT);
        assert!(all.deliveries.is_empty());
        for event in &events {
            assert_eq!(event.topic.as_ref().map(Topic::as_str), Some(DEAD_TOPIC));
            assert_eq!((event.lineage.depth, event.lineage.root), (3, Uuid::from_u128(9)));
            let told = data(event);
            assert_eq!(told["reason"], "exhausted");
            assert_eq!(told["error"], "no");
            assert_eq!(told["attempts"], 5);
            assert_eq!(told["event"]["data"], json!({ "order": 7 }));
        }
    }

    #[test]
    fn what_is_told_of_has_an_end() {
        let topics = |leased: &Leased| dead(leased).len();
        assert_eq!(topics(&leased(Some("picloud.delivery.dead"), 2, "1".into())), 1);
        assert_eq!(topics(&leased(None, DEPTH_MAX - 2, "1".into())), 2);
        assert_eq!(topics(&leased(None, DEPTH_MAX - 1, "1".into())), 0);
    }

    #[test]
    fn data_that_is_too_large_is_left_out() {
        let large = format!("\"{}\"", "x".repeat(EVENT_DATA_BYTES_MAX - 2));
        let event = dead(&leased(Some("orders"), 0, large.into())).remove(0);
        assert!(event.data.len() <= EVENT_DATA_BYTES_MAX);
        let told = data(&event);
        assert_eq!(
            (&told["event"]["data"], &told["event"]["data_left_out"]),
            (&Value::Null, &json!(true))
        );
    }
}
