//! Secrets that were opened, in memory, so that runs need not ask the database for them.
//!
//! What is kept is right because of one order: whoever changes an app's secrets has them forgotten after the commit and
//! before the change is answered. Whoever reads them notes before how many changes there were, and keeps nothing if
//! there were more when they have read. One process writes to a database; with several, each has to be told of
//! changes before they are answered.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use picloud_shared::{
    id::AppId,
    secret::{SecretText, SettingName},
};

/// Names and values of all apps that are kept. The largest app has about a fifth of it.
const CACHE_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// What an app and a secret cost beside their texts.
const ENTRY_BYTES: usize = 128;

/// All secrets of an app, by name.
pub(super) type Opened = BTreeMap<String, SecretText>;

/// What was opened.
#[derive(Default)]
pub(crate) struct SecretCache {
    kept: Mutex<Kept>,
    /// Held by whoever reads.
    pub(super) reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    apps: HashMap<AppId, App>,
    bytes: usize,
    /// How often anything was forgotten.
    changes: u64,
    /// How often anything was found.
    uses: u64,
}

struct App {
    opened: Arc<Opened>,
    bytes: usize,
    /// The number of its last use.
    used: u64,
}

impl SecretCache {
    /// A secret, or that there is none; nothing if that is not known.
    #[expect(
        clippy::option_option,
        reason = "unknown is another thing than known not to be there"
    )]
    pub(crate) fn find(&self, app: AppId, name: &SettingName) -> Option<Option<SecretText>> {
        let mut kept = self.kept();
        kept.uses += 1;
        let uses = kept.uses;
        let app = kept.apps.get_mut(&app)?;
        app.used = uses;
        Some(app.opened.get(name.as_str()).cloned())
    }

    /// How often anything was forgotten. To be asked before reading.
    pub(super) fn changes(&self) -> u64 {
        self.kept().changes
    }

    /// Keeps what was read, unless anything was forgotten since there were `changes`.
    pub(super) fn keep(&self, app: AppId, opened: &Arc<Opened>, changes: u64) {
        let mut kept = self.kept();
        if kept.changes == changes {
            kept.insert(app, opened);
        }
    }

    /// Forgets the secrets of an app, because they have changed or it is gone.
    pub(crate) fn forget(&self, app: AppId) {
        let mut kept = self.kept();
        kept.changes += 1;
        kept.remove(app);
    }

    /// Does that when the result is dropped.
    pub(super) fn forgotten_after(&self, app: AppId) -> ForgottenAfter<'_> {
        ForgottenAfter { cache: self, app }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has the secrets of an app forgotten when it is dropped.
pub(super) struct ForgottenAfter<'a> {
    cache: &'a SecretCache,
    app: AppId,
}

impl Drop for ForgottenAfter<'_> {
    fn drop(&mut self) {
        self.cache.forget(self.app);
    }
}

impl Kept {
    fn insert(&mut self, app: AppId, opened: &Arc<Opened>) {
        self.remove(app);
        let texts = opened
            .iter()
            .map(|(name, value)| name.len() + value.expose().len() + ENTRY_BYTES);
        let bytes = ENTRY_BYTES + texts.sum::<usize>();
        while self.bytes + bytes > CACHE_BYTES_MAX {
            let oldest = self.apps.iter().min_by_key(|(_, app)| app.used);
            let Some((&oldest, _)) = oldest else { return };
            self.remove(oldest);
        }
        self.bytes += bytes;
        self.uses += 1;
        let kept = App {
            opened: Arc::clone(opened),
            bytes,
            used: self.uses,
        };
        self.apps.insert(app, kept);
    }

    fn remove(&mut self, app: AppId) {
        if let Some(app) = self.apps.remove(&app) {
            self.bytes -= app.bytes;
        }
    }
}

impl fmt::Debug for SecretCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn app(number: u128) -> AppId {
        AppId(Uuid::from_u128(number))
    }

    fn name() -> SettingName {
        "KEY".parse().unwrap()
    }

    fn opened(value: &str) -> Arc<Opened> {
        Arc::new(BTreeMap::from([("KEY".to_owned(), value.to_owned().into())]))
    }

    #[expect(
        clippy::option_option,
        reason = "unknown is another thing than known not to be there"
    )]
    fn found(cache: &SecretCache, app: AppId) -> Option<Option<String>> {
        let found = cache.find(app, &name())?;
        Some(found.map(|value| value.expose().to_owned()))
    }

    #[test]
    fn what_is_known_is_found_and_that_there_is_none() {
        let cache = SecretCache::default();
        assert_eq!(found(&cache, app(1)), None);
        cache.keep(app(1), &opened("a"), 0);
        cache.keep(app(2), &Arc::default(), 0);
        assert_eq!(found(&cache, app(1)), Some(Some("a".to_owned())));
        assert_eq!(found(&cache, app(2)), Some(None));
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let cache = SecretCache::default();
        cache.keep(app(1), &opened("old"), 0);
        let changes = cache.changes();
        cache.forget(app(1));
        assert_eq!(found(&cache, app(1)), None);
        cache.keep(app(1), &opened("old"), changes);
        assert_eq!(found(&cache, app(1)), None);
        cache.keep(app(1), &opened("new"), cache.changes());
        assert_eq!(found(&cache, app(1)), Some(Some("new".to_owned())));
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let cache = SecretCache::default();
        let large = "x".repeat(CACHE_BYTES_MAX / 3 - 1_024);
        for number in 1..=3 {
            cache.keep(app(number), &opened(&large), 0);
        }
        assert!(found(&cache, app(1)).is_some());
        cache.keep(app(4), &opened(&large), 0);
        assert!(found(&cache, app(2)).is_none());
        for number in [1, 3, 4] {
            assert!(found(&cache, app(number)).is_some(), "{number}");
        }
        cache.keep(app(5), &opened(&"x".repeat(CACHE_BYTES_MAX)), 0);
        assert!(
            found(&cache, app(5)).is_none(),
            "nothing is kept that does not fit"
        );
    }
}
