//! What each of very many scripts takes of memory.

use super::{
    client::Client,
    process::{Server, Start, Usage, megabytes},
    report::{Bound, Cell, Goal, Report},
    seed::Seed,
    setting::Setting,
    statistics::count,
};

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// How many scripts, each with a source and a route of its own, ten in each app
    #[arg(long, default_value_t = 10_000)]
    scripts: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { scripts: 10_000 }
    }
}

/// Scripts in each app.
const SCRIPTS_PER_APP: usize = 10;

/// What one trivial script may take, with its route and its part of its app.
const BYTES_PER_SCRIPT_MAX: f64 = 5_000.0;

/// Resident memory without scripts, with all of them live, and after each was called once.
pub(crate) fn measure(setting: &Setting, options: Options) -> anyhow::Result<Report> {
    let seed = seed(options.scripts.div_ceil(SCRIPTS_PER_APP));
    let scripts = seed.apps * SCRIPTS_PER_APP;
    let data = seed.plant(setting)?;
    let nothing = resident_without_scripts(setting)?;

    let server = start(setting, data.path())?;
    let live = at_rest(&server)?;
    let mut client = Client::connect(&server.address, "")?;
    for target in seed.targets() {
        client.get_of(&target.host, &target.path)?;
    }
    let called = at_rest(&server)?;
    // What the allocator has taken by then serves the second round, so what this adds is not per script.
    for target in seed.targets() {
        client.get_of(&target.host, &target.path)?;
    }
    let again = at_rest(&server)?;

    let per_script = |bytes: u64| count(bytes.saturating_sub(nothing)) / count(scripts as u64);
    let row = |name: &str, bytes: u64| {
        vec![
            Cell::text(name),
            Cell::Number(megabytes(bytes), 1),
            Cell::Number(per_script(bytes), 0),
        ]
    };
    Ok(Report {
        name: "density",
        title: "Memory per script",
        method: format!(
            "{scripts} trivial scripts, all different, each with a route, {SCRIPTS_PER_APP} in an app, each app on a \
             host of its own; one serving thread, restarted after they were made. Each figure is taken when the server \
             has come to rest."
        ),
        columns: vec!["resident", "MB", "bytes per script"],
        rows: vec![
            row("without scripts", nothing),
            row("all live, none called", live),
            row("each called once", called),
            row("each called twice", again),
        ],
        goals: vec![Goal {
            what: "each script called once".to_owned(),
            measured: (per_script(called), 0),
            unit: "bytes",
            bound: Bound::AtMost(BYTES_PER_SCRIPT_MAX),
        }],
        notes: Vec::new(),
    })
}

fn seed(apps: usize) -> Seed {
    Seed {
        apps,
        scripts_per_app: SCRIPTS_PER_APP,
        routes_per_script: 1,
        source: |app, script| format!("\"Hello from script {script} of app {app}\""),
    }
}

/// Resident bytes of a server that has answered, with nothing but what the first start makes.
fn resident_without_scripts(setting: &Setting) -> anyhow::Result<u64> {
    let data = tempfile::tempdir()?;
    drop(start(setting, data.path())?);
    let server = start(setting, data.path())?;
    Client::connect(&server.address, "localhost")?.get("/")?;
    at_rest(&server)
}

fn start(setting: &Setting, data: &std::path::Path) -> anyhow::Result<Server> {
    let start = Start {
        data: Some(data),
        threads: 1,
        cores: None,
    };
    Server::picloud(&setting.programs, start)
}

fn at_rest(server: &Server) -> anyhow::Result<u64> {
    server.rest().map(|Usage { resident_bytes, .. }| resident_bytes)
}
