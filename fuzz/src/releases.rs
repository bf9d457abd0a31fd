//! Live releases that never were in a database.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use picloud_shared::{
    domain::{DomainClaim, HostPattern},
    execution::{Execution, ExecutionFilter, Retention, RunBatch},
    id::{AppId, DomainId, ExecutionId, RouteId, ScriptId},
    limits::Limits,
    page::{Page, PageRequest},
    path::PathPattern,
    release::{LiveRelease, Manifest, Release},
    repository::{ExecutionRepository, ReleaseRepository, StoreError},
    route::{MethodSet, Route},
    run_stats::{Activity, RunStats, Slots},
    script::{ContentHash, LiveScript},
    time::Timestamp,
    webhook::Webhook,
};
use uuid::Uuid;

const NEVER: Timestamp = Timestamp::from_micros(0);

/// An app with its domains and routes.
#[derive(Clone, Debug, Default)]
pub(crate) struct App {
    pub(crate) claims: Vec<HostPattern>,
    pub(crate) routes: Vec<AppRoute>,
}

/// A route, and the source of the script that answers.
#[derive(Clone, Debug)]
pub(crate) struct AppRoute {
    pub(crate) methods: MethodSet,
    pub(crate) host: Option<HostPattern>,
    pub(crate) path: PathPattern,
    pub(crate) source: &'static str,
    pub(crate) webhook: Option<Webhook>,
}

/// The id of an app, by its number.
pub(crate) fn app_id(app: usize) -> AppId {
    AppId(Uuid::from_u64_pair(app as u64, 0))
}

/// The id of a route, by its number and that of its app.
pub(crate) fn route_id(app: usize, route: usize) -> RouteId {
    RouteId(Uuid::from_u64_pair(app as u64, route as u64))
}

/// Releases in memory. What is recorded is forgotten.
pub(crate) struct Releases(pub(crate) Vec<LiveRelease>);

impl Releases {
    pub(crate) fn of(apps: &[App], limits: Limits) -> Arc<Self> {
        let release = |(number, app): (usize, &App)| release(number, app, limits);
        Arc::new(Self(apps.iter().enumerate().map(release).collect()))
    }
}

fn release(number: usize, app: &App, limits: Limits) -> LiveRelease {
    let app_id = app_id(number);
    let script_id = |route: usize| ScriptId(route_id(number, route).0);
    let claim = |pattern: &HostPattern| DomainClaim {
        id: DomainId::new(NEVER),
        app_id,
        pattern: pattern.clone(),
        created_at: NEVER,
    };
    let script = |(at, route): (usize, &AppRoute)| {
        Arc::new(LiveScript {
            app_id,
            script_id: script_id(at),
            name: "fuzzed".parse().expect("a name"),
            version: 1,
            content_hash: ContentHash::of(route.source),
            source: route.source.into(),
            modules: None,
            limits,
            suspended: false,
            config: Arc::default(),
        })
    };
    let route = |(at, route): (usize, &AppRoute)| Route {
        id: route_id(number, at),
        app_id,
        script_id: script_id(at),
        host: route.host.clone(),
        path: route.path.clone(),
        methods: route.methods,
        webhook: route.webhook.clone(),
        created_at: NEVER,
        updated_at: NEVER,
    };
    LiveRelease {
        app_id,
        slug: "fuzzed".to_owned(),
        number: 1,
        domains: app.claims.iter().map(claim).collect(),
        routes: app.routes.iter().enumerate().map(route).collect(),
        scripts: app.routes.iter().enumerate().map(script).collect(),
        subscriptions: Vec::new(),
        schedules: Vec::new(),
    }
}

#[async_trait]
impl ReleaseRepository for Releases {
    async fn list_releases(
        &self,
        _app: AppId,
        _limit: u32,
        _before: Option<u32>,
    ) -> Result<Vec<Release>, StoreError> {
        Ok(Vec::new())
    }

    async fn find_release(
        &self,
        _app: AppId,
        _number: u32,
    ) -> Result<Option<(Release, Manifest)>, StoreError> {
        Ok(None)
    }

    async fn live_release(&self, app: AppId) -> Result<Option<LiveRelease>, StoreError> {
        Ok(self.0.iter().find(|release| release.app_id == app).cloned())
    }

    async fn live_releases(&self) -> Result<Vec<LiveRelease>, StoreError> {
        Ok(self.0.clone())
    }
}

#[async_trait]
impl ExecutionRepository for Releases {
    async fn record_executions(&self, _batch: RunBatch<'_>, _now: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn list_executions(
        &self,
        _app: AppId,
        _filter: &ExecutionFilter,
        _page: PageRequest,
    ) -> Result<Page<Execution>, StoreError> {
        Ok(Page {
            items: Vec::new(),
            next: None,
        })
    }

    async fn executions_ended_since(
        &self,
        _app: AppId,
        _filter: &ExecutionFilter,
        _since: Timestamp,
        _limit: u32,
    ) -> Result<Vec<Execution>, StoreError> {
        Ok(Vec::new())
    }

    async fn find_execution(&self, _execution: ExecutionId) -> Result<Option<Execution>, StoreError> {
        Ok(None)
    }

    async fn purge_executions(&self, _retention: Retention, _now: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn run_stats(
        &self,
        _app: AppId,
        _script: Option<ScriptId>,
        _slots: Slots,
    ) -> Result<Vec<RunStats>, StoreError> {
        Ok(Vec::new())
    }

    async fn activity(
        &self,
        _apps: &[AppId],
        _since: Timestamp,
    ) -> Result<HashMap<AppId, Activity>, StoreError> {
        Ok(HashMap::new())
    }

    async fn count_unrecorded(&self, _app: AppId, _since: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }
}
