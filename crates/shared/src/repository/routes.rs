//! Storage of routes.

use async_trait::async_trait;

use super::{AppScope, StoreError};
use crate::{
    change::Change,
    domain::HostPattern,
    id::{RouteId, ScriptId},
    page::{Page, PageRequest},
    path::PathPattern,
    route::{MethodSet, Route},
    webhook::Webhook,
};

/// Storage of routes.
#[async_trait]
pub trait RouteRepository: Send + Sync {
    /// Makes a route. Its host, if it has one, must fall under a claim of the app at the moment of writing.
    async fn create_route(&self, route: Route, change: &Change) -> Result<Route, WriteRouteError>;

    /// Finds a route.
    async fn find_route(&self, route: RouteId) -> Result<Option<Route>, StoreError>;

    /// Lists routes, of one script or of all, oldest first.
    async fn list_routes(
        &self,
        scope: AppScope,
        script: Option<ScriptId>,
        page: PageRequest,
    ) -> Result<Page<Route>, StoreError>;

    /// Changes a route; `None` if it is gone.
    async fn update_route(
        &self,
        route: RouteId,
        update: RouteUpdate,
        change: &Change,
    ) -> Result<Option<Route>, WriteRouteError>;

    /// Deletes a route; `false` if it was gone.
    async fn delete_route(&self, route: RouteId, change: &Change) -> Result<bool, StoreError>;
}

/// What to change in a route; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct RouteUpdate {
    /// Another script of the same app.
    pub script_id: Option<ScriptId>,
    /// Other hosts; `Some(None)` for every host that the app claims.
    pub host: Option<Option<HostPattern>>,
    /// Other paths.
    pub path: Option<PathPattern>,
    /// Other methods.
    pub methods: Option<MethodSet>,
    /// Another webhook; `Some(None)` for none.
    pub webhook: Option<Option<Webhook>>,
}

/// Why a route was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteRouteError {
    /// A route of the app has the same shape and shares a method.
    #[error("another route of the app has the same shape and shares a method")]
    Conflict(RouteId),
    /// No claim of the app covers the host.
    #[error("no domain of the app covers the host")]
    HostNotClaimed,
    /// The script does not exist in this app.
    #[error("the app has no such script")]
    NoScript,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
