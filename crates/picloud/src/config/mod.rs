//! Settings: flag before environment before file before default.

mod file;
mod mail;

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail, ensure};
use ipnet::IpNet;
use picloud_orchestrator_core::AppBounds;
use picloud_shared::{
    admin_host::AdminHost,
    execution::Retention,
    host::HostName,
    limits::{CONCURRENCY_UNBOUNDED, Limits},
    mail::MailServer,
};
use serde::Deserialize;

use crate::{cli::Settings, machine};

/// All settings, each with its value.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) bind: Vec<SocketAddr>,
    pub(crate) database: Database,
    /// What this machine keeps, whatever the database.
    pub(crate) data_dir: PathBuf,
    /// What is sealed in the database opens with the key in it.
    pub(crate) secret_key_file: PathBuf,
    pub(crate) first_owner: Option<(String, String)>,
    /// Takes the e-mails of scripts.
    pub(crate) mail_server: Option<MailServer>,
    pub(crate) admin_host: AdminHost,
    pub(crate) session_ttl: Duration,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) serving_threads: usize,
    pub(crate) node_name: String,
    pub(crate) drain: Duration,
    pub(crate) request_body_bytes_max: u64,
    pub(crate) header_timeout: Duration,
    pub(crate) script_memory_bytes_max: u64,
    pub(crate) connections_per_client_max: Option<usize>,
    pub(crate) app_bounds: AppBounds,
    pub(crate) retention: Retention,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

/// Where the data is.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// In a file in this folder.
    Sqlite(PathBuf),
    /// On a server.
    Postgres(String),
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// More threads than any machine has cores that this is meant for.
const SERVING_THREADS_MAX: usize = 256;

/// What one script may hold unless its limits say otherwise; with less, not even one could run.
const SCRIPT_MEMORY_BYTES_MIN: u64 = Limits::DEFAULT.memory_bytes_max;

/// More runs of an app than a machine has memory for; a script with this bound has none of its own.
const RUNS_PER_APP_MAX: u32 = CONCURRENCY_UNBOUNDED;

impl Config {
    /// Merges what the command line and the environment say with the file and the defaults.
    pub(crate) fn load(settings: Settings) -> anyhow::Result<Self> {
        let settings = match settings.config.clone() {
            Some(path) => file::read(&path)?.under(settings),
            None => settings,
        };
        Self::from_settings(settings)
    }

    fn from_settings(settings: Settings) -> anyhow::Result<Self> {
        let app_bounds = app_bounds(&settings)?;
        let first_owner = match (settings.admin_username, settings.admin_password) {
            (Some(username), Some(password)) => Some((username, password)),
            (None, None) => None,
            (Some(_), None) => bail!("admin_username is set without admin_password; set both or neither"),
            (None, Some(_)) => bail!("admin_password is set without admin_username; set both or neither"),
        };
        let session_ttl_hours = settings.session_ttl_hours.unwrap_or(24);
        ensure!(
            (1..=8_760).contains(&session_ttl_hours),
            "session_ttl_hours must be 1 to 8760"
        );
        let serving_threads = match settings.serving_threads {
            Some(threads) => threads,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        ensure!(
            (1..=SERVING_THREADS_MAX).contains(&serving_threads),
            "serving_threads must be 1 to {SERVING_THREADS_MAX}"
        );
        let header_timeout_seconds = settings.header_timeout_seconds.unwrap_or(10);
        ensure!(
            (1..=3_600).contains(&header_timeout_seconds),
            "header_timeout_seconds must be 1 to 3600"
        );
        let script_memory_bytes_max = settings
            .script_memory_bytes_max
            .unwrap_or_else(default_script_memory_bytes_max);
        ensure!(
            script_memory_bytes_max >= SCRIPT_MEMORY_BYTES_MIN,
            "script_memory_bytes_max must be {SCRIPT_MEMORY_BYTES_MIN} or more"
        );
        let connections_per_client_max = settings.connections_per_client_max;
        ensure!(
            connections_per_client_max != Some(0),
            "connections_per_client_max must be 1 or more"
        );
        let defaults = Retention::default();
        let data_dir = settings
            .data_dir
            .unwrap_or_else(|| PathBuf::from("./picloud-data"));

        Ok(Self {
            bind: addresses(&settings.bind.unwrap_or_else(|| vec!["127.0.0.1:8080".to_owned()]))?,
            database: match settings.database_url {
                Some(url) => Database::Postgres(url),
                None => Database::Sqlite(data_dir.clone()),
            },
            secret_key_file: settings
                .secret_key_file
                .unwrap_or_else(|| data_dir.join("secret.key")),
            data_dir,
            first_owner,
            mail_server: mail::server(settings.smtp_url.as_deref(), settings.smtp_from.as_deref())?,
            admin_host: admin_host(settings.admin_host.as_deref())?,
            session_ttl: Duration::from_secs(u64::from(session_ttl_hours) * 3_600),
            trusted_proxies: settings.trusted_proxies.unwrap_or_default(),
            serving_threads,
            node_name: settings.node_name.unwrap_or_else(host_name),
            drain: Duration::from_secs(settings.drain_seconds.unwrap_or(30).into()),
            request_body_bytes_max: settings.request_body_bytes_max.unwrap_or(10 * 1_024 * 1_024),
            header_timeout: Duration::from_secs(header_timeout_seconds.into()),
            script_memory_bytes_max,
            connections_per_client_max,
            app_bounds,
            retention: Retention {
                age_days_max: settings.execution_retention_days.unwrap_or(defaults.age_days_max),
                records_per_app_max: settings
                    .execution_records_per_app_max
                    .unwrap_or(defaults.records_per_app_max),
                bytes_per_app_max: settings
                    .execution_bytes_per_app_max
                    .unwrap_or(defaults.bytes_per_app_max),
            },
            log: settings.log.unwrap_or_else(|| "info".to_owned()),
            log_format: settings.log_format.unwrap_or(LogFormat::Text),
        })
    }
}

/// Half of what the process may have, so that the other half is left for connections, the database and others.
fn default_script_memory_bytes_max() -> u64 {
    machine::memory_bytes().map_or(u64::MAX, |bytes| (bytes / 2).max(SCRIPT_MEMORY_BYTES_MIN))
}

fn app_bounds(settings: &Settings) -> anyhow::Result<AppBounds> {
    let defaults = AppBounds::default();
    let runs_max = settings.runs_per_app_max.unwrap_or(defaults.runs_max);
    ensure!(
        (1..=RUNS_PER_APP_MAX).contains(&runs_max),
        "runs_per_app_max must be 1 to {RUNS_PER_APP_MAX}"
    );
    let wait_max = settings
        .waiting_seconds_max
        .map_or(defaults.wait_max, |seconds| Duration::from_secs(seconds.into()));
    ensure!(
        (1..=300).contains(&wait_max.as_secs()),
        "waiting_seconds_max must be 1 to 300"
    );
    Ok(AppBounds {
        runs_max,
        waiting_max: settings.waiting_per_app_max.unwrap_or(defaults.waiting_max),
        wait_max,
    })
}

fn admin_host(name: Option<&str>) -> anyhow::Result<AdminHost> {
    let Some(name) = name else {
        return Ok(AdminHost::default());
    };
    let host = HostName::from_name(name).map_err(|_| {
        anyhow!(
            "admin_host: `{name}` is not a host; write it like admin.example.com, without scheme and port"
        )
    })?;
    Ok(AdminHost::new(host))
}

fn addresses(bind: &[String]) -> anyhow::Result<Vec<SocketAddr>> {
    ensure!(
        !bind.is_empty(),
        "bind names no address; write it like 127.0.0.1:8080"
    );
    let mut addresses = Vec::new();
    for text in bind {
        let resolved = text.to_socket_addrs().with_context(|| {
            format!("bind: `{text}` is not an address with a port; write it like 127.0.0.1:8080 or [::]:8080")
        })?;
        addresses.extend(resolved);
    }
    Ok(addresses)
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "picloud".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_before_the_file() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("server.toml");
        std::fs::write(
            &path,
            "bind = [\"127.0.0.1:1\"]\nsession_ttl_hours = 2\nlog_format = \"json\"\n",
        )?;
        let flags = Settings {
            config: Some(path),
            session_ttl_hours: Some(5),
            ..Settings::default()
        };
        let config = Config::load(flags)?;
        assert_eq!(config.bind, ["127.0.0.1:1".parse::<SocketAddr>()?]);
        assert_eq!(config.session_ttl, Duration::from_hours(5));
        assert_eq!(config.log_format, LogFormat::Json);
        Ok(())
    }

    #[test]
    fn unknown_keys_and_nonsense_are_refused() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("server.toml");
        for (text, expected) in [
            ("bindd = []", "unknown field `bindd`"),
            ("bind = []", "bind names no address"),
            ("bind = [\"nowhere\"]", "is not an address with a port"),
            ("session_ttl_hours = 0", "session_ttl_hours must be 1 to 8760"),
            ("admin_username = \"ada\"", "without admin_password"),
            (
                "admin_host = \"admin.example.com:443\"",
                "without scheme and port",
            ),
            ("trusted_proxies = [\"10.0.0.0/33\"]", "trusted_proxies"),
            ("smtp_url = \"smtp://mail.example.com\"", "without smtp_from"),
        ] {
            std::fs::write(&path, text)?;
            let settings = Settings {
                config: Some(path.clone()),
                ..Settings::default()
            };
            let error = Config::load(settings)
                .err()
                .map(|error| format!("{error:#}"))
                .unwrap_or_default();
            assert!(error.contains(expected), "{text}: {error}");
        }
        Ok(())
    }
}
