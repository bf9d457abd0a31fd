//! All live releases at one moment.

use std::sync::Arc;

use picloud_shared::{
    id::{AppId, ScriptId},
    release::LiveRelease,
    script::LiveScript,
};

use super::{
    app::AppTable,
    hosts::{Claim, Hosts},
    sharded::Sharded,
};

/// All live releases at one moment. A copy shares everything with its original until it is changed, and then
/// all but what changed.
#[derive(Clone, Default)]
pub(crate) struct Snapshot {
    apps: Sharded<AppId, Arc<AppTable>>,
    hosts: Hosts,
    scripts: Sharded<ScriptId, Arc<LiveScript>>,
}

impl Snapshot {
    /// Puts a release in the place of what was live of its app.
    pub(crate) fn insert(&mut self, release: LiveRelease) {
        self.remove(release.app_id);
        for script in &release.scripts {
            self.scripts.insert(script.script_id, Arc::clone(script));
        }
        let app = Arc::new(AppTable::compile(release));
        for pattern in &app.domains {
            self.hosts.insert(Claim::new(pattern.clone(), Arc::clone(&app)));
        }
        self.apps.insert(app.app_id, app);
    }

    /// Takes an app away.
    pub(crate) fn remove(&mut self, app: AppId) {
        let Some(app) = self.apps.remove(&app) else { return };
        for pattern in &app.domains {
            self.hosts.remove(pattern, &app);
        }
        for script in &app.scripts {
            self.scripts.remove(script);
        }
    }

    /// The claim that `host`, in its one form, falls under.
    pub(crate) fn claim(&self, host: &str) -> Option<&Arc<Claim>> {
        self.hosts.find(host)
    }

    /// The live version of a script.
    pub(crate) fn script(&self, script: ScriptId) -> Option<&Arc<LiveScript>> {
        self.scripts.get(&script)
    }
}
