//! Live releases that never were in a database.

use std::sync::Arc;

use async_trait::async_trait;
use picloud_shared::{
    domain::{DomainClaim, HostPattern},
    execution::{Retention, RunBatch},
    id::{AppId, DomainId, RouteId, ScriptId},
    limits::Limits,
    path::PathPattern,
    release::{LiveRelease, Manifest, Release},
    repository::{ReleaseRepository, RunLog, StoreError},
    route::{MethodSet, Route},
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
impl RunLog for Releases {
    async fn record_executions(&self, _batch: RunBatch<'_>, _now: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn purge_executions(&self, _retention: Retention, _now: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn executions_kept_until(&self, _retention: Retention) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }
}
