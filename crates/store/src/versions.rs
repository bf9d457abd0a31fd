//! How versions of scripts are numbered and written.

use picloud_shared::{change::Change, id::ScriptId, repository::StoreError, script::ContentHash};

use crate::{convert::number, db::Transaction, statements::statements, value::args};

statements! {
    // The live version need not be the newest: restoring a release goes back to the version that it names.
    NEWEST_VERSION = "SELECT max(version) FROM script_versions WHERE script_id = $1";
    INSERT_VERSION = "INSERT INTO script_versions \
        (script_id, version, content_hash, source, author_id, author_name, note, created_at) \
        VALUES ($1, $2, $3, $4, $5, (SELECT username FROM users WHERE id = $5), $6, $7)";
}

/// The number of the version to come.
pub(crate) async fn next_version(transaction: &mut Transaction, script: ScriptId) -> Result<u32, StoreError> {
    let newest: Option<(Option<i64>,)> = transaction.fetch_optional(NEWEST_VERSION, args![script]).await?;
    number(
        "script version",
        newest.and_then(|(newest,)| newest).unwrap_or(0) + 1,
    )
}

/// Writes a version.
pub(crate) async fn insert_version(
    transaction: &mut Transaction,
    (script, version, source): (ScriptId, u32, &str),
    change: &Change,
) -> Result<(), StoreError> {
    let content_hash = ContentHash::of(source);
    let args = args![
        script,
        version,
        &content_hash.0,
        source.as_bytes(),
        change.author,
        change.note.as_deref(),
        change.at,
    ];
    transaction.execute(INSERT_VERSION, args).await?;
    Ok(())
}
