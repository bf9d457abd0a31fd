//! The configuration file: TOML with the names of the flags.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ipnet::IpNet;
use serde::Deserialize;

use super::LogFormat;
use crate::cli::Settings;

/// What the file says. Unknown keys are refused, because a mistyped setting must not look like a set one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "each key is the name of a flag")]
pub(crate) struct File {
    bind: Option<Vec<String>>,
    data_dir: Option<PathBuf>,
    database_url: Option<String>,
    secret_key_file: Option<PathBuf>,
    smtp_url: Option<String>,
    smtp_from: Option<Vec<String>>,
    admin_username: Option<String>,
    admin_password: Option<String>,
    admin_host: Option<String>,
    session_ttl_hours: Option<u32>,
    trusted_proxies: Option<Vec<IpNet>>,
    serving_threads: Option<usize>,
    node_name: Option<String>,
    drain_seconds: Option<u32>,
    request_body_bytes_max: Option<u64>,
    header_timeout_seconds: Option<u32>,
    script_memory_bytes_max: Option<u64>,
    connections_per_client_max: Option<usize>,
    runs_per_app_max: Option<u32>,
    waiting_per_app_max: Option<u32>,
    waiting_seconds_max: Option<u32>,
    execution_retention_days: Option<u32>,
    execution_records_per_app_max: Option<u64>,
    execution_bytes_per_app_max: Option<u64>,
    log: Option<String>,
    log_format: Option<LogFormat>,
}

/// Reads the file at `path`.
pub(crate) fn read(path: &Path) -> anyhow::Result<File> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not a valid configuration", path.display()))
}

impl File {
    /// The settings of `above`, with those of the file where `above` has none.
    pub(crate) fn under(self, above: Settings) -> Settings {
        Settings {
            config: above.config,
            bind: above.bind.or(self.bind),
            data_dir: above.data_dir.or(self.data_dir),
            database_url: above.database_url.or(self.database_url),
            secret_key_file: above.secret_key_file.or(self.secret_key_file),
            smtp_url: above.smtp_url.or(self.smtp_url),
            smtp_from: above.smtp_from.or(self.smtp_from),
            admin_username: above.admin_username.or(self.admin_username),
            admin_password: above.admin_password.or(self.admin_password),
            admin_host: above.admin_host.or(self.admin_host),
            session_ttl_hours: above.session_ttl_hours.or(self.session_ttl_hours),
            trusted_proxies: above.trusted_proxies.or(self.trusted_proxies),
            serving_threads: above.serving_threads.or(self.serving_threads),
            node_name: above.node_name.or(self.node_name),
            drain_seconds: above.drain_seconds.or(self.drain_seconds),
            request_body_bytes_max: above.request_body_bytes_max.or(self.request_body_bytes_max),
            header_timeout_seconds: above.header_timeout_seconds.or(self.header_timeout_seconds),
            script_memory_bytes_max: above.script_memory_bytes_max.or(self.script_memory_bytes_max),
            connections_per_client_max: above
                .connections_per_client_max
                .or(self.connections_per_client_max),
            runs_per_app_max: above.runs_per_app_max.or(self.runs_per_app_max),
            waiting_per_app_max: above.waiting_per_app_max.or(self.waiting_per_app_max),
            waiting_seconds_max: above.waiting_seconds_max.or(self.waiting_seconds_max),
            execution_retention_days: above.execution_retention_days.or(self.execution_retention_days),
            execution_records_per_app_max: above
                .execution_records_per_app_max
                .or(self.execution_records_per_app_max),
            execution_bytes_per_app_max: above
                .execution_bytes_per_app_max
                .or(self.execution_bytes_per_app_max),
            log: above.log.or(self.log),
            log_format: above.log_format.or(self.log_format),
        }
    }
}
