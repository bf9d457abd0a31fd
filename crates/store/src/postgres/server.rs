//! What the server is, and whether PiCloud can rely on it.

use sqlx::PgConnection;

use crate::{error::OpenError, statements::statements};

/// The oldest major version.
pub(crate) const VERSION_MIN: i64 = 15;

statements! {
    SERVER = "SELECT current_setting('server_version') AS version, \
        CAST(current_setting('server_version_num') AS BIGINT) AS version_number, \
        current_setting('server_encoding') AS encoding, \
        current_setting('fsync') AS fsync, \
        current_setting('full_page_writes') AS full_page_writes, \
        current_setting('synchronous_commit') AS synchronous_commit";
}

#[derive(Clone, Debug, sqlx::FromRow)]
struct Server {
    version: String,
    version_number: i64,
    encoding: String,
    fsync: String,
    full_page_writes: String,
    synchronous_commit: String,
}

/// Refuses a server that is too old or cannot hold every text, and warns of one that may forget what it
/// confirmed.
pub(super) async fn check(connection: &mut PgConnection, address: &str) -> Result<(), OpenError> {
    let server: Server = sqlx::query_as(SERVER)
        .fetch_one(connection)
        .await
        .map_err(|error| OpenError::postgres(address, error))?;
    if let Some(error) = refuse(&server) {
        return Err(error);
    }
    for setting in lax(&server) {
        tracing::warn!(
            setting,
            "PostgreSQL has `{setting}` off: after a crash of its machine, changes that PiCloud confirmed may be lost"
        );
    }
    Ok(())
}

fn refuse(server: &Server) -> Option<OpenError> {
    if server.version_number / 10_000 < VERSION_MIN {
        let found = server.version.clone();
        Some(OpenError::PostgresTooOld { found })
    } else if server.encoding != "UTF8" {
        let found = server.encoding.clone();
        Some(OpenError::Encoding { found })
    } else {
        None
    }
}

/// The settings that are off though durability rests on them.
fn lax(server: &Server) -> impl Iterator<Item = &'static str> {
    [
        ("fsync", server.fsync == "off"),
        ("full_page_writes", server.full_page_writes == "off"),
        ("synchronous_commit", server.synchronous_commit == "off"),
    ]
    .into_iter()
    .filter_map(|(name, off)| off.then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Server {
        Server {
            version: "15.8 (Debian)".to_owned(),
            version_number: 150_008,
            encoding: "UTF8".to_owned(),
            fsync: "on".to_owned(),
            full_page_writes: "on".to_owned(),
            synchronous_commit: "on".to_owned(),
        }
    }

    #[test]
    fn old_servers_and_other_encodings_are_refused() {
        assert!(refuse(&good()).is_none());
        let old = Server {
            version: "14.11".to_owned(),
            version_number: 140_011,
            ..good()
        };
        let text = refuse(&old).map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains("14.11") && text.contains("15"), "{text}");
        let ascii = Server {
            encoding: "SQL_ASCII".to_owned(),
            ..good()
        };
        assert!(matches!(refuse(&ascii), Some(OpenError::Encoding { .. })));
    }

    #[test]
    fn settings_that_forget_are_named() {
        assert_eq!(lax(&good()).count(), 0);
        let careless = Server {
            fsync: "off".to_owned(),
            synchronous_commit: "off".to_owned(),
            ..good()
        };
        assert_eq!(
            lax(&careless).collect::<Vec<_>>(),
            ["fsync", "synchronous_commit"]
        );
    }
}
