//! Releases, and the live state that nodes answer from.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use picloud_shared::{
    config::AppConfig,
    domain::DomainClaim,
    id::{AppId, ScriptId, UserId},
    release::{LiveRelease, Manifest, Release},
    repository::{ReleaseRepository, StoreError},
    route::Route,
    script::{ContentHash, LiveScript, linked},
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    Store,
    bindings::{BindingRow, by_app},
    config::{LiveConfigRow, app_config},
    convert::{Source, from_json, hash, number, parse},
    db::Transaction,
    domains::DomainRow,
    routes::RouteRow,
    statements::statements,
    value::args,
};

macro_rules! release_columns {
    () => {
        "app_id, number, author_id, author_name, note, summary, created_at"
    };
}

macro_rules! select_apps {
    ($rest:literal) => {
        concat!("SELECT id, slug, release FROM apps ", $rest)
    };
}

macro_rules! select_domains {
    ($rest:literal) => {
        concat!("SELECT id, app_id, pattern, created_at FROM domains ", $rest)
    };
}

macro_rules! select_routes {
    ($rest:literal) => {
        concat!(
            "SELECT id, app_id, script_id, host, path, methods, webhook, created_at, updated_at FROM routes ",
            $rest
        )
    };
}

macro_rules! select_config {
    ($rest:literal) => {
        concat!("SELECT app_id, name, value FROM config ", $rest)
    };
}

macro_rules! select_bindings {
    ($rest:literal) => {
        concat!(
            "SELECT id, app_id, kind, name, script_id, is_paused, spec, created_at, updated_at FROM bindings ",
            $rest
        )
    };
}

macro_rules! select_scripts {
    ($rest:literal) => {
        concat!(
            "SELECT s.app_id, s.id, s.name, s.version, v.content_hash, v.source, s.limits, k.suspended_at \
             FROM scripts s JOIN script_versions v ON v.script_id = s.id AND v.version = s.version \
             LEFT JOIN script_strikes k ON k.script_id = s.id AND k.version = s.version ",
            $rest
        )
    };
}

statements! {
    LIST_RELEASES = concat!("SELECT ", release_columns!(), " FROM releases \
        WHERE app_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3");
    FIND_RELEASE = concat!("SELECT ", release_columns!(), ", manifest FROM releases \
        WHERE app_id = $1 AND number = $2");
    LIVE_APP = select_apps!("WHERE id = $1");
    LIVE_DOMAINS = select_domains!("WHERE app_id = $1 ORDER BY id");
    LIVE_ROUTES = select_routes!("WHERE app_id = $1 ORDER BY id");
    LIVE_SCRIPTS = select_scripts!("WHERE s.app_id = $1 ORDER BY s.id");
    LIVE_CONFIG = select_config!("WHERE app_id = $1");
    LIVE_BINDINGS = select_bindings!("WHERE app_id = $1 ORDER BY id");
    // In the order of the tables themselves, which costs nothing; what belongs to which app is sorted out below.
    ALL_LIVE_APPS = select_apps!("ORDER BY id");
    ALL_LIVE_DOMAINS = select_domains!("ORDER BY id");
    ALL_LIVE_ROUTES = select_routes!("ORDER BY id");
    ALL_LIVE_CONFIG = select_config!("ORDER BY app_id");
    ALL_LIVE_BINDINGS = select_bindings!("ORDER BY id");
    ALL_LIVE_SCRIPTS = select_scripts!("ORDER BY s.id");
}

#[derive(sqlx::FromRow)]
struct ReleaseRow {
    app_id: Uuid,
    number: i64,
    author_id: Option<Uuid>,
    author_name: Option<String>,
    note: Option<String>,
    summary: String,
    created_at: i64,
}

#[derive(sqlx::FromRow)]
struct ReleaseWithManifest {
    #[sqlx(flatten)]
    release: ReleaseRow,
    manifest: String,
}

#[derive(sqlx::FromRow)]
struct LiveAppRow {
    id: Uuid,
    slug: String,
    release: i64,
}

#[derive(sqlx::FromRow)]
struct LiveScriptRow {
    app_id: Uuid,
    id: Uuid,
    name: String,
    version: i64,
    content_hash: Vec<u8>,
    source: Source,
    limits: String,
    suspended_at: Option<i64>,
}

#[async_trait]
impl ReleaseRepository for Store {
    async fn list_releases(
        &self,
        app: AppId,
        limit: u32,
        before: Option<u32>,
    ) -> Result<Vec<Release>, StoreError> {
        let before = before.map_or(i64::MAX, i64::from);
        let rows: Vec<ReleaseRow> = self
            .db
            .fetch_all(LIST_RELEASES, args![app, before, limit])
            .await?;
        rows.into_iter().map(Release::try_from).collect()
    }

    async fn find_release(&self, app: AppId, number: u32) -> Result<Option<(Release, Manifest)>, StoreError> {
        let found: Option<ReleaseWithManifest> =
            self.db.fetch_optional(FIND_RELEASE, args![app, number]).await?;
        found.map(ReleaseWithManifest::read).transpose()
    }

    async fn live_release(&self, app: AppId) -> Result<Option<LiveRelease>, StoreError> {
        let mut snapshot = self.db.snapshot().await?;
        let apps: Vec<LiveAppRow> = snapshot.fetch_all(LIVE_APP, args![app]).await?;
        if apps.is_empty() {
            return Ok(None);
        }
        let domains = snapshot.fetch_all(LIVE_DOMAINS, args![app]).await?;
        let routes = snapshot.fetch_all(LIVE_ROUTES, args![app]).await?;
        let scripts = snapshot.fetch_all(LIVE_SCRIPTS, args![app]).await?;
        let config: Vec<LiveConfigRow> = snapshot.fetch_all(LIVE_CONFIG, args![app]).await?;
        let bindings: Vec<BindingRow> = snapshot.fetch_all(LIVE_BINDINGS, args![app]).await?;
        snapshot.commit().await?;
        let releases = assemble(apps, domains, routes, scripts, &config, &bindings);
        releases.map(|mut releases| releases.pop())
    }

    async fn live_releases(&self) -> Result<Vec<LiveRelease>, StoreError> {
        let mut snapshot = self.db.snapshot().await?;
        let apps = snapshot.fetch_all(ALL_LIVE_APPS, args![]).await?;
        let domains = snapshot.fetch_all(ALL_LIVE_DOMAINS, args![]).await?;
        let routes = snapshot.fetch_all(ALL_LIVE_ROUTES, args![]).await?;
        let scripts = snapshot.fetch_all(ALL_LIVE_SCRIPTS, args![]).await?;
        let config: Vec<LiveConfigRow> = snapshot.fetch_all(ALL_LIVE_CONFIG, args![]).await?;
        let bindings: Vec<BindingRow> = snapshot.fetch_all(ALL_LIVE_BINDINGS, args![]).await?;
        snapshot.commit().await?;
        assemble(apps, domains, routes, scripts, &config, &bindings)
    }
}

/// Finds one release with all it holds, as a transaction sees it.
pub(crate) async fn find_release(
    transaction: &mut Transaction,
    app: AppId,
    number: u32,
) -> Result<Option<(Release, Manifest)>, StoreError> {
    let found: Option<ReleaseWithManifest> = transaction
        .fetch_optional(FIND_RELEASE, args![app, number])
        .await?;
    found.map(ReleaseWithManifest::read).transpose()
}

impl ReleaseWithManifest {
    fn read(self) -> Result<(Release, Manifest), StoreError> {
        let manifest = from_json("manifest", &self.manifest)?;
        Ok((self.release.try_into()?, manifest))
    }
}

/// Sorts rows of one moment into the releases that they belong to.
fn assemble(
    apps: Vec<LiveAppRow>,
    domains: Vec<DomainRow>,
    routes: Vec<RouteRow>,
    scripts: Vec<LiveScriptRow>,
    config: &[LiveConfigRow],
    bindings: &[BindingRow],
) -> Result<Vec<LiveRelease>, StoreError> {
    let mut releases: Vec<LiveRelease> = apps
        .into_iter()
        .map(LiveRelease::try_from)
        .collect::<Result<_, _>>()?;
    let positions: HashMap<Uuid, usize> = releases
        .iter()
        .enumerate()
        .map(|(position, release)| (release.app_id.0, position))
        .collect();
    for row in domains {
        if let Some(position) = positions.get(&row.app_id) {
            releases[*position].domains.push(DomainClaim::try_from(row)?);
        }
    }
    for row in routes {
        if let Some(position) = positions.get(&row.app_id) {
            releases[*position].routes.push(Route::try_from(row)?);
        }
    }
    // Those of one app stand together.
    let configs: HashMap<Uuid, Arc<AppConfig>> = config
        .chunk_by(|one, other| one.app_id == other.app_id)
        .filter_map(|rows| Some((rows.first()?.app_id, app_config(rows))))
        .collect();
    let empty = Arc::default();
    let mut by_release: Vec<Vec<LiveScript>> = vec![Vec::new(); releases.len()];
    for row in scripts {
        if let Some(position) = positions.get(&row.app_id) {
            let config = Arc::clone(configs.get(&row.app_id).unwrap_or(&empty));
            by_release[*position].push(row.read(config)?);
        }
    }
    let (mut subscriptions, mut schedules) = (by_app(bindings)?, by_app(bindings)?);
    for (release, scripts) in releases.iter_mut().zip(by_release) {
        release.scripts = linked(scripts);
        release.subscriptions = subscriptions.remove(&release.app_id.0).unwrap_or_default();
        release.schedules = schedules.remove(&release.app_id.0).unwrap_or_default();
    }
    Ok(releases)
}

impl TryFrom<ReleaseRow> for Release {
    type Error = StoreError;

    fn try_from(row: ReleaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            app_id: AppId(row.app_id),
            number: number("release", row.number)?,
            author: row.author_id.map(UserId),
            author_name: row.author_name,
            note: row.note,
            summary: row.summary,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}

impl TryFrom<LiveAppRow> for LiveRelease {
    type Error = StoreError;

    fn try_from(row: LiveAppRow) -> Result<Self, StoreError> {
        Ok(Self {
            app_id: AppId(row.id),
            slug: row.slug,
            number: number("release", row.release)?,
            domains: Vec::new(),
            routes: Vec::new(),
            scripts: Vec::new(),
            subscriptions: Vec::new(),
            schedules: Vec::new(),
        })
    }
}

impl LiveScriptRow {
    fn read(self, config: Arc<AppConfig>) -> Result<LiveScript, StoreError> {
        let row = self;
        Ok(LiveScript {
            app_id: AppId(row.app_id),
            script_id: ScriptId(row.id),
            name: parse("script name", &row.name)?,
            version: number("script version", row.version)?,
            content_hash: ContentHash(hash("content hash", &row.content_hash)?),
            source: row.source.0,
            modules: None,
            limits: from_json("limits", &row.limits)?,
            suspended: row.suspended_at.is_some(),
            config,
        })
    }
}
