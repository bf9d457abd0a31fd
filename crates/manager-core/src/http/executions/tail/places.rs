//! How many streams there are, and what all of them are told.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use picloud_shared::id::AppId;
use tokio::sync::watch;
use uuid::Uuid;

/// Most streams of one app.
const PER_APP_MAX: usize = 32;
/// Most streams of one session or API token. Browsers make no more than six connections to a server over HTTP/1.1.
const PER_CREDENTIAL_MAX: usize = 5;
/// Most streams on this instance.
const ALL_MAX: usize = 256;

/// The streams that are open. A cheap handle.
#[derive(Clone)]
pub(crate) struct Tails(Arc<Shared>);

struct Shared {
    open: Mutex<Open>,
    /// Counts what may have changed who may do what.
    changes: watch::Sender<u64>,
    stopping: watch::Sender<bool>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_app: HashMap<AppId, usize>,
    by_credential: HashMap<Uuid, usize>,
}

/// Why there is no place for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    App,
    Credential,
    All,
    Stopping,
}

/// A place; it is free again when this is dropped.
pub(super) struct Place {
    tails: Tails,
    app: AppId,
    credential: Uuid,
    pub(super) changes: watch::Receiver<u64>,
    pub(super) stopping: Stopping,
}

/// The stop of the server, for one stream.
pub(super) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Waits for it.
    pub(super) async fn wait(&mut self) {
        // An error would mean that there is nobody left to stop it: then it has stopped.
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}

impl Default for Tails {
    fn default() -> Self {
        Self(Arc::new(Shared {
            open: Mutex::default(),
            changes: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
        }))
    }
}

impl Tails {
    /// Has every stream ask again whether it may go on.
    pub(crate) fn ask_again(&self) {
        self.0.changes.send_modify(|changes| *changes += 1);
    }

    /// Ends every stream, and lets none begin.
    pub(crate) fn stop(&self) {
        self.0.stopping.send_replace(true);
    }

    /// Takes a place.
    pub(super) fn enter(&self, app: AppId, credential: Uuid) -> Result<Place, Full> {
        // Who comes after this sees that the server stops, and who came before is told.
        let stopping = self.0.stopping.subscribe();
        if *stopping.borrow() {
            return Err(Full::Stopping);
        }
        let mut open = self.open();
        let of_app = open.by_app.get(&app).copied().unwrap_or_default();
        let of_credential = open.by_credential.get(&credential).copied().unwrap_or_default();
        if of_credential >= PER_CREDENTIAL_MAX {
            return Err(Full::Credential);
        }
        if of_app >= PER_APP_MAX {
            return Err(Full::App);
        }
        if open.all >= ALL_MAX {
            return Err(Full::All);
        }
        open.all += 1;
        open.by_app.insert(app, of_app + 1);
        open.by_credential.insert(credential, of_credential + 1);
        drop(open);
        Ok(Place {
            tails: self.clone(),
            app,
            credential,
            changes: self.0.changes.subscribe(),
            stopping: Stopping(stopping),
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.tails.open();
        open.all -= 1;
        leave(&mut open.by_app, self.app);
        leave(&mut open.by_credential, self.credential);
    }
}

fn leave<K: Hash + Eq + Copy>(open: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = open.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            open.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    #[test]
    fn places_are_bounded_and_come_back() {
        let tails = Tails::default();
        let (app, other) = (AppId(id(1)), AppId(id(2)));
        let enter = |app, credential| tails.enter(app, id(credential));
        let mut places: Vec<Place> = (0..PER_APP_MAX)
            .filter_map(|number| enter(app, number / PER_CREDENTIAL_MAX).ok())
            .collect();
        assert_eq!(places.len(), PER_APP_MAX);
        assert_eq!(enter(app, 1_000).err(), Some(Full::App));
        assert_eq!(enter(other, 0).err(), Some(Full::Credential));
        places.remove(0);
        assert!(enter(other, 0).is_ok() && enter(app, 1_000).is_ok());

        for number in places.len()..ALL_MAX {
            places.extend(tails.enter(AppId(id(number)), id(number + 2_000)));
        }
        assert_eq!(enter(AppId(id(9_999)), 9_999).err(), Some(Full::All));
        drop(places);
        let open = tails.open();
        assert!(open.all == 0 && open.by_app.is_empty() && open.by_credential.is_empty());
    }

    #[tokio::test]
    async fn nobody_enters_when_the_server_stops_and_who_is_in_is_told() {
        let tails = Tails::default();
        let Ok(mut place) = tails.enter(AppId(id(1)), id(1)) else {
            panic!("there is room")
        };
        tails.stop();
        place.stopping.wait().await;
        assert_eq!(tails.enter(AppId(id(1)), id(1)).err(), Some(Full::Stopping));
    }
}
