//! How one statement reaches either database.
//!
//! A function of a noun is written once: it names a statement and its values and says what a row looks like.
//! Here, and only here, that is done for SQLite and for PostgreSQL.

use std::time::Duration;

use picloud_shared::{id::AppId, repository::StoreError};
use sqlx::{FromRow, postgres::PgRow, sqlite::SqliteRow};

use crate::{
    error::store_error,
    postgres::{self, Postgres},
    sqlite::Sqlite,
    value::{Value, args, bind},
};

/// No call of the program hangs longer on one statement, whatever became of the database.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(20);
/// No question whether the database answers takes longer.
pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// A row of either database.
pub(crate) trait Row:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// A database.
#[derive(Debug)]
pub(crate) enum Db {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Several statements that take effect together, or not at all when it is dropped.
#[derive(Debug)]
pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

/// Runs a query on whichever database it is.
macro_rules! on_pool {
    ($db:expr, $query:expr, $args:expr, $run:ident) => {
        match $db {
            Db::Sqlite(db) => bounded(bind!($query, $args).$run(&db.readers)).await,
            Db::Postgres(db) => bounded(bind!($query, $args).$run(&db.pool)).await,
        }
        .map_err(store_error)
    };
}

macro_rules! in_transaction {
    ($transaction:expr, $query:expr, $args:expr, $run:ident) => {
        match $transaction {
            Transaction::Sqlite(transaction) => bounded(bind!($query, $args).$run(&mut **transaction)).await,
            Transaction::Postgres(transaction) => {
                bounded(bind!($query, $args).$run(&mut **transaction)).await
            }
        }
        .map_err(store_error)
    };
}

impl Db {
    /// Reads all rows.
    pub(crate) async fn fetch_all<T: Row>(
        &self,
        sql: &'static str,
        args: Vec<Value<'_>>,
    ) -> Result<Vec<T>, StoreError> {
        on_pool!(self, sqlx::query_as(sql), args, fetch_all)
    }

    /// Reads the first row, if there is one.
    pub(crate) async fn fetch_optional<T: Row>(
        &self,
        sql: &'static str,
        args: Vec<Value<'_>>,
    ) -> Result<Option<T>, StoreError> {
        on_pool!(self, sqlx::query_as(sql), args, fetch_optional)
    }

    /// Reads the only row.
    pub(crate) async fn fetch_one<T: Row>(
        &self,
        sql: &'static str,
        args: Vec<Value<'_>>,
    ) -> Result<T, StoreError> {
        on_pool!(self, sqlx::query_as(sql), args, fetch_one)
    }

    /// Begins a transaction that writes. On SQLite it takes the write lock at once: one that read first and
    /// then found another writer in front of it would fail without waiting.
    pub(crate) async fn write(&self) -> Result<Transaction, StoreError> {
        match self {
            Self::Sqlite(db) => bounded(db.writer.begin_with("BEGIN IMMEDIATE"))
                .await
                .map(Transaction::Sqlite),
            Self::Postgres(db) => bounded(db.pool.begin()).await.map(Transaction::Postgres),
        }
        .map_err(store_error)
    }

    /// Writes with one statement, and tells how many rows that touched. When this returns, it is on disk.
    pub(crate) async fn execute(&self, sql: &'static str, args: Vec<Value<'_>>) -> Result<u64, StoreError> {
        let mut transaction = self.write().await?;
        let touched = transaction.execute(sql, args).await?;
        transaction.commit().await?;
        Ok(touched)
    }

    /// Begins a transaction that changes accounts: all of them wait for each other, so that what one reads of any
    /// account stays true until its end. On SQLite all transactions that write do.
    pub(crate) async fn write_accounts(&self) -> Result<Transaction, StoreError> {
        let mut transaction = self.write().await?;
        if let Self::Postgres(_) = self {
            transaction.execute(postgres::lock::ACCOUNTS, vec![]).await?;
        }
        Ok(transaction)
    }

    /// Begins a transaction that sees one moment, however many statements read in it.
    pub(crate) async fn snapshot(&self) -> Result<Transaction, StoreError> {
        match self {
            Self::Sqlite(db) => bounded(db.readers.begin()).await.map(Transaction::Sqlite),
            Self::Postgres(db) => bounded(
                db.pool
                    .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
            )
            .await
            .map(Transaction::Postgres),
        }
        .map_err(store_error)
    }
}

impl Transaction {
    /// Waits for all who change the data of `app`, and has others wait, to the end of the transaction. On SQLite all
    /// transactions that write do.
    pub(crate) async fn lock_data(&mut self, app: AppId) -> Result<(), StoreError> {
        if let Self::Postgres(_) = self {
            self.execute(postgres::lock::DATA_OF_APP, args![app]).await?;
        }
        Ok(())
    }

    /// Reads all rows.
    pub(crate) async fn fetch_all<T: Row>(
        &mut self,
        sql: &'static str,
        args: Vec<Value<'_>>,
    ) -> Result<Vec<T>, StoreError> {
        in_transaction!(self, sqlx::query_as(sql), args, fetch_all)
    }

    /// Reads the first row, if there is one.
    pub(crate) async fn fetch_optional<T: Row>(
        &mut self,
        sql: &'static str,
        args: Vec<Value<'_>>,
    ) -> Result<Option<T>, StoreError> {
        in_transaction!(self, sqlx::query_as(sql), args, fetch_optional)
    }

    /// Writes, and tells how many rows that touched.
    pub(crate) async fn execute(
        &mut self,
        sql: &'static str,
        args: Vec<Value<'_>>,
    ) -> Result<u64, StoreError> {
        self.try_execute(sql, args).await.map_err(store_error)
    }

    /// Writes, and tells whether no uniqueness stood against it. After a `false` the transaction can only be
    /// dropped.
    pub(crate) async fn execute_unless_taken(
        &mut self,
        sql: &'static str,
        args: Vec<Value<'_>>,
    ) -> Result<bool, StoreError> {
        match self.try_execute(sql, args).await {
            Ok(_) => Ok(true),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
            Err(error) => Err(store_error(error)),
        }
    }

    /// Makes everything take effect. When this returns, it is on disk.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => bounded(transaction.commit()).await,
            Self::Postgres(transaction) => bounded(transaction.commit()).await,
        }
        .map_err(store_error)
    }

    async fn try_execute(&mut self, sql: &'static str, args: Vec<Value<'_>>) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(transaction) => bounded(bind!(sqlx::query(sql), args).execute(&mut **transaction))
                .await
                .map(|done| done.rows_affected()),
            Self::Postgres(transaction) => bounded(bind!(sqlx::query(sql), args).execute(&mut **transaction))
                .await
                .map(|done| done.rows_affected()),
        }
    }
}

/// The answer, or that there was none in time.
pub(crate) async fn bounded<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(STATEMENT_TIMEOUT, answer)
        .await
        .unwrap_or_else(|elapsed| Err(sqlx::Error::Io(elapsed.into())))
}
