//! Storage of scripts and their versions.

use std::sync::Arc;

use async_trait::async_trait;

use super::{AppScope, StoreError};
use crate::{
    change::Change,
    id::{AppId, RouteId, ScriptId},
    limits::Limits,
    modules::LinkFault,
    page::{Page, PageRequest},
    script::{ContentHash, Script, ScriptName, ScriptVersion},
    strikes::{Strike, Strikes},
};

/// Storage of scripts.
#[async_trait]
pub trait ScriptRepository: Send + Sync {
    /// Makes a script; its source is version 1.
    async fn create_script(&self, script: NewScript, change: &Change) -> Result<Script, WriteScriptError>;

    /// Finds a script with its live version.
    async fn find_script(&self, script: ScriptId) -> Result<Option<Script>, StoreError>;

    /// Lists scripts, of one app or of all, oldest first.
    async fn list_scripts(&self, scope: AppScope, page: PageRequest) -> Result<Page<Script>, StoreError>;

    /// Changes a script; `None` if it is gone. A source becomes a new version, which is live, even if it is that of
    /// the version before.
    async fn update_script(
        &self,
        script: ScriptId,
        update: ScriptUpdate,
        change: &Change,
    ) -> Result<Option<Script>, WriteScriptError>;

    /// Makes the source of an earlier version live again, as a new version; `None` if script or version is missing.
    async fn rollback_script(
        &self,
        script: ScriptId,
        version: u32,
        expected: &Expected,
        checked: Option<Checked>,
        change: &Change,
    ) -> Result<Option<Script>, WriteScriptError>;

    /// Deletes a script with its versions; `false` if it was gone. For releases that are restored, they are kept apart as
    /// long as there is room.
    async fn delete_script(
        &self,
        script: ScriptId,
        expected: &Expected,
        change: &Change,
    ) -> Result<bool, DeleteScriptError>;

    /// Finds one version.
    async fn find_version(&self, script: ScriptId, version: u32)
    -> Result<Option<ScriptVersion>, StoreError>;

    /// Lists versions, newest first; `before` leaves out that version and all newer ones.
    async fn list_versions(
        &self,
        script: ScriptId,
        limit: u32,
        before: Option<u32>,
    ) -> Result<Vec<ScriptVersion>, StoreError>;

    /// Notes a strike, and suspends the script if it is the last that it may have. Gives its strikes; `None` if the
    /// version is not live any more, or the strike was noted already.
    async fn strike_script(&self, strike: Strike) -> Result<Option<Strikes>, StoreError>;

    /// Forgets the strikes of a script, and with them its suspension.
    async fn forgive_script(&self, script: ScriptId, change: &Change) -> Result<(), StoreError>;
}

/// A new script.
#[derive(Clone, Debug)]
pub struct NewScript {
    /// Its id.
    pub id: ScriptId,
    /// Whose.
    pub app_id: AppId,
    /// Its name.
    pub name: ScriptName,
    /// What it is for.
    pub description: String,
    /// Its source.
    pub source: Arc<str>,
    /// What one run may use.
    pub limits: Limits,
    /// Only if the source would still be checked with the same.
    pub checked: Option<Checked>,
}

/// What to change in a script; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct ScriptUpdate {
    /// A new name.
    pub name: Option<ScriptName>,
    /// A new description.
    pub description: Option<String>,
    /// A new source.
    pub source: Option<Arc<str>>,
    /// New limits.
    pub limits: Option<Limits>,
    /// Only if this version is live.
    pub expected: Expected,
    /// Only if the source would still be checked with the same.
    pub checked: Option<Checked>,
}

/// With what a source was checked before it is written: others may write between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The release of the app that was live then. If it still is, nothing can be different.
    pub release: u32,
    /// What was [around](crate::modules::Linker::around) the script then, with the source that was checked. If it still
    /// is, nothing is different that matters to it.
    pub around: Option<ContentHash>,
}

/// Which version must be live for a change to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// Any will do.
    #[default]
    Any,
    /// One of these.
    OneOf(Vec<u32>),
}

impl Expected {
    /// Whether a change may happen while `live` is live.
    pub fn allows(&self, live: u32) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&live),
        }
    }
}

/// Why a script was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteScriptError {
    /// Another script of the app has the name.
    #[error("another script of the app has this name")]
    NameTaken,
    /// Another version is live than the one expected.
    #[error("version {live} is live, not the expected one")]
    VersionMismatch {
        /// The live version.
        live: u32,
    },
    /// Others import it under the name that it would lose.
    #[error("scripts import the script by its name")]
    Imported(Vec<ScriptName>),
    /// Scripts of the app would import what is not there, or each other in a circle.
    #[error("the app's imports would not be whole: {0}")]
    Imports(LinkFault),
    /// What the script imports, or what imports it, is not what its source was checked with.
    #[error("scripts around the script changed after its source was checked")]
    Outdated,
    /// The app is gone.
    #[error("the app is gone")]
    NoApp,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a script was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteScriptError {
    /// Routes still lead to it.
    #[error("routes still lead to the script")]
    InUse(Vec<RouteId>),
    /// Scripts still import it.
    #[error("scripts still import the script")]
    Imported(Vec<ScriptName>),
    /// Subscriptions or schedules still start it; they are told as `schedule nightly`.
    #[error("subscriptions or schedules still start the script")]
    Bound(Vec<String>),
    /// Another version is live than the one expected.
    #[error("version {live} is live, not the expected one")]
    VersionMismatch {
        /// The live version.
        live: u32,
    },
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
