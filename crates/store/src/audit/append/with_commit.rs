//! The record of what a person changes in the data of scripts: a part of the commit that changes it, so that neither is there
//! without the other.

use picloud_shared::{
    audit::{AuditChain, Recorded},
    id::AppId,
    repository::StoreError,
};
use rusqlite::{Connection, Error, OptionalExtension as _, params_from_iter};
use sqlx::PgConnection;

use super::{super::record::RecordRow, ACTOR_NAME, Entry, INSERT_RECORD, NEXT_IN_CHAIN, SET_HEAD, row};
use crate::value::{args, bind};

/// A record that a commit is to append as the last thing that it does: as in [`append`](super::append), it locks the end of the
/// chain.
pub(crate) struct WithCommit(RecordRow);

impl WithCommit {
    /// That of a change in `app`.
    pub(crate) fn of(app: AppId, recorded: &Recorded) -> Result<Self, StoreError> {
        let entry = Entry::of_data(app, &recorded.done);
        row(AuditChain::Changes, &recorded.change, &entry).map(Self)
    }

    /// Appends it on SQLite.
    pub(crate) fn append_to_sqlite(self, connection: &Connection) -> Result<(), Error> {
        let Self(mut row) = self;
        if let Some(actor) = row.actor_id {
            row.actor_name = connection
                .prepare_cached(ACTOR_NAME)?
                .query_row(params_from_iter(args![actor]), |found| found.get(0))
                .optional()?;
        }
        let (sequence, previous): (i64, Vec<u8>) = connection
            .prepare_cached(NEXT_IN_CHAIN)?
            .query_row(params_from_iter(args![&row.chain]), |head| {
                Ok((head.get(0)?, head.get(1)?))
            })?;
        row.put_behind(&previous, sequence);
        for (sql, values) in [(INSERT_RECORD, row.values()), (SET_HEAD, row.head())] {
            connection
                .prepare_cached(sql)?
                .execute(params_from_iter(values))?;
        }
        Ok(())
    }

    /// Appends it on PostgreSQL.
    pub(crate) async fn append_to_postgres(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let Self(mut row) = self;
        if let Some(actor) = row.actor_id {
            row.actor_name = sqlx::query_scalar(ACTOR_NAME)
                .bind(actor)
                .fetch_optional(&mut *connection)
                .await?;
        }
        let (sequence, previous): (i64, Vec<u8>) = sqlx::query_as(NEXT_IN_CHAIN)
            .bind(row.chain.as_str())
            .fetch_one(&mut *connection)
            .await?;
        row.put_behind(&previous, sequence);
        for (sql, values) in [(INSERT_RECORD, row.values()), (SET_HEAD, row.head())] {
            bind!(sqlx::query(sql), values).execute(&mut *connection).await?;
        }
        Ok(())
    }
}
