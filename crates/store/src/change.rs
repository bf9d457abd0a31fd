//! How a change of an app becomes a release.

use picloud_shared::{
    change::Change,
    id::AppId,
    release::{Manifest, ManifestDomain, ManifestRoute, ManifestScript, Release},
    repository::StoreError,
    script::ContentHash,
};
use uuid::Uuid;

use crate::{
    audit::{Entry, append},
    authority::confirm,
    bindings::bindings_of,
    config::config_of,
    convert::{from_json, hash, number, to_json},
    db::{Db, Transaction},
    events::release::tell,
    routes::webhook_from,
    statements::statements,
    value::args,
};

/// A change of one app in the making. Dropping it undoes it.
///
/// It begins by raising the app's release. That tells whether the app is still there, and makes all
/// writers of the app wait for each other: between here and [`ReleaseChange::commit`], what is read of
/// the app stays true.
#[derive(Debug)]
pub(crate) struct ReleaseChange<'a> {
    pub(crate) transaction: Transaction,
    app: AppId,
    number: i64,
    change: &'a Change,
    db: &'a Db,
}

statements! {
    RAISE_RELEASE = "UPDATE apps SET release = release + 1, updated_at = $2 WHERE id = $1 RETURNING release";
    // The manifest is a text that the program makes; the author's name is read in the statement that stores it.
    INSERT_RELEASE = "INSERT INTO releases \
        (app_id, number, author_id, author_name, note, summary, created_at, manifest) \
        VALUES ($1, $2, $3, (SELECT username FROM users WHERE id = $3), $4, $5, $6, $7) \
        RETURNING author_name";
    MANIFEST_SCRIPTS = "SELECT s.id, s.name, s.description, s.version, v.content_hash, s.limits \
        FROM scripts s JOIN script_versions v ON v.script_id = s.id AND v.version = s.version \
        WHERE s.app_id = $1 ORDER BY s.id";
    MANIFEST_ROUTES = "SELECT id, script_id, host, path, methods, webhook FROM routes \
        WHERE app_id = $1 ORDER BY id";
    MANIFEST_DOMAINS = "SELECT id, pattern FROM domains WHERE app_id = $1 ORDER BY id";
}

#[derive(sqlx::FromRow)]
struct ScriptRow {
    id: Uuid,
    name: String,
    description: String,
    version: i64,
    content_hash: Vec<u8>,
    limits: String,
}

#[derive(sqlx::FromRow)]
struct RouteRow {
    id: Uuid,
    script_id: Uuid,
    host: Option<String>,
    path: String,
    methods: String,
    webhook: Option<String>,
}

#[derive(sqlx::FromRow)]
struct DomainRow {
    id: Uuid,
    pattern: String,
}

impl<'a> ReleaseChange<'a> {
    /// Begins a change, if its author may still make it; `None` if the app is gone.
    pub(crate) async fn begin(
        db: &'a Db,
        app: AppId,
        change: &'a Change,
    ) -> Result<Option<Self>, StoreError> {
        let mut transaction = db.write().await?;
        let raised: Option<(i64,)> = transaction
            .fetch_optional(RAISE_RELEASE, args![app, change.at])
            .await?;
        let Some((number,)) = raised else {
            return Ok(None);
        };
        confirm(&mut transaction, change, Some(app)).await?;
        Ok(Some(Self {
            transaction,
            app,
            number,
            change,
            db,
        }))
    }

    /// The app that is changed.
    pub(crate) fn app(&self) -> AppId {
        self.app
    }

    /// Who changes it, when and why.
    pub(crate) fn change(&self) -> &'a Change {
        self.change
    }

    /// The number that the release will have.
    pub(crate) fn number(&self) -> Result<u32, StoreError> {
        number("release", self.number)
    }

    /// Stores the release, with all that the app holds now, and the record of it in the audit log, and commits.
    pub(crate) async fn commit(mut self, summary: &str, entry: Entry) -> Result<Release, StoreError> {
        let manifest = self.manifest().await?;
        let text = to_json(&manifest)?;
        let release = args![
            self.app,
            self.number,
            self.change.author,
            self.change.note.as_deref(),
            summary,
            self.change.at,
            text,
        ];
        let stored: Option<(Option<String>,)> =
            self.transaction.fetch_optional(INSERT_RELEASE, release).await?;
        append(&mut self.transaction, self.change, entry.in_app(self.app)).await?;
        let release = Release {
            app_id: self.app,
            number: self.number()?,
            author: self.change.author,
            author_name: stored.and_then(|(name,)| name),
            note: self.change.note.clone(),
            summary: summary.to_owned(),
            created_at: self.change.at,
        };
        let is_told = tell(&mut self.transaction, &manifest, &release, self.change).await?;
        self.transaction.commit().await?;
        if let (true, Db::Postgres(db)) = (is_told, self.db) {
            db.tell();
        }
        Ok(release)
    }

    /// All that the app holds now.
    pub(crate) async fn manifest(&mut self) -> Result<Manifest, StoreError> {
        let scripts: Vec<ScriptRow> = self
            .transaction
            .fetch_all(MANIFEST_SCRIPTS, args![self.app])
            .await?;
        let routes: Vec<RouteRow> = self
            .transaction
            .fetch_all(MANIFEST_ROUTES, args![self.app])
            .await?;
        let domains: Vec<DomainRow> = self
            .transaction
            .fetch_all(MANIFEST_DOMAINS, args![self.app])
            .await?;
        Ok(Manifest {
            scripts: scripts
                .into_iter()
                .map(ManifestScript::try_from)
                .collect::<Result<_, _>>()?,
            routes: routes
                .into_iter()
                .map(ManifestRoute::try_from)
                .collect::<Result<_, _>>()?,
            domains: domains.into_iter().map(ManifestDomain::from).collect(),
            config: config_of(&mut self.transaction, self.app).await?,
            subscriptions: bindings_of(&mut self.transaction, self.app).await?,
            schedules: bindings_of(&mut self.transaction, self.app).await?,
        })
    }
}

impl TryFrom<ScriptRow> for ManifestScript {
    type Error = StoreError;

    fn try_from(row: ScriptRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: picloud_shared::id::ScriptId(row.id),
            name: row.name,
            description: row.description,
            version: number("script version", row.version)?,
            content_hash: Some(ContentHash(hash("content hash", &row.content_hash)?)),
            limits: from_json("limits", &row.limits)?,
        })
    }
}

impl TryFrom<RouteRow> for ManifestRoute {
    type Error = StoreError;

    fn try_from(row: RouteRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: picloud_shared::id::RouteId(row.id),
            script_id: picloud_shared::id::ScriptId(row.script_id),
            host: row.host,
            path: row.path,
            methods: row.methods,
            webhook: webhook_from(row.webhook.as_deref())?,
        })
    }
}

impl From<DomainRow> for ManifestDomain {
    fn from(row: DomainRow) -> Self {
        Self {
            id: picloud_shared::id::DomainId(row.id),
            pattern: row.pattern,
        }
    }
}
