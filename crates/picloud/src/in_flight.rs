//! The in-flight journal of this process, from its start to its end.

use std::{fs::DirBuilder, io, os::unix::fs::DirBuilderExt as _};

use anyhow::Context as _;
use picloud_executor_core::{InFlight, InFlightJournal, LocalWorkbench};
use picloud_manager_core::answer_for_lost_runs;
use picloud_shared::time::Clock as _;
use picloud_store::Store;

use crate::{clock::SystemClock, config::Config, machine};

/// The file, in the data directory.
const FILE: &str = "picloud.in-flight";

/// Kept until the process ends as it should.
pub(crate) struct Journal(Option<InFlight>);

impl Journal {
    /// Draws the consequences of what the process before this one left, and begins a journal for this one. Where none
    /// can be kept, the server does without: it is there to serve.
    pub(crate) async fn start(config: &Config, store: &Store) -> anyhow::Result<Self> {
        let before = match open(config) {
            Ok(before) => before,
            Err(error) => return Ok(Self::none(config, &error)),
        };
        // Only then is it forgotten: if this fails, the next start tries again.
        answer_for_lost_runs(store, before.lost(), &config.node_name, SystemClock.now())
            .await
            .context("cannot note which scripts ran when the server ended")?;
        let begun = before.begin(config.serving_threads + LocalWorkbench::THREADS);
        Ok(begun.map_or_else(|error| Self::none(config, &error), |journal| Self(Some(journal))))
    }

    /// What threads note their work in.
    pub(crate) fn in_flight(&self) -> Option<&InFlight> {
        self.0.as_ref()
    }

    fn none(config: &Config, error: &io::Error) -> Self {
        tracing::warn!(
            %error,
            folder = %config.data_dir.display(),
            "no in-flight journal can be kept; a script that ends the server will not be named"
        );
        Self(None)
    }
}

impl Drop for Journal {
    /// A process that comes this far was ended by nobody but its operator.
    fn drop(&mut self) {
        if let Some(journal) = &self.0 {
            journal.close();
        }
    }
}

fn open(config: &Config) -> io::Result<InFlightJournal> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data_dir)?;
    InFlightJournal::open(&config.data_dir.join(FILE), machine::system_state()?)
}
