//! One connection, from its beginning to its end.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use picloud_shared::mqtt::{BrokerStatus, Credentials, MqttFilter, MqttVersion, Qos, Subscribed};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use super::{
    connection::{Link, Lost, Stream},
    decode::Decoder,
    encode,
    incoming::{Batch, LATER_MAX},
    outgoing::Flight,
    packet::{Packet, Properties},
    reason,
    wish::{Wish, Wished, unwished},
};

/// How long a broker may take to read what it is told.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the end of a connection may take.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes that are read at one time.
const READ_BYTES: usize = 16 * 1_024;
/// The codes of filters from which on they are refused.
const REFUSED: u8 = 0x80;

/// A connection to a broker that has let PiCloud in.
pub(super) struct Talk {
    pub(super) link: Arc<Link>,
    pub(super) version: MqttVersion,
    stream: Box<dyn Stream>,
    decoder: Decoder,
    wished: watch::Receiver<Wished>,
    pub(super) limits: Limits,
    keep_alive: Duration,
    pub(super) next_ping: Instant,
    /// Whether the broker has not answered the last one.
    is_pinged: bool,
    last_id: u16,
    /// What the session at the broker has subscribed to.
    subscribed: Vec<Subscribed>,
    /// What it was asked for and has not answered.
    asked: HashMap<u16, Asked>,
    /// What has come and is not kept: portions that are full, with the oldest first, and the one after them.
    later: VecDeque<Batch>,
    next: Batch,
    pub(super) flight: Option<Flight>,
    /// Whether messages may wait that are not under way.
    pub(super) may_send: bool,
    /// Whether the broker has ended the connection, maybe for what it was sent.
    pub(super) is_cut: bool,
}

/// What a broker can do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Messages that it takes before it has acknowledged the first of them.
    pub(super) in_flight: u16,
    pub(super) qos: Qos,
    pub(super) has_retain: bool,
    pub(super) packet_bytes: usize,
}

enum Asked {
    Subscribe(Vec<Subscribed>),
    Unsubscribe(Vec<MqttFilter>),
}

impl Limits {
    fn of(properties: &Properties) -> Self {
        let bytes = properties
            .packet_bytes_max
            .and_then(|bytes| usize::try_from(bytes).ok());
        Self {
            in_flight: properties.receive_max.unwrap_or(u16::MAX).max(1),
            qos: match properties.qos_max {
                Some(0) => Qos::AtMostOnce,
                _ => Qos::AtLeastOnce,
            },
            has_retain: properties.has_retain.unwrap_or(true),
            packet_bytes: bytes.unwrap_or(usize::MAX),
        }
    }
}

impl Talk {
    /// Comes in.
    pub(super) async fn begin(
        link: Arc<Link>,
        mut stream: Box<dyn Stream>,
        credentials: Option<Credentials>,
        wished: watch::Receiver<Wished>,
    ) -> Result<Self, Lost> {
        let settings = &link.broker.settings;
        let version = settings.version;
        let hello = encode::connect(
            version,
            &link.broker.client_id(),
            credentials.as_ref(),
            settings.keep_alive_s,
        );
        drop(credentials);
        stream.write_all(&hello).await?;
        stream.flush().await?;
        let mut decoder = Decoder::new(version);
        let first = loop {
            match decoder.next()? {
                Some(packet) => break packet,
                None => read(&mut *stream, &mut decoder).await?,
            }
        };
        let Packet::Connected {
            session_present,
            code,
            properties,
        } = first
        else {
            return Err(Lost("the broker does not begin with an answer".to_owned()));
        };
        if code != 0 {
            return Err(Lost(reason::not_let_in(
                version,
                code,
                properties.reason.as_deref(),
            )));
        }
        tracing::info!(app.id = %link.broker.app_id, broker = %link.broker.name, "connected to a broker");
        let keep_alive = properties.keep_alive_s.filter(|seconds| *seconds > 0);
        let keep_alive = Duration::from_secs(keep_alive.unwrap_or(settings.keep_alive_s).into());
        let subscribed = if session_present {
            link.subscribed().clone()
        } else {
            Vec::new()
        };
        Ok(Self {
            version,
            stream,
            decoder,
            wished,
            limits: Limits::of(&properties),
            keep_alive,
            next_ping: Instant::now() + keep_alive,
            is_pinged: false,
            last_id: 0,
            subscribed,
            asked: HashMap::new(),
            later: VecDeque::new(),
            next: Batch::default(),
            flight: None,
            may_send: true,
            is_cut: false,
            link,
        })
    }

    /// Goes on until that is not wished any more, or the connection is lost.
    pub(super) async fn go_on(mut self) -> Result<(), Lost> {
        let ended = self.talk().await;
        if ended.is_ok() {
            self.leave().await;
        }
        self.put_down().await;
        ended
    }

    /// The same, without a word at the end.
    async fn talk(&mut self) -> Result<(), Lost> {
        self.ask_for_filters().await?;
        loop {
            self.take_what_was_read().await?;
            if let Some(batch) = self.first_batch() {
                if !self.keep(batch).await? {
                    return Ok(());
                }
                continue;
            }
            self.send().await?;
            let Self {
                link,
                stream,
                decoder,
                wished,
                next_ping,
                ..
            } = self;
            tokio::select! {
                read = read(&mut **stream, decoder) => {
                    self.is_cut = read.is_err();
                    read?;
                }
                () = link.wake.notified() => self.may_send = true,
                () = sleep_until(*next_ping) => self.ping().await?,
                () = unwished(wished) => return Ok(()),
            }
        }
    }

    /// The messages that are kept next, if there are any.
    fn first_batch(&mut self) -> Option<Batch> {
        if let Some(batch) = self.later.pop_front() {
            return Some(batch);
        }
        (!self.next.is_empty()).then(|| std::mem::take(&mut self.next))
    }

    /// Takes packets that were read, as far as there is a place for more messages while others cannot be kept.
    pub(super) async fn take_all_that_was_read(&mut self) -> Result<(), Lost> {
        self.take_what_was_read().await?;
        while self.next.is_full() && self.later.len() < LATER_MAX {
            self.later.push_back(std::mem::take(&mut self.next));
            self.take_what_was_read().await?;
        }
        Ok(())
    }

    /// Takes packets that were read, until there are enough messages to be kept at one time.
    async fn take_what_was_read(&mut self) -> Result<(), Lost> {
        while !self.next.is_full() {
            let Some(packet) = self.decoder.next()? else {
                break;
            };
            match packet {
                Packet::Message(message) => self.next.add(&self.link, message),
                Packet::TooLarge { topic, id, bytes } => {
                    self.next.refuse_large(&self.link, &topic, id, bytes);
                }
                Packet::Acknowledged { id, code } => self.landed(id, code),
                Packet::Subscribed { id, codes } => self.answered(id, &codes).await?,
                Packet::Unsubscribed { id } => self.answered(id, &[]).await?,
                Packet::Pong => self.is_pinged = false,
                Packet::Disconnected { code, properties } => {
                    self.is_cut = reason::may_be_for_a_message(code);
                    return Err(Lost(reason::sent_away(code, properties.reason.as_deref())));
                }
                Packet::Connected { .. } => {
                    return Err(Lost("the broker begins a second time".to_owned()));
                }
            }
        }
        Ok(())
    }

    /// Waits until there is something to do while other messages cannot be kept: more to read, as far as there is a place for
    /// it, or to send, if that `goes_on`, or to say that PiCloud is there. Dropping the future loses nothing.
    pub(super) async fn something_else(&mut self, goes_on: bool) -> Result<(), Lost> {
        let Self {
            link,
            stream,
            decoder,
            next,
            next_ping,
            ..
        } = self;
        tokio::select! {
            read = read(&mut **stream, decoder), if goes_on && !next.is_full() => {
                self.is_cut = read.is_err();
                read
            }
            () = link.wake.notified(), if goes_on => {
                self.may_send = true;
                Ok(())
            }
            () = sleep_until(*next_ping) => Ok(()),
        }
    }

    /// Says that PiCloud is there. A broker that has not answered the last time is not.
    pub(super) async fn ping(&mut self) -> Result<(), Lost> {
        if self.is_pinged {
            return Err(Lost("the broker does not answer any more".to_owned()));
        }
        self.is_pinged = true;
        self.next_ping = Instant::now() + self.keep_alive;
        self.write(&encode::PING).await
    }

    /// The same while maybe nothing is read, and so no answer either.
    pub(super) async fn ping_unanswered(&mut self) -> Result<(), Lost> {
        self.is_pinged = false;
        self.ping().await?;
        self.is_pinged = false;
        Ok(())
    }

    /// What is wished of the connection.
    pub(super) fn wished(&self) -> watch::Receiver<Wished> {
        self.wished.clone()
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        let writing = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        let written = timeout(WRITE_TIMEOUT, writing).await;
        let written = written.map_err(|_| Lost("the broker does not read what it is sent".to_owned()))?;
        self.is_cut |= written.is_err();
        Ok(written?)
    }

    /// A number for something that is answered.
    pub(super) fn new_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            let is_sent = self
                .flight
                .as_ref()
                .is_some_and(|flight| flight.has(self.last_id));
            if !is_sent && !self.asked.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }

    /// Asks for what the session has not subscribed to, and no more for what is not wanted.
    async fn ask_for_filters(&mut self) -> Result<(), Lost> {
        let wanted = &self.link.broker.settings.filters;
        let new = wanted.iter().filter(|one| !self.subscribed.contains(one));
        let new: Vec<_> = new.cloned().collect();
        let old = self.subscribed.iter().map(|one| &one.filter);
        let old = old.filter(|filter| !wanted.iter().any(|one| one.filter == **filter));
        let old: Vec<_> = old.cloned().collect();
        if !old.is_empty() {
            let id = self.new_id();
            self.write(&encode::unsubscribe(self.version, id, &old)).await?;
            self.asked.insert(id, Asked::Unsubscribe(old));
        }
        if !new.is_empty() {
            let id = self.new_id();
            self.write(&encode::subscribe(self.version, id, &new)).await?;
            self.asked.insert(id, Asked::Subscribe(new));
        }
        self.is_ready();
        Ok(())
    }

    /// Says that the connection is there, once the broker has answered all questions; not where it is held.
    fn is_ready(&self) {
        if self.asked.is_empty() && self.link.state().status == BrokerStatus::Connecting {
            self.link.is(BrokerStatus::Connected);
        }
    }

    /// The broker has answered a question about filters.
    async fn answered(&mut self, id: u16, codes: &[u8]) -> Result<(), Lost> {
        match self.asked.remove(&id) {
            None => return Ok(()),
            Some(Asked::Unsubscribe(filters)) => {
                self.subscribed.retain(|one| !filters.contains(&one.filter));
            }
            Some(Asked::Subscribe(all)) => {
                for (index, one) in all.into_iter().enumerate() {
                    self.subscribed.retain(|other| other.filter != one.filter);
                    if codes.get(index).is_some_and(|code| *code < REFUSED) {
                        self.subscribed.push(one);
                    } else {
                        let code = codes.get(index).copied().unwrap_or(REFUSED);
                        let why = format!("the broker refuses the filter `{}`", one.filter);
                        self.link.went_wrong(reason::told(&why, code, None));
                    }
                }
            }
        }
        // Otherwise messages that the broker keeps would come again with each connection.
        let id = self.link.broker.id;
        self.link.subscribed().clone_from(&self.subscribed);
        self.is_ready();
        Ok(self
            .link
            .parts
            .repository
            .set_subscribed(id, &self.subscribed)
            .await?)
    }

    /// Ends it. Whatever becomes of that, it is over.
    async fn leave(&mut self) {
        let forget = self.wished.borrow().wish == Wish::Forget;
        let goodbye = async {
            if forget && !self.subscribed.is_empty() {
                let filters: Vec<_> = self.subscribed.iter().map(|one| one.filter.clone()).collect();
                let id = self.new_id();
                self.write(&encode::unsubscribe(self.version, id, &filters))
                    .await?;
            }
            self.write(&encode::disconnect(self.version, forget)).await?;
            self.stream.shutdown().await?;
            Ok::<_, Lost>(())
        };
        if let Ok(Err(Lost(error))) = timeout(GOODBYE_TIMEOUT, goodbye).await {
            tracing::debug!(error, "a broker did not hear that the connection ends");
        }
        // Whatever was under way, the broker is not who has ended it.
        self.is_cut = false;
    }
}

/// Reads more. Dropping the future loses nothing.
async fn read(stream: &mut dyn Stream, decoder: &mut Decoder) -> Result<(), Lost> {
    decoder.buffer.reserve(READ_BYTES);
    match stream.read_buf(&mut decoder.buffer).await? {
        0 => Err(Lost("the broker has closed the connection".to_owned())),
        _ => Ok(()),
    }
}
