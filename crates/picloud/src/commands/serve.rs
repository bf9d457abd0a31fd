//! `picloud`: the server.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    net::SocketAddr,
};

use tokio::runtime;

use crate::{
    cli::Settings,
    config::{Config, Database},
    logging, machine,
    signals::StopSignals,
    wiring,
};

/// Starts the server and runs it until a signal ends it.
pub(crate) fn run(settings: Settings) -> anyhow::Result<()> {
    let config = Config::load(settings.with_secrets_of_environment())?;
    logging::start(&config)?;
    machine::allow_connections();

    // The control runtime: admin API, database, records. It lives on this thread, apart from the threads that
    // run scripts, so that a busy script cannot hold up a database connection.
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let mut signals = StopSignals::listen()?;
            let system = wiring::start(&config).await?;
            announce(&config, &system);
            advise(&config);

            signals.next().await;
            tracing::info!(
                drain_seconds = config.drain.as_secs(),
                "stopping; a second signal stops at once"
            );
            tokio::select! {
                () = system.stop(config.drain) => {}
                () = signals.next() => tracing::warn!("stopped without waiting for requests in flight"),
            }
            Ok(())
        })
}

/// Tells where everything is.
fn announce(config: &Config, system: &wiring::System) {
    let origin = origin(system.addresses());
    let mut text = format!("PiCloud {} is running.\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {name:<12}{value}");
    };
    line("Endpoint", &format!("{origin}/"));
    line("Dashboard", &dashboard(config, system.addresses(), &origin));
    match &config.database {
        Database::Sqlite(folder) => line("Data", &format!("{} (SQLite)", folder.display())),
        Database::Postgres(_) => line("Data", "PostgreSQL"),
    }
    if let Some(code) = system.setup_code() {
        line("Setup code", code);
    }
    // Without a reader of standard output the server still serves.
    let _ = io::stdout()
        .write_all(text.as_bytes())
        .and_then(|()| io::stdout().flush());
}

/// Says what somebody should know whose apps can be reached from elsewhere.
fn advise(config: &Config) {
    if apps_share_the_dashboards_origin(config) {
        tracing::info!(
            "apps and dashboard share a host, so the page of an app can act as whoever is signed in and looks at it; \
             unless you trust all who write scripts, give the dashboard a host of its own with PICLOUD_ADMIN_HOST"
        );
    }
}

/// Whether that matters: somebody on this machine alone writes their own scripts. A trusted proxy is there to let others
/// in, wherever the server itself listens.
fn apps_share_the_dashboards_origin(config: &Config) -> bool {
    let beyond_loopback = config.bind.iter().any(|address| !address.ip().is_loopback());
    config.admin_host.name().is_none() && (beyond_loopback || !config.trusted_proxies.is_empty())
}

/// Where the dashboard is, as far as it can be told: what stands in front of this server is not known here.
fn dashboard(config: &Config, addresses: &[SocketAddr], origin: &str) -> String {
    let on_loopback = origin.starts_with("http://localhost");
    match (config.admin_host.name(), addresses.first()) {
        (Some(host), Some(address)) if !on_loopback => format!("http://{host}:{}/admin", address.port()),
        (Some(host), _) => format!("{origin}/admin, and on {host}"),
        (None, _) => format!("{origin}/admin"),
    }
}

/// How a person on this machine reaches the first of `addresses`.
fn origin(addresses: &[SocketAddr]) -> String {
    match addresses.first() {
        Some(address) if address.ip().is_loopback() || address.ip().is_unspecified() => {
            format!("http://localhost:{}", address.port())
        }
        Some(address) => format!("http://{address}"),
        None => "http://localhost".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_for_those_whom_others_can_reach() -> anyhow::Result<()> {
        let loopback = "127.0.0.1:8080";
        for (bind, proxy, admin_host, advised) in [
            (loopback, None, None, false),
            ("[::1]:8080", None, None, false),
            ("0.0.0.0:8080", None, None, true),
            ("192.0.2.1:8080", None, None, true),
            (loopback, Some("127.0.0.1/32"), None, true),
            (
                "0.0.0.0:8080",
                Some("127.0.0.1/32"),
                Some("admin.example.com"),
                false,
            ),
        ] {
            let config = Config::load(Settings {
                bind: Some(vec![bind.to_owned()]),
                trusted_proxies: proxy
                    .map(|proxy| proxy.parse().map(|proxy| vec![proxy]))
                    .transpose()?,
                admin_host: admin_host.map(str::to_owned),
                ..Settings::default()
            })?;
            assert_eq!(
                apps_share_the_dashboards_origin(&config),
                advised,
                "{bind} {proxy:?} {admin_host:?}"
            );
        }
        Ok(())
    }
}
