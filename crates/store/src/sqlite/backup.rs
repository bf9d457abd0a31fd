//! A copy of the database, made before its schema changes: migrations only go forward.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use sqlx::SqliteConnection;

use crate::{error::OpenError, statements::statements};

/// Copies that are kept, those of the newest schemas.
const BACKUPS_KEPT: usize = 3;

/// How the name of a copy begins; the number of its schema follows.
const PREFIX: &str = "picloud.db.schema-";

statements! {
    COPY = "VACUUM INTO $1";
}

/// Copies the database at `path`, which has `schema`, to a file beside it. When this returns, the copy is on disk; an
/// earlier one of the same schema is gone.
pub(crate) async fn make(
    connection: &mut SqliteConnection,
    path: &Path,
    schema: i64,
) -> Result<(), OpenError> {
    let copy = path.with_file_name(format!("{PREFIX}{schema}"));
    // A copy that is cut off must not stand where a whole one is looked for.
    let partial = path.with_file_name(format!("{PREFIX}{schema}.partial"));
    let cannot = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Backup {
        path: copy.clone(),
        source,
    };
    make_empty(&partial).map_err(|error| cannot(error.into()))?;
    sqlx::query(COPY)
        .bind(partial.to_string_lossy().as_ref())
        .execute(connection)
        .await
        .map_err(|error| cannot(error.into()))?;
    put_in_place(&partial, &copy).map_err(|error| cannot(error.into()))?;
    tracing::info!(path = %copy.display(), schema, "copied the database before its schema changes");
    remove_oldest(path);
    Ok(())
}

/// Makes the file for its owner alone, as the database is.
fn make_empty(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

fn put_in_place(partial: &Path, copy: &Path) -> io::Result<()> {
    File::open(partial)?.sync_all()?;
    fs::rename(partial, copy)?;
    match copy.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Removes copies beyond [`BACKUPS_KEPT`]. One that cannot be removed only takes space.
fn remove_oldest(path: &Path) {
    let Some(entries) = path.parent().and_then(|folder| fs::read_dir(folder).ok()) else {
        return;
    };
    let mut copies: Vec<(i64, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let schema = entry.file_name().to_str()?.strip_prefix(PREFIX)?.parse().ok()?;
            Some((schema, entry.path()))
        })
        .collect();
    copies.sort_unstable_by_key(|(schema, _)| std::cmp::Reverse(*schema));
    for (_, path) in copies.into_iter().skip(BACKUPS_KEPT) {
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(%error, path = %path.display(), "an old copy of the database cannot be removed");
        }
    }
}
