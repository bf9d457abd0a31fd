//! A constant answer, through host, app, route, script and response, with execution records on.

use anyhow::{Context as _, ensure};

use super::{
    api::Api,
    load::{self, Question},
    peers::{self, Work},
    process::{Cores, Server, Start},
    report::{Bound, Cell, Goal, Report},
    rounds::{Contender, take_turns},
    setting::Setting,
};

/// The scripts that are measured, each on a path of its own. The first one is held against the goals.
const SCRIPTS: [(&str, &str); 3] = [
    ("constant", "\"Hello, World\""),
    ("handler", "fn handle(request) { \"Hello, World\" }"),
    ("greeting", "\"Hello, \" + (request.query.name ?? \"World\")"),
];

/// What everybody answers.
const ANSWER: &str = "Hello, World";

/// How much of the processor time of axum and of bare hyper is allowed.
const AXUM_RATIO_MIN: f64 = 1.05;
const HYPER_RATIO_MIN: f64 = 0.8;

/// Processor time per request, and the ratio to axum and to bare hyper.
pub(crate) fn measure(setting: &Setting) -> anyhow::Result<Report> {
    load::ensure_installed()?;
    let core = setting.core;
    let axum = Server::baseline(&setting.programs, "baseline-axum", core)?;
    let hyper = Server::baseline(&setting.programs, "baseline-hyper", core)?;
    let picloud = start_picloud(setting)?;
    let (peers, notes) = peers::start(setting);

    let mut contenders = vec![
        Contender::new("axum", &axum, Question::get("/")),
        Contender::new("hyper", &hyper, Question::get("/")),
    ];
    for (name, _) in SCRIPTS {
        let question = Question::get(&format!("/bench/{name}"));
        contenders.push(Contender::new(format!("PiCloud {name}"), &picloud, question));
    }
    for peer in &peers {
        contenders.push(Contender::new(
            &peer.name,
            &peer.server,
            Question::get(Work::Hello.path()),
        ));
    }
    for contender in &contenders {
        check(contender)?;
    }
    take_turns(&mut contenders, setting.load(), setting.rounds)?;

    let [axum, hyper, constant, ..] = &contenders[..] else {
        unreachable!("there are five at least")
    };
    Ok(Report {
        name: "hello",
        title: "A constant answer",
        method: setting.method(),
        columns: vec!["server", "cpu µs/request", "requests/s", "× axum", "× hyper"],
        goals: vec![
            goal("axum", constant.ratio_to(axum), AXUM_RATIO_MIN),
            goal("bare hyper", constant.ratio_to(hyper), HYPER_RATIO_MIN),
        ],
        rows: rows(&contenders, &[axum, hyper]),
        notes,
    })
}

/// A row for each.
pub(super) fn rows(contenders: &[Contender<'_>], baselines: &[&Contender<'_>]) -> Vec<Vec<Cell>> {
    contenders
        .iter()
        .map(|contender| contender.row(baselines))
        .collect()
}

fn goal(baseline: &str, measured: f64, bound: f64) -> Goal {
    Goal {
        what: format!("PiCloud constant, × {baseline}"),
        measured: (measured, 3),
        unit: "",
        bound: Bound::AtLeast(bound),
    }
}

fn start_picloud(setting: &Setting) -> anyhow::Result<Server> {
    let start = Start {
        data: None,
        threads: 1,
        cores: Some(Cores::One(setting.core)),
    };
    let server = Server::picloud(&setting.programs, start)?;
    let api = Api::sign_in(&server)?;
    for (name, source) in SCRIPTS {
        let script = api.script("default", name, source)?;
        api.route(&script, &format!("/bench/{name}"))?;
    }
    Ok(server)
}

fn check(contender: &Contender<'_>) -> anyhow::Result<()> {
    let name = &contender.name;
    let url = format!("http://{}{}", contender.server.address, contender.question.path);
    let mut answer = ureq::get(url)
        .header("host", "localhost")
        .call()
        .with_context(|| format!("{name} does not answer"))?;
    let answer = answer.body_mut().read_to_string()?;
    ensure!(answer == ANSWER, "{name} answers {answer:?}");
    Ok(())
}
