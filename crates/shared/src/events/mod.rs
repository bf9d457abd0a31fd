//! Events: what has happened in an app, and the runs of scripts that follow from it.
//!
//! An [`Event`] never changes. A [`Delivery`] is one event on its way to one script; it is leased by the node that runs
//! it, and its end is part of the commit of its run ([`Ack`]), so that it has effects exactly once, however often it runs.
//!
//! Reading order: [`Topic`], [`NewEvent`], [`Delivery`] and its states, [`Claim`] and [`Batch`], [`Leased`],
//! [`RetryPolicy`].

mod batch;
mod chain;
mod claim;
mod delivered;
mod delivery;
mod event;
mod lease;
mod publish;
mod retry;
mod stored_request;
mod topic;

pub use self::{
    batch::{
        BATCH_BYTES_MAX, BATCH_EVENTS_MAX, BATCH_EVENTS_MIN, BATCH_WAIT_MS_MAX, Batch, Due, InvalidBatch,
        Taken,
    },
    chain::{Chain, ChainDelivery},
    claim::{Claim, Claimed, QueueId, QueueTerms},
    delivered::Delivered,
    delivery::{
        DeadReason, Delivery, DeliveryDetail, DeliveryFilter, DeliveryResult, DeliveryState, EventRetention,
        OriginKind, QueueDepth,
    },
    event::{Destination, Event, Lineage, NewDelivery, NewEvent, Origin},
    lease::{Ack, Counts, Failure, Held, Leased, Next},
    publish::{IdempotencyKey, Published, PublishedEvent},
    retry::{InvalidRetryPolicy, RetryPolicy, Verdict},
    stored_request::StoredRequest,
    topic::{InvalidTopic, InvalidTopicPattern, MQTT_TOPICS, NeverTold, Topic, TopicPattern},
};

/// Bytes of the data of one event.
pub const EVENT_DATA_BYTES_MAX: usize = 256 * 1_024;

/// Bytes of a value or a document in the event that tells of its change; a larger one is left out.
pub const CHANGED_VALUE_BYTES_MAX: usize = 64 * 1_024;

/// Bytes of an event's key.
pub const EVENT_KEY_BYTES_MAX: usize = 256;

/// Bytes of what an event is about.
pub const EVENT_SUBJECT_BYTES_MAX: usize = 1_024;

/// How far in the future an event may be delivered.
pub const EVENT_DELAY_MAX: std::time::Duration = std::time::Duration::from_hours(366 * 24);

/// After which time at most a script may have its event tried again.
pub const RETRY_AFTER_MAX: std::time::Duration = std::time::Duration::from_hours(24);

/// Events that one call may publish.
pub const EVENTS_PER_PUBLISH_MAX: usize = 100;

/// Events that one transaction of a script may emit.
pub const EMITS_PER_COMMIT_MAX: usize = 100;

/// How far a chain of events may go: what an event at this depth would cause is refused.
pub const DEPTH_MAX: u8 = crate::invocation::DEPTH_MAX;

/// Bytes of the body of a result that are kept; what is beyond them is cut off.
pub const RESULT_BYTES_MAX: usize = 64 * 1_024;

/// Deliveries of one app that may wait or run at one time. More are refused.
pub const WAITING_PER_APP_MAX: u64 = 100_000;

/// Bytes of the data of all deliveries of one app that wait or run.
pub const WAITING_BYTES_PER_APP_MAX: u64 = 256 * 1_024 * 1_024;

/// After so many ends of the server, or of a lease, while it ran, a delivery is set aside.
pub const ABORTS_MAX: u32 = 3;

/// Longest idempotency key in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 256;

/// How long an idempotency key of a client is remembered.
pub const IDEMPOTENCY_KEPT: std::time::Duration = std::time::Duration::from_hours(24);

/// Deliveries of one chain that are told at most, and as many runs.
pub const CHAIN_PART_MAX: u32 = 200;

/// How long a lease lasts; whoever holds it extends it in time.
pub const LEASE: std::time::Duration = std::time::Duration::from_secs(30);
