//! What all runs have left in the app's data.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;

use super::{
    client::Client,
    stage::{APP, DONE, EFFECTS, Stage, TICK},
};

/// All of it, once nothing runs any more.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// How often each step of an event was done: by its key, and by its documents.
    pub(super) done: BTreeMap<(usize, String), (u64, u64)>,
    /// Which event of its key was done before an ordered one.
    pub(super) after: BTreeMap<usize, Option<usize>>,
    /// How often the run of each moment of the schedule was done.
    pub(super) ticks: BTreeMap<String, u64>,
    /// Moment and state of each occurrence, from the newest on.
    pub(super) occurrences: Vec<(String, String)>,
}

impl Found {
    /// Reads it.
    pub(super) fn read(client: &Client, address: &str, stage: &Stage) -> anyhow::Result<Self> {
        let mut found = Self::default();
        for line in client.lines(address, &format!("/admin/apps/{APP}/kv:export?format=json"))? {
            let key = line["key"].as_str().unwrap_or_default();
            if let Some(step) = key.strip_prefix(DONE) {
                let (number, step) = step.split_once('/').context("a step has a name")?;
                let done = found.done.entry((number.parse()?, step.to_owned())).or_default();
                done.0 = line["value"].as_u64().context("a count")?;
            } else if let Some(moment) = key.strip_prefix(TICK) {
                let times = line["value"].as_u64().context("a count")?;
                found.ticks.insert(moment.to_owned(), times);
            }
        }
        let documents = format!("/admin/apps/{APP}/collections/{EFFECTS}/documents:export?format=json");
        for line in client.lines(address, &documents)? {
            let document = &line["document"];
            let number = number(&document["n"]).context("a document has a number")?;
            let step = document["step"].as_str().context("a document has a step")?;
            found.done.entry((number, step.to_owned())).or_default().1 += 1;
            found.after.insert(number, self::number(&document["after"]));
        }
        for row in client.list(address, &stage.occurrences())? {
            let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
            found.occurrences.push((text("scheduled_at"), text("state")));
        }
        Ok(found)
    }
}

fn number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}
