//! The server's own log, on standard error.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Starts logging for the rest of the process.
pub(crate) fn start(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log).with_context(|| {
        format!(
            "log: `{}` is not a level or filter; write it like info or picloud_store=debug",
            config.log
        )
    })?;
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match config.log_format {
        LogFormat::Text => logger.with_target(false).init(),
        LogFormat::Json => logger.json().init(),
    }
    Ok(())
}
