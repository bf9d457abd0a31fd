//! Values that were read lately, in memory: what is asked for again is not looked up again.
//!
//! Only this process writes the database, and one thread of it writes all keys; besides, only apps are deleted as a whole,
//! and what has expired. So a value may be kept until that thread is about to write its key, or its app is gone. While it commits, nothing is taken in: whoever looks into the database then may
//! find what was before, and nobody can tell. What is given back is therefore never older than what another caller
//! has got from the database before.

use std::sync::{Arc, Mutex};

use hashlink::LruCache;
use picloud_shared::{
    id::AppId,
    services::{KEY_BYTES_MAX, KvEntry},
    time::Timestamp,
};

use super::lock;

/// What all of them may take.
const BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// A larger value is not kept: reading it costs more than finding it.
const VALUE_BYTES_MAX: usize = 16 * 1_024;
/// What one takes beside its key and its value, about.
const ENTRY_BYTES: usize = 200;

const APP_BYTES: usize = 16;

/// What was read lately.
#[derive(Debug)]
pub(super) struct Cache(Mutex<State>);

#[derive(Debug)]
struct State {
    entries: LruCache<Box<[u8]>, Option<Arc<KvEntry>>>,
    bytes: usize,
    /// Raised when a batch of commits begins and when it ends: odd while there is one.
    phase: u64,
}

/// What is known of a key.
pub(super) enum Lookup {
    /// All there is to know; nothing if the key is not there.
    Known(Option<Arc<KvEntry>>),
    /// It has to be read; what is found may be kept with this.
    Unknown(Ticket),
}

/// When somebody began to read.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

/// A batch of commits that is being written.
pub(super) struct Writing<'c>(&'c Cache);

impl Default for Cache {
    fn default() -> Self {
        Self(Mutex::new(State {
            entries: LruCache::new_unbounded(),
            bytes: 0,
            phase: 0,
        }))
    }
}

impl Cache {
    /// Looks for a key. Needs to know the time only of what expires.
    pub(super) fn look_up(&self, app: AppId, key: &str, now: impl FnOnce() -> Timestamp) -> Lookup {
        let mut state = lock(&self.0);
        let phase = state.phase;
        let known = with_name(app, key, |name| state.entries.get(name).cloned());
        match known.flatten() {
            None => Lookup::Unknown(Ticket(phase)),
            Some(entry) => Lookup::Known(entry.filter(|entry| is_there(entry, now))),
        }
    }

    /// Keeps what was read from the database after `ticket` was given, if no key was written since.
    pub(super) fn keep(&self, ticket: Ticket, app: AppId, key: &str, entry: Option<&KvEntry>) {
        if entry.is_some_and(|entry| entry.value.bytes() > VALUE_BYTES_MAX) {
            return;
        }
        let entry = entry.cloned().map(Arc::new);
        let mut state = lock(&self.0);
        if state.phase != ticket.0 || state.is_writing() {
            return;
        }
        with_name(app, key, |name| state.insert(name, entry));
    }

    /// Forgets all keys of an app that is gone. Whoever began to read before keeps nothing.
    pub(super) fn forget_app(&self, app: AppId) {
        let mut state = lock(&self.0);
        // By two: whether a batch is being written stays as it is.
        state.phase += 2;
        let names = state.entries.iter().map(|(name, _)| name);
        let names: Vec<_> = names
            .filter(|name| name.starts_with(app.0.as_bytes()))
            .cloned()
            .collect();
        for name in names {
            state.remove(&name);
        }
    }

    /// Forgets keys that were not as they were read.
    pub(super) fn forget<'k>(&self, app: AppId, keys: impl Iterator<Item = &'k str>) {
        let mut state = lock(&self.0);
        for key in keys {
            with_name(app, key, |name| state.remove(name));
        }
    }

    /// Forgets the keys that are about to be written, and keeps nothing until what this gives back is dropped: after
    /// the commit, and before anybody is told of it.
    pub(super) fn write<'k>(&self, keys: impl Iterator<Item = (AppId, &'k str)>) -> Writing<'_> {
        let mut state = lock(&self.0);
        state.phase += 1;
        for (app, key) in keys {
            with_name(app, key, |name| state.remove(name));
        }
        Writing(self)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        lock(&self.0.0).phase += 1;
    }
}

impl State {
    fn is_writing(&self) -> bool {
        self.phase % 2 == 1
    }

    fn insert(&mut self, name: &[u8], entry: Option<Arc<KvEntry>>) {
        self.bytes += size(name, entry.as_deref());
        if let Some(before) = self.entries.insert(name.into(), entry) {
            self.bytes -= size(name, before.as_deref());
        }
        while self.bytes > BYTES_MAX
            && let Some((name, entry)) = self.entries.remove_lru()
        {
            self.bytes -= size(&name, entry.as_deref());
        }
    }

    fn remove(&mut self, name: &[u8]) {
        if let Some(entry) = self.entries.remove(name) {
            self.bytes -= size(name, entry.as_deref());
        }
    }
}

fn size(name: &[u8], entry: Option<&KvEntry>) -> usize {
    ENTRY_BYTES + name.len() + entry.map_or(0, |entry| entry.value.bytes())
}

fn is_there(entry: &KvEntry, now: impl FnOnce() -> Timestamp) -> bool {
    entry.expires_at.is_none_or(|moment| moment > now().as_micros())
}

/// Lends the name of a key among those of all apps; none if the key is longer than any.
fn with_name<T>(app: AppId, key: &str, act: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let mut name = [0; APP_BYTES + KEY_BYTES_MAX];
    let length = APP_BYTES + key.len();
    let name = name.get_mut(..length)?;
    name[..APP_BYTES].copy_from_slice(app.0.as_bytes());
    name[APP_BYTES..].copy_from_slice(key.as_bytes());
    Some(act(name))
}

#[cfg(test)]
mod tests {
    use picloud_shared::services::KvValue;
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000);

    fn app(number: u128) -> AppId {
        AppId(Uuid::from_u128(number))
    }

    fn entry(text: &str, expires_at: Option<i64>) -> KvEntry {
        KvEntry {
            value: KvValue::Json(text.to_owned()),
            version: 1,
            expires_at,
        }
    }

    fn ticket(cache: &Cache, key: &str) -> Ticket {
        match cache.look_up(app(1), key, || NOW) {
            Lookup::Unknown(ticket) => ticket,
            Lookup::Known(entry) => panic!("{key} is known: {entry:?}"),
        }
    }

    #[expect(
        clippy::option_option,
        reason = "unknown is another thing than known not to be there"
    )]
    fn known(cache: &Cache, key: &str) -> Option<Option<KvEntry>> {
        match cache.look_up(app(1), key, || NOW) {
            Lookup::Known(entry) => Some(entry.as_deref().cloned()),
            Lookup::Unknown(_) => None,
        }
    }

    #[test]
    fn what_was_read_is_known_to_its_app() {
        let cache = Cache::default();
        let found = entry("1", None);
        cache.keep(ticket(&cache, "a"), app(1), "a", Some(&found));
        cache.keep(ticket(&cache, "b"), app(1), "b", None);
        assert_eq!(known(&cache, "a"), Some(Some(found)));
        assert_eq!(known(&cache, "b"), Some(None));
        assert!(matches!(cache.look_up(app(2), "a", || NOW), Lookup::Unknown(_)));
    }

    #[test]
    fn what_has_expired_is_not_there() {
        let cache = Cache::default();
        cache.keep(ticket(&cache, "a"), app(1), "a", Some(&entry("1", Some(1_000))));
        cache.keep(ticket(&cache, "b"), app(1), "b", Some(&entry("1", Some(1_001))));
        assert_eq!(known(&cache, "a"), Some(None));
        assert!(known(&cache, "b").flatten().is_some());
    }

    #[test]
    fn what_is_written_is_forgotten_and_nothing_older_comes_back() {
        let cache = Cache::default();
        let before = entry("1", None);
        cache.keep(ticket(&cache, "a"), app(1), "a", Some(&before));
        let early = ticket(&cache, "b");
        let writing = cache.write([(app(1), "a"), (app(1), "b")].into_iter());
        assert_eq!(known(&cache, "a"), None);
        let meanwhile = ticket(&cache, "a");
        cache.keep(meanwhile, app(1), "a", Some(&before));
        assert_eq!(known(&cache, "a"), None, "kept while it was written");
        drop(writing);
        cache.keep(meanwhile, app(1), "a", Some(&before));
        cache.keep(early, app(1), "b", Some(&before));
        assert_eq!(
            known(&cache, "a"),
            None,
            "kept with what was read during the commit"
        );
        assert_eq!(
            known(&cache, "b"),
            None,
            "kept with what was read before the commit"
        );
        cache.keep(ticket(&cache, "a"), app(1), "a", Some(&before));
        assert!(known(&cache, "a").is_some());
    }

    #[test]
    fn of_an_app_that_is_gone_nothing_is_known() {
        let cache = Cache::default();
        let found = entry("1", None);
        cache.keep(ticket(&cache, "a"), app(1), "a", Some(&found));
        let before = ticket(&cache, "b");
        let Lookup::Unknown(of_other) = cache.look_up(app(2), "a", || NOW) else {
            panic!("another app's key is known");
        };
        cache.keep(of_other, app(2), "a", Some(&found));
        cache.forget_app(app(1));
        assert_eq!(known(&cache, "a"), None);
        cache.keep(before, app(1), "b", Some(&found));
        assert_eq!(known(&cache, "b"), None, "kept with what was read before");
        assert!(matches!(
            cache.look_up(app(2), "a", || NOW),
            Lookup::Known(Some(_))
        ));
        cache.forget(app(2), ["a"].into_iter());
        assert!(matches!(cache.look_up(app(2), "a", || NOW), Lookup::Unknown(_)));
    }

    #[test]
    fn it_has_a_bound_and_what_was_not_used_goes_first() {
        let cache = Cache::default();
        let value = entry(&"x".repeat(VALUE_BYTES_MAX), None);
        cache.keep(ticket(&cache, "used"), app(1), "used", Some(&value));
        for number in 0..BYTES_MAX / VALUE_BYTES_MAX {
            let key = number.to_string();
            cache.keep(ticket(&cache, &key), app(1), &key, Some(&value));
            assert!(known(&cache, "used").is_some());
        }
        assert_eq!(known(&cache, "0"), None);
        assert!(lock(&cache.0).bytes <= BYTES_MAX);

        let large = entry(&"x".repeat(VALUE_BYTES_MAX + 1), None);
        cache.keep(ticket(&cache, "large"), app(1), "large", Some(&large));
        assert_eq!(known(&cache, "large"), None);
    }
}
