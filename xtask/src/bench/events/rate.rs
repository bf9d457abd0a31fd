//! Events in a second.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::{later, runs, wait_for_runs};
use crate::bench::{
    api::Api,
    client::Client,
    load::{Load, Question},
    process::Server,
    report::progress,
    setting::Setting,
    statistics::median,
};

/// Clients that ask for runs at one time, without waiting for these.
const CLIENTS: usize = 64;

/// What an event carries, beside its request.
const BODY: &str = r#"{"order": 7, "customer": "ada@example.com", "total": 99.5, "items": ["tea", "cups"]}"#;

pub(super) struct Rate {
    /// Events per second that were accepted.
    pub(super) accepted: f64,
    /// The same until all had run.
    pub(super) run: f64,
}

pub(super) fn method(setting: &Setting) -> String {
    format!(
        "{CLIENTS} clients ask for runs that they do not wait for, with 90 bytes of JSON; each is answered when its event \
         is on disk. Then until the last one has run: each run ends its event, and is recorded, in one transaction. \
         Medians of {} rounds of {} s.",
        setting.rounds, setting.seconds
    )
}

pub(super) fn measure(setting: &Setting, server: &Server, api: &Api) -> anyhow::Result<Rate> {
    let plain = api.script("default", "plain", "1")?;
    let load = Load {
        connections: CLIENTS,
        ..setting.load()
    };
    let question = Question::post_json(&later(&plain), BODY)?;
    let mut rounds = Vec::new();
    for number in 1..=setting.rounds {
        let one = round(server, api, load, (&plain, &question))?;
        progress(&format!(
            "round {number} of {}: {:.0} accepted, {:.0} run",
            setting.rounds, one.accepted, one.run
        ));
        rounds.push(one);
    }
    Ok(Rate {
        accepted: median(rounds.iter().map(|round| round.accepted)),
        run: median(rounds.iter().map(|round| round.run)),
    })
}

fn round(
    server: &Server,
    api: &Api,
    load: Load,
    (script, question): (&str, &Question),
) -> anyhow::Result<Rate> {
    let before = runs(api, "default")?;
    // One more, whose id says when the round began by the server's clock.
    let first: Value =
        serde_json::from_str(&Client::connect(&server.address, "localhost")?.get(&later(script))?)?;
    let begun = made_at(&first["invocation_id"])?;
    let measured = load.run(server, question)?;
    let accepted = measured.requests_per_second * f64::from(load.seconds);
    wait_for_runs(api, "default", before + accepted)?;
    let records = api.get("/apps/default/executions?trigger=async&limit=1")?;
    let ended = made_at(&records["items"][0]["id"])?;
    Ok(Rate {
        accepted: measured.requests_per_second,
        run: accepted / ended.saturating_sub(begun).as_secs_f64(),
    })
}

/// When something was made, by its id, since 1970.
fn made_at(id: &Value) -> anyhow::Result<Duration> {
    let digits = id.as_str().unwrap_or_default().replace('-', "");
    let millis = digits
        .get(..12)
        .and_then(|digits| u64::from_str_radix(digits, 16).ok());
    Ok(Duration::from_millis(millis.context("there is no id")?))
}
