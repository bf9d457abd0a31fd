//! One trial: calm, a storm of faults, calm again; then what must hold is checked.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{
    checks::{self, Evidence},
    client::Client,
    cluster::{Addresses, Cluster},
    found::Found,
    ledger::{self, Ledger},
    load::{Load, PATIENCE, PUBLISHERS},
    plan::Plan,
    stage::{APP, Stage},
    storm::Storm,
    summary::{Summary, progress},
    waits::Waits,
    witness::Witness,
};

/// What came of a trial.
pub(super) struct Tried {
    /// For people.
    pub(super) summary: String,
    /// How many promises held.
    pub(super) held: usize,
    /// How many did not.
    pub(super) broken: usize,
}

/// How often it is asked whether all is done.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Of so many runs that began again it is asked why; more are a fault of their own.
const SUSPECTS_MAX: usize = 1_000;

/// Runs it. If a promise is broken, all data stay where they are.
pub(super) fn run(plan: &Plan, program: &Path) -> anyhow::Result<Tried> {
    progress(&format!("{:?}, seed {}", plan.database, plan.seed));
    let addresses = Addresses::default();
    let mut cluster = Cluster::start(plan, program, &addresses)?;
    let tried = Trial::set(plan, &addresses).and_then(|trial| {
        cluster.start_others()?;
        let moments = trial.go(&mut cluster)?;
        trial.judge(&mut cluster, &moments)
    });
    if !matches!(tried, Ok(Tried { broken: 0, .. })) {
        for folder in cluster.keep() {
            progress(&format!("kept for whoever looks into it: {}", folder.display()));
        }
    }
    tried
}

/// A trial that is under way.
struct Trial<'a> {
    plan: &'a Plan,
    addresses: &'a Addresses,
    client: Client,
    stage: Stage,
    witness: Witness,
    ledger: Ledger,
    begun: Instant,
    /// What nobody should have seen.
    strange: Mutex<Vec<String>>,
}

impl<'a> Trial<'a> {
    fn set(plan: &'a Plan, addresses: &'a Addresses) -> anyhow::Result<Self> {
        let address = any(addresses)?;
        let (client, witness) = (Client::sign_in(&address)?, Witness::start()?);
        Ok(Self {
            plan,
            addresses,
            stage: Stage::set(&client, &address, witness.address)?,
            client,
            witness,
            ledger: Ledger::default(),
            begun: Instant::now(),
            strange: Mutex::default(),
        })
    }

    /// Gives when something failed.
    fn go(&self, cluster: &mut Cluster<'_>) -> anyhow::Result<Vec<Instant>> {
        let (calm, stormy) = (self.plan.calm(), self.plan.stormy());
        self.under_load(true, || self.wait_for(calm))?;
        self.settle(false)?;
        let mut moments = Vec::new();
        self.under_load(false, || {
            moments = Storm::new(self.plan, cluster, &self.ledger).rage()?;
            self.wait_for(calm + stormy)
        })?;
        self.settle(false)?;
        let before = self.ledger.accepted();
        self.under_load(true, || self.wait_for(before + calm))?;
        cluster.end_others()?;
        self.stage.end_schedule(&self.client, &any(self.addresses)?)?;
        self.settle(true)?;
        Ok(moments)
    }

    /// Has events published while something happens.
    fn under_load(&self, is_calm: bool, happens: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        let load = Load {
            addresses: self.addresses,
            client: &self.client,
            stage: &self.stage,
            ledger: &self.ledger,
            witness: &self.witness,
            is_calm,
            over: AtomicBool::new(false),
            strange: &self.strange,
        };
        let mut random = fastrand::Rng::with_seed(self.plan.seed);
        thread::scope(|scope| {
            for publisher in 0..PUBLISHERS {
                let (load, random) = (&load, random.fork());
                scope.spawn(move || load.publish(publisher, random));
            }
            let happened = happens();
            load.over.store(true, Ordering::Relaxed);
            happened
        })
    }

    /// Waits until so many events are acknowledged in all.
    fn wait_for(&self, accepted: usize) -> anyhow::Result<()> {
        loop {
            let before = self.ledger.accepted();
            if self.ledger.wait_for(accepted, PATIENCE) {
                return Ok(());
            }
            let more = self.ledger.accepted() > before;
            ensure!(more, "no events are acknowledged any more");
        }
    }

    /// Waits until nothing waits any more but what runs each second; in the end also that.
    fn settle(&self, is_end: bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let left = self.left(is_end)?;
            if left == 0 {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                self.note(format!("{left} events wait, {PATIENCE:?} after the last one"));
                return Ok(());
            }
            thread::sleep(LOOK_INTERVAL);
        }
    }

    fn left(&self, is_end: bool) -> anyhow::Result<u64> {
        let path = format!("/admin/apps/{APP}/queues");
        let queues = self.client.get(&any(self.addresses)?, &path)?;
        let queues = queues["items"].as_array().context("queues are a list")?;
        let left = queues
            .iter()
            .filter(|queue| is_end || queue["script_id"] != self.stage.count.as_str())
            .map(|queue| queue["waiting"].as_u64().unwrap_or(0) + queue["running"].as_u64().unwrap_or(0));
        Ok(left.sum())
    }

    /// Gives those another chance that were on their way when three servers ended, and compares all that there is.
    fn judge(&self, cluster: &mut Cluster<'_>, moments: &[Instant]) -> anyhow::Result<Tried> {
        let time = self.begun.elapsed();
        let dead = self.redrive()?;
        if let Err(error) = cluster.ensure_well() {
            self.note(error.to_string());
        }
        let found = Found::read(&self.client, &any(self.addresses)?, &self.stage)?;
        let (entries, starts) = (self.ledger.entries(), self.witness.starts());
        let waits = Waits::of(moments, &entries, &starts);
        let faults = self.faults(checks::again_in_calm(&entries, &starts).keys())?;
        let checks = checks::all(&Evidence {
            entries: &entries,
            starts: &starts,
            found: &found,
            waits,
            faults: &faults,
            dead: &dead,
            strange: &self.strange.lock().unwrap_or_else(PoisonError::into_inner),
        });
        let broken = checks.iter().filter(|check| !check.broken.is_empty()).count();
        if broken > 0 {
            let table = ledger::table(&entries, self.begun);
            fs::write(cluster.folder().join("ledger.csv"), table)?;
        }
        let summary = Summary {
            plan: self.plan,
            time,
            entries: &entries,
            starts: &starts,
            occurrences: found.occurrences.len(),
            waits,
            poisoned: dead.get("poison").map_or(0, Vec::len),
            checks: &checks,
        };
        Ok(Tried {
            summary: summary.text(),
            held: checks.len() - broken,
            broken,
        })
    }

    /// Gives the dead another chance, and waits for what becomes of it; gives their ids, by the reason.
    fn redrive(&self) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
        let address = any(self.addresses)?;
        let path = format!("/admin/apps/{APP}/deliveries?state=dead&limit=200");
        let mut dead: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for delivery in self.client.list(&address, &path)? {
            let text = |field: &str| delivery[field].as_str().unwrap_or_default().to_owned();
            dead.entry(text("reason")).or_default().push(text("id"));
        }
        if !dead.is_empty() {
            let all = format!("/admin/apps/{APP}/deliveries:redrive");
            let _: Value = self.client.post(&address, &all, &json!({}))?;
            self.settle(true)?;
        }
        Ok(dead)
    }

    /// How often PiCloud says that it could not bring each of these to its end.
    fn faults<'d>(
        &self,
        deliveries: impl Iterator<Item = &'d String>,
    ) -> anyhow::Result<BTreeMap<String, u64>> {
        let address = any(self.addresses)?;
        let faults = deliveries.take(SUSPECTS_MAX).map(|id| {
            let delivery = self
                .client
                .get(&address, &format!("/admin/apps/{APP}/deliveries/{id}"))?;
            let faults = delivery["faults"].as_u64().context("a delivery has faults")?;
            Ok((id.clone(), faults))
        });
        faults.collect()
    }

    fn note(&self, strange: String) {
        let mut all = self.strange.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(strange);
    }
}

fn any(addresses: &Addresses) -> anyhow::Result<String> {
    let address = addresses.any(&mut fastrand::Rng::new(), PATIENCE);
    address.context("no server is up")
}
