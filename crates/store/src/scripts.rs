//! Scripts and their versions.

use std::sync::Arc;

use async_trait::async_trait;
use picloud_shared::{
    change::Change,
    id::{AppId, ExecutionId, RouteId, ScriptId, UserId},
    page::{Page, PageRequest},
    repository::{
        AppScope, Checked, DeleteScriptError, Expected, NewScript, ScriptRepository, ScriptUpdate,
        StoreError, WriteScriptError,
    },
    script::{ContentHash, Script, ScriptVersion},
    strikes::{STRIKE_AGE_MAX, STRIKES_MAX, Strike, Strikes},
    time::Timestamp,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Store,
    audit::{Entry, append},
    authority::confirm,
    bindings::bindings_of_script,
    change::ReleaseChange,
    convert::{Source, from_json, hash, number, parse, to_json},
    imports::{importers, require_fit},
    removed::{forget_oldest, remove_script},
    statements::statements,
    value::args,
    versions::{insert_version, next_version},
};

/// A script with its live version and the strikes of that version.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.app_id, s.name, s.description, s.version, v.source, s.limits, s.created_at, \
             s.updated_at, k.strikes, k.struck_at, k.execution_id, k.suspended_at \
             FROM scripts s JOIN script_versions v ON v.script_id = s.id AND v.version = s.version \
             LEFT JOIN script_strikes k ON k.script_id = s.id AND k.version = s.version ",
            $rest
        )
    };
}

macro_rules! select_version {
    ($rest:literal) => {
        concat!(
            "SELECT script_id, version, source, content_hash, author_id, author_name, note, created_at \
             FROM script_versions ",
            $rest
        )
    };
}

statements! {
    FIND_SCRIPT = select!("WHERE s.id = $1");
    LIST_SCRIPTS = select!("WHERE s.id > $1 ORDER BY s.id LIMIT $2");
    LIST_SCRIPTS_OF_MEMBER = select!("JOIN app_members m ON m.app_id = s.app_id AND m.user_id = $1 \
        WHERE s.id > $2 ORDER BY s.id LIMIT $3");
    LIST_SCRIPTS_OF_APP = select!("WHERE s.app_id = $1 AND s.id > $2 ORDER BY s.id LIMIT $3");
    FIND_SCRIPT_APP = "SELECT app_id FROM scripts WHERE id = $1";
    INSERT_SCRIPT = "INSERT INTO scripts \
        (id, app_id, name, description, version, limits, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, 1, $5, $6, $6) ON CONFLICT (app_id, name) DO NOTHING";
    UPDATE_SCRIPT = "UPDATE scripts SET name = $2, description = $3, version = $4, limits = $5, updated_at = $6 \
        WHERE id = $1";
    ROUTES_OF_SCRIPT = "SELECT id FROM routes WHERE script_id = $1 ORDER BY id";
    FIND_VERSION = select_version!("WHERE script_id = $1 AND version = $2");
    LIST_VERSIONS = select_version!("WHERE script_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3");
    // Only a strike that is newer than $5 is there to be added to. With $6 strikes the script is suspended.
    STRIKE = "INSERT INTO script_strikes (script_id, version, execution_id, strikes, struck_at) \
        SELECT id, version, $3, 1, $4 FROM scripts WHERE id = $1 AND version = $2 \
        ON CONFLICT (script_id) DO UPDATE SET version = excluded.version, \
        execution_id = excluded.execution_id, struck_at = excluded.struck_at, \
        strikes = CASE WHEN script_strikes.version = excluded.version AND script_strikes.struck_at > $5 \
            THEN script_strikes.strikes + 1 ELSE 1 END, \
        suspended_at = CASE WHEN script_strikes.version <> excluded.version THEN NULL \
            WHEN script_strikes.suspended_at IS NOT NULL THEN script_strikes.suspended_at \
            WHEN script_strikes.struck_at > $5 AND script_strikes.strikes + 1 >= $6 THEN excluded.struck_at END \
        WHERE script_strikes.execution_id <> excluded.execution_id \
        RETURNING strikes, struck_at, execution_id, suspended_at";
    FORGIVE = "DELETE FROM script_strikes WHERE script_id = $1";
}

#[derive(sqlx::FromRow)]
struct ScriptRow {
    id: Uuid,
    app_id: Uuid,
    name: String,
    description: String,
    version: i64,
    source: Source,
    limits: String,
    created_at: i64,
    updated_at: i64,
    strikes: Option<i64>,
    struck_at: Option<i64>,
    execution_id: Option<Uuid>,
    suspended_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct StrikesRow {
    strikes: i64,
    struck_at: i64,
    execution_id: Uuid,
    suspended_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct VersionRow {
    script_id: Uuid,
    version: i64,
    source: Source,
    content_hash: Vec<u8>,
    author_id: Option<Uuid>,
    author_name: Option<String>,
    note: Option<String>,
    created_at: i64,
}

#[async_trait]
impl ScriptRepository for Store {
    async fn create_script(&self, new: NewScript, change: &Change) -> Result<Script, WriteScriptError> {
        let Some(mut release) = ReleaseChange::begin(&self.db, new.app_id, change).await? else {
            return Err(WriteScriptError::NoApp);
        };
        let script = Script {
            id: new.id,
            app_id: new.app_id,
            name: new.name,
            description: new.description,
            version: 1,
            source: new.source,
            limits: new.limits,
            strikes: None,
            created_at: change.at,
            updated_at: change.at,
        };
        let args = args![
            script.id,
            script.app_id,
            script.name.as_str(),
            &script.description,
            to_json(&script.limits)?,
            change.at,
        ];
        if release.transaction.execute(INSERT_SCRIPT, args).await? == 0 {
            return Err(WriteScriptError::NameTaken);
        }
        let version = (script.id, script.version, &*script.source);
        insert_version(&mut release.transaction, version, change).await?;
        require_fit(&mut release, &script, new.checked).await?;
        let entry = about("create_script", &script).after(state(&script));
        release
            .commit(&format!("script {} created", script.name), entry)
            .await?;
        Ok(script)
    }

    async fn find_script(&self, script: ScriptId) -> Result<Option<Script>, StoreError> {
        let row: Option<ScriptRow> = self.db.fetch_optional(FIND_SCRIPT, args![script]).await?;
        row.map(Script::try_from).transpose()
    }

    async fn list_scripts(&self, scope: AppScope, page: PageRequest) -> Result<Page<Script>, StoreError> {
        let after = page.after.unwrap_or_default();
        let limit = u64::from(page.limit) + 1;
        let (sql, args) = match scope {
            AppScope::All => (LIST_SCRIPTS, args![after, limit]),
            AppScope::MemberOf(member) => (LIST_SCRIPTS_OF_MEMBER, args![member, after, limit]),
            AppScope::One(app) => (LIST_SCRIPTS_OF_APP, args![app, after, limit]),
            AppScope::None => return Ok(Page::empty()),
        };
        let rows: Vec<ScriptRow> = self.db.fetch_all(sql, args).await?;
        let scripts = rows.into_iter().map(Script::try_from).collect::<Result<_, _>>()?;
        Ok(Page::from_overfull(scripts, page.limit, |script: &Script| {
            script.id.0
        }))
    }

    async fn update_script(
        &self,
        id: ScriptId,
        update: ScriptUpdate,
        change: &Change,
    ) -> Result<Option<Script>, WriteScriptError> {
        let Some((mut release, before)) = self.begin_script_change(id, &update.expected, change).await?
        else {
            return Ok(None);
        };
        let mut after = before.clone();
        after.name = update.name.unwrap_or(after.name);
        after.description = update.description.unwrap_or(after.description);
        if let Some(source) = update.source {
            after.source = source;
            after.version = next_version(&mut release.transaction, id).await?;
            after.strikes = None;
        }
        after.limits = update.limits.unwrap_or(after.limits);
        if after == before {
            return Ok(Some(before));
        }
        let summary = if after.version != before.version {
            format!("script {}: version {}", after.name, after.version)
        } else if after.name != before.name {
            format!("script {} renamed to {}", before.name, after.name)
        } else {
            format!("script {}: settings", after.name)
        };
        write_script(release, "update_script", &before, after, update.checked, &summary)
            .await
            .map(Some)
    }

    async fn rollback_script(
        &self,
        id: ScriptId,
        version: u32,
        expected: &Expected,
        checked: Option<Checked>,
        change: &Change,
    ) -> Result<Option<Script>, WriteScriptError> {
        let Some((mut release, before)) = self.begin_script_change(id, expected, change).await? else {
            return Ok(None);
        };
        let row: Option<VersionRow> = release
            .transaction
            .fetch_optional(FIND_VERSION, args![id, version])
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let mut after = before.clone();
        after.version = next_version(&mut release.transaction, id).await?;
        after.source = row.source.0;
        after.strikes = None;
        let summary = format!(
            "script {}: version {}, as version {version}",
            after.name, after.version
        );
        write_script(release, "roll_back_script", &before, after, checked, &summary)
            .await
            .map(Some)
    }

    async fn delete_script(
        &self,
        id: ScriptId,
        expected: &Expected,
        change: &Change,
    ) -> Result<bool, DeleteScriptError> {
        let app: Option<(Uuid,)> = self.db.fetch_optional(FIND_SCRIPT_APP, args![id]).await?;
        let Some((app,)) = app else {
            return Ok(false);
        };
        let Some(mut release) = ReleaseChange::begin(&self.db, AppId(app), change).await? else {
            return Ok(false);
        };
        let transaction = &mut release.transaction;
        let found: Option<ScriptRow> = transaction.fetch_optional(FIND_SCRIPT, args![id]).await?;
        let Some(script) = found.map(Script::try_from).transpose()? else {
            return Ok(false);
        };
        if !expected.allows(script.version) {
            return Err(DeleteScriptError::VersionMismatch { live: script.version });
        }
        let routes: Vec<(Uuid,)> = transaction.fetch_all(ROUTES_OF_SCRIPT, args![id]).await?;
        if !routes.is_empty() {
            let routes = routes.into_iter().map(|(route,)| RouteId(route)).collect();
            return Err(DeleteScriptError::InUse(routes));
        }
        let importers = importers(&mut release, &script.name).await?;
        if !importers.is_empty() {
            return Err(DeleteScriptError::Imported(importers));
        }
        let bindings = bindings_of_script(&mut release.transaction, AppId(app), id).await?;
        if !bindings.is_empty() {
            return Err(DeleteScriptError::Bound(bindings));
        }
        remove_script(&mut release, id).await?;
        forget_oldest(&mut release.transaction, AppId(app)).await?;
        let entry = about("delete_script", &script).before(state(&script));
        release
            .commit(&format!("script {} deleted", script.name), entry)
            .await?;
        Ok(true)
    }

    async fn find_version(
        &self,
        script: ScriptId,
        version: u32,
    ) -> Result<Option<ScriptVersion>, StoreError> {
        let row: Option<VersionRow> = self
            .db
            .fetch_optional(FIND_VERSION, args![script, version])
            .await?;
        row.map(ScriptVersion::try_from).transpose()
    }

    async fn list_versions(
        &self,
        script: ScriptId,
        limit: u32,
        before: Option<u32>,
    ) -> Result<Vec<ScriptVersion>, StoreError> {
        let before = before.map_or(i64::MAX, i64::from);
        let rows: Vec<VersionRow> = self
            .db
            .fetch_all(LIST_VERSIONS, args![script, before, limit])
            .await?;
        rows.into_iter().map(ScriptVersion::try_from).collect()
    }

    async fn strike_script(&self, strike: Strike) -> Result<Option<Strikes>, StoreError> {
        let args = args![
            strike.script_id,
            strike.version,
            strike.execution_id,
            strike.at,
            strike.at.minus(STRIKE_AGE_MAX),
            STRIKES_MAX,
        ];
        let mut transaction = self.db.write().await?;
        let row: Option<StrikesRow> = transaction.fetch_optional(STRIKE, args).await?;
        transaction.commit().await?;
        row.map(Strikes::try_from).transpose()
    }

    async fn forgive_script(&self, id: ScriptId, change: &Change) -> Result<(), StoreError> {
        let mut transaction = self.db.write().await?;
        let row: Option<ScriptRow> = transaction.fetch_optional(FIND_SCRIPT, args![id]).await?;
        let script = row.map(Script::try_from).transpose()?;
        if let Some(script) = &script {
            confirm(&mut transaction, change, Some(script.app_id)).await?;
        }
        let forgiven = transaction.execute(FORGIVE, args![id]).await?;
        if let Some(script) = script
            && let Some(strikes) = script.strikes
            && forgiven == 1
        {
            let state = |count, suspended| json!({ "strikes": count, "suspended": suspended });
            let entry = about("resume_script", &script)
                .in_app(script.app_id)
                .before(state(strikes.count, strikes.suspended_at.is_some()))
                .after(state(0, false));
            append(&mut transaction, change, entry).await?;
        }
        transaction.commit().await
    }
}

impl Store {
    /// Begins a change of the script's app and reads the script as it is now; `None` if it is gone.
    async fn begin_script_change<'a>(
        &'a self,
        id: ScriptId,
        expected: &Expected,
        change: &'a Change,
    ) -> Result<Option<(ReleaseChange<'a>, Script)>, WriteScriptError> {
        // A script never moves to another app, so this may be read before the app is locked.
        let app: Option<(Uuid,)> = self.db.fetch_optional(FIND_SCRIPT_APP, args![id]).await?;
        let Some((app,)) = app else {
            return Ok(None);
        };
        let Some(mut release) = ReleaseChange::begin(&self.db, AppId(app), change).await? else {
            return Ok(None);
        };
        let row: Option<ScriptRow> = release.transaction.fetch_optional(FIND_SCRIPT, args![id]).await?;
        let Some(script) = row.map(Script::try_from).transpose()? else {
            return Ok(None);
        };
        if !expected.allows(script.version) {
            return Err(WriteScriptError::VersionMismatch { live: script.version });
        }
        Ok(Some((release, script)))
    }
}

/// Writes what differs between `before` and `after`, as one release.
async fn write_script(
    mut release: ReleaseChange<'_>,
    action: &'static str,
    before: &Script,
    mut after: Script,
    checked: Option<Checked>,
    summary: &str,
) -> Result<Script, WriteScriptError> {
    let change = release.change();
    after.updated_at = change.at;
    let args = args![
        after.id,
        after.name.as_str(),
        &after.description,
        after.version,
        to_json(&after.limits)?,
        change.at,
    ];
    if !release
        .transaction
        .execute_unless_taken(UPDATE_SCRIPT, args)
        .await?
    {
        return Err(WriteScriptError::NameTaken);
    }
    if after.version != before.version {
        let version = (after.id, after.version, &*after.source);
        insert_version(&mut release.transaction, version, change).await?;
    }
    // Nothing but this and a new source can leave the app with an import that leads nowhere, or in a circle.
    if after.name != before.name {
        let importers = importers(&mut release, &before.name).await?;
        if !importers.is_empty() {
            return Err(WriteScriptError::Imported(importers));
        }
    }
    if after.version != before.version {
        require_fit(&mut release, &after, checked).await?;
    }
    let entry = about(action, &after).before(state(before)).after(state(&after));
    release.commit(summary, entry).await?;
    Ok(after)
}

fn about(action: &'static str, script: &Script) -> Entry {
    Entry::new(action).about("script", script.id, &script.name)
}

/// What the audit log says of a script: of the source, only its hash.
fn state(script: &Script) -> serde_json::Value {
    json!({
        "name": script.name,
        "description": script.description,
        "version": script.version,
        "content_hash": ContentHash::of(&script.source).to_string(),
        "limits": script.limits,
    })
}

impl TryFrom<ScriptRow> for Script {
    type Error = StoreError;

    fn try_from(row: ScriptRow) -> Result<Self, StoreError> {
        let strikes = match (row.strikes, row.struck_at, row.execution_id) {
            (Some(strikes), Some(struck_at), Some(execution_id)) => Some(Strikes::try_from(StrikesRow {
                strikes,
                struck_at,
                execution_id,
                suspended_at: row.suspended_at,
            })?),
            _ => None,
        };
        Ok(Self {
            id: ScriptId(row.id),
            app_id: AppId(row.app_id),
            name: parse("script name", &row.name)?,
            description: row.description,
            version: number("script version", row.version)?,
            source: row.source.0,
            limits: from_json("limits", &row.limits)?,
            strikes,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}

impl TryFrom<StrikesRow> for Strikes {
    type Error = StoreError;

    fn try_from(row: StrikesRow) -> Result<Self, StoreError> {
        Ok(Self {
            count: number("number of strikes", row.strikes)?,
            last_at: Timestamp::from_micros(row.struck_at),
            execution_id: ExecutionId(row.execution_id),
            suspended_at: row.suspended_at.map(Timestamp::from_micros),
        })
    }
}

impl TryFrom<VersionRow> for ScriptVersion {
    type Error = StoreError;

    fn try_from(row: VersionRow) -> Result<Self, StoreError> {
        Ok(Self {
            script_id: ScriptId(row.script_id),
            version: number("script version", row.version)?,
            source: Arc::clone(&row.source.0),
            content_hash: ContentHash(hash("content hash", &row.content_hash)?),
            author: row.author_id.map(UserId),
            author_name: row.author_name,
            note: row.note,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}
