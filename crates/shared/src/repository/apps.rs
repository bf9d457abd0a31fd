//! Storage of apps and the history of their slugs.

use async_trait::async_trait;

use super::{AppScope, StoreError};
use crate::{
    access::AppRole,
    app::{App, AppRef, Slug},
    change::Change,
    id::{AppId, UserId},
    page::{Page, PageRequest},
};

/// Storage of apps.
#[async_trait]
pub trait AppRepository: Send + Sync {
    /// Makes an app. `force` takes a slug over that another app had before.
    async fn create_app(&self, app: NewApp, change: &Change) -> Result<App, CreateAppError>;

    /// Finds an app by id or by a slug it has or had.
    async fn find_app(&self, app: &AppRef) -> Result<Option<FoundApp>, StoreError>;

    /// Lists apps, oldest first, each with what a membership says about `person` there.
    async fn list_apps(
        &self,
        scope: AppScope,
        person: UserId,
        page: PageRequest,
    ) -> Result<Page<ListedApp>, StoreError>;

    /// Changes an app; `None` if it is gone. A new slug leaves the old one behind as a redirect.
    async fn update_app(
        &self,
        app: AppId,
        update: AppUpdate,
        change: &Change,
    ) -> Result<Option<App>, UpdateAppError>;

    /// Deletes an app with all it has; `false` if it was gone. Without `force` it must have neither scripts nor domains.
    async fn delete_app(&self, app: AppId, force: bool, change: &Change) -> Result<bool, DeleteAppError>;

    /// Tells what stands behind a slug, without changing anything.
    async fn slug_status(&self, slug: &Slug) -> Result<SlugStatus, StoreError>;
}

/// A new app.
#[derive(Clone, Debug)]
pub struct NewApp {
    /// Its id.
    pub id: AppId,
    /// Its slug.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Take the slug over if another app had it before.
    pub force: bool,
}

/// What to change in an app; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct AppUpdate {
    /// A new slug.
    pub slug: Option<Slug>,
    /// A new name.
    pub name: Option<String>,
    /// A new description.
    pub description: Option<String>,
    /// Take the slug over if another app had it before.
    pub force: bool,
}

/// An app in a list.
#[derive(Clone, Debug)]
pub struct ListedApp {
    /// The app.
    pub app: App,
    /// What a membership says about whoever asked.
    pub membership: Option<AppRole>,
}

/// An app, and whether it was found by the slug it has now.
#[derive(Clone, Debug)]
pub enum FoundApp {
    /// By its id or present slug.
    Current(App),
    /// By a slug that it had before.
    Renamed(App),
}

/// What stands behind a slug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlugStatus {
    /// Nothing.
    Available,
    /// An app has it.
    Taken(AppId),
    /// An app had it.
    Historical(AppId),
}

/// Why an app was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateAppError {
    /// An app has the slug.
    #[error("an app has this slug")]
    SlugTaken,
    /// An app had the slug, and `force` was not set.
    #[error("an app had this slug before")]
    SlugInHistory,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an app was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateAppError {
    /// Another app has the slug.
    #[error("another app has this slug")]
    SlugTaken,
    /// Another app had the slug, and `force` was not set.
    #[error("another app had this slug before")]
    SlugInHistory,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an app was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteAppError {
    /// It has scripts or domains, and `force` was not set.
    #[error("the app still has scripts or domains")]
    NotEmpty,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
