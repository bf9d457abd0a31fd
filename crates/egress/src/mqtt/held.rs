//! A connection as those see it who begin and end it.

use std::{sync::Arc, time::Duration};

use picloud_shared::mqtt::Broker;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    brokers::BrokersParts,
    connection::{Link, hold},
    wish::{Wish, Wished, unwished},
};

/// How long a connection may take to end, before it is dropped.
pub(super) const GOODBYE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that is there, or is to be, or was. It ends by itself once that is wished: nobody has to wait for it.
pub(super) struct Held {
    pub(super) link: Arc<Link>,
    wished: watch::Sender<Wished>,
    ended: Ended,
    /// The end of the connection before it, which it waits for: two with one client id would drive each other away.
    before: Option<Ended>,
}

/// The end of a connection.
#[derive(Clone)]
pub(super) struct Ended(watch::Receiver<()>);

impl Held {
    /// Connects to a broker, after the end of the connection that was there `before`.
    pub(super) fn begin(
        parts: Arc<BrokersParts>,
        broker: Broker,
        until: Option<Instant>,
        before: Option<&Self>,
    ) -> Self {
        let link = Arc::new(Link::new(parts, broker, before.map(|before| &*before.link)));
        let (wished_by, wished) = watch::channel(Wished {
            wish: Wish::Stay,
            until,
        });
        let (ends, ended) = watch::channel(());
        let before = before.map(|before| before.ended.clone());
        let (held, waited) = (Arc::clone(&link), before.clone());
        tokio::spawn(async move {
            // Is dropped with the task, however that ends.
            let _ends = ends;
            if let Some(before) = waited {
                before.wait().await;
            }
            let mut too_long = wished.clone();
            tokio::select! {
                () = hold(held, wished) => {}
                () = async {
                    unwished(&mut too_long).await;
                    sleep(GOODBYE_TIMEOUT).await;
                } => {}
            }
        });
        Self {
            link,
            wished: wished_by,
            ended: Ended(ended),
            before,
        }
    }

    /// Whether it is there, or is to be. Whatever comes after its time, it has begun to end.
    pub(super) fn is_wished(&self) -> bool {
        !self.wished.borrow().is_over() && !self.has_ended()
    }

    /// Whether nothing is left of it.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.0.has_changed().is_err()
    }

    /// Says that it is to end, unless it was told so before.
    pub(super) fn end(&self, wish: Wish) {
        self.wished.send_if_modified(|wished| {
            let is_new = wished.wish == Wish::Stay;
            if is_new {
                wished.wish = wish;
            }
            is_new
        });
    }

    /// Says until when it may be there.
    pub(super) fn may_stay(&self, until: Option<Instant>) {
        self.wished
            .send_if_modified(|wished| std::mem::replace(&mut wished.until, until) != until);
    }

    /// The ends after which nothing is there any more that is not wished: that of the connection before it, and its own if
    /// it is to end.
    pub(super) fn ending(&self) -> Vec<Ended> {
        let own = (!self.is_wished()).then(|| self.ended.clone());
        self.before.clone().into_iter().chain(own).collect()
    }
}

impl Ended {
    /// Waits for it.
    pub(super) async fn wait(mut self) {
        // Nothing is ever said: it is heard that nobody is left who could.
        while self.0.changed().await.is_ok() {}
    }
}
