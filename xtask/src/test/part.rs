//! The parts of a test run, and what each needs.

use std::{env, path::PathBuf, process::Command, thread};

use anyhow::Context as _;

use super::{dashboard, debian, journeys, postgres::Postgres, python::Python};
use crate::{chaos, root};

/// One part of a test run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// `cargo fmt`
    Format,
    /// `cargo clippy`
    Clippy,
    /// Unit tests, the store's conformance on both databases, the structure of the workspace, examples in the documentation
    Unit,
    /// The hostile scripts and the properties of all scripts once more, as optimized as what is shipped
    Hostile,
    /// The dashboard's types, its own tests, and whether its committed build is that of its sources
    Dashboard,
    /// Journeys through the dashboard in a real browser, on both databases
    Journeys,
    /// The HTTP tests on both databases
    Http,
    /// The HTTP tests on SQLite
    HttpSqlite,
    /// The HTTP tests on PostgreSQL
    HttpPostgres,
    /// Requests that are generated from the API's description, on both databases
    Schemathesis,
    /// When schedules are due in all time zones, found anew by Python
    Schedules,
    /// Events that the SDK of `CloudEvents` sends, on both databases
    CloudEvents,
    /// Events under load while servers and databases end, on both databases
    Chaos,
}

/// What the tests find outside of themselves. Ends with this value.
pub(crate) struct Environment {
    postgres: Option<Postgres>,
    schemathesis: Option<Python>,
    schedules: Option<Python>,
    cloud_events: Option<Python>,
    target: PathBuf,
}

/// The test target of the HTTP tests, which are run apart from the others, once for each database.
const HTTP: &str = "http-suite";
/// HTTP tests wait more than they work, so there are more of them at once than cores.
const HTTP_THREADS_PER_CORE: usize = 3;

impl Part {
    /// The parts that `only` names; all if it names none.
    pub(crate) fn chosen(only: &[Self]) -> Vec<Self> {
        let all = [
            Self::Format,
            Self::Clippy,
            Self::Unit,
            Self::Hostile,
            Self::Dashboard,
            Self::Journeys,
            Self::HttpSqlite,
            Self::HttpPostgres,
            Self::Schemathesis,
            Self::Schedules,
            Self::CloudEvents,
            Self::Chaos,
        ];
        let wanted = |part: &Self| {
            let by_group = part.is_http() && only.contains(&Self::Http);
            only.is_empty() || only.contains(part) || by_group
        };
        all.into_iter().filter(wanted).collect()
    }

    /// Its name in the summary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Format => "formatting",
            Self::Clippy => "clippy",
            Self::Unit => "unit tests",
            Self::Hostile => "hostile scripts, release",
            Self::Dashboard => "dashboard",
            Self::Journeys => "journeys",
            Self::Http => "HTTP tests",
            Self::HttpSqlite => "HTTP tests on SQLite",
            Self::HttpPostgres => "HTTP tests on PostgreSQL",
            Self::Schemathesis => "generated requests",
            Self::Schedules => "schedules in all zones",
            Self::CloudEvents => "SDK of CloudEvents",
            Self::Chaos => "chaos",
        }
    }

    /// The commands that it consists of.
    pub(crate) fn commands(
        self,
        environment: &Environment,
        filter: &[String],
    ) -> anyhow::Result<Vec<Command>> {
        Ok(match self {
            Self::Format => vec![cargo(&["fmt", "--all", "--check"])],
            Self::Clippy => vec![cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "--deny",
                "warnings",
            ])],
            Self::Unit => {
                let mut tests = cargo(&["test", "--workspace", "--no-fail-fast", "--lib", "--bins"]);
                for target in test_targets()? {
                    tests.args(["--test", &target]);
                }
                let documentation = cargo(&["test", "--workspace", "--no-fail-fast", "--doc"]);
                let both = [tests, documentation];
                both.into_iter()
                    .map(|command| environment.given_to(command, filter))
                    .collect()
            }
            Self::Hostile => {
                let mut tests = cargo(&["test", "--release", "--package", "picloud-executor-core"]);
                tests.args(["--test", "hostile", "--test", "properties"]);
                vec![environment.given_to(tests, filter)]
            }
            Self::Dashboard => dashboard::commands(&environment.target)?,
            Self::Journeys => journeys::commands(&environment.target, environment.postgres.as_ref()),
            Self::HttpSqlite => vec![http("sqlite", environment, filter)],
            Self::HttpPostgres => vec![http("postgres", environment, filter)],
            Self::Http => vec![
                http("sqlite", environment, filter),
                http("postgres", environment, filter),
            ],
            Self::Schemathesis => environment.on_both(environment.schemathesis.as_ref(), "run.py")?,
            Self::Schedules => {
                let schedules = environment.schedules.as_ref().context("it was prepared")?;
                let mut command = schedules.command("expect.py");
                command.arg("crates/shared/src/schedule/tests/zones.txt");
                vec![command]
            }
            Self::CloudEvents => environment.on_both(environment.cloud_events.as_ref(), "send.py")?,
            Self::Chaos => chaos::commands(&environment.target),
        })
    }

    fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::HttpSqlite | Self::HttpPostgres)
    }
}

impl Environment {
    /// Provides what `parts` need, before the first of them begins.
    pub(crate) fn prepare(parts: &[Part]) -> anyhow::Result<Self> {
        if parts.iter().any(|part| part.is_http()) {
            debian::ensure("caddy", "caddy")?;
            debian::ensure("curl", "curl")?;
            debian::ensure("faketime", "faketime")?;
            debian::ensure("python3", "python3")?;
            debian::ensure("mosquitto", "mosquitto")?;
            debian::ensure("mosquitto_sub", "mosquitto-clients")?;
        }
        if parts.contains(&Part::Dashboard) {
            dashboard::prepare()?;
        }
        if parts.contains(&Part::Journeys) {
            journeys::prepare()?;
        }
        let needs_postgres = parts.iter().any(|part| {
            matches!(
                part,
                Part::Unit | Part::Journeys | Part::HttpPostgres | Part::Schemathesis | Part::CloudEvents
            )
        });
        let postgres = needs_postgres
            .then(Postgres::start)
            .transpose()
            .context("there is no PostgreSQL to test with")?;
        let target = target()?;
        let python = |part: Part, name: &str| {
            let is_needed = parts.contains(&part);
            is_needed.then(|| Python::prepare(&target, name)).transpose()
        };
        Ok(Self {
            postgres,
            schemathesis: python(Part::Schemathesis, "schemathesis")?,
            schedules: python(Part::Schedules, "schedules")?,
            cloud_events: python(Part::CloudEvents, "cloudevents")?,
            target,
        })
    }

    /// A program in Python that tests the program, on each database.
    fn on_both(&self, python: Option<&Python>, file: &str) -> anyhow::Result<Vec<Command>> {
        let mut commands = vec![cargo(&["build", "--package", "picloud"])];
        for database in ["sqlite", "postgres"] {
            let mut command = python.context("it was prepared")?.command(file);
            command.arg(database).arg(self.target.join("debug/picloud"));
            commands.push(self.given_to(command, &[]));
        }
        Ok(commands)
    }

    fn given_to(&self, mut command: Command, filter: &[String]) -> Command {
        if let Some(postgres) = &self.postgres {
            command
                .env("PICLOUD_TEST_POSTGRES_URL", postgres.url())
                .env("PICLOUD_TEST_PSQL", postgres.psql());
        }
        if !filter.is_empty() {
            command.arg("--").args(filter);
        }
        command
    }
}

fn http(database: &str, environment: &Environment, filter: &[String]) -> Command {
    let mut command = cargo(&["test", "--workspace", "--test", HTTP]);
    let threads = thread::available_parallelism().map_or(1, usize::from) * HTTP_THREADS_PER_CORE;
    command.env("PICLOUD_TEST_DATABASE", database);
    if env::var_os("RUST_TEST_THREADS").is_none() {
        command.env("RUST_TEST_THREADS", threads.to_string());
    }
    environment.given_to(command, filter)
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let metadata = metadata()?;
    let target = metadata["target_directory"].as_str();
    Ok(target.context("cargo names no target directory")?.into())
}

/// The names of all integration tests but the HTTP tests.
fn test_targets() -> anyhow::Result<Vec<String>> {
    let metadata = metadata()?;
    let targets = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|package| package["targets"].as_array());
    let names = targets
        .flatten()
        .filter(|target| target["kind"][0] == "test")
        .filter_map(|target| target["name"].as_str());
    Ok(names.filter(|name| *name != HTTP).map(str::to_owned).collect())
}

fn metadata() -> anyhow::Result<serde_json::Value> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cannot run cargo")?;
    serde_json::from_slice(&output.stdout).context("cannot read the workspace")
}

pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(root());
    // What cargo told this program of itself would look to some build scripts, such as that of ring, as a change
    // since cargo was last called by hand: they and all that needs them would be built again.
    for (name, _) in env::vars_os() {
        let of_xtask = name.to_string_lossy();
        if of_xtask.starts_with("CARGO_PKG_") || of_xtask.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}
