//! Many apps, made through the API as people would make them.
//!
//! Each change of an app is one transaction that is on disk when it is acknowledged, so on a disk ten thousand
//! apps would take an hour. Their database is in memory instead, where a file is "on disk" at once.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use anyhow::anyhow;
use tempfile::TempDir;

use super::{
    api::Api,
    process::{Server, Start},
    report::progress,
    setting::Setting,
};

/// A file system in memory, on Linux.
const MEMORY: &str = "/dev/shm";

/// How many clients make apps at the same time.
const CLIENTS: usize = 4;

/// What to make. Apps are numbered from 0, and so are the scripts and routes of each.
#[derive(Clone, Copy)]
pub(crate) struct Seed {
    pub(crate) apps: usize,
    /// Each with a source of its own, or all with the same one.
    pub(crate) scripts_per_app: usize,
    pub(crate) routes_per_script: usize,
    pub(crate) source: fn(app: usize, script: usize) -> String,
}

/// A route of a seed.
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) path: String,
}

impl Seed {
    /// Makes all of it, in a new database.
    pub(crate) fn plant(&self, setting: &Setting) -> anyhow::Result<TempDir> {
        let data = data_folder()?;
        let start = Start {
            data: Some(data.path()),
            threads: 2,
            cores: None,
        };
        let server = Server::picloud(&setting.programs, start)?;
        let (api, begun, next) = (Api::sign_in(&server)?, Instant::now(), AtomicUsize::new(0));
        thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    scope.spawn(|| {
                        let api = api.clone();
                        loop {
                            let app = next.fetch_add(1, Ordering::Relaxed);
                            if app >= self.apps {
                                return anyhow::Ok(());
                            }
                            self.plant_app(&api, app)?;
                        }
                    })
                })
                .collect();
            clients.into_iter().try_for_each(|client| {
                client
                    .join()
                    .map_err(|_| anyhow!("a client of the API panicked"))?
            })
        })?;
        progress(&format!(
            "made {} apps with {} scripts and {} routes each, in {:.0} s",
            self.apps,
            self.scripts_per_app,
            self.scripts_per_app * self.routes_per_script,
            begun.elapsed().as_secs_f64()
        ));
        Ok(data)
    }

    fn plant_app(&self, api: &Api, app: usize) -> anyhow::Result<()> {
        let slug = format!("app-{app}");
        api.app(&slug, &host(app))?;
        for script in 0..self.scripts_per_app {
            let id = api.script(&slug, &format!("script-{script}"), &(self.source)(app, script))?;
            for route in 0..self.routes_per_script {
                api.route(&id, &path(script, route))?;
            }
        }
        Ok(())
    }

    /// Every route, in an order that jumps between apps.
    pub(crate) fn targets(&self) -> impl Iterator<Item = Target> {
        let seed = *self;
        (0..seed.scripts_per_app).flat_map(move |script| {
            (0..seed.routes_per_script).flat_map(move |route| {
                (0..seed.apps).map(move |app| Target {
                    host: host(app),
                    path: path(script, route),
                })
            })
        })
    }
}

fn host(app: usize) -> String {
    format!("app-{app}.example.com")
}

fn path(script: usize, route: usize) -> String {
    format!("/scripts/{script}/routes/{route}")
}

/// In memory, if there is such a place.
fn data_folder() -> anyhow::Result<TempDir> {
    let memory = Path::new(MEMORY);
    Ok(if memory.is_dir() {
        tempfile::tempdir_in(memory)?
    } else {
        tempfile::tempdir()?
    })
}
