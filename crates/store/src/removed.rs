//! Scripts that were removed: kept for the releases that hold them, until there is too much of them.

use std::sync::Arc;

use picloud_shared::{
    change::Change,
    id::{AppId, ScriptId},
    release::ManifestScript,
    repository::StoreError,
};
use uuid::Uuid;

use crate::{
    change::ReleaseChange,
    convert::{Source, to_json},
    db::{Db, Transaction},
    statements::statements,
    value::args,
};

/// Most bytes of source that are kept of the removed scripts of one app.
const REMOVED_SOURCE_BYTES_MAX: u64 = 64 * 1_024 * 1_024;
/// Most versions that are kept of the removed scripts of one app.
const REMOVED_VERSIONS_MAX: u64 = 10_000;

macro_rules! version_columns {
    () => {
        "version, content_hash, source, author_id, author_name, note, created_at"
    };
}

statements! {
    KEEP_SCRIPT = "INSERT INTO removed_scripts (id, app_id, release, created_at) \
        SELECT id, app_id, $2, created_at FROM scripts WHERE id = $1";
    KEEP_VERSIONS = concat!("INSERT INTO removed_versions (script_id, ", version_columns!(), ") \
        SELECT script_id, ", version_columns!(), " FROM script_versions WHERE script_id = $1");
    DELETE_SCRIPT = "DELETE FROM scripts WHERE id = $1";
    // What was removed last counts first, of each script its newest versions.
    FORGET_VERSIONS = "DELETE FROM removed_versions WHERE (script_id, version) IN ( \
        SELECT script_id, version FROM ( \
            SELECT v.script_id, v.version, row_number() OVER newest AS versions, \
            sum(octet_length(v.source)) OVER newest AS bytes \
            FROM removed_scripts r JOIN removed_versions v ON v.script_id = r.id WHERE r.app_id = $1 \
            WINDOW newest AS (ORDER BY r.release DESC, v.script_id, v.version DESC ROWS UNBOUNDED PRECEDING)) ranked \
        WHERE versions > $2 OR bytes > $3)";
    FORGET_SCRIPTS = "DELETE FROM removed_scripts WHERE app_id = $1 \
        AND NOT EXISTS (SELECT 1 FROM removed_versions v WHERE v.script_id = removed_scripts.id)";
    IS_KEPT = "SELECT r.id FROM removed_scripts r JOIN removed_versions v ON v.script_id = r.id \
        WHERE r.id = $1 AND r.app_id = $2 AND v.version = $3";
    FIND_SOURCE = "SELECT v.source FROM scripts s JOIN script_versions v ON v.script_id = s.id \
        WHERE s.app_id = $1 AND s.id = $2 AND v.version = $3 \
        UNION ALL SELECT v.source FROM removed_scripts r JOIN removed_versions v ON v.script_id = r.id \
        WHERE r.app_id = $1 AND r.id = $2 AND v.version = $3";
    BRING_BACK_SCRIPT = "INSERT INTO scripts \
        (id, app_id, name, description, version, limits, created_at, updated_at) \
        SELECT id, app_id, $3, $4, $5, $6, created_at, $7 FROM removed_scripts WHERE id = $1 AND app_id = $2";
    BRING_BACK_VERSIONS = concat!("INSERT INTO script_versions (script_id, ", version_columns!(), ") \
        SELECT script_id, ", version_columns!(), " FROM removed_versions WHERE script_id = $1");
    FORGET_SCRIPT = "DELETE FROM removed_scripts WHERE id = $1";
}

/// Takes a script away to which no route leads any more. Its versions are kept for the releases that hold them;
/// [`forget_oldest`] belongs after it.
pub(crate) async fn remove_script(
    release: &mut ReleaseChange<'_>,
    script: ScriptId,
) -> Result<(), StoreError> {
    let number = release.number()?;
    let transaction = &mut release.transaction;
    transaction.execute(KEEP_SCRIPT, args![script, number]).await?;
    transaction.execute(KEEP_VERSIONS, args![script]).await?;
    transaction.execute(DELETE_SCRIPT, args![script]).await?;
    Ok(())
}

/// Forgets what is too much, once all is kept that was removed.
pub(crate) async fn forget_oldest(transaction: &mut Transaction, app: AppId) -> Result<(), StoreError> {
    let bounds = args![app, REMOVED_VERSIONS_MAX, REMOVED_SOURCE_BYTES_MAX];
    transaction.execute(FORGET_VERSIONS, bounds).await?;
    transaction.execute(FORGET_SCRIPTS, args![app]).await?;
    Ok(())
}

/// Whether a removed script can come back with this version.
pub(crate) async fn is_kept(
    transaction: &mut Transaction,
    app: AppId,
    script: &ManifestScript,
) -> Result<bool, StoreError> {
    let args = args![script.id, app, script.version];
    let found: Option<(Uuid,)> = transaction.fetch_optional(IS_KEPT, args).await?;
    Ok(found.is_some())
}

/// The source of a version, whether its script was removed or not; `None` if it is not kept.
pub(crate) async fn find_source(
    db: &Db,
    app: AppId,
    script: ScriptId,
    version: u32,
) -> Result<Option<Arc<str>>, StoreError> {
    let row: Option<(Source,)> = db
        .fetch_optional(FIND_SOURCE, args![app, script, version])
        .await?;
    Ok(row.map(|(source,)| source.0))
}

/// Makes a removed script, for which [`is_kept`] holds, a script of its app again.
pub(crate) async fn bring_back(
    transaction: &mut Transaction,
    app: AppId,
    script: &ManifestScript,
    change: &Change,
) -> Result<(), StoreError> {
    let args = args![
        script.id,
        app,
        &script.name,
        &script.description,
        script.version,
        to_json(&script.limits)?,
        change.at,
    ];
    transaction.execute(BRING_BACK_SCRIPT, args).await?;
    transaction.execute(BRING_BACK_VERSIONS, args![script.id]).await?;
    transaction.execute(FORGET_SCRIPT, args![script.id]).await?;
    Ok(())
}
