//! A constant answer, through host, app, route, script and response, with execution records on.

use super::{
    load::{self, Load, Measured},
    median,
    process::{OWNER, Server},
};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// How often each server is measured, in turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement lasts
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Connections kept open
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// The core that server and load generator share
    #[arg(long, default_value_t = 0)]
    core: usize,
}

/// The scripts that are measured, each on a path of its own.
const SCRIPTS: [(&str, &str); 3] = [
    ("constant", "\"Hello, World\""),
    ("handler", "fn handle(request) { \"Hello, World\" }"),
    ("greeting", "\"Hello, \" + (request.query.name ?? \"World\")"),
];

/// Prints processor time per request and the ratio to axum and to bare hyper.
#[expect(clippy::print_stdout, reason = "the table is the result")]
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    load::ensure_installed()?;
    let load = Load {
        connections: options.connections,
        seconds: options.seconds,
        core: options.core,
    };
    let axum = Server::baseline("baseline-axum", Some(options.core))?;
    let hyper = Server::baseline("baseline-hyper", Some(options.core))?;
    let picloud = Server::picloud(1, Some(options.core))?;
    deploy(&picloud)?;

    let mut rows: Vec<(String, &Server, String, Vec<Measured>)> = vec![
        ("axum".to_owned(), &axum, "/".to_owned(), Vec::new()),
        ("hyper".to_owned(), &hyper, "/".to_owned(), Vec::new()),
    ];
    for (name, _) in SCRIPTS {
        rows.push((
            format!("picloud {name}"),
            &picloud,
            format!("/bench/{name}"),
            Vec::new(),
        ));
    }
    let warm_up = Load { seconds: 1, ..load };
    for (_, server, path, _) in &rows {
        warm_up.run(server, path)?;
    }
    for _ in 0..options.rounds {
        for (_, server, path, measured) in &mut rows {
            measured.push(load.run(server, path)?);
        }
    }

    println!(
        "Medians of {} rounds of {} s, {} connections, server and wrk on core {}.",
        options.rounds, options.seconds, options.connections, options.core
    );
    println!(
        "{:<20} {:>14} {:>12} {:>10} {:>10}",
        "server", "cpu us/request", "requests/s", "x axum", "x hyper"
    );
    let (axum, hyper) = (rows[0].3.clone(), rows[1].3.clone());
    for (name, _, _, measured) in &rows {
        let cpu = median(measured.iter().map(|one| one.cpu_us_per_request).collect());
        let rate = median(measured.iter().map(|one| one.requests_per_second).collect());
        println!(
            "{name:<20} {cpu:>14.3} {rate:>12.0} {:>10.3} {:>10.3}",
            ratio(&axum, measured),
            ratio(&hyper, measured)
        );
    }
    Ok(())
}

/// How many times less processor time `measured` takes than `baseline`, round by round.
fn ratio(baseline: &[Measured], measured: &[Measured]) -> f64 {
    median(
        baseline
            .iter()
            .zip(measured)
            .map(|(base, own)| base.cpu_us_per_request / own.cpu_us_per_request)
            .collect(),
    )
}

fn deploy(server: &Server) -> anyhow::Result<()> {
    let api = format!("{}/api/v1/admin", server.url);
    let login: serde_json::Value = ureq::post(format!("{api}/auth/login"))
        .send_json(serde_json::json!({ "username": OWNER.0, "password": OWNER.1 }))?
        .body_mut()
        .read_json()?;
    let bearer = format!("Bearer {}", login["token"].as_str().unwrap_or_default());
    for (name, source) in SCRIPTS {
        let script: serde_json::Value = ureq::post(format!("{api}/scripts"))
            .header("authorization", &bearer)
            .send_json(serde_json::json!({ "app_id": "default", "name": name, "source": source }))?
            .body_mut()
            .read_json()?;
        ureq::post(format!("{api}/routes"))
            .header("authorization", &bearer)
            .send_json(serde_json::json!({ "script_id": script["id"], "path": format!("/bench/{name}"), "methods": ["GET"] }))?;
    }
    Ok(())
}
