//! The command line. Its help is the reference of all settings.

#![expect(
    clippy::doc_markdown,
    reason = "doc comments here are the text of --help, not Markdown"
)]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;

use crate::config::LogFormat;

/// A self-hosted serverless platform: upload a Rhai script, get an HTTP endpoint.
///
/// Without a command, starts the server: manager, orchestrator and executor in one process.
#[derive(Debug, Parser)]
#[command(name = "picloud", version, max_term_width = 100)]
#[command(
    after_help = "Each setting can be given as a flag, as an environment variable or in the configuration file; \
    the first of these that has it counts."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Manage accounts on this machine, without the HTTP API
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Look at the audit log on this machine, without the HTTP API
    #[command(subcommand)]
    Audit(AuditCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Set a new password and end all sessions and API tokens of that person
    ///
    /// Asks for the password; reads one line from standard input if that is not a terminal.
    ResetPassword {
        /// Whose password
        username: String,
    },
    /// Give up what is encrypted in the database, after its key was lost for good
    ///
    /// Removes all second factors: people sign in with their password alone until they begin with a new one. Stop the
    /// server first.
    ForgetSecretKey,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Compute the hash of every record again, and fail if the log is not what was written
    ///
    /// Prints where each chain of records ends. Keep that somewhere else, and compare it later: a log that somebody
    /// wrote anew as a whole has other hashes.
    Verify,
}

/// What flags and environment say. What is absent here comes from the file, then from the defaults.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Settings {
    /// File with settings (TOML); each key is the name of a flag with _ for -
    #[arg(long, global = true, env = "PICLOUD_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Addresses to listen on, separated by commas [default: 127.0.0.1:8080]
    #[arg(
        long,
        global = true,
        env = "PICLOUD_BIND",
        value_name = "ADDRESS:PORT",
        value_delimiter = ','
    )]
    pub(crate) bind: Option<Vec<String>>,

    /// Folder of the embedded database and of what this machine keeps for itself [default: ./picloud-data]
    #[arg(long, global = true, env = "PICLOUD_DATA_DIR", value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,

    /// PostgreSQL to use instead of the embedded database, such as postgres://user:password@host/name
    #[arg(
        long,
        global = true,
        env = "PICLOUD_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) database_url: Option<String>,

    /// File with the key for what is encrypted in the database, made when it is first needed; all nodes need the same
    /// [default: secret.key in the data folder]
    #[arg(long, global = true, env = "PICLOUD_SECRET_KEY_FILE", value_name = "FILE")]
    pub(crate) secret_key_file: Option<PathBuf>,

    /// Mail server for the e-mails of scripts, such as smtps://user:password@mail.example.com, or
    /// smtp://user:password@mail.example.com for STARTTLS [default: none]
    #[arg(
        long,
        global = true,
        env = "PICLOUD_SMTP_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) smtp_url: Option<String>,

    /// Addresses that the e-mails of scripts may come from, separated by commas; the first one unless a script says
    /// otherwise
    #[arg(
        long,
        global = true,
        env = "PICLOUD_SMTP_FROM",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub(crate) smtp_from: Option<Vec<String>>,

    /// First owner, made at start if nobody exists; needs `PICLOUD_ADMIN_PASSWORD` or the key `admin_password` too
    #[arg(long, global = true, env = "PICLOUD_ADMIN_USERNAME", value_name = "NAME")]
    pub(crate) admin_username: Option<String>,

    /// Password of the first owner. Without a flag, because everybody on the machine can read flags.
    #[arg(skip)]
    pub(crate) admin_password: Option<String>,

    /// Host of the dashboard and the API alone; then all others belong to the apps [default: none]
    #[arg(long, global = true, env = "PICLOUD_ADMIN_HOST", value_name = "HOST")]
    pub(crate) admin_host: Option<String>,

    /// A session ends when it was not used for this many hours [default: 24]
    #[arg(long, global = true, env = "PICLOUD_SESSION_TTL_HOURS", value_name = "HOURS")]
    pub(crate) session_ttl_hours: Option<u32>,

    /// Networks of reverse proxies whose X-Forwarded-* headers count, separated by commas [default: none]
    #[arg(
        long,
        global = true,
        env = "PICLOUD_TRUSTED_PROXIES",
        value_name = "NETWORK",
        value_delimiter = ','
    )]
    pub(crate) trusted_proxies: Option<Vec<IpNet>>,

    /// Threads that serve requests and run scripts [default: one per core]
    #[arg(long, global = true, env = "PICLOUD_SERVING_THREADS", value_name = "NUMBER")]
    pub(crate) serving_threads: Option<usize>,

    /// Name of this node in execution records [default: the host's name]
    #[arg(long, global = true, env = "PICLOUD_NODE_NAME", value_name = "NAME")]
    pub(crate) node_name: Option<String>,

    /// Time that requests in flight get to finish when the server stops [default: 30]
    #[arg(long, global = true, env = "PICLOUD_DRAIN_SECONDS", value_name = "SECONDS")]
    pub(crate) drain_seconds: Option<u32>,

    /// Largest request body for a script [default: 10485760]
    #[arg(
        long,
        global = true,
        env = "PICLOUD_REQUEST_BODY_BYTES_MAX",
        value_name = "BYTES"
    )]
    pub(crate) request_body_bytes_max: Option<u64>,

    /// Time that a client gets to send the head of a request [default: 10]
    #[arg(
        long,
        global = true,
        env = "PICLOUD_HEADER_TIMEOUT_SECONDS",
        value_name = "SECONDS"
    )]
    pub(crate) header_timeout_seconds: Option<u32>,

    /// Memory that all running scripts may hold together, with bodies on their way [default: half of the machine's]
    #[arg(
        long,
        global = true,
        env = "PICLOUD_SCRIPT_MEMORY_BYTES_MAX",
        value_name = "BYTES"
    )]
    pub(crate) script_memory_bytes_max: Option<u64>,

    /// Most connections of one client that is no trusted proxy; more are closed [default: 12000]
    #[arg(
        long,
        global = true,
        env = "PICLOUD_CONNECTIONS_PER_CLIENT_MAX",
        value_name = "NUMBER"
    )]
    pub(crate) connections_per_client_max: Option<usize>,

    /// Most scripts of one app that run at one time [default: 12000]
    #[arg(long, global = true, env = "PICLOUD_RUNS_PER_APP_MAX", value_name = "NUMBER")]
    pub(crate) runs_per_app_max: Option<u32>,

    /// Most requests to one app that wait for a script to end; more get 429 [default: 1000]
    #[arg(
        long,
        global = true,
        env = "PICLOUD_WAITING_PER_APP_MAX",
        value_name = "NUMBER"
    )]
    pub(crate) waiting_per_app_max: Option<u32>,

    /// How long such a request waits before it gets 429 [default: 5]
    #[arg(
        long,
        global = true,
        env = "PICLOUD_WAITING_SECONDS_MAX",
        value_name = "SECONDS"
    )]
    pub(crate) waiting_seconds_max: Option<u32>,

    /// Age at which execution records are deleted [default: 14]
    #[arg(
        long,
        global = true,
        env = "PICLOUD_EXECUTION_RETENTION_DAYS",
        value_name = "DAYS"
    )]
    pub(crate) execution_retention_days: Option<u32>,

    /// Execution records kept per app [default: 100000]
    #[arg(
        long,
        global = true,
        env = "PICLOUD_EXECUTION_RECORDS_PER_APP_MAX",
        value_name = "NUMBER"
    )]
    pub(crate) execution_records_per_app_max: Option<u64>,

    /// Bytes of logs and errors kept per app [default: 268435456]
    #[arg(
        long,
        global = true,
        env = "PICLOUD_EXECUTION_BYTES_PER_APP_MAX",
        value_name = "BYTES"
    )]
    pub(crate) execution_bytes_per_app_max: Option<u64>,

    /// What to log: error, warn, info, debug, trace, or a filter such as picloud_store=debug [default: info]
    #[arg(long, global = true, env = "PICLOUD_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,

    /// How to log [default: text]
    #[arg(long, global = true, env = "PICLOUD_LOG_FORMAT", value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

impl Settings {
    /// Adds what only the environment may say.
    pub(crate) fn with_secrets_of_environment(self) -> Self {
        Self {
            admin_password: std::env::var("PICLOUD_ADMIN_PASSWORD").ok(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
