//! The servers and their database.

use std::{
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use super::{
    node::Node,
    plan::{Database, Plan},
};
use crate::test::postgres::Postgres;

/// Servers that share a database, or the only one.
pub(super) struct Cluster<'a> {
    // Dropped before what they need.
    nodes: Vec<Node>,
    addresses: &'a Addresses,
    postgres: Option<Postgres>,
    folder: TempDir,
}

/// The server through which everything is set up.
const FIRST: usize = 0;

/// Where servers listen at the moment.
#[derive(Default)]
pub(super) struct Addresses {
    /// By the number of the node; none while it is away.
    up: Mutex<Vec<Option<String>>>,
    changed: Condvar,
}

impl<'a> Cluster<'a> {
    /// Starts the database and the first server, with nothing in it.
    pub(super) fn start(plan: &Plan, program: &Path, addresses: &'a Addresses) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("picloud-chaos-").tempdir()?;
        let postgres = match plan.database {
            Database::Sqlite => None,
            Database::Postgres => {
                let folder = tempfile::Builder::new()
                    .prefix("picloud-chaos-postgres-")
                    .tempdir()?;
                // What it confirms is on disk, as anywhere: that is what is tried.
                Some(Postgres::start_in(folder, &[])?)
            }
        };
        let url = postgres.as_ref().map(|postgres| postgres.url().to_owned());
        let nodes = (1..=plan.nodes())
            .map(|number| Node::new(program, folder.path(), format!("node-{number}"), url.clone()))
            .collect();
        let mut cluster = Self {
            nodes,
            addresses,
            postgres,
            folder,
        };
        *addresses.lock() = vec![None; plan.nodes()];
        cluster.start_node(FIRST)?;
        Ok(cluster)
    }

    /// Starts the other servers. What apps have they read when they start, and are told of no change that another one
    /// makes.
    pub(super) fn start_others(&mut self) -> anyhow::Result<()> {
        (FIRST + 1..self.nodes.len()).try_for_each(|number| self.start_node(number))
    }

    /// Ends the other servers as it should be.
    pub(super) fn end_others(&mut self) -> anyhow::Result<()> {
        for number in FIRST + 1..self.nodes.len() {
            self.addresses.set(number, None);
            self.nodes[number].end()?;
        }
        Ok(())
    }

    /// Ends a server at once, and starts it again.
    pub(super) fn kill(&mut self, number: usize) -> anyhow::Result<()> {
        self.addresses.set(number, None);
        self.nodes[number].kill()?;
        self.start_node(number)
    }

    /// Ends the database at once, and starts it again.
    pub(super) fn crash_database(&mut self) -> anyhow::Result<()> {
        self.postgres.as_mut().context("SQLite is no server")?.crash()
    }

    /// Stops a server in its tracks.
    pub(super) fn stop(&self, number: usize) -> String {
        let address = self.addresses.set(number, None);
        self.nodes[number].stop();
        address.unwrap_or_default()
    }

    /// Lets it go on.
    pub(super) fn go_on(&self, number: usize, address: String) {
        self.nodes[number].go_on();
        self.addresses.set(number, Some(address));
    }

    /// Fails if a server ended by itself, or has panicked.
    pub(super) fn ensure_well(&mut self) -> anyhow::Result<()> {
        for node in &mut self.nodes {
            ensure!(node.is_well()?, "a server panicked, or ended by itself");
        }
        Ok(())
    }

    /// Leaves all data behind when it ends; gives where.
    pub(super) fn keep(&mut self) -> Vec<PathBuf> {
        self.folder.disable_cleanup(true);
        let mut kept = vec![self.folder.path().to_owned()];
        kept.extend(self.postgres.as_mut().map(|postgres| postgres.keep().to_owned()));
        kept
    }

    /// The folder of its logs.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn start_node(&mut self, number: usize) -> anyhow::Result<()> {
        let address = self.nodes[number].start()?;
        self.addresses.set(number, Some(address));
        Ok(())
    }
}

impl Addresses {
    /// One of those that are up; waits for one as long as it takes, but no longer than `patience`.
    pub(super) fn any(&self, random: &mut fastrand::Rng, patience: Duration) -> Option<String> {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), patience, |up| up.iter().all(Option::is_none));
        let (up, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let up: Vec<&String> = up.iter().flatten().collect();
        random.choice(up).cloned()
    }

    /// Gives the one before.
    fn set(&self, number: usize, address: Option<String>) -> Option<String> {
        let before = std::mem::replace(&mut self.lock()[number], address);
        self.changed.notify_all();
        before
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<String>>> {
        self.up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
