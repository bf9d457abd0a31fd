//! Opening: the URL, the server, the pool.

use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    Connection, PgConnection, PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{hints::Hints, leases::Leases, server, turns::Turns};
use crate::{error::OpenError, migrate, statements::statements};

/// Connections at one time.
const CONNECTIONS_MAX: u32 = 16;
/// How long a caller waits for a connection before it hears that the database is away. A server on a busy machine may
/// need seconds to start the process of a new one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the server may take to let the first connection in.
const FIRST_CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// What every connection asks the server to end by itself.
const TIMEOUTS: [(&str, &str); 3] = [
    ("statement_timeout", "15s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "30s"),
];
/// While migrating, a statement may take its time, and another process that migrates is waited for.
const MIGRATION_TIMEOUTS: [(&str, &str); 2] = [("statement_timeout", "0"), ("lock_timeout", "60s")];

statements! {
    /// A statement that begins its own transaction has the very time of it, in the simple protocol.
    IS_AT_REST = "SELECT now() = statement_timestamp()";
}

/// An open database.
#[derive(Debug)]
pub(crate) struct Postgres {
    pub(crate) pool: PgPool,
    pub(super) turns: Arc<Turns>,
    pub(super) hints: Hints,
    pub(super) leases: Leases,
}

impl Postgres {
    pub(crate) async fn open(url: &str) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url).map_err(|error| OpenError::Url(error.into()))?;
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("picloud"),
        };
        prepare(&options).await?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // Connections stay open: looking for idle ones would be work in an idle process. One that died
            // meanwhile is noticed when it is taken.
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .before_acquire(|connection, _| Box::pin(is_at_rest(connection)))
            .connect_lazy_with(options.options(TIMEOUTS));
        Ok(Self {
            pool,
            turns: Arc::default(),
            hints: Hints::default(),
            leases: Leases::default(),
        })
    }

    pub(crate) async fn close(&self) {
        // The pool waits for all of its connections, the one that listens too.
        self.hints.close();
        self.leases.close();
        self.pool.close().await;
    }
}

/// Whether a connection lives, and is in no transaction. When somebody gives up while the answer to `BEGIN` is on its way,
/// sqlx takes the connection for one that has begun nothing: what the next one writes on it would be answered, and never be
/// committed. Such a connection is closed.
async fn is_at_rest(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let found = sqlx::raw_sql(IS_AT_REST).fetch_one(connection).await;
    Ok(found.and_then(|row| row.try_get(0)).unwrap_or(false))
}

/// Checks the server and migrates, on a connection of its own: a pool would try again for a while and then
/// say no more than that it gave up.
async fn prepare(options: &PgConnectOptions) -> Result<(), OpenError> {
    let address = address(options);
    let options = options.clone().options(MIGRATION_TIMEOUTS);
    let connecting = PgConnection::connect_with(&options);
    let mut connection = tokio::time::timeout(FIRST_CONNECTION_TIMEOUT, connecting)
        .await
        .map_err(|elapsed| OpenError::Unreachable {
            address: address.clone(),
            source: elapsed.into(),
        })?
        .map_err(|error| OpenError::postgres(&address, error))?;
    server::check(&mut connection, &address).await?;
    migrate::postgres(&mut connection).await?;
    // All is done; a connection that does not end well changes nothing.
    let _ = connection.close().await;
    Ok(())
}

fn address(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}
