//! What the scripts of an app import of each other.

use std::sync::Arc;

use picloud_shared::{
    id::AppId,
    modules::{Linker, imports},
    repository::{Checked, StoreError, WriteScriptError},
    script::{Script, ScriptName},
};

use crate::{
    change::ReleaseChange,
    convert::{Source, parse},
    db::Transaction,
    statements::statements,
    value::args,
};

statements! {
    LIVE_SOURCES = "SELECT s.name, v.source FROM scripts s \
        JOIN script_versions v ON v.script_id = s.id AND v.version = s.version \
        WHERE s.app_id = $1 ORDER BY s.id";
}

/// All scripts of an app, as a transaction sees them.
pub(crate) async fn linker(transaction: &mut Transaction, app: AppId) -> Result<Linker, StoreError> {
    let rows: Vec<(String, Source)> = transaction.fetch_all(LIVE_SOURCES, args![app]).await?;
    let scripts: Vec<(ScriptName, Arc<str>)> = rows
        .into_iter()
        .map(|(name, source)| Ok((parse("script name", &name)?, source.0)))
        .collect::<Result<_, StoreError>>()?;
    Ok(Linker::new(scripts))
}

/// The scripts of the app that import `name` themselves.
pub(crate) async fn importers(
    release: &mut ReleaseChange<'_>,
    name: &ScriptName,
) -> Result<Vec<ScriptName>, StoreError> {
    let app = release.app();
    let linker = linker(&mut release.transaction, app).await?;
    Ok(linker.importers(name).into_iter().cloned().collect())
}

/// Refuses to go on with a script that has a new source if that was checked with something else than what is around it
/// now, or imports what is not there, or itself in a circle.
///
/// The app is read only if another release was live when the source was checked, or if the source imports anything.
pub(crate) async fn require_fit(
    release: &mut ReleaseChange<'_>,
    script: &Script,
    checked: Option<Checked>,
) -> Result<(), WriteScriptError> {
    let live = release.number()? - 1;
    let to_compare = checked.filter(|checked| checked.release != live);
    let is_importing = !imports(&script.source).is_empty();
    if to_compare.is_none() && !is_importing {
        return Ok(());
    }
    let app = release.app();
    let linker = linker(&mut release.transaction, app).await?;
    if to_compare.is_some_and(|checked| linker.around(&script.name) != Ok(checked.around)) {
        return Err(WriteScriptError::Outdated);
    }
    if is_importing {
        linker.check().map_err(WriteScriptError::Imports)?;
    }
    Ok(())
}
