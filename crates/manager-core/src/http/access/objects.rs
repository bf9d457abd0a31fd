//! What an id in a path names, if the caller may see it and do with it what the operation does.

use picloud_shared::{
    execution::Execution,
    id::{AppId, ExecutionId, RouteId, ScriptId},
    route::Route,
    script::Script,
};

use super::Caller;
use crate::{
    Manager,
    http::problem::{Answer, not_found},
};

impl Caller {
    /// The script.
    pub(crate) async fn script(&self, manager: &Manager, script: ScriptId) -> Answer<Script> {
        let found = manager.repository().find_script(script).await?;
        self.permitted(manager, "script", found, |script| script.app_id)
            .await
    }

    /// The route.
    pub(crate) async fn route(&self, manager: &Manager, route: RouteId) -> Answer<Route> {
        let found = manager.repository().find_route(route).await?;
        self.permitted(manager, "route", found, |route| route.app_id)
            .await
    }

    /// The record of a run.
    pub(crate) async fn execution(&self, manager: &Manager, execution: ExecutionId) -> Answer<Execution> {
        let found = manager.repository().find_execution(execution).await?;
        self.permitted(manager, "execution", found, |execution| execution.app_id)
            .await
    }

    async fn permitted<T>(
        &self,
        manager: &Manager,
        what: &str,
        found: Option<T>,
        app: impl Fn(&T) -> AppId,
    ) -> Answer<T> {
        let found = found.ok_or_else(|| not_found(what))?;
        self.permit(manager, app(&found), what).await?;
        Ok(found)
    }
}
