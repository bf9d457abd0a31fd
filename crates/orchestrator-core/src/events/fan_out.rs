//! Who gets an event.

use std::collections::HashMap;

use picloud_shared::{
    bindings::Subscription,
    events::{NewDelivery, NewEvent, QueueId, QueueTerms, Topic},
    services::docs::Filter,
    time::Timestamp,
};

use super::changes;

/// The subscriptions of an app, compiled for look-up.
#[derive(Default)]
pub(crate) struct Subscribers {
    all: Vec<Subscriber>,
    /// Those to one topic, by that topic.
    exact: HashMap<Box<str>, Vec<usize>>,
    /// Those to all topics that begin alike.
    patterns: Vec<usize>,
    /// Whether one of them may want to know of changes of data: the one thing that every commit looks at.
    watch_data: bool,
    /// How the queues are claimed from that have terms of their own; what waits for one that is paused goes on.
    queues: Vec<(QueueId, QueueTerms)>,
}

struct Subscriber {
    subscription: Subscription,
    filter: Option<Filter>,
}

impl Subscribers {
    /// Those of a release. One whose filter cannot be read gets nothing; none is saved like that.
    pub(crate) fn new(subscriptions: Vec<Subscription>) -> Self {
        let mut subscribers = Self {
            queues: subscriptions.iter().filter_map(queue_terms).collect(),
            ..Self::default()
        };
        for subscription in subscriptions
            .into_iter()
            .filter(|subscription| !subscription.is_paused)
        {
            match subscription.spec.filter.as_ref().map(Filter::read).transpose() {
                Ok(filter) => subscribers.add(Subscriber { subscription, filter }),
                Err(error) => {
                    tracing::error!(subscription.id = %subscription.id, %error, "a live filter cannot be read");
                }
            }
        }
        subscribers
    }

    fn add(&mut self, subscriber: Subscriber) {
        let index = self.all.len();
        let topic = subscriber.subscription.spec.topic.as_str();
        self.watch_data |= changes::are_wanted_by(topic);
        if topic.ends_with('*') {
            self.patterns.push(index);
        } else {
            self.exact.entry(topic.into()).or_default().push(index);
        }
        self.all.push(subscriber);
    }

    /// A delivery of `event` to each who wants it.
    pub(crate) fn deliveries(&self, event: &NewEvent, now: Timestamp) -> Vec<NewDelivery> {
        let Some(topic) = &event.topic else {
            return Vec::new();
        };
        // Most are not filtered; then nothing of the event is read.
        let mut seen = None;
        let mut deliveries = Vec::new();
        for Subscriber { subscription, filter } in self.of(topic) {
            let is_wanted = filter
                .as_ref()
                .is_none_or(|filter| filter.matches(seen.get_or_insert_with(|| event.as_filtered())));
            if is_wanted {
                let id = subscription.subscription_id();
                deliveries.push(subscription.spec.delivery(id, subscription.script_id, now));
            }
        }
        deliveries
    }

    /// How the queues of subscriptions are claimed from that have terms of their own.
    pub(crate) fn queues(&self) -> &[(QueueId, QueueTerms)] {
        &self.queues
    }

    /// Whether anybody wants events on a topic, if they fit.
    pub(crate) fn want(&self, topic: &Topic) -> bool {
        self.of(topic).next().is_some()
    }

    /// Whether anybody may want to know of changes of data.
    pub(super) fn watch_data(&self) -> bool {
        self.watch_data
    }

    fn of(&self, topic: &Topic) -> impl Iterator<Item = &Subscriber> {
        let exact = self.exact.get(topic.as_str()).into_iter().flatten();
        let exact = exact.map(|index| &self.all[*index]);
        let patterns = self.patterns.iter().map(|index| &self.all[*index]);
        exact.chain(patterns.filter(|subscriber| subscriber.subscription.spec.topic.wants(topic)))
    }
}

fn queue_terms(subscription: &Subscription) -> Option<(QueueId, QueueTerms)> {
    let terms = QueueTerms {
        app_id: subscription.app_id,
        runs_max: subscription.spec.concurrency_max,
        batch: subscription.spec.batch,
    };
    let has_any = terms.runs_max.is_some() || terms.batch.is_some();
    has_any.then(|| (subscription.subscription_id().into(), terms))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use picloud_shared::{
        bindings::SubscriptionSpec,
        events::{Batch, Lineage, RetryPolicy},
        id::{AppId, EventId, ScriptId},
    };
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn subscription(script: u128, topic: &str, filter: Option<Value>) -> Subscription {
        Subscription {
            id: Uuid::from_u128(script),
            app_id: AppId(Uuid::nil()),
            name: "test".to_owned(),
            script_id: ScriptId(Uuid::from_u128(script)),
            is_paused: false,
            spec: SubscriptionSpec {
                topic: topic.parse().expect("a pattern"),
                filter,
                ordered: false,
                batch: None,
                concurrency_max: None,
                retry: RetryPolicy::default(),
                on_success: None,
                on_failure: None,
            },
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn event(topic: Option<&str>, data: &'static str) -> NewEvent {
        NewEvent {
            id: EventId::new(NOW),
            topic: topic.map(|topic| topic.parse().expect("a topic")),
            source: "/test".to_owned(),
            subject: None,
            time: NOW,
            extensions: BTreeMap::new(),
            content_type: "application/json".to_owned(),
            data: data.into(),
            key: Some("c".to_owned()),
            request: None,
            due_at: None,
            lineage: Lineage {
                root: Uuid::nil(),
                cause: None,
                depth: 0,
            },
            deliveries: Vec::new(),
        }
    }

    /// The numbers of the scripts that get an event.
    #[track_caller]
    fn check(subscribers: &Subscribers, event: &NewEvent, expected: &[u128]) {
        let deliveries = subscribers.deliveries(event, NOW);
        let scripts: Vec<_> = deliveries
            .iter()
            .map(|delivery| delivery.script_id.0.as_u128())
            .collect();
        assert_eq!(scripts, expected, "{event:?}");
    }

    #[test]
    fn whoever_subscribes_to_the_topic_gets_an_event() {
        let paused = Subscription {
            is_paused: true,
            ..subscription(5, "orders.placed", None)
        };
        let subscribers = Subscribers::new(vec![
            subscription(1, "orders.placed", None),
            subscription(2, "orders.*", None),
            subscription(3, "*", None),
            subscription(4, "orders.paid", None),
            paused,
        ]);
        check(&subscribers, &event(Some("orders.placed"), "1"), &[1, 2, 3]);
        check(&subscribers, &event(Some("orders.paid"), "1"), &[4, 2, 3]);
        check(&subscribers, &event(Some("people"), "1"), &[3]);
        check(&subscribers, &event(Some("picloud.script.failed"), "1"), &[]);
        check(&subscribers, &event(None, "1"), &[]);
        let want = |topic: &str| subscribers.want(&topic.parse().expect("a topic"));
        assert!(want("people") && !want("picloud.script.failed"));
    }

    #[test]
    fn commits_are_looked_at_if_anybody_may_want_their_changes() {
        for (topic, expected) in [
            ("picloud.kv.changed", true),
            ("picloud.docs.people.*", true),
            ("picloud.users.created", true),
            ("picloud.*", true),
            ("picloud.k*", true),
            ("*", false),
            ("orders.*", false),
            ("pic*", false),
            ("picloud.script.failed", false),
            ("picloud.release", false),
        ] {
            let subscribers = Subscribers::new(vec![subscription(1, topic, None)]);
            assert_eq!(subscribers.watch_data(), expected, "{topic}");
        }
    }

    #[test]
    fn queues_have_terms_if_their_subscriptions_do() {
        let batch = Batch {
            events_max: 10,
            wait_ms: 5,
        };
        let with = |id, batch, concurrency_max, is_paused| {
            let mut subscription = subscription(id, "a", None);
            subscription.is_paused = is_paused;
            subscription.spec.batch = batch;
            subscription.spec.concurrency_max = concurrency_max;
            subscription
        };
        let subscribers = Subscribers::new(vec![
            with(1, None, None, false),
            with(2, Some(batch), None, false),
            with(3, None, Some(7), true),
        ]);
        let terms = |id, runs_max, batch| {
            let app_id = AppId(Uuid::nil());
            let terms = QueueTerms {
                app_id,
                runs_max,
                batch,
            };
            (QueueId(Uuid::from_u128(id)), terms)
        };
        assert_eq!(
            subscribers.queues(),
            [terms(2, None, Some(batch)), terms(3, Some(7), None)]
        );
    }

    #[test]
    fn a_filter_looks_at_all_of_an_event() {
        let subscribers = Subscribers::new(vec![
            subscription(1, "*", Some(json!({ "data.total": { "gte": 100 } }))),
            subscription(2, "*", Some(json!({ "key": "c", "source": "/test" }))),
            subscription(3, "*", Some(json!({ "topic": "b" }))),
            subscription(4, "*", Some(json!({ "subject": null }))),
            // Nobody saves one like this.
            subscription(5, "*", Some(json!({ "data": { "above": 1 } }))),
        ]);
        check(&subscribers, &event(Some("a"), "{\"total\":100}"), &[1, 2, 4]);
        check(&subscribers, &event(Some("a"), "{\"total\":99}"), &[2, 4]);
        check(&subscribers, &event(Some("a"), "no JSON"), &[2, 4]);
        check(&subscribers, &event(Some("b"), "1"), &[2, 3, 4]);
    }
}
