//! What each app may, and what it holds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use picloud_shared::{
    egress::AllowList,
    id::AppId,
    repository::{EgressRepository, EgressSettings, StoreError},
};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use crate::http::Pool;

/// Requests of one app that are under way at one time.
const REQUESTS_PER_APP_MAX: usize = 256;

/// E-mails of one app that are handed over at one time: a mail server that does not answer takes no place of others.
const EMAILS_PER_APP_MAX: usize = 4;

/// Names that are looked up for one app at one time: a quarter of what the server does, so that no app whose names have a
/// name server that does not answer keeps the others from finding theirs.
const LOOKUPS_PER_APP_MAX: usize = 8;

/// The apps that have settings, or have made a request.
pub(crate) struct Apps {
    repository: Arc<dyn EgressRepository>,
    known: Mutex<HashMap<AppId, Arc<App>>>,
    /// Held by whoever refreshes, so that none brings back an older state.
    refreshing: AsyncMutex<()>,
}

/// What an app may, and what it holds. A change makes another one: connections that are kept for later were made by
/// what was true then, and go with it.
pub(crate) struct App {
    /// Where it may connect to; every public address if none.
    pub(crate) allow: Option<AllowList>,
    /// Connections that are kept for later.
    pub(crate) pool: Arc<Pool>,
    /// A place for each request that is under way.
    pub(crate) places: Arc<Semaphore>,
    /// A place for each e-mail that is handed over.
    pub(crate) email_places: Arc<Semaphore>,
    /// A place for each name that is looked up.
    pub(crate) lookups: Arc<Semaphore>,
}

impl Apps {
    /// All that have settings.
    pub(crate) async fn load(repository: Arc<dyn EgressRepository>) -> Result<Self, StoreError> {
        let settings = repository.list_egress().await?;
        let apps = settings
            .into_iter()
            .map(|(app, settings)| (app, Arc::new(App::new(Some(settings), None))));
        Ok(Self {
            known: Mutex::new(apps.collect()),
            repository,
            refreshing: AsyncMutex::default(),
        })
    }

    /// What `app` may.
    pub(crate) fn get(&self, app: AppId) -> Arc<App> {
        let mut apps = self.lock();
        Arc::clone(apps.entry(app).or_insert_with(|| Arc::new(App::new(None, None))))
    }

    /// Reads the settings of `app` again. When this returns, every new request of it is made by them.
    pub(crate) async fn refresh(&self, app: AppId) -> Result<(), StoreError> {
        let _turn = self.refreshing.lock().await;
        let settings = self.repository.find_egress(app).await?;
        let mut apps = self.lock();
        match (settings, apps.get(&app)) {
            (None, _) => drop(apps.remove(&app)),
            (settings, before) => {
                let renewed = App::new(settings, before.map(Arc::as_ref));
                apps.insert(app, Arc::new(renewed));
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AppId, Arc<App>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    fn new(settings: Option<EgressSettings>, before: Option<&Self>) -> Self {
        let places = |before: Option<&Arc<Semaphore>>, most| {
            before.map_or_else(|| Arc::new(Semaphore::new(most)), Arc::clone)
        };
        Self {
            allow: settings.and_then(|settings| settings.allow),
            pool: Arc::default(),
            places: places(before.map(|before| &before.places), REQUESTS_PER_APP_MAX),
            email_places: places(before.map(|before| &before.email_places), EMAILS_PER_APP_MAX),
            lookups: places(before.map(|before| &before.lookups), LOOKUPS_PER_APP_MAX),
        }
    }
}
