//! Connections to brokers: when a message is acknowledged, when nothing is read, and what a broker cannot do.
//!
//! The broker is a listener that says what the test wants; a real one is met by the HTTP tests.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use picloud_egress::{Brokers, BrokersParts};
use picloud_shared::{
    events::{IdempotencyKey, NewDelivery, NewEvent, Origin, Published, RetryPolicy},
    id::{AppId, BrokerId, DeliveryId, ScheduleId, ScriptId, SubscriptionId},
    mqtt::{
        Broker, BrokerSettings, BrokerState, BrokerStatus, MESSAGE_BYTES_MAX, MqttVersion, Qos, SignIn,
        Subscribed, WaitingMessage,
    },
    repository::{BrokerConnections, BrokersHint, PublishError, StoreError},
    seam::{BrokerTable as _, EventTable},
    time::{Clock, Timestamp},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc},
};
use uuid::Uuid;

use crate::ground::{APP, Ground, OTHER};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const PUBACK_OF_7: [u8; 4] = [0x40, 0x02, 0x00, 0x07];

struct NowClock;

impl Clock for NowClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// What is set, what waits, and what was kept.
struct World {
    broker: Mutex<Broker>,
    waiting: Mutex<Vec<WaitingMessage>>,
    hint: Notify,
    /// Whether nobody is told what waits.
    is_stuck: AtomicBool,
    /// Tells that somebody asked for it all the same.
    stuck: Notify,
    /// What publishing answers, in turn; it is done when nothing is left.
    refusals: Mutex<VecDeque<PublishError>>,
    /// Tells of each try to publish.
    tried: mpsc::UnboundedSender<Vec<NewEvent>>,
    /// Tells of deleted messages.
    deleted: mpsc::UnboundedSender<Vec<i64>>,
    /// Tells of each question who signs in.
    asked: mpsc::UnboundedSender<SignIn>,
}

#[async_trait]
impl BrokerConnections for World {
    async fn all_brokers(&self) -> Result<Vec<Broker>, StoreError> {
        Ok(vec![self.broker.lock().expect("no holder panics").clone()])
    }

    async fn broker_credentials(&self, _: BrokerId, revision: u32) -> Result<SignIn, StoreError> {
        let now = self.broker.lock().expect("no holder panics").revision;
        let sign_in = if revision == now {
            SignIn::Nobody
        } else {
            SignIn::Outdated
        };
        // Nobody listens any more at the end of a test.
        let _ = self.asked.send(sign_in.clone());
        Ok(sign_in)
    }

    fn is_shared_by_nodes(&self) -> bool {
        false
    }

    async fn lease_broker(&self, _: BrokerId, _: Duration) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn release_broker(&self, _: BrokerId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn set_subscribed(&self, _: BrokerId, _: &[Subscribed]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn waiting_messages(&self, _: BrokerId, limit: u32) -> Result<Vec<WaitingMessage>, StoreError> {
        if self.is_stuck.load(Ordering::SeqCst) {
            self.stuck.notify_one();
            std::future::pending::<()>().await;
        }
        let waiting = self.waiting.lock().expect("no holder panics");
        Ok(waiting.iter().take(limit as usize).cloned().collect())
    }

    async fn delete_messages(&self, _: BrokerId, numbers: &[i64]) -> Result<(), StoreError> {
        let mut waiting = self.waiting.lock().expect("no holder panics");
        waiting.retain(|message| !numbers.contains(&message.number));
        self.deleted.send(numbers.to_vec()).expect("the test listens");
        Ok(())
    }

    async fn brokers_hint(&self) -> BrokersHint {
        self.hint.notified().await;
        BrokersHint::Messages(BTreeSet::from([APP]))
    }
}

#[async_trait]
impl EventTable for World {
    async fn publish(
        &self,
        _: AppId,
        events: Vec<NewEvent>,
        _: Option<IdempotencyKey>,
    ) -> Result<Published, PublishError> {
        self.tried.send(events).expect("the test listens");
        let refusal = self.refusals.lock().expect("no holder panics").pop_front();
        refusal.map_or_else(
            || {
                Ok(Published {
                    events: Vec::new(),
                    is_repeated: false,
                })
            },
            Err,
        )
    }

    /// Everybody but `unwanted` has a subscriber.
    fn address(&self, _: AppId, events: &mut [NewEvent]) {
        for event in events {
            if event.subject.as_deref() != Some("unwanted") {
                event.deliveries = vec![NewDelivery {
                    id: DeliveryId::new(NOW),
                    script_id: ScriptId::new(NOW),
                    origin: Origin::Subscription(SubscriptionId::new(NOW)),
                    ordered: false,
                    retry: RetryPolicy::default(),
                    on_success: None,
                    on_failure: None,
                }];
            }
        }
    }

    fn wake(&self) {}

    fn lose(&self, _: DeliveryId) {}

    fn run_ended(&self, _: AppId, _: ScheduleId) {}
}

/// A broker that a test speaks for, and what is connected to it.
struct Stage {
    listener: TcpListener,
    brokers: Brokers,
    world: Arc<World>,
    tried: mpsc::UnboundedReceiver<Vec<NewEvent>>,
    deleted: mpsc::UnboundedReceiver<Vec<i64>>,
    asked: mpsc::UnboundedReceiver<SignIn>,
}

impl Stage {
    async fn new(version: MqttVersion, refusals: Vec<PublishError>, waiting: Vec<WaitingMessage>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let broker = Broker {
            id: BrokerId(Uuid::from_u128(5)),
            app_id: APP,
            name: "home".parse().expect("a name"),
            settings: BrokerSettings {
                url: format!("mqtt://127.0.0.1:{port}").parse().expect("a URL"),
                ca: None,
                version,
                client_id: None,
                username: None,
                keep_alive_s: 60,
                filters: Vec::new(),
                is_paused: false,
            },
            revision: 1,
            subscribed: Vec::new(),
            waiting: 0,
            updated_at: NOW,
            updated_by: None,
        };
        let (tried_by, tried) = mpsc::unbounded_channel();
        let (deleted_by, deleted) = mpsc::unbounded_channel();
        let (asked_by, asked) = mpsc::unbounded_channel();
        let world = Arc::new(World {
            broker: Mutex::new(broker),
            waiting: Mutex::new(waiting),
            hint: Notify::new(),
            is_stuck: AtomicBool::new(false),
            stuck: Notify::new(),
            refusals: Mutex::new(refusals.into()),
            tried: tried_by,
            deleted: deleted_by,
            asked: asked_by,
        });
        let brokers = Brokers::start(BrokersParts {
            egress: Ground::open().await.egress,
            repository: Arc::clone(&world) as _,
            events: Arc::clone(&world) as _,
            clock: Arc::new(NowClock),
        });
        Self {
            listener,
            brokers,
            world,
            tried,
            deleted,
            asked,
        }
    }

    /// The next connection, let in with these properties if it speaks MQTT 5.
    async fn let_in(&self, answer: &[u8]) -> TcpStream {
        let (mut stream, _) = self.listener.accept().await.expect("a connection");
        assert_eq!(read_packet(&mut stream).await[0], 0x10, "it comes in");
        stream.write_all(answer).await.expect("it reads");
        stream
    }

    fn state(&self) -> BrokerState {
        let broker = self.world.broker.lock().expect("no holder panics").clone();
        self.brokers.state(&broker)
    }
}

/// A packet as it is, of less than 16 KiB.
async fn read_packet(stream: &mut TcpStream) -> Vec<u8> {
    let mut packet = vec![stream.read_u8().await.expect("a packet")];
    let mut length = 0;
    for place in 0..2 {
        let byte = stream.read_u8().await.expect("a length");
        packet.push(byte);
        length |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let begun = packet.len();
    packet.resize(begun + length, 0);
    stream.read_exact(&mut packet[begun..]).await.expect("the rest");
    packet
}

/// A message of quality 1 with the number 7.
fn message(topic: &str, payload: &str) -> Vec<u8> {
    let length = 2 + topic.len() + 2 + payload.len();
    let mut packet = vec![0x32, u8::try_from(length).expect("a short one")];
    packet.extend(u16::try_from(topic.len()).expect("a short one").to_be_bytes());
    packet.extend(topic.as_bytes());
    packet.extend([0x00, 0x07]);
    packet.extend(payload.as_bytes());
    packet
}

fn waiting(number: i64, qos: Qos, bytes: usize) -> WaitingMessage {
    WaitingMessage {
        number,
        topic: "out".parse().expect("a topic"),
        payload: Bytes::from(vec![b'x'; bytes]),
        qos,
        retain: true,
        content_type: None,
        depth: 2,
        published_at: NOW,
    }
}

/// Says that a message which is about `out` has come.
async fn acknowledge(stream: &mut TcpStream, packet: &[u8]) {
    let acknowledgement = [&[0x40, 0x02][..], &packet[7..9]].concat();
    stream.write_all(&acknowledgement).await.expect("it reads");
}

const LET_IN: [u8; 4] = [0x20, 0x02, 0x00, 0x00];

#[tokio::test]
async fn a_message_is_acknowledged_when_it_is_kept_and_not_before() {
    let full = || PublishError::QueueFull {
        retry_after: Duration::from_millis(1),
    };
    let away = PublishError::Store(StoreError::Unavailable("as a test".into()));
    let mut stage = Stage::new(MqttVersion::V3, vec![full(), away, full()], Vec::new()).await;
    let mut stream = stage.let_in(&LET_IN).await;
    stream
        .write_all(&message("sensors/a", "21.5"))
        .await
        .expect("it reads");
    for tried in 0..4 {
        let events = stage.tried.recv().await.expect("it is tried");
        let [event] = &events[..] else {
            panic!("one event: {events:?}");
        };
        assert_eq!(event.subject.as_deref(), Some("sensors/a"));
        assert_eq!(
            (&event.data[..], event.content_type.as_str()),
            (&b"21.5"[..], "application/json")
        );
        if tried == 1 {
            assert_eq!(stage.state().status, BrokerStatus::Held);
        }
    }
    // It is the first thing that is said, after four tries.
    assert_eq!(read_packet(&mut stream).await, PUBACK_OF_7);
    assert_eq!(stage.state().status, BrokerStatus::Connected);
    assert!(
        stage
            .state()
            .error
            .expect("it was held")
            .contains("no message is taken")
    );
    // And nobody has to keep what nobody wants.
    stream
        .write_all(&message("unwanted", "1"))
        .await
        .expect("it reads");
    assert_eq!(read_packet(&mut stream).await, PUBACK_OF_7);
    assert!(stage.tried.try_recv().is_err());
}

#[tokio::test]
async fn scripts_publish_while_events_wait() {
    let full = PublishError::QueueFull {
        retry_after: Duration::from_hours(1),
    };
    let mut stage = Stage::new(MqttVersion::V3, vec![full], Vec::new()).await;
    let mut stream = stage.let_in(&LET_IN).await;
    let in_vain = message("sensors/a", "1");
    stream.write_all(&in_vain).await.expect("it reads");
    stage.tried.recv().await.expect("it is tried");
    for number in 1..=2 {
        let waiting = waiting(number, Qos::AtLeastOnce, 1);
        stage
            .world
            .waiting
            .lock()
            .expect("no holder panics")
            .push(waiting);
        stage.world.hint.notify_one();
        let packet = read_packet(&mut stream).await;
        assert_eq!(packet[0], 0x33, "it is published");
        // More comes before the answer.
        stream.write_all(&in_vain).await.expect("it reads");
        acknowledge(&mut stream, &packet).await;
        assert_eq!(stage.deleted.recv().await, Some(vec![number]));
    }
    assert_eq!(stage.state().status, BrokerStatus::Held);
    assert!(stage.tried.try_recv().is_err(), "nobody has a place for it");
}

#[tokio::test]
async fn what_a_broker_answers_is_read_behind_its_messages() {
    let full = PublishError::QueueFull {
        retry_after: Duration::from_hours(1),
    };
    let waiting = vec![waiting(1, Qos::AtLeastOnce, 1)];
    let mut stage = Stage::new(MqttVersion::V3, vec![full], waiting).await;
    let mut stream = stage.let_in(&LET_IN).await;
    let packet = read_packet(&mut stream).await;
    stream
        .write_all(&message("sensors/a", "1"))
        .await
        .expect("it reads");
    stage.tried.recv().await.expect("it is tried");
    // As many of the largest as are sent before the first of them is acknowledged, with that one.
    let head = [0x32, 0x85, 0x80, 0x10, 0x00, 0x01, b'a', 0x00, 0x08];
    let mut large = head.to_vec();
    large.resize(head.len() + MESSAGE_BYTES_MAX, b'x');
    for _ in 1..20 {
        stream.write_all(&large).await.expect("it reads");
    }
    acknowledge(&mut stream, &packet).await;
    assert_eq!(stage.deleted.recv().await, Some(vec![1]));
    assert_eq!(stage.state().refused, 0);
    assert!(stage.tried.try_recv().is_err(), "nobody has a place for them");
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again() {
    let mut stage = Stage::new(MqttVersion::V3, Vec::new(), vec![waiting(1, Qos::AtLeastOnce, 1)]).await;
    for _ in 0..2 {
        let mut stream = stage.let_in(&LET_IN).await;
        // Quality 1, retained.
        assert_eq!(read_packet(&mut stream).await[0], 0x33);
    }
    let mut stream = stage.let_in(&LET_IN).await;
    let packet = read_packet(&mut stream).await;
    assert!(stage.deleted.try_recv().is_err(), "nobody has it");
    acknowledge(&mut stream, &packet).await;
    assert_eq!(stage.deleted.recv().await, Some(vec![1]));
}

#[tokio::test]
async fn a_message_that_ends_the_connection_holds_up_no_other() {
    let all: Vec<_> = (1..=3_u8)
        .map(|number| waiting(i64::from(number), Qos::AtLeastOnce, usize::from(number)))
        .collect();
    let mut stage = Stage::new(MqttVersion::V3, Vec::new(), all).await;
    let length = |number: usize| 9 + number;
    // All of them come; the broker takes the first, and no more.
    let mut stream = stage.let_in(&LET_IN).await;
    let first = read_packet(&mut stream).await;
    for number in 2..=3 {
        assert_eq!(read_packet(&mut stream).await.len(), length(number));
    }
    acknowledge(&mut stream, &first).await;
    drop(stream);
    // What it has is not sent again.
    assert_eq!(stage.deleted.recv().await, Some(vec![1]));
    // Which of the others it was is seen when they come alone.
    for _ in 0..3 {
        let mut stream = stage.let_in(&LET_IN).await;
        assert_eq!(read_packet(&mut stream).await.len(), length(2));
    }
    assert_eq!(stage.deleted.recv().await, Some(vec![2]));
    assert_eq!(stage.state().refused, 1);
    let refusal = stage.state().refusal.expect("it is said");
    assert!(refusal.contains("ends the connection"), "{refusal}");
    let mut stream = stage.let_in(&LET_IN).await;
    let last = read_packet(&mut stream).await;
    assert_eq!(last.len(), length(3));
    acknowledge(&mut stream, &last).await;
    assert_eq!(stage.deleted.recv().await, Some(vec![3]));
}

#[tokio::test]
async fn a_connection_that_does_not_end_holds_up_no_other_app() {
    let stage = Stage::new(MqttVersion::V3, Vec::new(), Vec::new()).await;
    stage.world.is_stuck.store(true, Ordering::SeqCst);
    let _stream = stage.let_in(&LET_IN).await;
    stage.world.stuck.notified().await;
    tokio::select! {
        biased;
        () = stage.brokers.refresh(APP, true) => panic!("its old connection is still there"),
        () = stage.brokers.refresh(OTHER, true) => {}
    }
}

#[tokio::test]
async fn nobody_signs_in_with_what_was_set_for_another_place() {
    let mut stage = Stage::new(MqttVersion::V3, Vec::new(), Vec::new()).await;
    let stream = stage.let_in(&LET_IN).await;
    assert_eq!(stage.asked.recv().await, Some(SignIn::Nobody));
    // It is set anew, and the connection is lost before it is told.
    let broker = &stage.world.broker;
    broker.lock().expect("no holder panics").revision += 1;
    drop(stream);
    for _ in 0..2 {
        tokio::select! {
            asked = stage.asked.recv() => assert_eq!(asked, Some(SignIn::Outdated)),
            _ = stage.listener.accept() => panic!("it signs in at the place that was set before"),
        }
    }
    let told = stage.state().error.expect("it is told");
    assert!(told.contains("has changed"), "{told}");
}

#[tokio::test]
async fn what_a_broker_cannot_do_is_not_asked_of_it() {
    let all = vec![
        waiting(1, Qos::AtLeastOnce, 1),
        waiting(2, Qos::AtLeastOnce, 1_000),
        waiting(3, Qos::AtMostOnce, 2),
    ];
    let mut stage = Stage::new(MqttVersion::V5, Vec::new(), all).await;
    // Quality 0 at most, nothing retained, packets of 200 bytes, one message at a time.
    let answer = [
        0x20, 15, 0x00, 0x00, 12, 0x24, 0x00, 0x25, 0x00, 0x27, 0x00, 0x00, 0x00, 0xC8, 0x21, 0x00, 0x01,
    ];
    let mut stream = stage.let_in(&answer).await;
    for (number, sent) in [(1, Some(1)), (2, None), (3, Some(2))] {
        if let Some(bytes) = sent {
            let packet = read_packet(&mut stream).await;
            assert_eq!(packet[0], 0x30);
            assert!(packet.ends_with(&vec![b'x'; bytes]) && !packet.ends_with(&vec![b'x'; bytes + 1]));
            let said = String::from_utf8_lossy(&packet).into_owned();
            assert!(said.contains("picloud-depth\0\u{1}2"), "{said:?}");
        }
        assert_eq!(stage.deleted.recv().await, Some(vec![number]));
    }
    assert_eq!(stage.state().refused, 1);
    let refusal = stage.state().refusal.expect("it is said");
    assert!(refusal.contains("1000 bytes"), "{refusal}");
}

#[tokio::test]
async fn a_loop_over_the_broker_ends() {
    let mut stage = Stage::new(MqttVersion::V5, Vec::new(), Vec::new()).await;
    let mut stream = stage.let_in(&[0x20, 0x03, 0x00, 0x00, 0x00]).await;
    for (depth, is_taken) in [("15", true), ("16", false)] {
        let property = [
            &[0x26, 0x00, 13][..],
            b"picloud-depth",
            &[0x00, 0x02],
            depth.as_bytes(),
        ]
        .concat();
        let length = u8::try_from(property.len()).expect("a short one");
        let body = [&[0x00, 0x01, b'a', 0x00, 0x07, length][..], &property, b"1"].concat();
        let packet = [&[0x32, u8::try_from(body.len()).expect("a short one")][..], &body].concat();
        stream.write_all(&packet).await.expect("it reads");
        assert_eq!(read_packet(&mut stream).await, PUBACK_OF_7);
        assert_eq!(stage.tried.try_recv().is_ok(), is_taken, "{depth}");
    }
    let refusal = stage.state().refusal.expect("it is said");
    assert!(refusal.contains("loop"), "{refusal}");
}

#[tokio::test]
async fn refused_messages_are_counted_since_the_broker_was_set() {
    let stage = Stage::new(MqttVersion::V3, Vec::new(), Vec::new()).await;
    let mut stream = stage.let_in(&LET_IN).await;
    let odd = message("a\u{1}", "1");
    stream.write_all(&odd).await.expect("it reads");
    assert_eq!(read_packet(&mut stream).await, PUBACK_OF_7);
    stage.brokers.refresh(APP, true).await;
    assert_eq!(stage.state().refused, 1, "only the connection is made anew");
    assert!(stage.state().refusal.is_some());
    stage.world.broker.lock().expect("no holder panics").revision += 1;
    stage.brokers.refresh(APP, false).await;
    assert_eq!(stage.state().refused, 0, "it was set anew");
}

#[tokio::test]
async fn what_is_no_mqtt_ends_the_connection() {
    let stage = Stage::new(MqttVersion::V3, Vec::new(), Vec::new()).await;
    let (mut stream, _) = stage.listener.accept().await.expect("a connection");
    for (said, error) in [
        (&[0xF0, 0x00][..], "not MQTT"),
        (&[0x20, 0x02, 0x00, 0x05], "user name or password"),
        (&[0x20, 0x02, 0x00, 0x00, 0xC0, 0x00], "not MQTT"),
    ] {
        assert_eq!(read_packet(&mut stream).await[0], 0x10, "it comes in");
        stream.write_all(said).await.expect("it reads");
        // With the next try it is told what became of this one.
        let next = stage.listener.accept().await.expect("a connection");
        stream = next.0;
        let found = stage.state().error.expect("it is told");
        assert!(found.contains(error), "{found}");
    }
}
