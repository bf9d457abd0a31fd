//! All live releases at one moment.

use std::sync::Arc;

use picloud_shared::{
    bindings::ScheduledScript,
    events::{QueueId, QueueTerms},
    id::{AppId, ScriptId},
    release::LiveRelease,
    script::{AppScripts, LiveScript},
};

use super::{
    app::AppTable,
    hosts::{Claim, Hosts},
    sharded::Sharded,
};
use crate::{
    admission::{AppBounds, AppGate, ScriptGate},
    recorder::{Counted, NodeRate, Rate, Tally},
};

/// A live script, what it may call, the gate that its runs go through, and what is counted of them.
pub(crate) struct LiveEntry {
    pub(crate) script: Arc<LiveScript>,
    pub(crate) scripts: AppScripts,
    pub(crate) gate: ScriptGate,
    tally: Tally,
}

impl Counted for LiveEntry {
    fn ids(&self) -> (AppId, ScriptId) {
        (self.script.app_id, self.script.script_id)
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// What an app keeps from one release to the next: runs of an older one count too.
#[derive(Clone)]
pub(crate) struct Lasting {
    pub(crate) gate: Arc<AppGate>,
    pub(crate) rate: Arc<Rate>,
}

/// All live releases at one moment. A copy shares everything with its original until it is changed, and then
/// all but what changed.
#[derive(Clone, Default)]
pub(crate) struct Snapshot {
    apps: Sharded<AppId, Arc<AppTable>>,
    hosts: Hosts,
    scripts: Sharded<ScriptId, Arc<LiveEntry>>,
    bounds: AppBounds,
    rate: NodeRate,
}

impl Snapshot {
    /// Nothing live yet; each app will have these bounds.
    pub(crate) fn new(bounds: AppBounds) -> Self {
        Self {
            bounds,
            ..Self::default()
        }
    }

    /// Puts a release in the place of what was live of its app.
    pub(crate) fn insert(&mut self, release: LiveRelease) {
        let lasting = self.apps.get(&release.app_id).map_or_else(
            || Lasting {
                gate: Arc::new(AppGate::new(self.bounds)),
                rate: self.rate.app(),
            },
            |before| before.lasting.clone(),
        );
        let scripts = AppScripts::new(release.scripts.iter().cloned());
        let entries: Vec<_> = release
            .scripts
            .iter()
            .map(|script| self.entry(script, &scripts, &lasting))
            .collect();
        self.remove(release.app_id);
        let app = Arc::new(AppTable::compile(release, lasting, &entries));
        for entry in entries {
            self.scripts.insert(entry.script.script_id, entry);
        }
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

    /// An app.
    pub(crate) fn app(&self, app: AppId) -> Option<&Arc<AppTable>> {
        self.apps.get(&app)
    }

    /// All schedules that are live, those that are paused included.
    pub(crate) fn schedules(&self) -> impl Iterator<Item = &Arc<ScheduledScript>> {
        self.apps.values().flat_map(|app| &app.schedules)
    }

    /// How the queues of subscriptions are claimed from that have terms of their own.
    pub(crate) fn queues(&self) -> impl Iterator<Item = (QueueId, QueueTerms)> {
        self.apps
            .values()
            .flat_map(|app| app.subscribers.queues().iter().copied())
    }

    /// The same of one app.
    pub(crate) fn queues_of(&self, app: AppId) -> Vec<(QueueId, QueueTerms)> {
        let app = self.apps.get(&app);
        app.map_or_else(Vec::new, |app| app.subscribers.queues().to_vec())
    }

    /// The live version of a script.
    pub(crate) fn script(&self, script: ScriptId) -> Option<&Arc<LiveEntry>> {
        self.scripts.get(&script)
    }

    /// The runs of a script that take places go on counting in its next release.
    fn entry(&self, script: &Arc<LiveScript>, scripts: &AppScripts, app: &Lasting) -> Arc<LiveEntry> {
        let before = self.scripts.get(&script.script_id).map(|before| &before.gate);
        Arc::new(LiveEntry {
            script: Arc::clone(script),
            scripts: scripts.clone(),
            gate: ScriptGate::new(&app.gate, &script.limits, before),
            tally: Tally::new(Arc::clone(&app.rate)),
        })
    }
}
