//! Gives the space of deleted rows back to the file system.

use picloud_shared::repository::StoreError;

use super::Sqlite;
use crate::{error::store_error, statements::statements};

/// Free pages that stay for the rows to come, so that the file does not shrink and grow in turns: 1 MiB.
const PAGES_KEPT: i64 = 256;

statements! {
    FREE_PAGES = "PRAGMA freelist_count";
    // A step of 4 MiB; the lock is held no longer than that takes.
    FREE_SOME = "PRAGMA incremental_vacuum(1024)";
}

impl Sqlite {
    /// Cuts free pages off the end of the file, in small steps.
    pub(crate) async fn give_back_space(&self) -> Result<(), StoreError> {
        let mut before = i64::MAX;
        loop {
            let mut writer = self.writer.acquire().await.map_err(store_error)?;
            let free: i64 = sqlx::query_scalar(FREE_PAGES)
                .fetch_one(&mut *writer)
                .await
                .map_err(store_error)?;
            // A database that was not made for this never gets any smaller.
            if free <= PAGES_KEPT || free >= before {
                return Ok(());
            }
            before = free;
            // The pragma frees one page per step, so its answer must be read to the end.
            sqlx::query(FREE_SOME)
                .fetch_all(&mut *writer)
                .await
                .map_err(store_error)?;
        }
    }
}
