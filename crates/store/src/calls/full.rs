//! The apps that may call no services any more today, in memory: each call of a script looks here.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use picloud_shared::{calls::Day, id::AppId, quota::QuotaExceeded, time::Timestamp};
use tokio::sync::{Mutex, MutexGuard};

/// Those apps. What is known is as old as the last batch of the recorder that had calls of the app in it.
#[derive(Debug, Default)]
pub(crate) struct FullApps {
    apps: RwLock<HashMap<AppId, Full>>,
    /// Whether there are any, so that mostly nobody has to look.
    any: AtomicBool,
    /// Held by whoever counts, or changes a quota, until it is noted here, so that what is noted last is what is true.
    noting: Mutex<()>,
}

#[derive(Clone, Copy, Debug)]
struct Full {
    why: QuotaExceeded,
    /// Until the day ends.
    until: Timestamp,
}

impl FullApps {
    /// To be held from before what is to be noted is looked up until it is noted.
    pub(crate) async fn begin_to_note(&self) -> MutexGuard<'_, ()> {
        self.noting.lock().await
    }

    /// Notes that an app may call nothing more on `day`, or that it may.
    pub(crate) fn note(&self, app: AppId, full: Option<QuotaExceeded>, day: Day) {
        if full.is_none() && !self.any.load(Ordering::Relaxed) {
            return;
        }
        let mut apps = self.apps.write().unwrap_or_else(PoisonError::into_inner);
        apps.retain(|_, full| full.until > day.start());
        if let Some(why) = full {
            let until = day.end();
            apps.insert(app, Full { why, until });
        } else {
            apps.remove(&app);
        }
        self.any.store(!apps.is_empty(), Ordering::Relaxed);
    }

    /// Whether an app may call services.
    #[inline]
    pub(crate) fn check(&self, app: AppId, now: impl FnOnce() -> Timestamp) -> Result<(), QuotaExceeded> {
        if self.any.load(Ordering::Relaxed) {
            self.look_up(app, now())
        } else {
            Ok(())
        }
    }

    fn look_up(&self, app: AppId, now: Timestamp) -> Result<(), QuotaExceeded> {
        let apps = self.apps.read().unwrap_or_else(PoisonError::into_inner);
        match apps.get(&app) {
            Some(full) if now < full.until => Err(full.why),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use picloud_shared::quota::Quota;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_app_is_full_until_its_day_ends_or_it_may_do_more() {
        let full = FullApps::default();
        let (one, other) = (AppId(Uuid::from_u128(1)), AppId(Uuid::from_u128(2)));
        let day = Day(20_000);
        let moment = day.start().plus(Duration::from_hours(5));
        let why = QuotaExceeded {
            quota: Quota::CallsPerDay,
            used: 5,
            max: 4,
        };
        assert_eq!(full.check(one, || moment), Ok(()));
        full.note(one, Some(why), day);
        assert_eq!(full.check(one, || moment), Err(why));
        assert_eq!(full.check(other, || moment), Ok(()));
        assert_eq!(full.check(one, || day.end()), Ok(()));
        full.note(one, None, day);
        assert_eq!(full.check(one, || moment), Ok(()));
        // One of yesterday is forgotten with the next that is noted.
        full.note(one, Some(why), day);
        full.note(other, Some(why), Day(20_001));
        assert_eq!(full.apps.read().expect("no panic").len(), 1);
    }
}
