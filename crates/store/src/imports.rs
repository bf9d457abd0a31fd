//! What the scripts of an app import of each other.

use std::sync::Arc;

use picloud_shared::{id::AppId, modules::Linker, repository::StoreError, script::ScriptName};

use crate::{
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
