//! What very many apps and routes cost the request that needs only one.

use super::{
    load::{self, Question},
    process::{Cores, Server, Start},
    report::{Bound, Cell, Goal, Report},
    rounds::{Contender, take_turns},
    seed::{Seed, Target},
    setting::Setting,
};

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// How many apps
    #[arg(long, default_value_t = 10_000)]
    apps: usize,
    /// Routes of each
    #[arg(long, default_value_t = 10)]
    routes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            apps: 10_000,
            routes: 10,
        }
    }
}

/// How many requests the load generator takes in turn, however many routes there are.
const REQUESTS: usize = 100_000;

/// Within ten per cent, as a ratio.
const RATIO_MIN: f64 = 0.9;

/// Processor time per request with one route and with all of them.
pub(crate) fn measure(setting: &Setting, options: Options) -> anyhow::Result<Report> {
    load::ensure_installed()?;
    let one = seed(1, 1);
    let many = seed(options.apps, options.routes);
    let (one_data, many_data) = (one.plant(setting)?, many.plant(setting)?);
    let start = |data| {
        let start = Start {
            data: Some(data),
            threads: 1,
            cores: Some(Cores::One(setting.core)),
        };
        Server::picloud(&setting.programs, start)
    };
    let (small, large) = (start(one_data.path())?, start(many_data.path())?);

    let every: Vec<Target> = many.targets().collect();
    let middle = &every[every.len() / 2..][..1];
    let contenders = [
        Contender::new(
            "one app, one route",
            &small,
            ask(&one.targets().collect::<Vec<_>>())?,
        ),
        Contender::new("all apps, one of them asked", &large, ask(middle)?),
        Contender::new("all apps, each asked in its turn", &large, ask(&every)?),
    ];
    let mut contenders = contenders.map(Contender::rested);
    take_turns(&mut contenders, setting.load(), setting.rounds)?;

    let [one, hot, spread] = &contenders;
    Ok(Report {
        name: "routing",
        title: "Many apps and routes",
        method: format!(
            "{} {} apps with {} routes each, each app on a host of its own with one script, the same source in \
             all. The load generator walks over {REQUESTS} different requests in each case.",
            setting.method(),
            options.apps,
            options.routes
        ),
        columns: vec![
            "live",
            "cpu µs/request",
            "requests/s",
            "× one route",
            "serving thread µs/request",
        ],
        rows: contenders
            .iter()
            .map(|contender| {
                let mut row = contender.row(&[one]);
                row.push(Cell::Number(contender.serving_us(), 2));
                row
            })
            .collect(),
        goals: [
            ("one of all apps asked, × one app with one route", hot),
            ("all apps asked in turn, × one app with one route", spread),
        ]
        .map(|(what, contender)| Goal {
            what: what.to_owned(),
            measured: (contender.ratio_to(one), 3),
            unit: "",
            bound: Bound::AtLeast(RATIO_MIN),
        })
        .to_vec(),
        notes: vec![
            "Asked in turn, each app's routes, script and counters are brought from memory anew, since the processor's \
             cache does not hold those of all; and each app's runs are counted in a row of its own, which takes other \
             threads than the serving one."
                .to_owned(),
        ],
    })
}

fn seed(apps: usize, routes: usize) -> Seed {
    Seed {
        apps,
        scripts_per_app: 1,
        routes_per_script: routes,
        source: |_, _| "\"Hello, World\"".to_owned(),
    }
}

fn ask(targets: &[Target]) -> anyhow::Result<Question> {
    let targets = targets.iter().cycle().take(REQUESTS);
    Question::in_turn(targets.map(|target| (target.host.as_str(), target.path.as_str())))
}
