//! What is wished of a connection, and until when it may be there.

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// What is wished of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// To be there.
    Stay,
    /// To end; the broker keeps what comes meanwhile.
    Leave,
    /// To end for good: the broker need not keep anything.
    Forget,
}

/// The same, with what others have to say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wished {
    pub(super) wish: Wish,
    /// Until when the connection is this node's, where others share the database. It ends then, whatever becomes of those
    /// who were to extend that.
    pub(super) until: Option<Instant>,
}

impl Wished {
    /// Whether the connection is to end.
    pub(super) fn is_over(&self) -> bool {
        self.wish != Wish::Stay || self.until.is_some_and(|until| until <= Instant::now())
    }
}

/// Waits until the connection is to end.
pub(super) async fn unwished(wished: &mut watch::Receiver<Wished>) {
    loop {
        let now = *wished.borrow_and_update();
        if now.is_over() {
            return;
        }
        tokio::select! {
            changed = wished.changed() => {
                // Where nobody is left who wishes, it ends too.
                if changed.is_err() {
                    return;
                }
            }
            // More time may have been given in that moment.
            () = at(now.until) => {}
        }
    }
}

/// Waits for a moment; for ever if there is none.
pub(super) async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_connection_ends_when_that_is_wished_or_its_time_is_up() {
        let (wished_by, mut wished) = watch::channel(Wished {
            wish: Wish::Stay,
            until: Some(Instant::now() + Duration::from_hours(1)),
        });
        assert!(unwished(&mut wished).now_or_never().is_none());
        wished_by.send_modify(|wished| wished.until = Some(Instant::now()));
        unwished(&mut wished).await;
        assert!(wished.borrow().is_over());
        wished_by.send_modify(|wished| wished.until = None);
        assert!(!wished.borrow().is_over());
        assert!(unwished(&mut wished).now_or_never().is_none());
        wished_by.send_modify(|wished| wished.wish = Wish::Leave);
        unwished(&mut wished).await;
    }
}
