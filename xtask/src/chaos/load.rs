//! Who publishes, and notes what was answered.

use std::{
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    client::{Answer, Client},
    cluster::Addresses,
    kind::Kind,
    ledger::{Ledger, Outcome},
    stage::{APP, Stage},
    witness::Witness,
};

/// Publishers at one time. Each has keys of its own, so that what it publishes of one is in order.
pub(super) const PUBLISHERS: usize = 12;
/// Keys of each publisher.
const KEYS: usize = 3;
/// Keys in all.
pub(super) const ORDERS_MAX: usize = PUBLISHERS * KEYS;
/// More than so many do not wait for their run: trials are of faults, not of long queues.
const WAITING_MAX: usize = 2_000;
/// How long somebody whose request was not taken does something else.
const PAUSE: Duration = Duration::from_millis(25);
/// Nothing takes as long as this.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// What all publishers share.
pub(super) struct Load<'a> {
    pub(super) addresses: &'a Addresses,
    pub(super) client: &'a Client,
    pub(super) stage: &'a Stage,
    pub(super) ledger: &'a Ledger,
    pub(super) witness: &'a Witness,
    /// Whether nothing fails.
    pub(super) is_calm: bool,
    /// Set when there is enough.
    pub(super) over: AtomicBool,
    /// Answers that nobody should get.
    pub(super) strange: &'a Mutex<Vec<String>>,
}

impl Load<'_> {
    /// Publishes one event, or batch, after the other until it is over.
    pub(super) fn publish(&self, publisher: usize, mut random: fastrand::Rng) {
        let client = self.client.another();
        while !self.is_over() {
            if self.ledger.accepted().saturating_sub(self.witness.count()) > WAITING_MAX {
                thread::sleep(PAUSE);
                continue;
            }
            let Some(kind) = random.choice(Kind::CHOICES) else {
                return;
            };
            let numbers = self.ledger.begin(kind, self.is_calm);
            let key = publisher * KEYS + random.usize(..KEYS);
            let outcome = self.publish_one(&client, kind, &numbers, key, &mut random);
            self.ledger.end(numbers, outcome);
        }
    }

    /// Half of what can be sent again safely is, until it is acknowledged.
    fn publish_one(
        &self,
        client: &Client,
        kind: Kind,
        numbers: &Range<usize>,
        key: usize,
        random: &mut fastrand::Rng,
    ) -> Outcome {
        let is_safe = kind != Kind::Emitted && random.bool();
        let again = is_safe.then(|| format!("once-{}", numbers.start));
        let mut outcome = Outcome::Refused;
        loop {
            let Some(address) = self.addresses.any(random, PATIENCE) else {
                self.note("no server is up");
                return outcome;
            };
            let answer = self.send(client, &address, kind, numbers, key, again.as_deref());
            match self.outcome(kind, answer) {
                Outcome::Refused => {}
                known => outcome = known,
            }
            if matches!(outcome, Outcome::Accepted(_)) {
                return outcome;
            }
            thread::sleep(PAUSE);
            if again.is_none() || self.is_over() {
                return outcome;
            }
        }
    }

    fn send(
        &self,
        client: &Client,
        address: &str,
        kind: Kind,
        numbers: &Range<usize>,
        key: usize,
        again: Option<&str>,
    ) -> Result<Answer, ureq::Error> {
        let publish = format!("/apps/{APP}/events");
        let data = json!({ "n": numbers.start });
        let (path, media_type, body) = match kind {
            Kind::Batch => {
                let events: Vec<Value> = numbers.clone().map(|number| event("single", number)).collect();
                (publish, "application/cloudevents-batch+json", json!(events))
            }
            Kind::Emitted => (format!("/execute/{}", self.stage.emit), "application/json", data),
            Kind::Invoked => {
                let path = format!("/execute/{}?async=true", self.stage.invoked);
                (path, "application/json", data)
            }
            Kind::Single | Kind::Chain | Kind::Flaky | Kind::Gathered => {
                let body = event(kind.name(), numbers.start);
                (publish, "application/cloudevents+json", body)
            }
            Kind::Ordered => {
                let mut body = event(kind.name(), numbers.start);
                body["partitionkey"] = format!("key-{key}").into();
                (publish, "application/cloudevents+json", body)
            }
        };
        let mut headers = vec![("content-type", media_type)];
        headers.extend(again.map(|key| ("idempotency-key", key)));
        client.send((address, "POST", &path), &headers, &body.to_string())
    }

    /// What an answer says of whether its events run.
    fn outcome(&self, kind: Kind, answer: Result<Answer, ureq::Error>) -> Outcome {
        let Ok(answer) = answer else {
            return Outcome::Unknown;
        };
        match (answer.status, answer.code().as_str()) {
            (200, _) if kind == Kind::Emitted => Outcome::Accepted(Instant::now()),
            (202, _) if kind != Kind::Emitted => Outcome::Accepted(Instant::now()),
            (429, _) | (503, "overloaded") => Outcome::Refused,
            // A run whose commit was sent says `commit_unknown` if nothing is known of it.
            (503, "database_unavailable") if kind == Kind::Emitted => Outcome::Refused,
            (503, "database_unavailable" | "commit_unknown") => Outcome::Unknown,
            (status, _) => {
                self.note(&format!("{kind:?}: {status} {}", answer.body));
                Outcome::Unknown
            }
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn note(&self, strange: &str) {
        let mut all = self.strange.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(strange.to_owned());
    }
}

/// An event, as `CloudEvents` say it.
fn event(topic: &str, number: usize) -> Value {
    json!({ "specversion": "1.0", "id": number.to_string(), "source": "/chaos", "type": topic, "data": { "n": number } })
}
