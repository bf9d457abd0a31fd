//! 1 KB of JSON in, a field added, JSON out.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{
    api::Api,
    hello::rows,
    load::{self, Question},
    peers::{self, Work},
    process::{Cores, Server, Start},
    report::{Bound, Goal, Report},
    rounds::{Contender, take_turns},
    setting::Setting,
    target::source,
};

/// What the script does. The baselines and the peers do the same.
const SCRIPT: &str = "let order = request.json(); order.seen = true; order";

/// How much less processor time than axum's `Json<Value>` is wanted.
const AXUM_RATIO_MIN: f64 = 1.4;

/// Processor time per request, and the ratio to axum and to bare hyper.
pub(crate) fn measure(setting: &Setting) -> anyhow::Result<Report> {
    load::ensure_installed()?;
    let core = setting.core;
    let order = std::fs::read_to_string(source("json/order.json"))?;
    let axum = Server::baseline(&setting.programs, "baseline-axum", core)?;
    let hyper = Server::baseline(&setting.programs, "baseline-hyper", core)?;
    let picloud = start_picloud(setting)?;
    let (peers, notes) = peers::start(setting);

    let mut contenders = Vec::new();
    let servers = [("axum", &axum), ("hyper", &hyper), ("PiCloud", &picloud)];
    let peers = peers.iter().map(|peer| (peer.name.as_str(), &peer.server));
    for (name, server) in servers.into_iter().chain(peers) {
        check(name, server, &order)?;
        let question = Question::post_json(Work::Json.path(), &order)?;
        contenders.push(Contender::new(name, server, question));
    }
    take_turns(&mut contenders, setting.load(), setting.rounds)?;

    let [axum, hyper, picloud, ..] = &contenders[..] else {
        unreachable!("there are three at least")
    };
    Ok(Report {
        name: "json",
        title: "JSON in, a field added, JSON out",
        method: format!("{} The body has {} bytes.", setting.method(), order.len()),
        columns: vec!["server", "cpu µs/request", "requests/s", "× axum", "× hyper"],
        goals: vec![Goal {
            what: "PiCloud, × axum `Json<Value>`".to_owned(),
            measured: (picloud.ratio_to(axum), 3),
            unit: "",
            bound: Bound::AtLeast(AXUM_RATIO_MIN),
        }],
        rows: rows(&contenders, &[axum, hyper]),
        notes,
    })
}

fn start_picloud(setting: &Setting) -> anyhow::Result<Server> {
    let start = Start {
        data: None,
        threads: 1,
        cores: Some(Cores::One(setting.core)),
    };
    let server = Server::picloud(&setting.programs, start)?;
    let api = Api::sign_in(&server)?;
    let script = api.script("default", "json", SCRIPT)?;
    api.route(&script, Work::Json.path())?;
    Ok(server)
}

fn check(name: &str, server: &Server, order: &str) -> anyhow::Result<()> {
    let url = format!("http://{}{}", server.address, Work::Json.path());
    let mut answer = ureq::post(url)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .send(order)
        .with_context(|| format!("{name} does not do it"))?;
    let answer: Value = answer.body_mut().read_json()?;
    let mut expected: Value = serde_json::from_str(order)?;
    expected["seen"] = json!(true);
    ensure!(answer == expected, "{name} answers {answer}");
    Ok(())
}
