//! Storage of subscriptions and schedules.

use async_trait::async_trait;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::StoreError;
use crate::{
    bindings::{Binding, BindingSpec},
    change::Change,
    id::{AppId, ScriptId},
    page::{Page, PageRequest},
};

/// Storage of one kind of bindings. Each change of one is a release of its app.
#[async_trait]
pub trait BindingRepository<S: BindingSpec>: Send + Sync {
    /// Lists those of an app, oldest first.
    async fn list_bindings(&self, app: AppId, page: PageRequest) -> Result<Page<Binding<S>>, StoreError>;

    /// Finds one.
    async fn find_binding(&self, app: AppId, id: Uuid) -> Result<Option<Binding<S>>, StoreError>;

    /// Makes one.
    async fn create_binding(
        &self,
        binding: Binding<S>,
        change: &Change,
    ) -> Result<Binding<S>, WriteBindingError>;

    /// Changes one; `None` if it is gone. Nothing changes if all is as it was.
    async fn update_binding(
        &self,
        app: AppId,
        id: Uuid,
        update: BindingUpdate,
        change: &Change,
    ) -> Result<Option<Binding<S>>, WriteBindingError>;

    /// Deletes one; `false` if it was gone.
    async fn delete_binding(&self, app: AppId, id: Uuid, change: &Change) -> Result<bool, StoreError>;
}

/// What to change in a binding; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct BindingUpdate {
    /// Another name.
    pub name: Option<String>,
    /// Another script of the same app.
    pub script_id: Option<ScriptId>,
    /// Whether it starts nothing.
    pub is_paused: Option<bool>,
    /// Fields of its spec, as in JSON; those that are not named stay. Each has to be valid.
    pub spec: Map<String, Value>,
}

/// Why a binding was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteBindingError {
    /// Another one of its kind in the app has the name.
    #[error("another one of the app has this name")]
    NameTaken,
    /// Its script does not exist in this app.
    #[error("the app has no such script")]
    NoScript,
    /// A script that is to be told of ends does not exist in this app.
    #[error("the app has no such script to be told")]
    NoDestination {
        /// Which one.
        script: ScriptId,
        /// The field that names it.
        field: &'static str,
    },
    /// The app has as many of its kind as it may have.
    #[error("the app has as many as it may have")]
    TooMany,
    /// All those of its kind in the app would be too large.
    #[error("all of its kind together are too large")]
    TooLarge,
    /// The app is gone.
    #[error("the app is gone")]
    NoApp,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
